import numpy as np
import pytest

from mmhsi.datasets.transforms import (
    MinMaxScale,
    ScaleValues,
    SelectBands,
    SpectralChain,
    SpectralPCA,
    SpectralTransform,
    Standardize,
)


@pytest.fixture
def pixels():
    """500 correlated spectra of 12 bands at different levels, as digital numbers of a sensor."""
    rng = np.random.RandomState(0)
    return (rng.randn(500, 12) @ rng.randn(12, 12) * 300 + np.linspace(1000, 6000, 12)).astype(np.float32)


def test_select_bands_by_number_range_and_exclusion(pixels):
    np.testing.assert_array_equal(SelectBands(bands=[5, (1, 3)])(pixels), pixels[:, [5, 1, 2, 3]])
    np.testing.assert_array_equal(SelectBands(exclude=[(0, 7), 11])(pixels), pixels[:, 8:11])


def test_select_bands_by_wavelength(pixels):
    select = SelectBands(wavelengths=[(400, 430), (500, 505)])
    bands, wavelengths = select.bind(12, np.arange(400.0, 520, 10))
    assert (bands, wavelengths.tolist()) == (5, [400, 410, 420, 430, 500])
    np.testing.assert_array_equal(select(pixels), pixels[:, [0, 1, 2, 3, 10]])


@pytest.mark.parametrize(
    'arguments, wavelengths, message',
    [
        ({'bands': [12]}, None, 'names band 12, but there are the bands 0 to 11'),
        ({'exclude': [-1]}, None, 'names band -1'),
        ({'exclude': [(0, 11)]}, None, 'keeps none of the 12 bands'),
        ({'wavelengths': [(400, 500)]}, None, 'wavelengths of the bands are unknown'),
        ({'wavelengths': [(400, 500)]}, np.full(12, 900.0), 'keeps none'),
    ],
)
def test_select_bands_names_what_is_impossible(arguments, wavelengths, message):
    with pytest.raises(ValueError, match=message):
        SelectBands(**arguments).bind(12, wavelengths)


def test_select_bands_takes_one_argument_and_the_bands_it_was_bound_to(pixels):
    for arguments in ({}, {'bands': [0], 'exclude': [1]}):
        with pytest.raises(ValueError, match='exactly one of'):
            SelectBands(**arguments)
    select = SelectBands(bands=[9])
    select.bind(12)
    with pytest.raises(ValueError, match='takes band 9, but is applied to 5 bands'):
        select(pixels[:, :5])


def test_scale_values(pixels):
    np.testing.assert_allclose(ScaleValues(1e-4, -0.5)(pixels), pixels * 1e-4 - 0.5, rtol=1e-5)


