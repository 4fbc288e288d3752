import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from mmhsi.datasets import Scene
from mmhsi.datasets.transforms import MinimumNoiseFraction


@pytest.fixture(scope='module')
def scene():
    """A line of pixels: three slowly changing sources of variance 100, 25, 4 in six bands, and noise of variance 1."""
    rng = np.random.RandomState(0)
    sources = gaussian_filter1d(rng.randn(6000, 3), 50, axis=0)
    sources = (sources - sources.mean(0)) / sources.std(0) * [10, 5, 2]
    directions = np.linalg.qr(rng.randn(6, 6))[0]
    return (sources @ directions[:3] + rng.randn(6000, 6) + np.arange(6)).astype(np.float32)


def test_ratios_are_those_of_signal_and_noise(scene):
    transform = MinimumNoiseFraction(6, trim=0.0)
    transform.fit(scene)
    np.testing.assert_allclose(transform.ratio, [101, 26, 5, 1, 1, 1], rtol=0.1)


def test_the_ends_of_rows_do_not_count_as_noise(scene):
    rows = scene.reshape(150, 40, 6)[np.random.RandomState(0).permutation(150)].reshape(-1, 6)
    ratio = {}
    for trim in (0.0, 0.05):
        transform = MinimumNoiseFraction(6, trim=trim)
        transform.fit(rows)
        ratio[trim] = transform.ratio[0]
    # every 40th difference leads to another row: 1 + 100 / 40 instead of 1
    assert ratio[0.0] == pytest.approx(101 / 3.5, rel=0.15)
    assert ratio[0.05] > 90


def test_is_that_of_the_spectral_package(scene):
    spectral = pytest.importorskip('spectral')
    cube = scene.reshape(2, 3000, 6).transpose(1, 0, 2).astype(np.float64)
    expected = spectral.mnf(spectral.calc_stats(cube), spectral.noise_from_diffs(cube, direction='lower'))
    transform = MinimumNoiseFraction(3, trim=0.0)
    transform.fit(scene)
    pairs = zip(transform(scene).T, expected.reduce(cube, num=3).transpose(1, 0, 2).reshape(-1, 3).T, strict=True)
    np.testing.assert_allclose([abs(np.corrcoef(a, b)[0, 1]) for a, b in pairs], 1, atol=1e-3)


@pytest.mark.parametrize('power', [0.0, 0.15, 0.5])
def test_components_are_uncorrelated_and_scaled(scene, power):
    transform = MinimumNoiseFraction(6, power=power)
    transform.fit(scene)
    values = transform(scene).astype(np.float64)
    expected = np.diag(transform.ratio ** (2 * power))
    np.testing.assert_allclose(np.cov(values.T), expected, atol=2e-3 * expected.max())
    np.testing.assert_allclose(values.mean(0), 0, atol=1e-3)


def test_state_is_kept(scene):
    first = MinimumNoiseFraction(4, power=0.3)
    first.fit(scene)
    second = MinimumNoiseFraction(4, power=0.3)
    second.load_state_dict(first.state_dict())
    np.testing.assert_array_equal(first(scene[:9]), second(scene[:9]))
    with pytest.raises(ValueError, match='has 4 components, but 5 are asked for'):
        MinimumNoiseFraction(5).load_state_dict(first.state_dict())


def test_bad_input_is_named(scene):
    with pytest.raises(ValueError, match='to keep 7 components of 6 bands'):
        MinimumNoiseFraction(7).bind(6)
    with pytest.raises(ValueError, match='at least 8 pixels for 6 bands, but 7 are given'):
        MinimumNoiseFraction(2).fit(scene[:7])
    with pytest.raises(ValueError, match=r'trim must lie in \[0, 1\), found 1'):
        MinimumNoiseFraction(2, trim=1)
    with pytest.raises(ValueError, match='do not have full rank'):
        MinimumNoiseFraction(2).fit(np.concatenate([scene, np.zeros_like(scene[:, :1])], axis=1))


