import pytest
import torch
from torch import nn

from mmhsi.models import HybridCNN, SpatViT, SpecViT
from mmhsi.utils.input_size import fixed_input_size

ARCH = dict(embed_dims=8, num_layers=1, num_heads=2, full_attn_interval=1)


def test_networks_tell_the_size_they_take():
    spectral = SpecViT(ARCH, img_size=(6, 8), num_tokens=4)
    spatial = SpatViT(ARCH, img_size=16, patch_size=4, in_channels=3)
    assert fixed_input_size(nn.Sequential(spatial, spectral)) == (6, 8)
    with pytest.raises(ValueError, match='built for 6x8 pixels'):
        spectral(torch.zeros(1, 5, 8, 8))
    assert fixed_input_size(spatial) is None and spatial(torch.zeros(1, 3, 24, 8))[0].shape[2:] == (6, 2)
    cnn = HybridCNN(in_channels=15, img_size=11)
    assert fixed_input_size(cnn) == (11, 11)
    with pytest.raises(ValueError, match=r'images of different sizes: \[\(6, 8\), \(11, 11\)\]'):
        fixed_input_size(nn.ModuleList([spectral, cnn]))