def test_standardize_gives_mean_0_and_deviation_1(pixels):
    step = Standardize()
    step.fit(pixels)
    out = step(pixels).astype(np.float64)
    np.testing.assert_allclose(out.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(out.std(0), 1, atol=1e-5)


def test_standardize_leaves_a_constant_band_finite():
    step = Standardize()
    step.fit(np.full((10, 2), 7, np.float32))
    assert not step(np.full((10, 2), 7, np.float32)).any()


@pytest.mark.parametrize('per_band, axis', [(False, None), (True, 0)])
def test_min_max_scale(pixels, per_band, axis):
    step = MinMaxScale(per_band)
    step.fit(pixels)
    wanted = (pixels - pixels.min(axis)) / (pixels.max(axis) - pixels.min(axis))
    np.testing.assert_allclose(step(pixels), wanted, atol=1e-6)
    np.testing.assert_allclose(step(pixels).min(axis), 0, atol=1e-6)
    np.testing.assert_allclose(step(pixels).max(axis), 1, atol=1e-6)


def test_min_max_scale_of_a_constant_cube_is_0():
    step = MinMaxScale()
    step.fit(np.full((10, 2), 7, np.float32))
    assert not step(np.full((3, 3, 2), 7, np.float32)).any()


@pytest.mark.parametrize('whiten', [True, False])
def test_pca_equals_the_eigenvectors_of_the_covariance(pixels, whiten):
    pca = SpectralPCA(4, whiten=whiten)
    pca.fit(pixels)
    variances, vectors = np.linalg.eigh(np.cov(pixels.T.astype(np.float64)))
    wanted = (pixels - pixels.mean(0, dtype=np.float64)) @ vectors[:, :-5:-1]
    if whiten:
        wanted /= np.sqrt(variances[:-5:-1])
    found = pca(pixels)
    np.testing.assert_allclose(found * np.sign((found * wanted).sum(0)), wanted, rtol=1e-3, atol=1e-3 * wanted.std())


def test_pca_whitening_does_not_blow_up_missing_variance():
    pixels = np.random.RandomState(0).rand(50, 1).astype(np.float32) @ np.ones((1, 3), np.float32)
    pca = SpectralPCA(3)
    pca.fit(pixels)
    assert np.abs(pca(pixels)).max() < 50


def test_pca_names_what_is_impossible(pixels):
    with pytest.raises(ValueError, match='13 components of 12 bands'):
        SpectralPCA(13).bind(12)
    with pytest.raises(ValueError, match='at least 4 pixels for 4 components, but 3 are given'):
        SpectralPCA(4).fit(pixels[:3])


@pytest.mark.parametrize('make', [Standardize, lambda: MinMaxScale(True), lambda: SpectralPCA(3)])
def test_state_is_restored(pixels, make):
    fitted, fresh = make(), make()
    assert not fresh.fitted
    with pytest.raises(ValueError, match='is not fitted'):
        fresh(pixels)
    with pytest.raises(ValueError, match='has no state to save'):
        fresh.state_dict()
    fitted.fit(pixels)
    fresh.load_state_dict(fitted.state_dict())
    assert fresh.fitted
    np.testing.assert_array_equal(fresh(pixels), fitted(pixels))
    with pytest.raises(ValueError, match='was fitted on 12 bands, but is applied to 11'):
        fresh(pixels[:, 1:])
    with pytest.raises(ValueError, match=r"not \['other'\]"):
        fresh.load_state_dict({'other': np.zeros(3)})


def test_pca_refuses_a_state_with_other_components(pixels):
    pca = SpectralPCA(3)
    pca.fit(pixels)
    with pytest.raises(ValueError, match='has 3 components, but 5 are asked for'):
        SpectralPCA(5).load_state_dict(pca.state_dict())


def test_transforms_serve_a_pipeline(pixels):
    results = {'img': pixels.reshape(20, 25, 12), 'row': 3}
    assert SelectBands(bands=[2])(ScaleValues(2)(results)) is results
    np.testing.assert_array_equal(results['img'][..., 0], pixels[:, 2].reshape(20, 25) * 2)


def test_chain_applies_one_after_the_other(pixels):
    chain = SpectralChain([{'type': 'SelectBands', 'exclude': [0, 1]}, {'type': 'MinMaxScale'}, SpectralPCA(2)])
    bands, wavelengths = chain.bind(12, np.arange(12.0))
    assert (bands, wavelengths, chain.fitted) == (2, None, False)
    assert chain.source_bands.tolist() == list(range(2, 12))
    read = pixels[:, 2:]
    chain.fit(read)

    scale, pca = MinMaxScale(), SpectralPCA(2)
    scale.fit(read)
    pca.fit(scale(read))
    np.testing.assert_array_equal(chain(read), pca(scale(read)))

    other = SpectralChain([SelectBands(bands=[(2, 11)]), MinMaxScale(), SpectralPCA(2)])
    other.load_state_dict(chain.state_dict())
    np.testing.assert_array_equal(other(read), chain(read))
    with pytest.raises(ValueError, match='0.MinMaxScale.maximum'):
        SpectralChain([MinMaxScale()]).load_state_dict(chain.state_dict())


def test_chain_takes_spectral_transforms_only():
    with pytest.raises(ValueError, match='LoadSceneWindow is not a spectral transform'):
        SpectralChain([{'type': 'LoadSceneWindow'}])
    assert isinstance(SpectralChain([{'type': 'ScaleValues'}]).transforms[0], SpectralTransform)
