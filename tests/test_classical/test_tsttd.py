import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch.nn import functional as F

from mmhsi.classical import sam, tsttd
from mmhsi.classical.spectral_group_transformer import SpectralGroupTransformer, triplet_loss

FAST = dict(iterations=60, group_size=4, stride=2, channels=16, num_layers=1, lr=2e-3)


def make_scene():
    """A background of three materials, and pixels of a fourth that is much like one of them."""
    rng = np.random.default_rng(0)
    spectra = rng.random((3, 12))
    target = spectra[0] + 0.12 * np.sin(np.arange(12))
    cube = rng.dirichlet(np.ones(3), (15, 14)) @ spectra
    truth = np.zeros((15, 14), bool)
    truth[[3, 8, 11], [4, 12, 6]] = True
    cube[truth] = target
    return 500 * (cube + 0.01 * rng.standard_normal(cube.shape)), 500 * target, truth


def test_the_network_learns_the_target():
    cube, target, truth = make_scene()
    scores = tsttd(cube, target, **FAST)
    assert scores.shape == truth.shape and np.abs(scores).max() <= 1 + 1e-6
    assert roc_auc_score(truth.ravel(), scores.ravel()) > 0.98
    untrained = tsttd(cube, target, **{**FAST, 'iterations': 0})
    gaps = [s[truth].mean() - s[~truth].mean() for s in (scores, untrained, sam(cube, target))]
    assert gaps[0] > 2 * gaps[1]


def test_seed_units_and_invalid_pixels():
    cube, target, _ = make_scene()
    options = dict(FAST, iterations=5)
    state = torch.get_rng_state()
    scores = tsttd(cube, target, **options)
    assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_array_equal(tsttd(cube, target, **options), scores)
    np.testing.assert_allclose(tsttd(4 * cube - 7, 4 * target - 7, **options), scores, atol=1e-3)
    assert not np.allclose(tsttd(cube, target, seed=1, **options), scores)
    valid = np.ones(cube.shape[:2], bool)
    valid[5:8] = False
    found = tsttd(np.where(valid[..., None], cube, np.nan), target, valid, **options)
    np.testing.assert_array_equal(np.isnan(found), ~valid)


def test_a_token_is_a_group_of_neighbouring_bands_and_the_ends_are_mirrored():
    network = SpectralGroupTransformer(5, group_size=4, stride=2)
    padded = np.pad(np.arange(5), 2, mode='symmetric')
    np.testing.assert_array_equal(network.bands.numpy(), [padded[start : start + 4] for start in (0, 2, 4)])


def test_the_network_has_the_size_of_its_definition():
    """189 bands, as San Diego has: the layers one by one. A checkpoint of TSTTD for it holds as many numbers."""
    tokens, width, inner = 190, 128, 256
    layer = 2 * 2 * width + 3 * inner * width + inner * width + width + 2 * 64 * width + 64 + width
    layer += 2 * tokens**2 + tokens
    wanted = 21 * width + width + tokens * width + 4 * layer
    assert sum(value.numel() for value in SpectralGroupTransformer(189).parameters()) == wanted == 909_848


def test_the_loss_pulls_mixtures_to_the_target_and_pushes_the_background_away():
    mixtures, background, target = torch.randn(4, 6), torch.randn(4, 6), torch.randn(1, 6)
    cosine = F.cosine_similarity
    total = 0.0
    for near, far in zip(mixtures, background, strict=True):
        c, d, e = cosine(near, target[0], 0), cosine(far, target[0], 0), cosine(far, near, 0)
        total += max(0.0, 1 + max(d, e) - c) - 0.5 * (torch.sigmoid(c).log() + torch.sigmoid(1 - d).log())
    torch.testing.assert_close(triplet_loss(mixtures, background, target), total / 4)


def test_a_scene_without_a_background_is_refused():
    with pytest.raises(ValueError, match='all values of the cube are equal'):
        tsttd(np.ones((9, 9, 3)), np.ones(3))
