"""Whole models of detection and change detection, from the base configs and with parts of other libraries."""

import pytest
import torch
from mmengine.structures import PixelData
from mmpretrain.structures import DataSample
from mmseg.structures import SegDataSample
from narrow_models import BANDS, SIZES, build, narrow_model

# a head of mmseg finds its default loss only in a config of mmseg's scope
LOSS = dict(type='mmseg.CrossEntropyLoss', avg_non_ignore=True)
TASKS = [f'{branches}-base_{task}' for task in SIZES for branches in ('hypersigma', 'spatsigma')]
pytestmark = pytest.mark.usefixtures('quiet')


def batch(task, size=None, count=2):
    """Images and samples of a task: labels at random, some pixels unlabelled."""
    generator = torch.Generator().manual_seed(11)
    size = size or (SIZES[task]['img_size'],) * 2
    bands = BANDS if task in ('htd', 'had') else 2 * BANDS
    images, samples = [], []
    for i in range(count):
        images.append(torch.randn(bands, *size, generator=generator))
        if task == 'hcd':
            samples.append(DataSample().set_gt_label(i % 2))
            continue
        labels = torch.randint(0, 3, (1, *size), generator=generator)
        labels[labels == 2] = 255
        sample = SegDataSample(gt_sem_seg=PixelData(data=labels))
        sample.set_metainfo(dict(ori_shape=size, img_shape=size, pad_shape=size))
        if task == 'htd':
            sample.set_metainfo(dict(target_spectrum=torch.randn(BANDS, generator=generator).numpy()))
        samples.append(sample)
    return dict(inputs=images, data_samples=samples)


def assert_trains(model, data, without_gradient=()):
    """A backward pass reaches every parameter; small steps along the gradient lower the loss."""
    model.train()
    rates = torch.optim.SGD(model.parameters(), lr=1e-3)

    def loss():
        torch.manual_seed(0)  # the same blocks are dropped each time
        return model.parse_losses(model(**model.data_preprocessor(data, True), mode='loss'))[0]

    first = loss()
    first.backward()
    assert [
        name for name, p in model.named_parameters() if p.grad is None and not name.startswith(tuple(without_gradient))
    ] == []
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)
    rates.step()
    assert first.isfinite() and loss() < first


def predicted(model, data):
    model.eval()
    with torch.no_grad():
        return model(**model.data_preprocessor(data, False), mode='predict')


@pytest.mark.parametrize('name', TASKS)
def test_base_models_train_and_predict(name):
    torch.manual_seed(0)
    task = name.split('_')[1]
    model = build(narrow_model(name))
    assert_trains(model, batch(task))
    for sample in predicted(model, batch(task)):
        if task == 'hcd':
            torch.testing.assert_close(sample.pred_score.sum(), torch.tensor(1.0))
            assert sample.pred_label.item() == sample.pred_score.argmax()
        else:
            logits = sample.seg_logits.data
            assert logits.shape == (2, *(SIZES[task]['img_size'],) * 2)
            assert torch.equal(sample.pred_sem_seg.data[0], logits.argmax(0))
            if task == 'htd':
                torch.testing.assert_close(logits.sum(0), torch.ones(logits.shape[1:]))


