"""One encoder for both dates."""

import pytest
import torch
from official_checkpoints import TINY_ARCH, official_checkpoint, tiny_state
from torch import nn

from mmhsi.engine.optimizers import LayerDecayOptimWrapperConstructor
from mmhsi.models import SiameseBackbone
from mmhsi.registry import MODELS

ARCH = dict(embed_dims=12, num_layers=4, num_heads=2, full_attn_interval=2, out_indices=(1, 3))
BANDS = 5
SPATIAL = dict(type='mmhsi.SpatViT', arch=ARCH, img_size=8, patch_size=2, in_channels=BANDS)
SPECTRAL = dict(type='mmhsi.SpecViT', arch=ARCH, img_size=8, num_tokens=9, out_indices=(1,))
BRANCHES = dict(type='mmhsi.HyperSIGMA', spatial=SPATIAL, spectral=SPECTRAL)
SEM = dict(type='mmhsi.SpectralEnhancement', in_channels=12, num_tokens=9, out_channels=6, scales=(1, 1))
RESNET = dict(type='mmpretrain.ResNet', depth=18, in_channels=BANDS, out_indices=(0, 1, 2, 3))


def built(**kwargs):
    torch.manual_seed(0)
    model = SiameseBackbone(**kwargs)
    model.init_weights()
    return model


@pytest.fixture
def dates():
    torch.manual_seed(1)
    return torch.randn(2, BANDS, 8, 8), torch.randn(2, BANDS, 8, 8)


FUSED = {
    'abs_difference': lambda first, second: (first - second).abs(),
    'difference': lambda first, second: second - first,
    'concat': lambda first, second: torch.cat([first, second], dim=1),
}


@pytest.mark.parametrize('fusion', FUSED)
@pytest.mark.parametrize('options', [dict(encoder=SPATIAL), dict(encoder=BRANCHES, neck=SEM), dict(encoder=RESNET)])
def test_each_date_runs_through_the_same_encoder(dates, options, fusion):
    model = built(fusion=fusion, **options).eval()
    singles = [model.encoder(date) if model.neck is None else model.neck(model.encoder(date)) for date in dates]
    fused = model(torch.cat(dates, dim=1))
    assert len(fused) == len(singles[0]) > 1
    for found, first, second in zip(fused, *singles, strict=True):
        torch.testing.assert_close(found, FUSED[fusion](first, second), rtol=1e-4, atol=1e-5)


def test_equal_dates_have_no_difference(dates):
    model = built(encoder=BRANCHES, neck=SEM).eval()
    for level in model(torch.cat([dates[0], dates[0]], dim=1)):
        torch.testing.assert_close(level, torch.zeros_like(level), rtol=0, atol=1e-5)


def test_a_projection_stands_in_front_of_the_encoder(dates):
    projection = dict(type='Conv2d', in_channels=BANDS, out_channels=7, kernel_size=1)
    model = built(encoder=dict(SPATIAL, in_channels=7), projection=projection, fusion='difference').eval()
    projected = [torch.einsum('oc,bchw->bohw', model.projection.weight[:, :, 0, 0], date) for date in dates]
    projected = [date + model.projection.bias[:, None, None] for date in projected]
    wanted = model.encoder(projected[1])[0] - model.encoder(projected[0])[0]
    torch.testing.assert_close(model(torch.cat(dates, dim=1))[0], wanted, rtol=1e-4, atol=1e-5)


def test_batch_norm_sees_both_dates_in_training(dates):
    model = built(encoder=RESNET).train()
    model(torch.cat(dates, dim=1))
    model_of_both = built(encoder=RESNET).train()
    model_of_both.encoder(torch.cat(dates))
    torch.testing.assert_close(model.encoder.bn1.running_mean, model_of_both.encoder.bn1.running_mean)


def test_every_parameter_gets_a_gradient(dates):
    model = built(encoder=BRANCHES, neck=SEM)
    sum(level.square().sum() for level in model(torch.cat(dates, dim=1))).backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []


def test_what_does_not_fit_is_named(dates):
    with pytest.raises(ValueError, match='the same number of bands, found 9 bands'):
        built(encoder=SPATIAL)(torch.randn(1, 9, 8, 8))
    with pytest.raises(ValueError, match='HyperSIGMA returns something else, which a neck must convert to maps'):
        built(encoder=BRANCHES)(torch.cat(dates, dim=1))
    with pytest.raises(ValueError, match="unknown fusion 'sum', expected one of abs_difference, difference, concat"):
        built(encoder=SPATIAL, fusion='sum')


