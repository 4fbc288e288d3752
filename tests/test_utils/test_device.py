"""A device that does not exist is a sentence wherever one is named."""

import pytest
import torch
from mmengine.config import Config

from mmhsi.apis import HSIInferencer, init_model
from mmhsi.utils.device import usable_device


@pytest.mark.parametrize(
    'use',
    [
        usable_device,
        lambda device: init_model(Config(), device=device),
        lambda device: HSIInferencer(Config(), device=device),
    ],
)
def test_a_device_that_does_not_exist_is_named(use):
    with pytest.raises(ValueError, match=r"^device 'warp:3': "):
        use('warp:3')


def test_the_device_is_the_one_that_is_named():
    assert usable_device('cpu') == usable_device(torch.device('cpu')) == torch.device('cpu')
