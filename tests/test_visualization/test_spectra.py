"""Spectra of classes over wavelengths."""

import numpy as np
import pytest
from figure_texts import clipped_texts, texts

from mmhsi.visualization.figure import figure_to_rgb
from mmhsi.visualization.spectra import WATER_BANDS, class_spectra, spectra_figure
from mmhsi.visualization.unmixing import endmember_figure

NAMES = ('water', 'dry & wet grass', 'nothing')
WAVES = np.r_[400:1300:50, 1500:1750:50, 2000:2500:50].astype(float)


def shaded(axes):
    return sorted((patch.get_x(), patch.get_x() + patch.get_width()) for patch in axes.patches)


@pytest.fixture
def spectra():
    rng = np.random.default_rng(0)
    cube, labels = rng.normal(5, 1, (6, 7, len(WAVES))), rng.integers(0, 2, (6, 7))
    labels[0] = 255
    cube[1, 1, 3] = np.nan
    return cube, labels


def test_means_and_deviations_of_the_labelled_pixels(spectra):
    cube, labels = spectra
    means, deviations = class_spectra(cube, labels, 3)
    labels[1, 1] = 255  # has a band without a value
    for index in range(2):
        np.testing.assert_allclose(means[index], cube[labels == index].mean(axis=0))
        np.testing.assert_allclose(deviations[index], cube[labels == index].std(axis=0))
    assert np.isnan(means[2]).all() and np.isnan(deviations[2]).all()
    with pytest.raises(ValueError, match=r'6, 7\) pixels needs as many labels, found \(42,\)'):
        class_spectra(cube, labels.ravel(), 3)


def test_a_panel_for_each_class_on_one_scale_with_the_water_bands_shaded(spectra):
    means, deviations = class_spectra(*spectra, 3)
    figure = spectra_figure(
        means, deviations, NAMES, WAVES, title='scene: spectra', notes=['9', '8', '0'], ylabel='reflectance'
    )
    figure_to_rgb(figure)
    assert {*NAMES, '9', 'scene: spectra', 'wavelength (nm)', 'reflectance'} <= set(texts(figure))
    assert not clipped_texts(figure)
    assert len({axes.get_ylim() for axes in figure.axes}) == 1 and len(figure.axes) == 3
    for index, axes in enumerate(figure.axes):
        assert axes.get_xlim() == (400, 2450)
        assert shaded(axes) == [pytest.approx(band) for band in WATER_BANDS]
        places, values = axes.lines[-1].get_data()
        np.testing.assert_array_equal(values[np.isfinite(values)], means[index][np.isfinite(means[index])])
        assert np.isnan(places).sum() == 1  # the line is cut where the 200 nm around 1400 nm are left out
        every, _ = axes.collections  # what all spectra cover, and the deviations of this one
        bounds = every.get_datalim(axes.transData)
        assert bounds.y0 == np.nanmin(means) and bounds.y1 == np.nanmax(means)


def test_bands_without_wavelengths_are_counted_and_not_shaded():
    figure = spectra_figure(np.ones((5, 4)))
    assert {'band', 'spectrum 5'} <= set(texts(figure)) and not any(shaded(axes) for axes in figure.axes)
    with pytest.raises(ValueError, match='4 bands need as many wavelengths, found 3'):
        spectra_figure(np.ones((1, 4)), wavelengths=[1, 2, 3])
    with pytest.raises(ValueError, match='1 spectra need as many names and notes, found 2 names'):
        spectra_figure(np.ones((1, 4)), names=('a', 'b'))
    with pytest.raises(ValueError, match=r'deviations of it, found \(1, 3\)'):
        spectra_figure(np.ones((1, 4)), np.ones((1, 3)))


def test_light_colours_are_darkened():
    figure = spectra_figure(np.ones((2, 4)), palette=[(255, 255, 255), (0, 0, 90)])
    white, blue = (axes.lines[-1].get_color() for axes in figure.axes)
    np.testing.assert_allclose(white, [0.55] * 3)
    np.testing.assert_allclose(blue, [0, 0, 90 / 255])


def test_endmembers_share_the_axis():
    (axes,) = endmember_figure(np.ones((1, len(WAVES))), wavelengths=WAVES).axes
    assert shaded(axes) == [pytest.approx(band) for band in WATER_BANDS]
