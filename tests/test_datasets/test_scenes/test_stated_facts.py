"""Scenes work on physical values: scale, offset, masks, bad bands and fill values of the file are applied."""

import h5py
import numpy as np
import pytest
import rasterio
import scipy.io
from mmengine.config import Config

from mmhsi.datasets import Scene
from mmhsi.datasets.scenes.cube_source import CubeSource
from mmhsi.datasets.scenes.cube_view import CubeView
from mmhsi.inference.training_state import training_bands

pytestmark = pytest.mark.filterwarnings('ignore::rasterio.errors.NotGeoreferencedWarning')


@pytest.fixture
def stored():
    return np.random.default_rng(0).integers(1, 9000, (6, 7, 5)).astype(np.int16)


def write_tiff(path, cube, scale=None, offset=None, **profile):
    with rasterio.open(
        path,
        'w',
        driver='GTiff',
        height=cube.shape[0],
        width=cube.shape[1],
        count=cube.shape[2],
        dtype=cube.dtype.name,
        **profile,
    ) as dataset:
        dataset.write(cube.transpose(2, 0, 1))
        if scale is not None:
            dataset.scales, dataset.offsets = (scale,) * cube.shape[2], (offset or 0,) * cube.shape[2]
    return str(path)


def write_envi(folder, cube, extra):
    (folder / 'a.img').write_bytes(cube.transpose(2, 0, 1).astype('<i2').tobytes())
    (folder / 'a.hdr').write_text(
        f'ENVI\nsamples = {cube.shape[1]}\nlines = {cube.shape[0]}\nbands = {cube.shape[2]}\n'
        f'data type = 2\ninterleave = bsq\nbyte order = 0\n{extra}'
    )
    return str(folder / 'a.hdr')


@pytest.mark.parametrize('cache', (True, False))
def test_two_files_of_the_same_reflectance_are_the_same_scene(tmp_path, stored, cache):
    reflectance = (stored * 1e-4 + 0.5).astype(np.float32)
    paths = [write_tiff(tmp_path / 'float.tif', reflectance), write_tiff(tmp_path / 'int.tif', stored, 1e-4, 0.5)]
    with h5py.File(tmp_path / 'cf.nc', 'w') as file:
        file['cube'] = stored
        file['cube'].attrs.update(scale_factor=1e-4, add_offset=0.5)
    for path in (*paths, str(tmp_path / 'cf.nc')):
        np.testing.assert_array_equal(Scene(path, cache=cache).window(0, 0, 6, 7), reflectance)
    as_stored = Scene(dict(path=paths[1], scaled=False), cache=cache)
    np.testing.assert_array_equal(as_stored.window(0, 0, 6, 7), stored)


def test_nodata_is_a_stored_value(tmp_path, stored):
    stored[2, 3, 1], stored[4, 4] = -9, 5000
    path = write_tiff(tmp_path / 'a.tif', stored, 1e-4, nodata=-9)
    scene = Scene(path)
    assert np.argwhere(~scene.valid).tolist() == [[2, 3]]
    assert not scene.window(2, 3, 1, 1).any()
    assert not Scene(path, nodata=5000).valid[4, 4]
    with h5py.File(tmp_path / 'neon.h5', 'w') as file:
        file['SITE/Reflectance/Reflectance_Data'] = stored
        file['SITE/Reflectance/Reflectance_Data'].attrs.update(Data_Ignore_Value=-9.0, Scale_Factor=10000.0)
    source = CubeSource(str(tmp_path / 'neon.h5'))
    assert np.argwhere(~source.scan_valid()).tolist() == [[2, 3]]
    np.testing.assert_allclose(source.read((0, 0, 1, 1))[0], stored[:1, :1] / 1e4, rtol=1e-6)


@pytest.mark.parametrize('cache', (True, False))
def test_masked_and_transparent_pixels_are_not_valid(tmp_path, stored, cache):
    mask = np.random.default_rng(1).random((6, 7)) > 0.3
    path = write_tiff(tmp_path / 'a.tif', stored)
    with rasterio.open(path, 'r+') as dataset:
        dataset.write_mask(mask)
    scene = Scene(path, cache=cache)
    np.testing.assert_array_equal(scene.valid, mask)
    np.testing.assert_array_equal(scene.window(0, 0, 6, 7), np.where(mask[..., None], stored, 0))
    pixels = np.dstack([stored[..., :3].astype(np.uint8), np.where(mask, 255, 0).astype(np.uint8)])
    with rasterio.open(tmp_path / 'b.tif', 'w', driver='GTiff', height=6, width=7, count=4, dtype='uint8') as dataset:
        dataset.write(pixels.transpose(2, 0, 1))
    scene = Scene(str(tmp_path / 'b.tif'), cache=cache)
    assert scene.bands == 3
    np.testing.assert_array_equal(scene.valid, mask)


