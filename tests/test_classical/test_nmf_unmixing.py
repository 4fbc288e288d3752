import numpy as np
import pytest

from mmhsi.classical import fcls, sparse_nmf


@pytest.fixture
def mixed():
    """Pixels (N, C) of few endmembers each, endmembers (P, C) and abundances (N, P)."""
    rng = np.random.default_rng(0)
    spectra = rng.uniform(0.05, 1, (3, 20))
    abundances = rng.dirichlet(np.full(3, 0.4), 300)
    return abundances @ spectra + rng.normal(0, 1e-3, (300, 20)).clip(-0.01, 0.01), spectra, abundances


def start(spectra, seed=1, amount=0.1):
    return np.clip(spectra + np.random.default_rng(seed).normal(0, amount, spectra.shape), 0.01, 1)


def test_endmembers_and_abundances_come_nearer_to_the_truth(mixed):
    pixels, spectra, abundances = mixed
    first = start(spectra)
    shares = fcls(pixels, first)
    endmembers, found = sparse_nmf(pixels, first, shares, iterations=1000)
    assert np.abs(endmembers - spectra).mean() < np.abs(first - spectra).mean() / 5
    assert np.abs(found - abundances).mean() < np.abs(shares - abundances).mean() / 2
    assert np.square(found @ endmembers - pixels).mean() < np.square(shares @ first - pixels).mean() / 10
    assert (endmembers >= 0).all() and (found >= 0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_the_scale_of_the_pixels_does_not_matter(mixed):
    pixels, spectra, _ = mixed
    first = start(spectra)
    shares = fcls(pixels, first)
    (endmembers, found), (larger, same) = (
        sparse_nmf(scale * pixels, scale * first, shares, iterations=20) for scale in (1, 1000)
    )
    np.testing.assert_allclose(larger, 1000 * endmembers)
    np.testing.assert_allclose(same, found)


def test_sparsity_makes_abundances_sparser(mixed):
    pixels, spectra, _ = mixed
    shares = fcls(pixels, spectra)
    without, much = (sparse_nmf(pixels, spectra, shares, sparsity=weight)[1] for weight in (0, 3))
    assert np.sqrt(much).mean() < np.sqrt(without).mean()


def test_constant_and_dark_bands_and_pixels(mixed):
    pixels, spectra, _ = mixed
    pixels, spectra = pixels.copy(), spectra.copy()
    pixels[:, 3], spectra[:, 3] = 0.5, 0.5
    pixels[:, 7], spectra[:, 7] = 0, 0
    pixels[5] = 0
    endmembers, found = sparse_nmf(pixels, start(spectra), fcls(pixels, start(spectra)))
    assert np.isfinite(endmembers).all() and np.isfinite(found).all()
    np.testing.assert_allclose(found.sum(axis=1), 1)


@pytest.mark.parametrize(
    'change, message',
    [
        (lambda pixels, spectra, shares: (-pixels, spectra, shares), 'the pixels hold negative values'),
        (
            lambda pixels, spectra, shares: (pixels, spectra * np.nan, shares),
            'the endmembers hold negative values, NaN',
        ),
        (lambda pixels, spectra, shares: (pixels, spectra, shares.T), r'abundances \(3, 300\) do not fit together'),
    ],
)
def test_bad_input_is_refused(change, message, mixed):
    with pytest.raises(ValueError, match=message):
        sparse_nmf(*change(*mixed))
