import numpy as np
import pytest
from spectral import BandResampler

from mmhsi.datasets.scenes.band_matching import Bands, match_bands

MODEL = Bands(np.array([450.0, 550.0, 650.0, 850.0]), np.array([10.0, 10.0, 10.0, 30.0]), 'the model')


def file_of(*wavelengths, fwhm=None) -> Bands:
    widths = None if fwhm is None else np.full(len(wavelengths), float(fwhm))
    return Bands(np.array(wavelengths, float), widths, 'a.tif')


def test_the_same_bands_pass_as_they_are():
    assert match_bands(MODEL, file_of(452, 547, 650, 862)) is None  # 12 nm are within half the width of the last band
    assert match_bands(MODEL, file_of(1, 2, 3), 'off') is None
    with pytest.raises(ValueError, match='a.tif has other bands than the model: band 1 is at 544.0 nm, expected 550'):
        match_bands(MODEL, file_of(450, 544, 650, 850))
    assert match_bands(MODEL, file_of(450, 544, 650, 850), tolerance=6) is None


def test_another_order_is_told_from_other_bands():
    with pytest.raises(
        ValueError,
        match='another order than the model: band 0 is at 850.0 nm, expected 450.0 nm; '
        "match the bands by 'nearest' or 'resample'",
    ):
        match_bands(MODEL, file_of(850, 650, 550, 450))
    with pytest.raises(ValueError, match=r'a.tif has 3 bands, expected the 4 of the model and lacks those at 850.0 nm'):
        match_bands(MODEL, file_of(450, 550, 650))
    with pytest.raises(ValueError, match='a.tif has 5 bands, expected the 4 of the model, which hold all of them'):
        match_bands(MODEL, file_of(450, 550, 650, 700, 850))


def test_nearest_bands_in_the_order_of_the_model():
    found = file_of(900, 840, 700, 655, 560, 470, 440)
    match = match_bands(MODEL, found, 'nearest')
    assert match.source.tolist() == [6, 4, 3, 1]
    cube = np.random.default_rng(0).normal(size=(2, 3, 7)).astype(np.float32)
    np.testing.assert_array_equal(match(cube[..., match.source]), cube[..., [6, 4, 3, 1]])
    assert match.select(np.array([3, 0])).source.tolist() == [1, 6]
    with pytest.raises(
        ValueError,
        match=r'a.tif lacks 2 of the 4 bands of the model: band 0 at 450.0 nm \(nearest '
        r'520.0 nm\), band 3 at 850.0 nm \(nearest 660.0 nm\)',
    ):
        match_bands(MODEL, file_of(520, 545, 660), 'nearest')


def test_resampling_averages_over_the_responses_of_the_model():
    fine = np.arange(400.0, 1000.0, 5)
    match = match_bands(MODEL, Bands(fine, None, 'a.tif'), 'resample')
    spectra = np.random.default_rng(0).normal(size=(3, len(fine))).astype(np.float32)
    expected = np.stack([BandResampler(fine, MODEL.wavelengths, None, MODEL.fwhm)(row) for row in spectra])
    np.testing.assert_allclose(match(spectra[:, match.source]), expected, rtol=1e-5, atol=1e-5)
    assert len(match.source) < len(fine)  # bands of no influence are not read
    part = match.select(np.array([2]))
    np.testing.assert_allclose(part(spectra[:, part.source])[:, 0], expected[:, 2], rtol=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match='a.tif does not cover the bands of the model: .*850'):
        match_bands(MODEL, Bands(np.arange(400.0, 800.0, 5), None, 'a.tif'), 'resample')


def test_resampling_without_widths_interpolates():
    model = Bands(np.array([500.0, 510.0]))
    match = match_bands(model, file_of(490, 505, 515, 520), 'resample')
    np.testing.assert_allclose(match(np.array([[0.0, 15.0, 25.0, 30.0]], np.float32)[:, match.source]), [[10.0, 20.0]])


def test_bands_are_checked():
    with pytest.raises(ValueError, match='the wavelengths of the bands must be positive numbers'):
        Bands(np.array([450.0, -1]))
    with pytest.raises(ValueError, match='2 widths are given for 1 bands'):
        Bands(np.array([450.0]), np.array([1.0, 2.0]))
    with pytest.raises(ValueError, match="matched by one of .* not 'guess'"):
        match_bands(MODEL, MODEL, 'guess')