BAD = 'bbl = {1, 0, 1, 1, 0}\nwavelength = {450, 550, 650, 750, 850}\n'


def test_bad_bands_are_left_out_and_the_log_says_so(tmp_path, stored, log):
    path = write_envi(tmp_path, stored, BAD)
    scene = Scene(path, num_bands=5)
    assert scene.bands == 3 and scene.wavelengths.tolist() == [450, 650, 750]
    np.testing.assert_array_equal(scene.window(0, 0, 6, 7), stored[..., [0, 2, 3]])
    assert any('2 of 5 bands are marked as bad (1, 4) and left out' in line for line in log.messages)
    np.testing.assert_array_equal(scene.stored_bands([1])[0][..., 0], stored[..., 2])
    kept = Scene(dict(path=path, keep_bad_bands=True))
    assert kept.bands == 5
    assert any('marked as bad (1, 4) and kept' in line for line in log.messages)


def test_bands_that_are_named_by_number_are_those_of_the_file(tmp_path, stored):
    path = write_envi(tmp_path, stored, BAD)
    scene = Scene(path, preprocessing=[dict(type='SelectBands', bands=[0, 1])])
    np.testing.assert_array_equal(scene.window(0, 0, 6, 7), stored[..., [0, 1]])
    scene = Scene(path, preprocessing=[dict(type='SelectBands', wavelengths=[(500, 900)])])
    np.testing.assert_array_equal(scene.window(0, 0, 6, 7), stored[..., [2, 3]])


def test_a_bad_band_masks_nothing(tmp_path, stored):
    stored[..., 4] = -9
    scene = Scene(write_envi(tmp_path, stored, BAD + 'data ignore value = -9\n'))
    assert scene.valid.all()


def test_a_new_scene_with_the_same_bad_bands_suits_the_model(tmp_path, stored):
    path = write_envi(tmp_path, stored, BAD)
    cfg = Config(dict(test_dataloader=dict(dataset=dict(scene=dict(image=path)))))
    wanted = training_bands(cfg, None)
    assert wanted.wavelengths.tolist() == [450, 650, 750]
    view = CubeView(path, num_bands=5, wanted=wanted)
    assert view.raw_bands == 3
    other = tmp_path / 'other'
    other.mkdir()
    path = write_envi(other, stored, BAD.replace('bbl = {1, 0,', 'bbl = {1, 1,'))
    with pytest.raises(ValueError, match='has 4 bands, expected the 3 of'):
        CubeView(path, wanted=wanted)
    np.testing.assert_array_equal(
        CubeView(path, wanted=wanted, matching='nearest').window(0, 0, 6, 7), stored[..., [0, 2, 3]]
    )


def test_what_was_not_taken_as_stated_is_logged(tmp_path, stored, log):
    Scene(write_envi(tmp_path, stored, 'wavelength = {0.45, 0.55, 0.65, 0.75, 0.85}\nwavelength units = nm\n'))
    said = [line for line in log.messages if 'a.hdr: the field' in line]
    assert any('which cannot be; the values are taken as um' in line for line in said)


@pytest.mark.parametrize('values, listed', (([1, 2, 3, 255], '1, 2, 3, 255'), ([255], '255'), ([1, 200], '1, 200')))
def test_a_code_among_labels_without_names_is_asked_for(tmp_path, stored, values, listed):
    labels = np.resize(np.array([0, *values], np.uint8), (6, 7))
    scipy.io.savemat(tmp_path / 'gt.mat', {'gt': labels})
    path = str(tmp_path / 'gt.mat')
    with pytest.raises(
        ValueError,
        match=rf'labels go up to {max(values)}, but {len(values)} numbers .* \({listed}\); '
        rf'name the classes, .*ignore={max(values)}',
    ):
        _ = Scene(stored, path).labels
    if len(values) == 4:
        scene = Scene(stored, dict(path=path, ignore=255))
        assert scene.classes == ('class 1', 'class 2', 'class 3')
        assert (scene.labels[labels == 255] == 255).all() and (scene.labels[labels == 2] == 1).all()
    assert len(Scene(stored, np.resize(np.arange(201), (6, 7))).classes) == 41
