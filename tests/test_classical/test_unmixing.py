from itertools import chain, combinations

import numpy as np
import pytest
from scipy.optimize import minimize

from mmhsi.classical.unmixing import fcls, vca


def mixtures(number=400, endmembers=4, bands=30, noise=0.0, seed=0):
    """Pixels, endmembers and abundances of a scene in which the first pixels are pure."""
    rng = np.random.default_rng(seed)
    spectra = rng.uniform(0.05, 1, (endmembers, bands))
    abundances = rng.dirichlet(np.ones(endmembers), number)
    abundances[:endmembers] = np.eye(endmembers)
    return abundances @ spectra + noise * rng.standard_normal((number, bands)), spectra, abundances


@pytest.mark.parametrize('noise', [0.0, 0.002, 0.1], ids=['no noise', 'high SNR', 'low SNR'])
def test_vca_finds_the_pure_pixels(noise):
    pixels, spectra, _ = mixtures(noise=noise)
    endmembers, chosen = vca(pixels, 4)
    np.testing.assert_array_equal(endmembers, pixels[chosen])
    if noise < 0.1:
        assert sorted(chosen) == [0, 1, 2, 3]
    else:  # another pixel can be farther out by its noise, but each endmember is met
        distances = np.linalg.norm(endmembers[:, None] - spectra, axis=-1)
        assert sorted(distances.argmin(axis=1)) == [0, 1, 2, 3]


def test_vca_is_not_misled_by_brightness_and_scale():
    pixels, _, _ = mixtures()
    brightness = np.random.default_rng(1).uniform(0.3, 1, (len(pixels), 1))
    pixels = np.concatenate([pixels * brightness * 1e4, np.zeros((5, 30))])  # with unlit pixels
    assert sorted(vca(pixels, 4)[1]) == [0, 1, 2, 3]


def test_vca_follows_its_seed():
    pixels = mixtures(noise=0.05)[0]
    np.testing.assert_array_equal(vca(pixels, 4, seed=3)[1], vca(pixels, 4, seed=3)[1])
    assert len({tuple(vca(pixels, 4, seed=seed)[1]) for seed in range(5)}) > 1


def test_vca_refuses_what_has_no_answer():
    pixels = mixtures(endmembers=3)[0]
    for number in (1, 31):
        with pytest.raises(ValueError, match=f'{number} endmembers are to be found in 400 pixels of 30 bands'):
            vca(pixels, number)
    with pytest.raises(ValueError, match='no more than . vertices, but 5 endmembers'):
        vca(pixels, 5)
    with pytest.raises(ValueError, match='pixels hold NaN'):
        vca(np.where(pixels == pixels[2, 2], np.nan, pixels), 3)


def test_fcls_recovers_exact_mixtures():
    pixels, spectra, abundances = mixtures()
    np.testing.assert_allclose(fcls(pixels, spectra), abundances, atol=1e-10)


def slsqp(pixel, spectra):
    count = len(spectra)
    return minimize(
        lambda a: ((a @ spectra - pixel) ** 2).sum(),
        np.full(count, 1 / count),
        method='SLSQP',
        jac=lambda a: 2 * spectra @ (a @ spectra - pixel),
        bounds=[(0, 1)] * count,
        constraints=dict(type='eq', fun=lambda a: a.sum() - 1, jac=lambda a: np.ones(count)),
        options=dict(ftol=1e-15, maxiter=500),
    ).x


def best_of_all_subsets(pixel, spectra):
    """The optimum without an iteration: the best among the solutions for each set of endmembers that take part."""
    count = len(spectra)
    least, best = np.inf, None
    for used in map(list, chain.from_iterable(combinations(range(count), size) for size in range(1, count + 1))):
        origin, others = spectra[used[0]], spectra[used[1:]]
        free = np.linalg.lstsq((others - origin).T, pixel - origin, rcond=None)[0]
        abundances = np.zeros(count)
        abundances[used] = [1 - free.sum(), *free]
        misfit = ((abundances @ spectra - pixel) ** 2).sum()
        if abundances.min() >= 0 and misfit < least:
            least, best = misfit, abundances
    return best


@pytest.mark.parametrize('endmembers, bands', [(2, 3), (4, 30), (7, 12), (5, 4)])
def test_fcls_of_noisy_pixels_agrees_with_a_general_solver_and_the_exact_optimum(endmembers, bands):
    pixels, spectra, _ = mixtures(25, endmembers, bands, noise=0.3)
    found = fcls(pixels, spectra)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-10)
    assert found.min() >= 0
    assert (found == 0).any()  # bounds are met, else nothing of them would be tested
    np.testing.assert_allclose(found, [slsqp(pixel, spectra) for pixel in pixels], atol=1e-5)
    exact = [best_of_all_subsets(pixel, spectra) for pixel in pixels]
    np.testing.assert_allclose(found, exact, atol=1e-10)


def test_fcls_meets_the_conditions_of_the_optimum_with_similar_endmembers():
    rng = np.random.default_rng(2)
    spectra = 1 + 0.05 * rng.standard_normal((8, 40))
    pixels = 1 + 0.2 * rng.standard_normal((2000, 40))
    found = fcls(pixels, spectra)
    slope = (found @ spectra - pixels) @ spectra.T
    slope -= (slope * found).sum(axis=1, keepdims=True)  # the multiplier of the sum
    assert slope.min() > -1e-9
    np.testing.assert_allclose(np.where(found > 0, slope, 0), 0, atol=1e-9)


def test_fcls_of_one_endmember():
    np.testing.assert_array_equal(fcls(np.array([[1.0, 2.0], [9.0, 0.0]]), np.array([[3.0, 4.0]])), [[1.0], [1.0]])


def test_fcls_refuses_what_has_no_answer():
    pixels, spectra, _ = mixtures(10)
    with pytest.raises(ValueError, match='affinely dependent'):
        fcls(pixels, np.vstack([spectra, spectra[:2].mean(axis=0)]))
    with pytest.raises(ValueError, match='the pixels have 30 bands, the endmembers 29'):
        fcls(pixels, spectra[:, 1:])
    with pytest.raises(ValueError, match=r'expected real numbers of shape \(N, C\)'):
        fcls(pixels[0], spectra)
