import os
import warnings

import numpy as np
import pytest
import rasterio
import tifffile
from rasterio.env import get_gdal_config
from rasterio.transform import from_origin

from mmhsi.datasets.io import CubeReadError, open_cube, read_cube, write_raster
from mmhsi.datasets.io.georeference import raster_environment


@pytest.fixture
def cube():
    return np.random.default_rng(2).integers(-50, 4000, (7, 6, 3)).astype(np.int16)


def write(path, cube, driver='GTiff', **profile):
    height, width, bands = cube.shape
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', rasterio.errors.NotGeoreferencedWarning)
        return rasterio.open(
            path, 'w', driver=driver, height=height, width=width, count=bands, dtype=cube.dtype.name, **profile
        )


def write_envi(folder, cube, name='scene', suffix='.img', extra='', interleave='bsq', **fields):
    """Write an ENVI pair by hand: raw values and a text."""
    order = {'bil': (0, 2, 1), 'bip': (0, 1, 2)}.get(interleave, (2, 0, 1))
    (folder / (name + suffix)).write_bytes(cube.transpose(order).astype('<i2').tobytes())
    header = {
        'samples': cube.shape[1],
        'lines': cube.shape[0],
        'bands': cube.shape[2],
        'header offset': 0,
        'file type': 'ENVI Standard',
        'data type': 2,
        'interleave': interleave,
        'byte order': 0,
        **fields,
    }
    text = 'ENVI\n' + ''.join(f'{key} = {value}\n' for key, value in header.items() if value is not None) + extra
    (folder / f'{name}.hdr').write_text(text)
    return folder / (name + suffix)


def test_geotiff_describes_itself(tmp_path, cube):
    with write(
        tmp_path / 'a.tif', cube, nodata=-1, crs='EPSG:32633', transform=from_origin(366015, 5809965, 30, 30)
    ) as dataset:
        dataset.write(cube.transpose(2, 0, 1))
        for index, centre in enumerate((0.41824, 0.55, 2.2), 1):
            dataset.set_band_description(index, f'band {index}')
            dataset.update_tags(index, wavelength=centre, wavelength_units='Micrometers', fwhm=0.01 * index)
    values, info = read_cube(tmp_path / 'a.tif')
    np.testing.assert_array_equal(values, cube)
    np.testing.assert_allclose(info.wavelengths, (418.24, 550, 2200))
    np.testing.assert_allclose(info.fwhm, (10, 20, 30))
    assert info.nodata == -1
    assert info.band_names == ('band 1', 'band 2', 'band 3')
    assert rasterio.crs.CRS.from_wkt(info.crs).to_epsg() == 32633
    assert info.transform == (30, 0, 366015, 0, -30, 5809965)
    assert info.key is None


def test_wavelengths_of_the_imagery_domain(tmp_path, cube):
    with write(tmp_path / 'a.tif', cube) as dataset:
        dataset.write(cube.transpose(2, 0, 1))
        for index, centre in enumerate((0.41, 0.55, 2.2), 1):
            dataset.update_tags(index, ns='IMAGERY', CENTRAL_WAVELENGTH_UM=centre, FWHM_UM=0.006)
    info = read_cube(tmp_path / 'a.tif')[1]
    np.testing.assert_allclose(info.wavelengths, (410, 550, 2200))
    np.testing.assert_allclose(info.fwhm, (6, 6, 6))


@pytest.mark.parametrize(
    'unit, values, expected',
    (
        ('Nanometers', '410, 550.25, 2200', (410, 550.25, 2200)),
        ('Micrometers', '0.41, 0.55025, 2.2', (410, 550.25, 2200)),
        ('um', '0.41, 0.55025, 2.2', (410, 550.25, 2200)),
        ('Unknown', '0.41, 0.55025, 2.2', (410, 550.25, 2200)),
        (None, '410, 550.25, 2200', (410, 550.25, 2200)),
        (None, '0.41, 0.55025, 2.2', (410, 550.25, 2200)),
        ('Wavenumber', '24390, 18173, 4545', None),
        ('Index', '1, 2, 3', None),
        ('Nanometers', '410, 550.25', None),
        ('Nanometers', '410, none, 2200', None),
        ('Nanometers', '0, 550, 2200', None),
    ),
)
def test_units_of_envi_wavelengths(tmp_path, cube, unit, values, expected):
    extra = f'wavelength = {{{values}}}\n' + (f'wavelength units = {unit}\n' if unit else '')
    info = read_cube(write_envi(tmp_path, cube, extra=extra))[1]
    if expected is None:
        assert info.wavelengths is None
    else:
        np.testing.assert_allclose(info.wavelengths, expected)


