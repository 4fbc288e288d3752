import numpy as np
import pytest

from mmhsi.classical import DENOISERS, low_rank, low_rank_wavelet, noise_sigmas, robust_low_rank, wavelet
from mmhsi.classical.denoising import singular_value_threshold

H, W, C, R = 32, 40, 30, 3


@pytest.fixture(scope='module')
def clean() -> np.ndarray:
    """A cube of three smooth spectra in smooth shares."""
    rng = np.random.default_rng(0)
    rows, cols = np.mgrid[:H, :W]
    shares = np.stack(
        [0.5 + 0.5 * np.sin(rows / 5 + index) * np.cos(cols / (4 + index)) for index in range(R)], axis=-1
    )
    return shares @ rng.random((R, C)) / R


def noisy(clean: np.ndarray, sigma=0.1, seed: int = 0) -> np.ndarray:
    return clean + np.random.default_rng(seed).normal(size=clean.shape) * sigma


def error(cube: np.ndarray, clean: np.ndarray) -> float:
    return float(np.sqrt(((cube - clean) ** 2).mean()))


def test_the_noise_of_each_band_is_found(clean):
    sigmas = np.linspace(0.02, 0.2, C)
    np.testing.assert_allclose(noise_sigmas(noisy(np.tile(clean, (4, 4, 1)), sigmas)), sigmas, rtol=0.06)
    assert noise_sigmas(np.ones((8, 8, 2))).tolist() == [0, 0]


def test_the_threshold_is_that_of_the_paper():
    # square matrix: 4 / sqrt(3) sqrt(n)
    assert singular_value_threshold(100, 100) == pytest.approx(40 / np.sqrt(3))
    assert singular_value_threshold(40, 90) == singular_value_threshold(90, 40)


def test_low_rank_is_the_truncated_svd_of_the_whitened_cube(clean):
    cube = noisy(clean, np.linspace(0.02, 0.1, C))
    sigmas = noise_sigmas(cube)
    flat = cube.reshape(-1, C)
    left, values, right = np.linalg.svd((flat - flat.mean(0)) / sigmas, full_matrices=False)
    wanted = left[:, :4] * values[:4] @ right[:4] * sigmas + flat.mean(0)
    np.testing.assert_allclose(low_rank(cube, 4).reshape(-1, C), wanted, atol=1e-9)
    # without a rank the three components of the scene are found
    np.testing.assert_allclose(low_rank(cube), low_rank(cube, R), atol=1e-12)
    assert error(low_rank(cube), clean) < 0.5 * error(cube, clean)


def test_each_step_helps(clean):
    cube = noisy(clean)
    errors = {name: error(denoise(cube), clean) for name, denoise in DENOISERS.items()}
    assert errors['wavelet'] < 0.7 * error(cube, clean)
    assert errors['low_rank_wavelet'] < errors['low_rank'] < errors['wavelet']


def test_a_sparse_part_is_taken_away(clean):
    cube = noisy(clean, 0.005)
    rng = np.random.default_rng(1)
    hit = rng.random(cube.shape) < 0.05
    cube[hit] = rng.integers(0, 2, np.count_nonzero(hit))
    assert error(robust_low_rank(cube), clean) < 0.2 * error(cube, clean)
    assert error(robust_low_rank(cube), clean) < 0.4 * error(low_rank(cube), clean)


@pytest.mark.parametrize('name', DENOISERS)
def test_what_is_given_stays_and_odd_cubes_have_a_result(name, clean):
    cube = noisy(clean)
    before = cube.copy()
    DENOISERS[name](cube)
    np.testing.assert_array_equal(cube, before)
    with_zeros = np.concatenate([cube[..., :2], cube[..., :1] * 0], axis=-1)
    for odd in (np.zeros((8, 9, 3)), np.full((9, 8, 3), 0.5), with_zeros):
        restored = DENOISERS[name](odd)
        assert restored.shape == odd.shape and np.isfinite(restored).all()
    np.testing.assert_allclose(DENOISERS[name](np.full((9, 8, 3), 0.5)), 0.5, atol=1e-6)


@pytest.mark.parametrize('name', DENOISERS)
@pytest.mark.parametrize(
    'cube, message',
    [
        (np.full((9, 9, 2), np.nan), 'NaN or infinity'),
        (np.zeros((9, 9)), r'expected \(H, W, C\)'),
        (np.zeros((7, 9, 2)), 'at least 8 x 8'),
        (np.zeros((9, 9, 2), complex), 'real numbers'),
    ],
)
def test_cubes_that_are_refused(name, cube, message):
    with pytest.raises(ValueError, match=message):
        DENOISERS[name](cube)


def test_options_out_of_range(clean):
    for rank in (0, C + 1):
        with pytest.raises(ValueError, match=f'between 1 and {C}'):
            low_rank_wavelet(clean, rank)
    with pytest.raises(ValueError, match='weight must be positive'):
        robust_low_rank(clean, 0.0)
    assert wavelet(clean).dtype == np.float64
