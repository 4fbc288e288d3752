import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from mmhsi.classical import auto_ad
from mmhsi.classical.background_autoencoder import BackgroundAutoencoder

FAST = dict(iterations=60, channels=16, depth=2)


def make_scene(seed=0):
    """Two smooth materials and four anomalous pixels of a third, and their map."""
    rng = np.random.default_rng(seed)
    spectra = rng.random((3, 8))
    share = np.linspace(0, 1, 21)[:, None] * np.ones(19)
    cube = share[..., None] * spectra[0] + (1 - share[..., None]) * spectra[1]
    truth = np.zeros((21, 19), bool)
    truth[[3, 8, 14, 17], [4, 12, 6, 15]] = True
    cube[truth] = spectra[2]
    return 900 * (cube + 0.01 * rng.standard_normal(cube.shape)), truth


def test_what_the_network_does_not_learn_is_anomalous():
    cube, truth = make_scene()
    scores = auto_ad(cube, **FAST)
    assert scores.shape == truth.shape and (scores >= 0).all()
    assert roc_auc_score(truth.ravel(), scores.ravel()) > 0.95


def test_seed_units_and_invalid_pixels():
    cube, _ = make_scene()
    state = torch.get_rng_state()
    scores = auto_ad(cube, **FAST)
    assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_array_equal(auto_ad(cube, **FAST), scores)
    np.testing.assert_allclose(auto_ad(cube * 4 - 7, **FAST), scores, rtol=1e-2)
    assert not np.allclose(auto_ad(cube, seed=1, **FAST), scores)
    valid = np.ones(cube.shape[:2], bool)
    valid[5:8] = False
    broken = np.where(valid[..., None], cube, np.nan)
    found = auto_ad(broken, valid, **FAST)
    np.testing.assert_array_equal(np.isnan(found), ~valid)


def test_the_network_has_the_size_of_its_definition():
    """Five halvings with 128 maps: what the layers have one by one, for 189 bands."""
    bands, maps = 189, 128

    def block(width, kernel):
        return width * maps * kernel**2 + 3 * maps

    first = block(bands, 3) + block(bands, 1)
    others = 4 * (block(maps, 3) + block(maps, 1))
    ups = 5 * (4 * maps + block(2 * maps, 3) + block(maps, 1) + block(maps, 3))
    network = BackgroundAutoencoder(bands)
    assert sum(value.numel() for value in network.parameters()) == first + others + ups + maps * bands + bands
    assert network(torch.rand(1, bands, 70, 65)).shape == (1, bands, 70, 65)


def test_scenes_without_a_background_are_refused():
    with pytest.raises(ValueError, match='all values of the cube are equal'):
        auto_ad(np.ones((9, 9, 3)))
    with pytest.raises(ValueError, match='at least 4 x 4 pixels, found 3 x 9'):
        auto_ad(np.random.default_rng(0).random((3, 9, 3)))
