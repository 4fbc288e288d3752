"""The restoration model with our networks and with those of mmagic, and our networks in mmagic's model."""

import pytest
import torch
from mmengine.model import BaseModule
from narrow_low_level import BANDS, RESTORATION, SCALE, SIZES, narrow_low_level
from narrow_models import build

from mmhsi.models.restorers import restore_by_tiles
from mmhsi.registry import MODELS
from mmhsi.structures import RestorationDataSample


@pytest.fixture
def mmagic():
    return pytest.importorskip('mmagic.models', reason='mmagic is not installed')


pytestmark = pytest.mark.usefixtures('quiet')


def batch(task, size=None, count=2, sample_type=RestorationDataSample):
    generator = torch.Generator().manual_seed(2)
    height, width = size or (SIZES[task],) * 2
    scale = SCALE if task == 'hsr' else 1
    samples = []
    for i in range(count):
        samples.append(sample_type(gt_img=torch.rand(BANDS, scale * height, scale * width, generator=generator)))
        samples[-1].set_metainfo(dict(sample_idx=i))
    inputs = [torch.rand(BANDS, height, width, generator=generator) for _ in range(count)]
    return dict(inputs=inputs, data_samples=samples)


def losses_of(model, data):
    torch.manual_seed(0)
    return model(**model.data_preprocessor(data, True), mode='loss')


def predicted(model, data):
    model.eval()
    with torch.no_grad():
        return model.test_step(data)


@pytest.mark.parametrize('count', [1, 2])
@pytest.mark.parametrize('name', RESTORATION)
def test_base_models_train_and_predict(name, count):
    torch.manual_seed(0)
    task = name.split('_')[1]
    model = build(narrow_low_level(name)).train()
    losses = losses_of(model, batch(task, count=count))
    assert set(losses) == ({'loss'} if task == 'hid' else {'loss_l1', 'loss_sam', 'loss_gradient'})
    total, _ = model.parse_losses(losses)
    total.backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []
    torch.optim.SGD(model.parameters(), lr=1e-3).step()
    assert model.parse_losses(losses_of(model, batch(task, count=count)))[0] < total
    data = batch(task, count=count)
    samples = predicted(model, data)
    assert len(samples) == count
    for sample, image in zip(samples, data['inputs'], strict=True):
        assert sample.output.pred_img.shape == sample.gt_img.shape and sample.output.pred_img.isfinite().all()
        assert torch.equal(sample.input, image)


@pytest.mark.parametrize('size', [(13, 9), (5, 20)])
@pytest.mark.parametrize('name', RESTORATION)
def test_images_of_any_size_are_tested_by_tiles(name, size):
    cfg = narrow_low_level(name)
    cfg.test_cfg.update(overlap=2, window_batch=3)
    model = build(cfg)
    task = name.split('_')[1]
    data = batch(task, size)
    samples = predicted(model, data)
    with torch.no_grad():
        wanted = restore_by_tiles(model.generator, torch.stack(data['inputs']), (SIZES[task],) * 2, overlap=2)
    found = torch.stack([sample.output.pred_img for sample in samples])
    torch.testing.assert_close(found, wanted)
    assert found.shape[2:] == samples[0].gt_img.shape[1:]


def test_an_image_of_one_tile_is_restored_as_a_whole():
    model = build(narrow_low_level('hypersigma-base_hsr'))
    data = batch('hsr')
    by_tiles = predicted(model, data)
    model.test_cfg.pop('tile_size')
    for found, wanted in zip(by_tiles, predicted(model, batch('hsr')), strict=True):
        torch.testing.assert_close(found.output.pred_img, wanted.output.pred_img)


def test_statistics_of_the_bands():
    """The network sees and learns standardised images; results and true images are in the range of the data."""
    cfg = narrow_low_level('spatsigma-base_hid')
    plain, data = build(cfg), batch('hid')
    cfg.data_preprocessor.update(mean=[0.5] * BANDS, std=[0.25] * BANDS)
    model = build(cfg)
    model.load_state_dict(plain.state_dict())
    scaled = batch('hid')
    scaled['inputs'] = [(image - 0.5) / 0.25 for image in scaled['inputs']]
    for sample in scaled['data_samples']:
        sample.gt_img = (sample.gt_img - 0.5) / 0.25
    torch.testing.assert_close(losses_of(model.eval(), data), losses_of(plain.eval(), scaled))
    for found, wanted, given in zip(predicted(model, data), predicted(plain, scaled), data['inputs'], strict=True):
        torch.testing.assert_close(found.output.pred_img, wanted.output.pred_img * 0.25 + 0.5)
        torch.testing.assert_close(found.input, given)
        torch.testing.assert_close(found.gt_img, wanted.gt_img * 0.25 + 0.5)


def test_without_test_cfg_and_preprocessor_images_run_whole():
    cfg = narrow_low_level('spatsigma-base_hid')
    del cfg['test_cfg'], cfg['data_preprocessor']
    model = build(cfg)
    data = batch('hid')
    with torch.no_grad():
        wanted = model.eval()(torch.stack(data['inputs']))
    for sample, image in zip(predicted(model, data), wanted, strict=True):
        torch.testing.assert_close(sample.output.pred_img, image)
    with pytest.raises(ValueError, match="mode must be 'tensor', 'loss' or 'predict', found 'train'"):
        model(torch.stack(data['inputs']), mode='train')


