"""Scenes that are read window by window, and what is known of the bands that a model was trained on."""

import numpy as np
import pytest
from inference_cases import config, segmentor, toy_cube

from mmhsi.datasets import Scene, resample_spectrum, write_raster
from mmhsi.datasets.scenes.band_matching import Bands
from mmhsi.datasets.scenes.cube_view import CubeView
from mmhsi.datasets.scenes.pair_view import PairView
from mmhsi.inference.training_state import training_bands

WAVES = np.array([450.0, 500.0, 550.0, 600.0, 650.0, 700.0])
STEPS = [dict(type='SelectBands', exclude=[1, 4]), dict(type='Standardize')]


def fitted_view(image, steps, state, *args):
    view = CubeView(image, steps, *args)
    view.load_state_dict(state)
    return view


@pytest.fixture
def scene():
    """A scene that the preprocessing is fitted to."""
    return Scene(toy_cube(9, 8), preprocessing=STEPS)


def test_windows_are_those_of_the_scene_it_was_fitted_to(scene):
    stream = fitted_view(toy_cube(9, 8), STEPS, scene.state_dict())
    for pad_mode in ('constant', 'symmetric', 'reflect'):
        for area in ((0, 0, 9, 8), (-2, 3, 5, 7), (6, -1, 4, 4)):
            np.testing.assert_allclose(stream.window(*area, pad_mode), scene.window(*area, pad_mode), atol=1e-6)
    np.testing.assert_array_equal(stream.window(20, 20, 2, 2, pad_value=3.0), np.full((2, 2, 4), 3, np.float32))


def test_only_bands_that_are_used_mask_a_pixel(scene):
    cube = toy_cube(9, 8)
    cube[2, 3, 1], cube[5, 5, 2] = np.nan, np.inf
    stream = fitted_view(cube, STEPS, scene.state_dict())
    assert np.argwhere(~stream.validity(0, 0, 9, 8)).tolist() == [[5, 5]]
    stream.window(1, 1, 6, 6)
    assert np.argwhere(~stream.validity(2, 2, 5, 5)).tolist() == [[3, 3]]  # of the window that was read
    assert stream.validity(-1, 7, 2, 3).tolist() == [[False] * 3, [True, False, False]]
    assert (stream.window(5, 5, 1, 1) == 0).all()
    np.testing.assert_array_equal(stream.valid, stream.validity(0, 0, 9, 8))


def test_resampled_bands_pass_the_selection_of_the_model(tmp_path, scene):
    fine = np.linspace(440, 710, 55)
    spectra = np.random.default_rng(1).normal(1.5, 1, (4, 5, 55)).astype(np.float32)
    write_raster(tmp_path / 'fine.tif', spectra, wavelengths=fine)
    stream = fitted_view(
        str(tmp_path / 'fine.tif'), STEPS, scene.state_dict(), 6, Bands(WAVES, np.full(6, 12.0)), 'resample'
    )
    model = resample_spectrum(spectra.reshape(20, 55), fine, WAVES, np.full(6, 12.0))
    expected = scene.preprocess_spectra(model.astype(np.float32)).reshape(4, 5, 4)
    np.testing.assert_allclose(stream.window(0, 0, 4, 5), expected, atol=1e-4)
    np.testing.assert_allclose(stream.wavelengths, WAVES[[0, 2, 3, 5]])
    np.testing.assert_allclose(stream.preprocess_spectra(model), expected.reshape(20, 4), atol=1e-4)
    assert 'resample' in stream.matched


def test_a_state_of_other_bands_is_named(scene):
    state = scene.state_dict()
    with pytest.raises(ValueError, match='Standardize was fitted on 4 bands, but is applied to 6'):
        fitted_view(
            toy_cube(9, 8),
            STEPS[1:],
            {'0.Standardize.mean': state['1.Standardize.mean'], '0.Standardize.std': state['1.Standardize.std']},
        ).window(0, 0, 1, 1)
    with pytest.raises(ValueError, match='the state of the preprocessing consists of'):
        fitted_view(toy_cube(9, 8), STEPS[1:], state)


def test_preprocessing_that_makes_infinity_of_a_valid_value_is_named():
    cube = toy_cube(4, 5)
    view = CubeView(cube, [dict(type='ScaleValues', factor=1e37)])
    cube[2, 3, 4] = 100.0
    with pytest.raises(
        ValueError,
        match='the preprocessing makes NaN or infinity of valid values, in 1 of 6 bands, the first is band 4',
    ):
        view.window(0, 0, 4, 5)


def test_values_beyond_any_sensor_are_no_data():
    cube = toy_cube(4, 5)
    cube[1, 2, 0] = -3.4e38
    view = CubeView(cube)
    assert np.argwhere(~view.valid).tolist() == [[1, 2]]
    assert (view.window(1, 2, 1, 1) == 0).all()


def test_pair_holds_the_bands_of_both_dates():
    pair = PairView([toy_cube(5, 6), toy_cube(5, 6, seed=1)])
    assert pair.window(-1, 0, 3, 4).shape == (3, 4, 12) and pair.bands == 12
    np.testing.assert_array_equal(pair.window(1, 2, 1, 1)[0, 0, 6:], toy_cube(5, 6, seed=1)[1, 2])


def test_bands_of_the_training_come_from_the_nearest_source(tmp_path):
    cfg = config(segmentor(), dict(image='train.tif', data_root=str(tmp_path)), tile_size=16)
    assert training_bands(cfg, None) is None
    write_raster(tmp_path / 'train.tif', toy_cube(3, 4), wavelengths=WAVES)
    found = training_bands(cfg, None)
    np.testing.assert_allclose(found.wavelengths, WAVES)
    assert found.source.endswith('train.tif')
    cfg.sensor = dict(wavelengths=(WAVES + 1).tolist(), fwhm=[10.0] * 6)
    np.testing.assert_allclose(training_bands(cfg, None).fwhm, 10)
    record = dict(wavelengths=WAVES + 2)
    np.testing.assert_allclose(training_bands(cfg, record).wavelengths, WAVES + 2)
    np.testing.assert_allclose(training_bands(cfg, record, WAVES + 3).wavelengths, WAVES + 3)
    np.savetxt(tmp_path / 'bands.csv', np.stack([WAVES / 1000, WAVES], axis=1), delimiter=',')
    np.testing.assert_allclose(training_bands(cfg, record, tmp_path / 'bands.csv').wavelengths, WAVES)
    np.save(tmp_path / 'none.npy', toy_cube(3, 4))
    with pytest.raises(ValueError, match='none.npy: the file states no wavelengths'):
        training_bands(cfg, record, tmp_path / 'none.npy')


def test_wavelengths_are_stated_where_the_file_states_none(tmp_path):
    cube = np.random.default_rng(0).uniform(size=(4, 5, 31)).astype(np.float32)
    np.save(tmp_path / 'cube.npy', cube)
    path = str(tmp_path / 'cube.npy')
    assert np.allclose(CubeView(dict(path=path, wavelengths=(400, 700))).info.wavelengths, np.arange(400, 701, 10))
    assert np.array_equal(CubeView(dict(path=path, wavelengths=np.arange(31) + 500.0)).wavelengths, np.arange(31) + 500)
    with pytest.raises(ValueError, match=r'cube.npy: wavelengths of shape \(3,\) .* expected those of the 31 bands'):
        CubeView(dict(path=path, wavelengths=(400, 500, 700)))