@pytest.fixture
def files(tmp_path):
    found = {}
    for kind in ('spat-mae', 'spec-mae'):
        found[kind] = str(tmp_path / f'{kind}.pth')
        torch.save(official_checkpoint(tiny_state(kind)), found[kind])
    return found


def test_encoders_are_initialised_from_pretraining(files):
    arch = dict(TINY_ARCH)
    model = built(
        encoder=dict(
            type='mmhsi.HyperSIGMA',
            spatial=dict(
                type='mmhsi.SpatViT',
                arch=arch,
                img_size=8,
                patch_size=2,
                in_channels=BANDS,
                init_cfg=dict(type='Pretrained', checkpoint=files['spat-mae']),
            ),
            spectral=dict(
                type='mmhsi.SpecViT',
                arch=arch,
                img_size=8,
                num_tokens=9,
                out_indices=(0,),
                init_cfg=dict(type='Pretrained', checkpoint=files['spec-mae']),
            ),
        ),
        neck=dict(type='mmhsi.SpectralEnhancement', in_channels=8, num_tokens=9, scales=(1, 1, 1)),
    )
    for branch, kind in ((model.encoder.spatial, 'spat-mae'), (model.encoder.spectral, 'spec-mae')):
        official = tiny_state(kind)
        assert torch.equal(branch.blocks[0].attn.qkv.weight, official['blocks.0.attn.qkv.weight'])
        assert torch.equal(branch.pos_embed, official['pos_embed'])


def test_layer_decay_numbers_the_layers_of_the_encoder():
    model = nn.Module()
    model.backbone = built(
        encoder=BRANCHES, neck=SEM, projection=dict(type='Conv2d', in_channels=3, out_channels=BANDS, kernel_size=1)
    )
    model.head = nn.Linear(6, 2)
    constructor = LayerDecayOptimWrapperConstructor(
        dict(optimizer=dict(type='SGD', lr=1.0, weight_decay=0.0)), paramwise_cfg=dict(layer_decay_rate=0.5)
    )
    groups = constructor(model).optimizer.param_groups
    rates = {name: group['lr'] for group in groups for name in group['param_names']}
    # 4 blocks: embeddings are layer 0, block i layer i + 1, all else layer 5
    assert rates['backbone.encoder.spatial.patch_embed.projection.weight'] == 0.5**5
    assert rates['backbone.projection.weight'] == 0.5**5
    assert rates['backbone.encoder.spectral.blocks.1.mlp.fc1.weight'] == 0.5**3
    assert rates['backbone.encoder.spatial.blocks.3.attn.qkv.bias'] == 0.5
    assert rates['backbone.neck.gates.0.0.weight'] == rates['head.weight'] == 1


def test_layer_decay_needs_an_encoder_that_numbers_its_layers():
    depth = SiameseBackbone(dict(RESNET, depth=50)).get_layer_depth
    assert depth('backbone.encoder.conv1.weight', 'backbone.') == (0, 8)
    assert depth('backbone.encoder.layer2.2.conv1.weight', 'backbone.') == (3, 8)
    assert depth('decode_head.conv_seg.weight', 'backbone.') == (7, 8)
    lenet = dict(type='mmpretrain.LeNet5')
    with pytest.raises(ValueError, match='get_layer_depth, found LeNet5'):
        SiameseBackbone(lenet).get_layer_depth('backbone.encoder.x', 'backbone.')


def test_a_fine_tuned_pair_gives_its_encoder_to_single_dates(tmp_path):
    source = built(encoder=BRANCHES, neck=SEM)
    file = str(tmp_path / 'pairs.pth')
    torch.save(dict(state_dict={f'backbone.{name}': value for name, value in source.state_dict().items()}), file)
    for prefix in (None, 'backbone.encoder.spatial.'):
        branch = MODELS.build(dict(SPATIAL, init_cfg=dict(type='Pretrained', checkpoint=file, prefix=prefix)))
        branch.init_weights()
        for name, value in source.encoder.spatial.state_dict().items():
            assert torch.equal(branch.state_dict()[name], value)
