"""Contrast of groups of windows, and the batches it gets."""

import numpy as np
import torch
from mmpretrain.structures import DataSample

from mmhsi.models import BagDataPreprocessor, GroupContrast


def test_loss_is_that_of_the_formula():
    torch.manual_seed(0)
    contrast = GroupContrast(in_channels=6, temperature=0.2, loss_weight=0.5)
    tokens, groups = torch.randn(5, 3, 6), torch.tensor([0, 1, 0, 1, 0])
    with torch.no_grad():
        found = contrast(tokens, groups)
        z = contrast.projection(tokens.mean(dim=1)).double().numpy()
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    losses = []
    for i in range(5):
        others = [a for a in range(5) if a != i]
        total = sum(np.exp(z[i] @ z[a] / 0.2) for a in others)
        mine = [p for p in others if groups[p] == groups[i]]
        losses.append(-np.mean([np.log(np.exp(z[i] @ z[p] / 0.2) / total) for p in mine]))
    np.testing.assert_allclose(float(found), 0.5 * np.mean(losses), rtol=1e-5)


def test_augmentation_invents_no_bands():
    torch.manual_seed(0)
    images = torch.randn(4, 6, 3, 3)
    images[:, 4] = 0
    found = GroupContrast(in_channels=1, cut=3, cut_prob=0).augment(images)
    assert not found[:, 4].any() and found[:, 5].all() and not torch.equal(found, images)
    cut = GroupContrast(in_channels=1, cut=3, cut_prob=1).augment(images)
    assert cut[:, :3].all() and not cut[:, 3:].any()
    # a sensor without the bands beyond the cut keeps the others
    images[:, :3] = 0
    assert GroupContrast(in_channels=1, cut=6, cut_prob=1).augment(images)[:, 3].all()


def test_bags_become_one_batch():
    torch.manual_seed(0)
    bags = [torch.randn(4, 5, 7, 7) for _ in range(2)]
    samples = [DataSample() for _ in bags]
    for sample in samples:
        sample.set_field(torch.tensor([0, 1, 0, 1]), 'group')
    preprocess = BagDataPreprocessor(size=3, widths=(0.0,), num_bands=5)
    found = preprocess(dict(inputs=bags, data_samples=samples), training=True)
    assert found['data_samples'].tolist() == [0, 1, 0, 1, 2, 3, 2, 3]
    middle = torch.cat(bags)[..., 2:5, 2:5]
    torch.testing.assert_close(found['inputs'], middle / middle.square().mean().sqrt())