def test_envi_widths_names_and_nodata(tmp_path, cube):
    path = write_envi(
        tmp_path,
        cube,
        extra='wavelength units = Micrometers\nwavelength = {0.41, 0.55,\n 2.2}\n'
        'fwhm = {0.005, 0.006, 0.007}\nband names = {blue, green, swir}\n'
        'data ignore value = -9\n',
    )
    info = read_cube(path)[1]
    np.testing.assert_allclose(info.fwhm, (5, 6, 7))
    assert [name.split(' ')[0] for name in info.band_names] == ['blue', 'green', 'swir']
    assert info.nodata == -9


@pytest.mark.parametrize('interleave', ('bsq', 'bil', 'bip'))
@pytest.mark.parametrize('suffix', ('', '.img', '.dat', '.bsq', '.DAT'))
def test_envi_by_its_header_and_by_its_data(tmp_path, cube, interleave, suffix):
    path = write_envi(tmp_path, cube, suffix=suffix, interleave=interleave)
    for given in (path, tmp_path / 'scene.hdr'):
        with open_cube(given) as reader:
            assert reader.info.path == str(path)
            np.testing.assert_array_equal(reader.read(), cube)
            np.testing.assert_array_equal(reader.read((2, 1, 3, 4), [2, 0]), cube[2:5, 1:5][..., [2, 0]])


def test_envi_header_named_after_the_data_file(tmp_path, cube):
    write_envi(tmp_path, cube)
    (tmp_path / 'scene.hdr').rename(tmp_path / 'scene.img.hdr')
    for name in ('scene.img', 'scene.img.hdr'):
        np.testing.assert_array_equal(read_cube(tmp_path / name)[0], cube)


def test_envi_without_its_other_half(tmp_path, cube):
    path = write_envi(tmp_path, cube)
    header = path.with_suffix('.hdr')
    kept = header.read_text()
    header.unlink()
    with pytest.raises(CubeReadError, match=r'scene\.img: .*raw ENVI data need their \.hdr'):
        open_cube(path)
    path.unlink()
    header.write_text(kept)
    with pytest.raises(CubeReadError, match=r'scene\.hdr: no data file next to this header'):
        open_cube(header)


@pytest.mark.parametrize(
    'fields, message',
    (
        (
            {'file type': 'ENVI Spectral Library'},
            r'an ENVI spectral library \(7 spectra of 6 bands\), expected an image',
        ),
        ({'lines': 8}, r'describes 8 x 6 pixels of 3 bands \(288 bytes\), the file holds 252 bytes'),
        ({'lines': 2_000_000_000}, 'describes 2000000000 x 6 pixels'),
        ({'bands': 2_000_000_000}, 'describes 2000000000 bands, more than the 100000'),
        ({'samples': 2_000_000_000}, 'the file holds 252 bytes'),
        ({'header offset': 1}, r'\(253 bytes\), the file holds 252 bytes'),
        ({'data type': 5}, 'the file holds 252 bytes'),
        ({'data type': 6, 'lines': 1}, r'complex values \(data type 6\), expected real numbers'),
        ({'data type': 99}, "states 'data type = 99' .* expected one of 1, 2, 3"),
        ({'lines': 'many'}, "states 'lines = many', expected a whole number"),
        ({'lines': -7}, "states 'lines = -7', expected a whole number"),
        ({'lines': 0}, 'describes an empty image of 0 x 6 pixels'),
        ({'interleave': 'line'}, "states 'interleave = line', expected bsq, bil or bip"),
        ({'byte order': 7}, "'byte order = 7', expected"),
        ({'interleave': None}, "does not state 'interleave'"),
        ({'data type': None}, "does not state 'data type'"),
        ({'bands': None}, "does not state 'bands'"),
    ),
)
def test_envi_headers_that_do_not_fit(tmp_path, cube, fields, message):
    path = write_envi(tmp_path, cube, **fields)
    for given in (path, path.with_suffix('.hdr')):
        with pytest.raises(CubeReadError, match=message) as caught:
            read_cube(given)
        assert str(caught.value).startswith(str(path))


def test_header_of_another_file_beside_a_tiff(tmp_path, cube):
    write_envi(tmp_path, cube, suffix='.img', lines=9999)
    write_raster(tmp_path / 'scene.tif', cube)
    np.testing.assert_array_equal(read_cube(tmp_path / 'scene.tif')[0], cube)


