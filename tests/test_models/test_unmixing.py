"""The unmixing network, its head and its decoder."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.structures import BaseDataElement
from narrow_low_level import BANDS, ENDMEMBERS, SIZES, narrow_low_level
from narrow_models import build

from mmhsi.engine.optimizers import LayerDecayOptimWrapperConstructor
from mmhsi.models import AbundanceHead, EndmemberDecoder

SIZE = SIZES['hiu']
NAMES = ['hypersigma-base_hiu', 'spatsigma-base_hiu']
pytestmark = pytest.mark.usefixtures('quiet')


def images(batch=2, size=SIZE):
    return torch.rand(batch, BANDS, size, size, generator=torch.Generator().manual_seed(4))


@pytest.mark.parametrize('batch', [1, 2])
@pytest.mark.parametrize('name', NAMES)
def test_base_models_train(name, batch):
    """A backward pass reaches every parameter; a small step along the gradient lowers the loss."""
    torch.manual_seed(0)
    model = build(narrow_low_level(name)).train()
    data = model.data_preprocessor(dict(inputs=list(images(batch))), True)

    def loss():
        torch.manual_seed(0)  # the same values are dropped each time
        return model.parse_losses(model(**data, mode='loss'))

    first, logged = loss()
    assert set(logged) == {'loss', 'loss_reconstruction', 'loss_sparsity', 'loss_variation'}
    first.backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []
    torch.optim.SGD(model.parameters(), lr=1e-5).step()
    assert loss()[0] < first


@pytest.mark.parametrize('name', NAMES)
def test_losses_are_those_of_the_abundances_and_spectra(name):
    model = build(narrow_low_level(name)).eval()
    x = images()
    with torch.no_grad():
        abundances, spectra = model(x)
        losses = model(x, mode='loss')
    cosine = F.cosine_similarity(spectra.double(), x.double(), dim=1)
    assert losses['loss_reconstruction'].item() == pytest.approx(cosine.arccos().mean().item(), rel=1e-5)
    assert losses['loss_sparsity'].item() == pytest.approx(0.35 * abundances.sqrt().mean().item(), rel=1e-5)
    endmembers = model.decoder.conv.weight[..., 0, 0].clamp_min(0).detach().numpy()
    assert losses['loss_variation'].item() == pytest.approx(0.1 * np.abs(np.diff(endmembers, axis=0)).mean(), rel=1e-5)


@pytest.mark.parametrize('with_reconstruction', [False, True])
def test_predictions_are_physical(with_reconstruction):
    cfg = narrow_low_level('hypersigma-base_hiu')
    cfg.test_cfg = dict(with_reconstruction=with_reconstruction)
    model = build(cfg).eval()
    spectra = np.random.default_rng(0).random((BANDS, ENDMEMBERS))
    model.set_endmembers(spectra)
    samples = [BaseDataElement(metainfo=dict(sample_idx=i)) for i in range(2)]
    with torch.no_grad():
        found = model(images(), samples, mode='predict')
    for i, sample in enumerate(found):
        abundances = sample.abundances.data
        assert sample.sample_idx == i and abundances.shape == (ENDMEMBERS, SIZE, SIZE)
        assert (abundances >= 0).all()
        torch.testing.assert_close(abundances.sum(0), torch.ones(SIZE, SIZE))
        torch.testing.assert_close(sample.endmembers, torch.from_numpy(spectra).float())
        assert ('reconstruction' in sample) == with_reconstruction
        if with_reconstruction:
            mixed = torch.einsum('cp,phw->chw', sample.endmembers, abundances)
            torch.testing.assert_close(sample.reconstruction.data, mixed)


def test_samples_are_made_where_none_are_given():
    model = build(narrow_low_level('spatsigma-base_hiu')).eval()
    found = model(images(3), mode='predict')
    assert [tuple(sample.abundances.shape) for sample in found] == [(SIZE, SIZE)] * 3
    with pytest.raises(ValueError, match="'tensor', 'loss' or 'predict', found 'train'"):
        model(images(), mode='train')


def test_unit_spectra_hide_brightness_from_the_encoder():
    torch.manual_seed(0)
    model = build(dict(narrow_low_level('spatsigma-base_hiu'), unit_spectra=True)).eval()
    x = images()
    shade = torch.rand(2, 1, SIZE, SIZE) + 0.1
    with torch.no_grad():
        abundances, shaded = model(x)[0], model(x * shade)[0]
        dark = model(torch.zeros_like(x))[0]
        model.unit_spectra = False
        assert not torch.allclose(model(x)[0], model(x * shade)[0], atol=1e-4)
    torch.testing.assert_close(abundances, shaded, rtol=1e-4, atol=1e-5)
    assert torch.isfinite(dark).all()


def test_the_spatial_branch_takes_any_size():
    model = build(narrow_low_level('spatsigma-base_hiu')).eval()
    abundances, spectra = model(torch.rand(1, BANDS, 10, 14))
    assert abundances.shape == (1, ENDMEMBERS, 10, 14) and spectra.shape == (1, BANDS, 10, 14)


def test_a_backbone_of_another_library():
    torch.manual_seed(0)
    cfg = narrow_low_level('spatsigma-base_hiu')
    cfg.pop('neck')
    cfg.backbone = dict(type='mmpretrain.ResNet', depth=18, in_channels=BANDS, out_indices=(0, 1, 2, 3))
    cfg.head.in_channels = (64, 128, 256, 512)
    model = build(cfg)
    model.parse_losses(model(images(2, 32), mode='loss'))[0].backward()
    abundances, _ = model.eval()(images(1, 32))
    torch.testing.assert_close(abundances.sum(1), torch.ones(1, 32, 32))


def test_layer_decay_reaches_the_branches():
    model = build(narrow_low_level('hypersigma-base_hiu'))
    constructor = LayerDecayOptimWrapperConstructor(
        dict(optimizer=dict(type='AdamW', lr=1.0, weight_decay=0.05)), paramwise_cfg=dict(layer_decay_rate=0.5)
    )
    groups = constructor(model).optimizer.param_groups
    rates = {name: group['lr'] for group in groups for name in group['param_names']}
    assert rates['decoder.conv.weight'] == rates['head.projection.0.weight'] == 1
    assert rates['backbone.spatial.blocks.0.norm1.weight'] == rates['backbone.spectral.blocks.0.norm1.weight'] == 0.5**4


def test_the_head_runs_its_blocks_in_order():
    """Identity weights: leaky ReLU, norm, softmax of the scaled logits."""
    head = AbundanceHead((1, 1), 2, channels=1, kernel_sizes=(1, 1), scale=2.0).eval()
    for branch in head.branches:
        torch.nn.init.ones_(branch[0].weight)
        torch.nn.init.zeros_(branch[0].bias)
    torch.nn.init.zeros_(head.smooth[0].weight)
    head.smooth[0].weight.data[0, :, 1, 1] = torch.tensor([1.0, 3.0])
    torch.nn.init.zeros_(head.smooth[0].bias)
    head.projection[0].weight.data = torch.tensor([1.0, -1.0]).reshape(2, 1, 1, 1)
    torch.nn.init.zeros_(head.projection[0].bias)
    shallow, deep = torch.full((1, 1, 4, 4), 2.0), torch.full((1, 1, 2, 2), -1.0)
    smoothed = 2 - 3 * 0.02
    logits = torch.tensor([smoothed, -0.02 * smoothed])
    for level, value in zip(head.logits((shallow, deep), (8, 8))[0], logits, strict=True):
        torch.testing.assert_close(level, torch.full((8, 8), value.item()), rtol=1e-4, atol=0)
    wanted = (2 * logits).softmax(0)
    torch.testing.assert_close(head((shallow, deep), (8, 8))[0, :, 0, 0], wanted, rtol=1e-4, atol=0)


def test_levels_are_enlarged_with_aligned_corners():
    head = AbundanceHead((1,), 1, channels=1, kernel_sizes=(1,)).eval()
    for conv in (head.branches[0][0], head.smooth[0], head.projection[0]):
        torch.nn.init.zeros_(conv.weight)
        torch.nn.init.zeros_(conv.bias)
        conv.weight.data[..., conv.kernel_size[0] // 2, conv.kernel_size[1] // 2] = 1
    level = torch.rand(1, 1, 3, 4)
    wanted = F.interpolate(level, (9, 10), mode='bilinear', align_corners=True)
    torch.testing.assert_close(head.logits((level,), (9, 10)), wanted, rtol=1e-4, atol=1e-5)


def test_dropout_zeroes_logits_in_training_only():
    torch.manual_seed(0)
    head = AbundanceHead((2,), 3, channels=4, kernel_sizes=(3,), dropout_ratio=0.5, smooth_channels=6)
    level = torch.rand(2, 2, 8, 8)
    share = (head.train().logits((level,), (8, 8)) == 0).float().mean().item()
    assert share == pytest.approx(0.5, abs=0.1)
    assert (head.eval().logits((level,), (8, 8)) != 0).all()


def test_wrong_settings_of_the_head_are_named():
    for kernels in ((3,), (3, 2)):
        with pytest.raises(ValueError, match='an odd number for each of 2 levels'):
            AbundanceHead((4, 4), 3, kernel_sizes=kernels)
    with pytest.raises(ValueError, match='built for 1 levels, found 2'):
        AbundanceHead((4,), 3, kernel_sizes=(1,))([torch.rand(1, 4, 2, 2)] * 2, (2, 2))


def test_the_decoder_mixes_linearly_and_never_below_zero():
    decoder = EndmemberDecoder(2, 3)
    decoder.conv.weight.data = torch.tensor([[1.0, 2.0], [-1.0, 0.5], [0.0, 0.0]]).reshape(3, 2, 1, 1)
    spectra = decoder(torch.tensor([0.75, 0.25]).reshape(1, 2, 1, 1))
    torch.testing.assert_close(spectra.flatten(), torch.tensor([1.25, 0.0, 0.0]))
    torch.testing.assert_close(decoder.endmembers, torch.tensor([[1.0, 2.0], [0.0, 0.5], [0.0, 0.0]]))
    assert decoder.conv.weight.min() == -1  # looking does not change it
    decoder.clamp_()
    assert decoder.conv.weight.min() == 0


@pytest.mark.parametrize('kernel_size', [1, 3])
def test_endmembers_are_set_at_the_middle_of_the_kernel(kernel_size):
    decoder = EndmemberDecoder(2, 4, kernel_size)
    given = np.random.default_rng(1).random((4, 2))
    decoder.set_endmembers(given)
    torch.testing.assert_close(decoder.endmembers * kernel_size**2, torch.from_numpy(given).float())
    abundances = torch.rand(1, 2, 5, 5)
    torch.testing.assert_close(
        decoder(abundances), torch.einsum('cp,bphw->bchw', torch.from_numpy(given).float(), abundances)
    )


@pytest.mark.parametrize('name', NAMES)
def test_training_does_not_depend_on_the_scale_of_the_values(name):
    """Stored integers and reflectances give the same losses and the same endmembers, step by step."""
    cfg = narrow_low_level(name)
    cfg.unit_spectra = True
    spectra = np.random.default_rng(0).random((BANDS, ENDMEMBERS))
    found = {}
    for factor in (1.0, 10000.0):
        torch.manual_seed(0)
        model = build(cfg).eval()  # without dropout the steps are those of the images alone
        model.set_endmembers(spectra * factor)
        optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
        for _ in range(3):
            losses = model(images() * factor, mode='loss')
            optimiser.zero_grad()
            sum(losses.values()).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
        found[factor] = [value.item() for value in losses.values()], model.endmembers.detach() / factor
    assert (found[1.0][1] - torch.from_numpy(spectra)).abs().max() > 3e-3
    torch.testing.assert_close(found[10000.0][1], found[1.0][1], rtol=1e-3, atol=1e-4)
    assert found[10000.0][0] == pytest.approx(found[1.0][0], rel=1e-3)


def test_a_state_without_a_scale_holds_the_endmembers_themselves():
    decoder = EndmemberDecoder(2, 4)
    decoder.set_endmembers(np.full((4, 2), 3000.0))
    decoder.load_state_dict({'conv.weight': torch.full((4, 2, 1, 1), 0.5)})
    assert decoder.scale == 1 and (decoder.endmembers == 0.5).all()


def test_wrong_endmembers_are_named():
    decoder = EndmemberDecoder(2, 4)
    with pytest.raises(ValueError, match=r'\(bands, endmembers\) = \(4, 2\), found \(2, 4\)'):
        decoder.set_endmembers(np.zeros((2, 4)))
    with pytest.raises(ValueError, match='must be finite, found 1 of 8 values'):
        decoder.set_endmembers(np.where(np.arange(8).reshape(4, 2) == 3, np.nan, 1.0))
    decoder.set_endmembers(np.full((4, 2), -0.01))
    assert (decoder.endmembers == 0).all()
    with pytest.raises(ValueError, match='must be odd, found 2'):
        EndmemberDecoder(2, 4, 2)
