"""The published architectures B, L and H: their blocks, and the parameters of whole networks."""

import logging

import pytest
import torch
from config_runs import ROOT, shrink
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope

from mmhsi.models import SpatViT, SpecViT
from mmhsi.registry import MODELS

# Parameters of the official networks that have an influence on their outputs, counted on the official code; the
# spectral encoder of HyperSIGMA up to the block that its gates look at. The output that no label uses is left out.
PARAMETERS = {
    'hypersigma-base_cls': 119_368_144,
    'hypersigma-large_cls': 416_902_288,
    'hypersigma-huge_cls': 868_254_352,
    'hypersigma-base_seg': 133_491_152,
    'hypersigma-large_seg': 434_739_088,
    'hypersigma-huge_seg': 889_280_656,
    'spatsigma-base_cls': 86_927_824,
    'spatsigma-large_cls': 308_477_136,
    'spatsigma-huge_cls': 640_007_632,
    'spatsigma-base_seg': 87_622_096,
    'spatsigma-large_seg': 309_402_832,
    'spatsigma-huge_seg': 641_164_752,
}
FAMILIES = [
    'classification/{}_cls_indian-pines',
    'classification/{}_seg_indian-pines',
    'target_detection/{}_mosaic',
    'anomaly_detection/{}_pavia',
    'change_detection/{}_hermiston',
    'unmixing/{}_urban',
    'denoising/{}_wdc_gaussian',
    'super_resolution/{}_houston_x4',
    'multispectral_change_detection/{}_oscd',
]
DEPTHS = {'base': 12, 'large': 24, 'huge': 32}


def built(name):
    """The model of a config, without memory for its parameters."""
    cfg = Config.fromfile(ROOT / f'configs/{name}.py').model
    with torch.device('meta'), DefaultScope.overwrite_default_scope('mmhsi'):
        return MODELS.build(cfg)


@pytest.fixture
def warnings_of_log(monkeypatch):
    messages = []
    logger = MMLogger.get_instance('archs')
    monkeypatch.setattr(MMLogger, 'get_current_instance', classmethod(lambda cls: logger))
    monkeypatch.setattr(logger, 'log', lambda level, message: messages.append((level, message)))
    return messages


@pytest.mark.parametrize('name', PARAMETERS)
def test_parameters_are_those_of_the_official_network(name):
    network = built(f'classification/{name}_indian-pines')
    assert sum(parameter.numel() for parameter in network.parameters()) == PARAMETERS[name]


@pytest.mark.parametrize('family', FAMILIES)
@pytest.mark.parametrize('arch', ['large', 'huge'])
@pytest.mark.parametrize('network, num_branches', [('hypersigma', 2), ('spatsigma', 1)])
def test_every_family_has_a_large_and_a_huge_network(family, arch, network, num_branches, warnings_of_log):
    model = built(family.format(f'{network}-{arch}'))
    branches = [part for part in model.modules() if isinstance(part, SpatViT | SpecViT)]
    assert len(branches) == num_branches and {part.num_layers for part in branches} == {DEPTHS[arch]}
    assert branches[0].out_indices[-1] == DEPTHS[arch] - 1
    assert not [message for level, message in warnings_of_log if level >= logging.WARNING]


@pytest.mark.parametrize(
    'name', [family.format(f'{network}-{{}}') for network in ('hypersigma', 'spatsigma') for family in FAMILIES]
)
@pytest.mark.parametrize('arch', ['large', 'huge'])
def test_the_larger_configs_are_those_of_base_in_other_sizes(name, arch):
    """With narrow encoders they are the same, which the tests of the configs train."""
    base, larger = (Config.fromfile(ROOT / f'configs/{name.format(size)}.py') for size in ('base', arch))
    assert larger.model != base.model
    for cfg in (base, larger):
        shrink(cfg.model)
    assert larger.to_dict() == base.to_dict()


@pytest.mark.parametrize('arch, early', [('base', 3), ('large', 7), ('huge', 10)])
def test_named_outputs_follow_the_arch(arch, early):
    with torch.device('meta'):
        assert SpecViT(arch, out_indices='early').out_indices == (early,)
        assert len(SpecViT(arch, out_indices='early').blocks) == early + 1
        assert SpatViT(arch, out_indices='last').out_indices == (DEPTHS[arch] - 1,)
    with pytest.raises(ValueError, match="block numbers, 'early' or 'last', found 'late'"):
        SpatViT(arch, out_indices='late')


def test_a_choice_that_leaves_blocks_unbuilt_is_told(warnings_of_log):
    with torch.device('meta'):
        SpecViT('large', out_indices=(3,))
        SpecViT('large', out_indices=(3, -1))
        SpecViT('large', out_indices='early')
    assert warnings_of_log == [
        (logging.WARNING, 'SpecViT: out_indices=(3,) ends at block 3, so the 20 blocks after it, of 24, are not built')
    ]