@pytest.mark.parametrize(
    'options', ({}, {'compress': 'deflate'}, {'interleave': 'pixel', 'tiled': True, 'blockxsize': 16, 'blockysize': 32})
)
def test_window_of_tiles_and_strips(tmp_path, options):
    scene = np.random.default_rng(0).normal(size=(70, 51, 5)).astype(np.float32)
    with write(tmp_path / 'a.tif', scene, **options) as dataset:
        dataset.write(scene.transpose(2, 0, 1))
    with open_cube(tmp_path / 'a.tif') as reader:
        for window in ((0, 0, 70, 51), (13, 15, 40, 20), (31, 33, 2, 1), (69, 0, 1, 51)):
            top, left, height, width = window
            np.testing.assert_array_equal(
                reader.read(window, [4, 1]), scene[top : top + height, left : left + width][..., [4, 1]]
            )


@pytest.mark.parametrize(
    'name, driver', (('a.png', 'PNG'), ('a.bmp', 'BMP'), ('a.pgm', 'PNM'), ('a.bil', 'EHdr'), ('a.jp2', 'JP2OpenJPEG'))
)
def test_truncated_pictures_are_refused(tmp_path, name, driver):
    path = tmp_path / name
    image = np.random.default_rng(0).integers(0, 255, (90, 80, 1)).astype(np.uint8)
    try:
        with write(path, image, driver) as dataset:
            dataset.write(image.transpose(2, 0, 1))
    except rasterio.errors.RasterioError:
        pytest.skip(f'this GDAL does not write {driver}')
    assert read_cube(path)[1].shape == (90, 80, 1)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(CubeReadError, match=f'{name}: .*(the file cannot be read|it is truncated)'):
        read_cube(path)


def bytes_read_by_this_process():
    with open('/proc/self/io') as file:
        return int(file.readline().split()[1])


@pytest.mark.skipif(not os.path.exists('/proc/self/io'), reason='reads are counted by Linux alone')
def test_blocks_are_kept_for_the_next_window(tmp_path):
    scene = np.random.default_rng(0).integers(0, 9999, (128, 128, 16)).astype(np.uint16)  # of 512 KiB
    with write(tmp_path / 'a.tif', scene, tiled=True, blockxsize=64, blockysize=64, interleave='pixel') as dataset:
        dataset.write(scene.transpose(2, 0, 1))
    with raster_environment():
        assert get_gdal_config('GDAL_CACHEMAX') == 256 * 2**20  # bytes
    with open_cube(tmp_path / 'a.tif') as reader:
        reader.read()
        before = bytes_read_by_this_process()
        for top, left in ((0, 0), (64, 64), (0, 64), (64, 0)):
            np.testing.assert_array_equal(reader.read((top, left, 8, 8)), scene[top : top + 8, left : left + 8])
        assert bytes_read_by_this_process() - before < 64 * 64 * 16 * 2  # one block


def test_missing_tile_is_noticed_when_it_is_read(tmp_path):
    scene = np.random.default_rng(0).integers(0, 9999, (64, 64, 2)).astype(np.uint16)
    with write(tmp_path / 'a.tif', scene, tiled=True, blockxsize=16, blockysize=16, compress='deflate') as dataset:
        dataset.write(scene.transpose(2, 0, 1))
    os.truncate(tmp_path / 'a.tif', os.path.getsize(tmp_path / 'a.tif') - 100)
    with open_cube(tmp_path / 'a.tif') as reader:
        np.testing.assert_array_equal(reader.read((0, 0, 16, 16)), scene[:16, :16])
        with pytest.raises(CubeReadError, match=r'a\.tif: the file cannot be read'):
            reader.read()


def test_pages_of_a_tiff_are_not_taken_for_one_image(tmp_path, cube):
    path = tmp_path / 'pages.tif'
    tifffile.imwrite(path, cube.transpose(2, 0, 1), photometric='minisblack')
    with pytest.raises(CubeReadError, match="pages.tif: the file holds 3 images .*choose one by key: 'GTIFF_DIR:1"):
        read_cube(path)
    values, info = read_cube(path, key='GTIFF_DIR:2')
    np.testing.assert_array_equal(values[..., 0], cube[..., 1])
    assert info.key.startswith('GTIFF_DIR:2:') and info.path == str(path)


def test_complex_raster_is_refused(tmp_path):
    scene = np.ones((4, 5, 2), np.complex64)
    with write(tmp_path / 'a.tif', scene) as dataset:
        dataset.write(scene.transpose(2, 0, 1))
    with pytest.raises(CubeReadError, match='of type complex64, expected one type of real numbers'):
        open_cube(tmp_path / 'a.tif')


def test_scene_without_georeference_gives_no_warning(tmp_path, cube):
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        write_raster(tmp_path / 'a.tif', cube)
        assert read_cube(tmp_path / 'a.tif')[1].transform is None