@pytest.mark.parametrize('name', TASKS)
def test_base_models_take_a_batch_of_one(name):
    torch.manual_seed(0)
    task = name.split('_')[1]
    model = build(narrow_model(name))
    assert_trains(model, batch(task, count=1))
    both, alone = predicted(model, batch(task)), predicted(model, batch(task, count=1))
    scores = [found.pred_score if task == 'hcd' else found.seg_logits.data for found in (alone[0], both[0])]
    torch.testing.assert_close(*scores, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('name', ['hypersigma-base_mscd', 'spatsigma-base_mscd'])
@pytest.mark.parametrize('size', [(50, 40), (20, 33)])
def test_multispectral_models_slide_over_any_image(name, size):
    torch.manual_seed(0)
    sample = predicted(build(narrow_model(name)), batch('mscd', size, count=1))[0]
    assert sample.pred_sem_seg.data.shape == (1, *size) and sample.seg_logits.data.isfinite().all()


def test_the_window_setting_of_the_large_scenes():
    """Window 15, patch 2: a grid of 7x7, three convolutions."""
    cfg = narrow_model('hypersigma-base_hcd')
    encoder = cfg.backbone.encoder
    encoder.spatial.update(img_size=15, patch_size=2)
    encoder.spectral.img_size = 15
    cfg.head.hidden_channels = (128, 64, 64)
    assert_trains(build(cfg), batch('hcd', (15, 15)))


@pytest.mark.parametrize(
    'head',
    [
        dict(type='mmseg.FCNHead', in_channels=128, channels=8, num_classes=2, loss_decode=LOSS),
        dict(
            type='mmseg.UPerHead',
            in_channels=(128,),
            in_index=(0,),
            channels=8,
            num_classes=2,
            norm_cfg=dict(type='BN'),
            loss_decode=LOSS,
        ),
    ],
)
@pytest.mark.parametrize('name', ['hypersigma-base_had', 'spatsigma-base_htd'])
def test_mmseg_heads_detect(name, head):
    torch.manual_seed(0)
    cfg = narrow_model(name)
    cfg.decode_head = head
    model = build(cfg)
    assert_trains(model, batch('had'))
    assert predicted(model, batch('had'))[0].seg_logits.data.shape == (2, 8, 8)


@pytest.mark.parametrize(
    'head',
    [
        dict(type='mmseg.FCNHead', in_channels=32, channels=8, in_index=1, num_classes=2, loss_decode=LOSS),
        dict(
            type='mmseg.UPerHead',
            in_channels=(32,) * 4,
            in_index=(0, 1, 2, 3),
            channels=8,
            num_classes=2,
            norm_cfg=dict(type='BN'),
            loss_decode=LOSS,
        ),
    ],
)
def test_mmseg_heads_on_both_branches_and_their_enhancement(head):
    torch.manual_seed(0)
    cfg = narrow_model('hypersigma-base_mscd')
    cfg.pop('neck')
    cfg.decode_head = head
    model = build(cfg)
    unused = () if 'UPer' in head['type'] else ('backbone.encoder.spatial', 'backbone.neck.pyramid')
    assert_trains(model, batch('mscd'), without_gradient=unused)
    assert predicted(model, batch('mscd'))[0].seg_logits.data.shape == (2, 32, 32)


def test_mmseg_frame_without_sliding():
    cfg = narrow_model('spatsigma-base_mscd')
    cfg.update(type='mmseg.EncoderDecoder', test_cfg=dict(mode='whole'))
    assert predicted(build(cfg), batch('mscd'))[0].seg_logits.data.shape == (2, 32, 32)


def test_resnet_under_the_head_of_windows():
    torch.manual_seed(0)
    cfg = narrow_model('hypersigma-base_hcd')
    cfg.backbone = dict(
        type='SiameseBackbone',
        encoder=dict(
            type='mmpretrain.ResNet',
            depth=18,
            in_channels=BANDS,
            deep_stem=True,
            out_indices=(0, 1, 2, 3),
            strides=(1, 2, 2, 1),
        ),
    )
    cfg.head.update(in_channels=(64, 128, 256, 512), hidden_channels=(16, 8))
    model = build(cfg)
    assert_trains(model, batch('hcd', (32, 32)))
    assert predicted(model, batch('hcd', (32, 32)))[0].pred_score.shape == (2,)


def test_resnet_under_neck_and_head_of_multispectral_change():
    torch.manual_seed(0)
    cfg = narrow_model('hypersigma-base_mscd')
    cfg.backbone = dict(
        type='SiameseBackbone',
        fusion='concat',
        encoder=dict(type='mmpretrain.ResNet', depth=18, in_channels=BANDS, out_indices=(0, 1, 2, 3)),
    )
    cfg.neck.in_channels = (128, 256, 512, 1024)
    model = build(cfg)
    assert_trains(model, batch('mscd', (64, 64)))
    assert predicted(model, batch('mscd', (40, 64)))[0].seg_logits.data.shape == (2, 40, 64)