def test_only_neighbours_tell_of_the_noise(scene):
    """Rows of 40 pixels in any order: with the ends of rows named, nothing has to be trimmed."""
    rows = scene.reshape(150, 40, 6)[np.random.RandomState(0).permutation(150)].reshape(-1, 6)
    neighbours = np.arange(1, len(rows)) % 40 != 0
    transform = MinimumNoiseFraction(6, trim=0.0)
    transform.fit(rows, neighbours)
    np.testing.assert_allclose(transform.ratio, [101, 26, 5, 1, 1, 1], rtol=0.1)
    with pytest.raises(ValueError, match='at least 7 such pairs for 6 bands, but 0 of the 6000 pixels'):
        transform.fit(rows, np.zeros_like(neighbours))


def test_blocks_change_nothing(scene, monkeypatch):
    states = []
    for block in (16384, 1000, 7):
        monkeypatch.setattr('mmhsi.utils.moments._BLOCK', block)
        transform = MinimumNoiseFraction(4)
        transform.fit(scene[:2000], np.arange(1999) % 13 != 0)
        states.append(transform.state_dict())
    for state in states[1:]:
        for name, value in state.items():
            np.testing.assert_allclose(value, states[0][name], rtol=1e-9, atol=1e-9)


def test_a_sample_of_a_large_scene_keeps_the_signal():
    """One pixel in 50: what five components explain of the signal stays what all pixels give."""
    rng = np.random.RandomState(0)
    abundances = gaussian_filter(rng.randn(300, 400, 5), (9, 9, 0))
    signal = abundances / abundances.std() @ rng.rand(5, 30) * 10
    cube = (signal + rng.randn(300, 400, 30) * rng.uniform(0.5, 4, 30)).astype(np.float32)

    def kept(**options):
        """Share of the variance of the signal that is linear in the components, and these."""
        scene = Scene(cube, preprocessing=[dict(type='MinimumNoiseFraction', n_components=5)], **options)
        scores = scene.window(0, 0, 300, 400).reshape(-1, 5)
        centred = signal.reshape(-1, 30) - signal.mean((0, 1))
        left = np.linalg.lstsq(scores, centred, rcond=None)[1].sum()
        return 1 - left / np.square(centred).sum(), scene.state_dict()['0.MinimumNoiseFraction.components']

    everything, full = kept()
    sample, sampled = kept(fit_pixels=2400)
    assert everything > 0.99 and sample > 0.97  # single pixels far apart: 0.92
    angles = np.linalg.svd(np.linalg.qr(full.T)[0].T @ np.linalg.qr(sampled.T)[0], compute_uv=False)
    assert angles.min() > 0.95


def test_of_very_many_pairs_some_tell_which_lie_farthest_out(scene, monkeypatch):
    transforms = [MinimumNoiseFraction(6) for _ in range(2)]
    transforms[0].fit(scene)
    monkeypatch.setattr('mmhsi.utils.moments._KEPT_BYTES', 8 * 6 * 1000)
    transforms[1].fit_blocks(lambda: [(part, None) for part in np.split(scene, 10)])
    np.testing.assert_allclose(transforms[1].ratio, transforms[0].ratio, rtol=0.15)


def test_fill_tells_nothing_of_the_noise(scene):
    pixels = scene.reshape(-1, scene.shape[-1])
    filled = np.concatenate([pixels, np.zeros((20 * len(pixels), pixels.shape[1]), pixels.dtype)])
    neighbours = np.ones(len(filled) - 1, bool)
    neighbours[len(pixels) - 1] = False
    transform = MinimumNoiseFraction(3)
    transform.fit(filled, neighbours)
    expected = MinimumNoiseFraction(3)
    expected.fit(pixels)
    covariance = np.cov(np.diff(pixels, axis=0).T)
    np.testing.assert_allclose(
        np.diag(transform.components @ covariance @ transform.components.T),
        np.diag(expected.components @ covariance @ expected.components.T),
        rtol=0.1,
    )
