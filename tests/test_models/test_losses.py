"""Losses that mmseg has not, or not for every batch."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmseg.models.losses import LovaszLoss
from sklearn.metrics import jaccard_score

from mmhsi.models import LovaszSoftmaxLoss, WeightedCrossEntropyLoss


def batch(num_classes=3, unlabelled=0.3, size=(2, 5, 4)):
    rng = np.random.default_rng(5)
    logits = torch.from_numpy(rng.normal(size=(size[0], num_classes, *size[1:]))).float().requires_grad_()
    labels = rng.integers(0, num_classes, size)
    labels[rng.random(size) < unlabelled] = 255
    return logits, torch.from_numpy(labels)


def test_weighted_cross_entropy_equals_pytorch():
    logits, labels = batch()
    loss = WeightedCrossEntropyLoss((1, 10, 0.5), loss_weight=2.0)(logits, labels, ignore_index=255)
    wanted = 2 * F.cross_entropy(logits, labels, weight=torch.tensor([1, 10, 0.5]), ignore_index=255)
    torch.testing.assert_close(loss, wanted)
    torch.testing.assert_close(*(torch.autograd.grad(value, logits)[0] for value in (loss, wanted)))


def test_weights_of_pixels_multiply_their_terms():
    logits, labels = batch(unlabelled=0)
    weight = torch.rand(labels.shape)
    class_weight = torch.tensor([1, 10, 0.5])
    terms = F.cross_entropy(logits, labels, reduction='none') * class_weight[labels] * weight
    found = WeightedCrossEntropyLoss((1, 10, 0.5))(logits, labels, weight)
    torch.testing.assert_close(found, terms.sum() / class_weight[labels].sum())


def test_weighted_cross_entropy_of_a_large_batch_in_half_precision():
    """The sum of the weights exceeds the largest number of float16."""
    logits = torch.zeros(1, 2, 100, 100, dtype=torch.float16)
    loss = WeightedCrossEntropyLoss((1, 10))(logits.float(), torch.ones(1, 100, 100, dtype=torch.int64))
    assert loss.item() == pytest.approx(np.log(2), rel=1e-5)
    half = WeightedCrossEntropyLoss((1, 10))(logits.bfloat16(), torch.ones(1, 100, 100, dtype=torch.int64))
    assert half.item() == pytest.approx(np.log(2), rel=0.05)


def lovasz_by_definition(logits, labels, classes='present'):
    """Lovász extension of the set function 1 - |fg without S| / |fg with S| of the mispredicted pixels S."""
    probabilities = logits.detach().double().softmax(1).movedim(1, -1).reshape(-1, logits.shape[1]).numpy()
    labels = labels.reshape(-1).numpy()
    probabilities, labels = probabilities[labels != 255], labels[labels != 255]
    losses = []
    for k in range(probabilities.shape[1]):
        foreground = labels == k
        if classes == 'present' and not foreground.any():
            continue
        errors = np.abs(foreground - probabilities[:, k])
        wrong, before, loss = np.zeros(len(labels), bool), 0.0, 0.0
        for i in np.argsort(-errors):
            wrong[i] = True
            after = 1 - (foreground & ~wrong).sum() / (foreground | wrong).sum()
            loss += errors[i] * (after - before)
            before = after
        losses.append(loss)
    return np.mean(losses)


@pytest.mark.parametrize('classes', ['present', 'all'])
def test_lovasz_softmax_by_its_definition(classes):
    logits, labels = batch(num_classes=4)
    labels[labels == 2] = 0  # a class without a pixel
    found = LovaszSoftmaxLoss(classes)(logits, labels, ignore_index=255)
    assert found.item() == pytest.approx(lovasz_by_definition(logits, labels, classes), rel=1e-5)


def test_lovasz_softmax_of_a_hard_prediction_is_the_jaccard_loss():
    _, labels = batch(unlabelled=0)
    predicted = torch.from_numpy(np.random.default_rng(6).integers(0, 3, labels.shape))
    logits = 100.0 * F.one_hot(predicted, 3).movedim(-1, 1)
    wanted = 1 - jaccard_score(labels.flatten(), predicted.flatten(), average='macro')
    assert LovaszSoftmaxLoss()(logits, labels).item() == pytest.approx(wanted, rel=1e-5)


def test_lovasz_softmax_equals_mmseg_where_that_works():
    logits, labels = batch()
    wanted = LovaszLoss(reduction='none', loss_weight=0.75)(logits, labels, ignore_index=255)
    found = LovaszSoftmaxLoss(loss_weight=0.75)(logits, labels, ignore_index=255)
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(*(torch.autograd.grad(value, logits)[0] for value in (found, wanted)))


@pytest.mark.parametrize('loss', [WeightedCrossEntropyLoss((1, 10, 1)), LovaszSoftmaxLoss()])
def test_without_a_labelled_pixel_loss_and_gradient_are_zero(loss):
    logits, labels = batch(unlabelled=1)
    value = loss(logits, labels, ignore_index=255)
    value.backward()
    assert value.shape == () and value.item() == 0 and torch.equal(logits.grad, torch.zeros_like(logits))


def test_one_labelled_pixel():
    logits, labels = batch(unlabelled=1)
    labels[1, 2, 3] = 1
    probability = logits.softmax(1)[1, 1, 2, 3]
    torch.testing.assert_close(LovaszSoftmaxLoss()(logits, labels), 1 - probability)
    torch.testing.assert_close(WeightedCrossEntropyLoss((1, 10, 1))(logits, labels), -probability.log())


def test_names_are_those_of_mmseg_and_wrong_options_are_named():
    assert LovaszSoftmaxLoss().loss_name == 'loss_lovasz'
    assert WeightedCrossEntropyLoss((1, 1), loss_name='loss_change').loss_name == 'loss_change'
    with pytest.raises(ValueError, match="'present' or 'all', found 'some'"):
        LovaszSoftmaxLoss('some')
    logits, labels = batch()
    with pytest.raises(ValueError, match='does not support pixel weights'):
        LovaszSoftmaxLoss()(logits, labels, weight=torch.ones(labels.shape))
