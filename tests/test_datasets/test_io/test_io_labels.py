import struct
import zlib

import h5py
import numpy as np
import pytest
import rasterio
import scipy.io
from skimage.io import imsave

from mmhsi.datasets.io import CubeReadError, open_cube, read_labels, write_raster


@pytest.fixture
def labels():
    return np.random.default_rng(3).integers(0, 17, (9, 6)).astype(np.uint8)


def save(path, labels):
    if path.suffix == '.mat':
        scipy.io.savemat(path, {'gt': labels})
    elif path.suffix == '.h5':
        with h5py.File(path, 'w') as file:
            file['gt'] = labels
    elif path.suffix == '.npy':
        np.save(path, labels)
    elif path.suffix == '.npz':
        np.savez(path, gt=labels)
    elif path.suffix == '.png':
        imsave(path, labels, check_contrast=False)
    else:
        write_raster(path, labels)
    return path


@pytest.mark.parametrize('name', ('a.mat', 'a.h5', 'a.npy', 'a.npz', 'a.png', 'a.tif', 'a.img'))
def test_formats(tmp_path, labels, name):
    values = read_labels(save(tmp_path / name, labels), shape=(9, 6))
    np.testing.assert_array_equal(values, labels)
    assert values.dtype == np.int64


@pytest.mark.parametrize('name', ('a.mat', 'a.npy', 'a.tif'))
@pytest.mark.parametrize('dtype', ('float32', 'float64', 'int16', 'uint16', 'int32'))
def test_other_types_with_whole_numbers(tmp_path, labels, name, dtype):
    np.testing.assert_array_equal(read_labels(save(tmp_path / name, labels.astype(dtype))), labels)


def test_v73_map_has_matlabs_order(tmp_path, labels):
    with h5py.File(tmp_path / 'a.mat', 'w') as file:
        file['gt'] = labels.T
    np.testing.assert_array_equal(read_labels(tmp_path / 'a.mat', 'gt', (9, 6)), labels)


def test_logical_map(tmp_path, labels):
    scipy.io.savemat(tmp_path / 'a.mat', {'mask': labels > 8})
    np.testing.assert_array_equal(read_labels(tmp_path / 'a.mat'), labels > 8)
    np.save(tmp_path / 'a.npy', labels > 8)
    np.testing.assert_array_equal(read_labels(tmp_path / 'a.npy'), labels > 8)


@pytest.mark.parametrize('name', ('a.mat', 'a.npy', 'a.npz', 'a.tif'))
def test_values_that_are_no_labels(tmp_path, labels, name):
    fractional = labels.astype(np.float32)
    fractional[4, 2] = 2.5
    with pytest.raises(CubeReadError, match=f'{name}: label 2.5 at row 4, column 2, expected whole numbers'):
        read_labels(save(tmp_path / name, fractional))
    fractional[4, 2] = np.nan
    with pytest.raises(CubeReadError, match='label nan at row 4, column 2'):
        read_labels(save(tmp_path / name, fractional))
    with pytest.raises(CubeReadError, match=f'{name}: labels range from -1 to {labels.max() - 1}, expected 0'):
        read_labels(save(tmp_path / name, labels.astype(np.int16) - 1))


@pytest.mark.parametrize('name', ('a.mat', 'a.npy', 'a.png'))
def test_size_of_the_scene(tmp_path, labels, name):
    with pytest.raises(CubeReadError, match=f'{name}: the label map has 9 x 6 pixels, expected 6 x 9'):
        read_labels(save(tmp_path / name, labels), shape=(6, 9))


def large_png(path, side):
    """A picture of zeros whose header claims so many rows and columns; few of them are there."""

    def chunk(kind, content):
        return struct.pack('>I', len(content)) + kind + content + struct.pack('>I', zlib.crc32(kind + content))

    header = struct.pack('>IIBBBBB', side, side, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(10 * (side + 1)))
    path.write_bytes(b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + chunk(b'IDAT', rows) + chunk(b'IEND', b''))
    return path


