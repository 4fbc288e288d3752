"""Segmentor with sliding windows."""

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.structures import PixelData
from mmseg.models import EncoderDecoder
from mmseg.structures import SegDataSample

from mmhsi.models import SlidingEncoderDecoder

ARCH = dict(embed_dims=8, num_layers=2, num_heads=2, full_attn_interval=2, out_indices=(1,))
BANDS, CROP, STRIDE = 4, (8, 6), (4, 3)
# full attention: the logits of a window depend on all of it
SPATIAL = dict(type='mmhsi.SpatViT', arch=ARCH, img_size=CROP, patch_size=1, in_channels=BANDS)
BRANCHES = dict(
    backbone=dict(
        type='mmhsi.HyperSIGMA',
        spatial=SPATIAL,
        spectral=dict(type='mmhsi.SpecViT', arch=ARCH, img_size=CROP, num_tokens=4),
    ),
    neck=dict(type='mmhsi.SpectralEnhancement', in_channels=8, num_tokens=4, out_channels=8, scales=(1,)),
)


def built(kind=SlidingEncoderDecoder, backbone=SPATIAL, head=None, neck=None, **test_cfg):
    torch.manual_seed(0)
    model = kind(
        backbone=backbone,
        neck=neck,
        decode_head=head or dict(type='mmhsi.PixelSegHead', in_channels=8, num_classes=3),
        test_cfg=ConfigDict(dict(mode='slide', crop_size=CROP, stride=STRIDE, **test_cfg)),
    )
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


def images(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(7))


def metas_of(x, **more):
    size = tuple(x.shape[2:])
    return [dict(ori_shape=size, img_shape=size, pad_shape=size, **more) for _ in x]


@torch.no_grad()
def merged_by_hand(model, x, positions, metas=None):
    """Windows one by one through the whole network; their sum over how many there are."""
    total, count = torch.zeros(len(x), model.out_channels, *x.shape[2:]), torch.zeros(x.shape[2:])
    size = dict(img_shape=torch.Size(CROP))
    for top, left in positions:
        window = x[:, :, top : top + CROP[0], left : left + CROP[1]]
        logits = model.encode_decode(window, [dict(meta, **size) for meta in metas or metas_of(x)])
        total[:, :, top : top + CROP[0], left : left + CROP[1]] += logits
        count[top : top + CROP[0], left : left + CROP[1]] += 1
    return total / count


@pytest.mark.parametrize('window_batch', [1, 5, 100])
def test_windows_are_averaged(window_batch):
    model, x = built(window_batch=window_batch), images(2, BANDS, 13, 11)
    positions = [(top, left) for top in (0, 4, 5) for left in (0, 3, 5)]
    with torch.no_grad():
        found = model.inference(x, metas_of(x))
    torch.testing.assert_close(found, merged_by_hand(model, x, positions), rtol=1e-4, atol=1e-5)


def test_large_images_give_what_mmseg_gives():
    x = images(1, BANDS, 20, 17)
    with torch.no_grad():
        found, wanted = (built(kind).inference(x, metas_of(x)) for kind in (SlidingEncoderDecoder, EncoderDecoder))
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_border_windows_can_count_repeatedly():
    model, x = built(repeat_border_windows=True), images(1, BANDS, 13, 11)
    # rows 0, 4, 8 and 12 end at 5; columns 0, 3, 6 and 9 end at 5, where a row at the lower border stops
    positions = [(top, left) for top in (0, 4) for left in (0, 3, 5, 5)]
    positions += [(5, left) for _ in range(2) for left in (0, 3, 5)]
    with torch.no_grad():
        found = model.inference(x, metas_of(x))
    torch.testing.assert_close(found, merged_by_hand(model, x, positions), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(found, built().inference(x, metas_of(x)), atol=1e-4)


@pytest.mark.parametrize('padding', ['reflect', 'zeros'])
@pytest.mark.parametrize('size', [(7, 11), (3, 2), (8, 5)])
def test_small_images_are_padded_and_cut_back(padding, size):
    model, x = built(padding=padding, **BRANCHES), images(2, BANDS, *size)
    extra = [(0, 0), (0, 0), *((0, max(crop - length, 0)) for crop, length in zip(CROP, size, strict=True))]
    mode = dict(mode='reflect') if padding == 'reflect' else dict(mode='constant')
    padded = torch.from_numpy(np.pad(x.numpy(), extra, **mode))
    lefts = (0, 3, 5) if size[1] == 11 else (0,)
    wanted = merged_by_hand(model, padded, [(0, left) for left in lefts], metas_of(padded))
    with torch.no_grad():
        found = model.inference(x, metas_of(x))
    torch.testing.assert_close(found, wanted[..., : size[0], : size[1]], rtol=1e-4, atol=1e-5)


def test_every_window_has_the_metainfo_of_its_image():
    model = built(head=dict(type='mmhsi.TargetDetectionHead', in_channels=8, num_bands=BANDS))
    x = images(2, BANDS, 13, 11)
    metas = [dict(meta, target_spectrum=np.full(BANDS, 0.5) ** i) for i, meta in enumerate(metas_of(x))]
    with torch.no_grad():
        found = model.inference(x, metas)
        alone = [model.inference(x[i : i + 1], metas[i : i + 1])[0] for i in range(2)]
    torch.testing.assert_close(found, torch.stack(alone), rtol=1e-4, atol=1e-4)
    assert tuple(metas[0]['img_shape']) == (13, 11)


def test_heads_that_enlarge_give_the_size_of_the_window():
    head = dict(type='mmhsi.MultiLevelSegHead', in_channels=(8,), num_classes=3, hidden_channels=(5,))
    model, x = built(head=head), images(1, BANDS, 13, 11)
    with torch.no_grad():
        assert model.inference(x, metas_of(x)).shape == (1, 3, 13, 11)


def test_prediction_has_the_labels_of_the_largest_logits():
    model, x = built(), images(2, BANDS, 7, 11)
    samples = [SegDataSample(metainfo=meta, gt_sem_seg=PixelData(data=torch.zeros(1, 7, 11))) for meta in metas_of(x)]
    with torch.no_grad():
        predicted = model.predict(x, samples)
        logits = model.inference(x, metas_of(x))
    for sample, one in zip(predicted, logits, strict=True):
        torch.testing.assert_close(sample.seg_logits.data, one)
        assert torch.equal(sample.pred_sem_seg.data[0], one.argmax(0))


def test_wrong_settings_are_named():
    x = images(1, BANDS, 7, 11)
    with pytest.raises(ValueError, match="not 'edge'"):
        built(padding='edge').inference(x, metas_of(x))
    model = built()
    model.test_cfg.stride = (9, 3)
    with pytest.raises(ValueError, match='of 8 x 6 pixels must be positive and not larger than the window, not 9 x 3'):
        model.inference(x, metas_of(x))
