"""The base models of unmixing, denoising and super-resolution in the sizes of the published settings."""

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from narrow_models import MODEL_CONFIGS

import mmhsi.models  # noqa: F401
from mmhsi.registry import MODELS

WIDTH = 768


def convolution(in_channels, out_channels, kernel=3):
    return in_channels * out_channels * kernel**2 + out_channels


FINAL_NORM = 2 * WIDTH
ENLARGEMENT = convolution(WIDTH, WIDTH, 2)
# Of what the reference builds and never uses: one more block of three of its four levels, reductions of three levels.
UNUSED_IN_UNMIXING = 3 * (convolution(128, 64) + 2 * 64) + 3 * WIDTH * 128


@pytest.mark.parametrize(
    'name, bands, size, unused, millions',
    [
        ('spatsigma-base_hiu', 162, 64, FINAL_NORM, 87.16),
        ('hypersigma-base_hiu', 162, 64, 2 * FINAL_NORM + UNUSED_IN_UNMIXING, 177.33),
        ('spatsigma-base_hid', 191, 64, FINAL_NORM + convolution(191, 191), 94.43),
        ('spatsigma-base_hsr', 48, 32, FINAL_NORM + convolution(48, 48) + ENLARGEMENT, 91.08),
    ],
)
def test_numbers_of_parameters_are_those_of_the_reference(name, bands, size, unused, millions):
    model = Config.fromfile(MODEL_CONFIGS / f'{name}.py').model
    network = model if model.type == 'Unmixer' else model.generator
    for branch in (network.backbone.get('spatial', network.backbone), network.backbone.get('spectral')):
        if branch is not None:
            branch.img_size = size
            if branch.type == 'SpatViT':
                branch.in_channels = bands
    if model.type == 'Unmixer':
        model.head.num_endmembers = model.decoder.num_endmembers = 4
        model.decoder.num_bands = bands
    else:
        network.head.num_bands = bands
        if name.endswith('hsr'):
            network.head.scale = 4
        else:
            network.neck.refinement.img_size = (size, size)
    with DefaultScope.overwrite_default_scope('mmhsi'), torch.device('meta'):
        built = MODELS.build(network)
    count = sum(parameter.numel() for parameter in built.parameters())
    assert round((count + unused) / 1e6, 2) == millions
