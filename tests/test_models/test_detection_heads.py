"""Heads of anomaly and target detection."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmhsi.models import PixelSegHead, TargetDetectionHead

BANDS, WIDTH = 6, 5


@pytest.fixture
def maps():
    torch.manual_seed(0)
    return [torch.randn(2, 3, 8, 8), torch.randn(2, WIDTH, 4, 3, requires_grad=True)]


@pytest.fixture
def target_head():
    torch.manual_seed(1)
    return TargetDetectionHead(WIDTH, BANDS)


def samples_of(labels, spectra=None):
    samples = []
    for i, label in enumerate(labels):
        sample = SegDataSample(gt_sem_seg=PixelData(data=label[None]))
        sample.set_metainfo(dict(img_shape=tuple(label.shape)))
        if spectra is not None:
            sample.set_metainfo(dict(target_spectrum=spectra[i]))
        samples.append(sample)
    return samples


def labels_with(*pixels):
    """Labels (2, 4, 3) with the given (image, row, column, class), all else unlabelled."""
    labels = torch.full((2, 4, 3), 255)
    for *place, value in pixels:
        labels[tuple(place)] = value
    return labels


def test_pixel_head_is_a_linear_map_of_the_deepest_map(maps):
    head = PixelSegHead(WIDTH)
    weight = head.conv_seg.weight[:, :, 0, 0]
    assert [name for name, _ in head.named_parameters()] == ['conv_seg.weight'] and weight.shape == (2, WIDTH)
    torch.testing.assert_close(head(maps), torch.einsum('kd,bdhw->bkhw', weight, maps[1]))


def test_pixel_head_takes_another_map_and_more_classes(maps):
    head = PixelSegHead(3, num_classes=4, in_index=0)
    torch.testing.assert_close(head(maps), F.conv2d(maps[0], head.conv_seg.weight))


def test_pixel_head_loss_is_the_mean_over_labelled_pixels(maps):
    head = PixelSegHead(WIDTH)
    pixels = ((0, 1, 2, 1), (0, 3, 0, 0), (1, 2, 2, 0))
    terms = [-F.log_softmax(head(maps)[i, :, row, column], dim=0)[k] for i, row, column, k in pixels]
    losses = head.loss(maps, samples_of(labels_with(*pixels)), None)
    torch.testing.assert_close(losses['loss_ce'], sum(terms) / 3)


def score_by_hand(head, spectrum, features):
    """Inner product of the embedded spectrum with the features of one pixel, in NumPy."""
    first, norm, _, last = head.target_branch
    d = first.weight.detach().numpy().astype(float) @ spectrum
    d = (d - d.mean()) / np.sqrt(d.var() + 1e-5) * norm.weight.detach().numpy() + norm.bias.detach().numpy()
    d = np.array([0.5 * value * (1 + math.erf(value / math.sqrt(2))) for value in d])
    return (last.weight.detach().numpy() @ d) @ features


def test_target_score_by_hand(maps, target_head):
    spectra = torch.randn(2, BANDS, generator=torch.Generator().manual_seed(2))
    scores = target_head.scores(maps, spectra)
    assert scores.shape == (2, 4, 3)
    for i, row, column in ((0, 0, 0), (0, 3, 2), (1, 2, 1)):
        wanted = score_by_hand(target_head, spectra[i].numpy(), maps[1][i, :, row, column].detach().numpy())
        assert scores[i, row, column].item() == pytest.approx(wanted, abs=1e-5)


def test_target_logits_put_the_boundary_at_one_half(maps, target_head):
    spectra = torch.randn(2, BANDS)
    scores, logits = target_head.scores(maps, spectra), target_head(maps, spectra)
    torch.testing.assert_close(logits.softmax(1)[:, 1], torch.sigmoid(2 * scores - 1))
    assert torch.equal(logits.argmax(1) == 1, scores > 0.5)


@pytest.mark.parametrize('as_given', [np.asarray, list, torch.as_tensor, lambda d: d.astype(np.float64)[::-1][::-1]])
def test_each_sample_brings_its_spectrum_in_loss_and_prediction(maps, target_head, as_given):
    spectra = np.random.default_rng(0).normal(size=(2, BANDS)).astype(np.float32)
    samples = samples_of(labels_with((0, 0, 0, 1), (1, 3, 2, 0)), [as_given(d) for d in spectra])
    logits = target_head(maps, torch.from_numpy(spectra))
    wanted = F.cross_entropy(torch.stack([logits[0, :, 0, 0], logits[1, :, 3, 2]]), torch.tensor([1, 0]))
    torch.testing.assert_close(target_head.loss(maps, samples, None)['loss_ce'], wanted)
    found = target_head.predict(maps, [sample.metainfo for sample in samples], None)
    torch.testing.assert_close(found, logits)
    assert not torch.allclose(target_head(maps, torch.from_numpy(spectra[::-1].copy())), logits)


def test_target_prediction_has_the_size_of_the_image_and_takes_a_batch_of_one(maps, target_head):
    meta = dict(img_shape=(9, 7), target_spectrum=np.ones(BANDS))
    logits = target_head.predict([level[:1] for level in maps], [meta], None)
    assert logits.shape == (1, 2, 9, 7)
    torch.testing.assert_close(logits.sum(1), torch.ones(1, 9, 7))


@pytest.mark.parametrize('make', [lambda: PixelSegHead(WIDTH), lambda: TargetDetectionHead(WIDTH, BANDS)])
def test_without_a_labelled_pixel_loss_and_gradients_are_zero(maps, make):
    head = make()
    loss = head.loss(maps, samples_of(labels_with(), torch.randn(2, BANDS)), None)['loss_ce']
    loss.backward()
    assert loss.item() == 0
    assert all(torch.equal(p.grad, torch.zeros_like(p)) for p in [*head.parameters(), maps[1]])


def test_every_parameter_of_the_target_head_gets_a_gradient(maps, target_head):
    samples = samples_of(labels_with((0, 0, 0, 1), (1, 0, 0, 0)), torch.randn(2, BANDS))
    target_head.loss(maps, samples, None)['loss_ce'].backward()
    assert [name for name, p in target_head.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_wrong_target_spectra_are_named(maps, target_head):
    labels = labels_with((0, 0, 0, 1))
    with pytest.raises(ValueError, match="sample 0 .*: expected the metainfo 'target_spectrum', found img_shape"):
        target_head.loss(maps, samples_of(labels), None)
    with pytest.raises(ValueError, match=r'sample 1 .*: the head is built for .* 6 bands, found shape \(5,\)'):
        target_head.loss(maps, samples_of(labels, [np.ones(6), np.ones(5)]), None)
    with pytest.raises(ValueError, match='sample 1 .*: target_spectrum has values that are not finite'):
        target_head.loss(maps, samples_of(labels, [np.ones(6), np.full(6, np.nan)]), None)
    with pytest.raises(ValueError, match="needs the target spectrum: .* 'target_spectrum'"):
        target_head(maps)
    with pytest.raises(ValueError, match='found num_classes 3'):
        TargetDetectionHead(WIDTH, BANDS, num_classes=3)
