"""Padding images to a smallest size."""

import numpy as np
import pytest
import torch

from mmhsi.utils.padding import pad_at_least


@pytest.mark.parametrize('size', [(7, 9), (3, 20), (16, 2)])
def test_padding_equals_numpy(size):
    images = torch.rand(2, 3, 4, 5)
    missing = [max(wanted - side, 0) for wanted, side in zip(size, (4, 5), strict=True)]
    for padding, mode in (('reflect', 'reflect'), ('zeros', 'constant')):
        wanted = np.pad(images.numpy(), [(0, 0), (0, 0), *((0, extra) for extra in missing)], mode=mode)
        np.testing.assert_array_equal(pad_at_least(images, size, padding), wanted)


def test_a_large_image_is_left_alone():
    images = torch.rand(1, 2, 6, 7)
    assert pad_at_least(images, (6, 3)) is images


def test_an_unknown_padding_is_named():
    with pytest.raises(ValueError, match="'reflect' or 'zeros', found 'edge'"):
        pad_at_least(torch.rand(1, 1, 2, 2), (3, 3), 'edge')