def test_samples_without_a_true_image_are_predicted():
    model = build(narrow_low_level('spatsigma-base_hsr'))
    data = dict(inputs=[torch.rand(BANDS, 7, 8)], data_samples=[RestorationDataSample()])
    assert predicted(model, data)[0].output.pred_img.shape == (BANDS, 7 * SCALE, 8 * SCALE)


@pytest.mark.slow  # importing mmagic takes a quarter of a minute
@pytest.mark.parametrize(
    'task, generator',
    [
        (
            'hsr',
            dict(
                type='mmagic.EDSRNet',
                in_channels=BANDS,
                out_channels=BANDS,
                mid_channels=8,
                num_blocks=1,
                upscale_factor=SCALE,
                rgb_mean=[0.0] * BANDS,
                rgb_std=[1.0] * BANDS,
            ),
        ),
        (
            'hsr',
            dict(
                type='mmagic.RRDBNet',
                in_channels=BANDS,
                out_channels=BANDS,
                mid_channels=8,
                num_blocks=1,
                growth_channels=4,
                upscale_factor=SCALE,
            ),
        ),
        (
            'hsr',
            dict(
                type='mmagic.SwinIRNet',
                in_chans=BANDS,
                upscale=SCALE,
                img_size=SIZES['hsr'],
                window_size=3,
                embed_dim=8,
                depths=[1],
                num_heads=[2],
                upsampler='pixelshuffle',
            ),
        ),
        ('hid', dict(type='mmagic.NAFNet', img_channels=BANDS, mid_channels=4, enc_blk_nums=[1], dec_blk_nums=[1])),
    ],
)
def test_networks_of_mmagic_take_the_place_of_ours(task, generator, mmagic):
    torch.manual_seed(0)
    cfg = narrow_low_level(f'hypersigma-base_{task}')
    cfg.generator = generator
    model = build(cfg)
    assert isinstance(model.generator, BaseModule) and type(model.generator).__module__.startswith('mmagic.')
    model.parse_losses(losses_of(model, batch(task)))[0].backward()
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in model.generator.parameters())
    sample = predicted(model, batch(task, (13, 9), count=1))[0]
    assert sample.output.pred_img.shape == sample.gt_img.shape and sample.output.pred_img.isfinite().all()


@pytest.mark.slow
@pytest.mark.parametrize('task', ['hid', 'hsr'])
def test_the_model_of_mmagic_computes_the_same(task, mmagic):
    """Our network and preprocessor in mmagic's model, and the data samples of either toolbox in both models."""
    from mmagic.structures import DataSample

    cfg = narrow_low_level(f'spatsigma-base_{task}')
    cfg.data_preprocessor.update(mean=[0.5] * BANDS, std=[0.25] * BANDS)
    ours = build(cfg)
    for key in ('generator', 'pixel_loss', 'data_preprocessor'):
        cfg[key].type = f'mmhsi.{cfg[key].type}'
    theirs = MODELS.build(dict(cfg, type='mmagic.BaseEditModel'))
    theirs.load_state_dict(ours.state_dict())
    losses, images = [], []
    for model in (ours, theirs):
        for sample_type in (RestorationDataSample, DataSample):
            terms = losses_of(model.eval(), batch(task, sample_type=sample_type))
            losses.append(sum(terms.values()))
            samples = predicted(model, batch(task, sample_type=sample_type))
            assert {type(sample) for sample in samples} == {sample_type}
            assert [sample.sample_idx for sample in samples] == [0, 1]
            images.append(torch.stack([torch.stack([sample.output.pred_img, sample.gt_img]) for sample in samples]))
    for loss, image in zip(losses[1:], images[1:], strict=True):
        torch.testing.assert_close(loss, losses[0], rtol=0, atol=0)
        torch.testing.assert_close(image, images[0], rtol=0, atol=0)


@pytest.mark.slow
def test_losses_and_data_of_mmagic_serve_our_model(mmagic):
    from mmengine.dataset import pseudo_collate

    from mmhsi.registry import TRANSFORMS

    cfg = narrow_low_level('spatsigma-base_hid')
    wanted = losses_of(build(cfg).eval(), batch('hid'))['loss']
    cfg.pixel_loss = dict(type='mmagic.MSELoss')
    torch.testing.assert_close(losses_of(build(cfg).eval(), batch('hid'))['loss'], wanted, rtol=0, atol=0)
    cfg.pixel_loss = dict(type='mmagic.CharbonnierLoss', eps=1e-6)
    model, data = build(cfg), batch('hid')
    pack = TRANSFORMS.build(dict(type='mmagic.PackInputs', keys=['img']))
    arrays = [
        dict(img=image.permute(1, 2, 0).numpy(), gt=sample.gt_img.permute(1, 2, 0).numpy())
        for image, sample in zip(data['inputs'], data['data_samples'], strict=True)
    ]
    packed = pseudo_collate([pack(sample) for sample in arrays])
    found = losses_of(model.eval(), packed)['loss']
    restored = model(torch.stack(data['inputs']))
    truth = torch.stack([sample.gt_img for sample in data['data_samples']])
    torch.testing.assert_close(found, ((restored - truth) ** 2 + 1e-6).sqrt().mean())