def test_a_small_file_of_many_pixels_is_refused_before_it_is_unpacked(tmp_path, labels):
    path = large_png(tmp_path / 'a.png', 30_000)
    np.save(tmp_path / 'cube.npy', np.ones((9, 6, 3)))
    with open_cube(tmp_path / 'cube.npy') as cube:
        expected = r'a.png: the label map has 30000 x 30000 pixels, but the cube of .*cube.npy has 9 x 6'
        with pytest.raises(CubeReadError, match=expected):
            read_labels(path, ground=cube.info)
    with pytest.raises(CubeReadError, match=r'a.png: the label map unpacks from \d+ to 900000000 bytes'):
        read_labels(path)


def test_choice_in_a_file_with_cube_and_map(tmp_path, labels):
    path = tmp_path / 'a.mat'
    scipy.io.savemat(path, {'img': np.ones((9, 6, 3)), 'map': labels, 'wavelengths': np.ones((3, 1)), 'n': 3})
    np.testing.assert_array_equal(read_labels(path), labels)
    with pytest.raises(CubeReadError, match=r"'img' has shape \(9, 6, 3\), expected two axes"):
        read_labels(path, 'img')
    with pytest.raises(CubeReadError, match="key 'gt' not found; the file holds 'img'"):
        read_labels(path, 'gt')
    scipy.io.savemat(path, {'train': labels, 'test': labels})
    with pytest.raises(CubeReadError, match='several numeric 2-D arrays'):
        read_labels(path)
    np.save(tmp_path / 'a.npy', np.ones((9, 6, 3)))
    with pytest.raises(CubeReadError, match=r'the array has shape \(9, 6, 3\), expected two axes'):
        read_labels(tmp_path / 'a.npy')


@pytest.mark.parametrize('nodata', (255, -9999, np.nan))
def test_nodata_is_unlabelled(tmp_path, labels, nodata):
    marked = labels.astype(np.uint8 if nodata == 255 else np.float32)
    marked[2:4] = nodata
    write_raster(tmp_path / 'a.tif', marked, nodata=nodata)
    expected = labels.copy()
    expected[2:4] = 0
    np.testing.assert_array_equal(read_labels(tmp_path / 'a.tif'), expected)


def test_grey_picture_with_three_or_four_bands(tmp_path, labels):
    grey = np.stack([labels] * 3, axis=-1)
    for picture in (grey, np.dstack([grey, np.full_like(labels, 255)]), np.dstack([labels, np.full_like(labels, 255)])):
        np.testing.assert_array_equal(read_labels(save(tmp_path / 'a.png', picture)), labels)
    coloured = grey.copy()
    coloured[3, 3, 1] += 1
    for picture in (coloured, np.dstack([grey, labels]), np.dstack([grey, grey])):
        with pytest.raises(CubeReadError, match=f'the file has {picture.shape[2]} bands, expected a label map of one'):
            read_labels(save(tmp_path / 'a.tif', picture))


@pytest.mark.filterwarnings('ignore::rasterio.errors.NotGeoreferencedWarning')
def test_picture_with_a_palette_gives_its_indices(tmp_path, labels):
    with rasterio.open(tmp_path / 'a.png', 'w', driver='PNG', height=9, width=6, count=1, dtype='uint8') as dataset:
        dataset.write(labels, 1)
        dataset.write_colormap(1, {value: (value * 10, 255 - value, 7) for value in range(17)})
    np.testing.assert_array_equal(read_labels(tmp_path / 'a.png'), labels)


@pytest.mark.parametrize('name', ('fields.shp', 'fields.geojson', 'fields.GPKG'))
def test_polygons_are_told_how_to_become_labels(tmp_path, name):
    (tmp_path / name).write_text('{"type": "FeatureCollection", "features": []}')
    with pytest.raises(CubeReadError, match=f'vector data .* --like CUBE --property NUMBER < {name}'):
        read_labels(tmp_path / name)
