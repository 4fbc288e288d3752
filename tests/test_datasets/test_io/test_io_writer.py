import multiprocessing
import os
import signal

import numpy as np
import pytest
import rasterio
import spectral.io.envi
from rasterio.transform import from_origin

from mmhsi.datasets.io import CubeInfo, read_cube, read_labels, write_raster

try:
    import resource
except ImportError:  # not on Windows
    resource = None

CRS = rasterio.crs.CRS.from_epsg(32633).to_wkt()
TRANSFORM = (30.0, 0.0, 366015.0, 0.0, -30.0, 5809965.0)


def info_of(height, width):
    return CubeInfo('scene.tif', 'raster', height, width, 224, np.dtype('float32'), crs=CRS, transform=TRANSFORM)


@pytest.fixture
def cube():
    return np.random.default_rng(4).normal(size=(11, 9, 4)).astype(np.float32)


@pytest.mark.parametrize('name', ('a.tif', 'a.TIFF', 'a.img', 'a.dat', 'a.hdr'))
def test_round_trip_with_everything(tmp_path, cube, name):
    cube[2, 3] = -99
    centres = np.array([412.123456789, 550.0, 1650.5, 2200.0])
    write_raster(tmp_path / name, cube, info_of(11, 9), nodata=-99, band_names=list('abcd'), wavelengths=centres)
    values, info = read_cube(tmp_path / name)
    np.testing.assert_array_equal(values, cube)
    np.testing.assert_array_equal(info.wavelengths, centres)
    assert info.nodata == -99
    assert [band[0] for band in info.band_names] == list('abcd')
    assert info.transform == TRANSFORM
    assert rasterio.crs.CRS.from_wkt(info.crs) == rasterio.crs.CRS.from_wkt(CRS)
    data = 'a.img' if name == 'a.hdr' else name
    assert sorted(os.listdir(tmp_path)) == sorted({data} if 'tif' in name.lower() else {data, 'a.hdr'})


def test_geotiff_is_tiled_and_deflated(tmp_path):
    write_raster(tmp_path / 'a.tif', np.zeros((600, 700, 3), np.uint16), info_of(600, 700))
    with rasterio.open(tmp_path / 'a.tif') as dataset:
        assert dataset.profile['tiled'] and dataset.block_shapes == [(256, 256)] * 3
        assert dataset.compression == rasterio.enums.Compression.deflate
    assert os.path.getsize(tmp_path / 'a.tif') < 600 * 700 * 3 * 2 / 100


def test_envi_is_read_by_another_library(tmp_path, cube):
    write_raster(tmp_path / 'a.hdr', cube, wavelengths=(400, 500, 600, 700), band_names=list('abcd'))
    image = spectral.io.envi.open(str(tmp_path / 'a.hdr'))
    np.testing.assert_array_equal(np.array(image.load()), cube)
    np.testing.assert_array_equal(image.bands.centers, (400, 500, 600, 700))
    text = (tmp_path / 'a.hdr').read_text()
    assert image.metadata['description'].strip() == 'a.img' and str(tmp_path) not in text


@pytest.mark.parametrize('name', ('a.tif', 'a.img'))
def test_class_map_with_colours(tmp_path, name):
    labels = np.random.default_rng(0).integers(0, 4, (8, 5))
    colours = {0: (0, 0, 0), 1: (255, 10, 0), 3: (3, 200, 255)}
    write_raster(tmp_path / name, labels, info_of(8, 5), nodata=0, colormap=colours)
    with rasterio.open(tmp_path / name) as dataset:
        assert dataset.dtypes == ('uint8',) and dataset.count == 1
        table = dataset.colormap(1)
        assert all(table[value][:3] == colour for value, colour in colours.items())
        assert dataset.transform == from_origin(366015, 5809965, 30, 30)
    np.testing.assert_array_equal(read_labels(tmp_path / name), labels)


@pytest.mark.parametrize('name', ('a.tif', 'a.img'))
@pytest.mark.parametrize(
    'values, nodata, stored',
    (
        (np.array([[False, True]]), None, 'uint8'),
        (np.array([[-3, 4]], np.int8), None, 'int16'),
        (np.array([[0.5, 2]], np.float16), None, 'float32'),
        (np.array([[0.1, 2]]), np.nan, 'float64'),
        (np.array([[0, 255]]), None, 'uint8'),
        (np.array([[0, 16]]), -1, 'int16'),
        (np.array([[0, 300]]), None, 'uint16'),
        (np.array([[-1, 200]]), None, 'int16'),
        (np.array([[0, 70000]]), None, 'uint32'),
        (np.array([[-5, 2**40]]), None, 'int64'),
        (np.array([[1, 2]], '>i2'), None, 'int16'),
    ),
)
def test_types(tmp_path, name, values, nodata, stored):
    write_raster(tmp_path / name, values, nodata=nodata)
    result, info = read_cube(tmp_path / name)
    assert info.dtype == np.dtype(stored)
    np.testing.assert_array_equal(result[..., 0], values.astype(stored))


@pytest.mark.parametrize(
    'arguments, message',
    (
        (dict(like=info_of(9, 11)), r'the array has 11 x 9 pixels, scene\.tif whose .* has 9 x 11'),
        (dict(band_names=['a']), '1 band names given for 4 bands'),
        (dict(wavelengths=[1, 2, 3]), '3 wavelengths given for 4 bands'),
        (
            dict(colormap={1: (1, 2, 3)}),
            'a colour table needs one band of type uint8 or uint16, found 4 of type float32',
        ),
        (dict(nodata=1e300), 'nodata 1e.300 is no value of type float32'),
        (dict(driver='PNG'), "expected .tif, .img or .hdr, or driver 'GTiff', 'COG' or 'ENVI'"),
    ),
)
def test_arguments_that_do_not_agree(tmp_path, cube, arguments, message):
    with pytest.raises(ValueError, match=r'a\.tif: .*' + message):
        write_raster(tmp_path / 'a.tif', cube, **arguments)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    'array, arguments, message',
    (
        (np.zeros((2, 2), np.uint8), dict(nodata=-1), 'nodata -1 is no value of type uint8'),
        (np.zeros((2, 2), np.uint8), dict(nodata=0.5), 'nodata 0.5 is no value'),
        (np.zeros((2, 2), np.uint8), dict(nodata=np.nan), 'nodata nan is no value'),
        (np.zeros((2, 2), np.uint8), dict(nodata=np.inf), 'nodata inf is no value'),
        (np.zeros((2, 2), np.uint8), dict(colormap={256: (0, 0, 0)}), 'colour table entry 256'),
        (np.zeros((2, 2), np.uint8), dict(colormap={1: (0, 0, 300)}), 'colour table entry 1'),
        (np.zeros((2, 2), np.uint8), dict(colormap={1: (0, 0)}), 'colour table entry 1'),
        (np.zeros(4), {}, r'shape \(4,\) cannot be written'),
        (np.zeros((2, 0)), {}, r'shape \(2, 0\) cannot be written'),
        (np.zeros((2, 2), complex), {}, 'type complex128 cannot be written'),
        (np.full((2, 2), 'a'), {}, 'cannot be written, expected real numbers'),
    ),
)
def test_values_that_cannot_be_written(tmp_path, array, arguments, message):
    with pytest.raises(ValueError, match=r'a\.tif: .*' + message):
        write_raster(tmp_path / 'a.tif', array, **arguments)


def test_band_names_that_would_break_an_envi_header(tmp_path, cube):
    write_raster(tmp_path / 'a.img', cube, band_names=['a', 'b, c', 'd {x}', 'e'])
    assert spectral.io.envi.open(str(tmp_path / 'a.hdr')).metadata['band names'] == ['a', 'b c', 'd (x)', 'e']
    write_raster(tmp_path / 'a.tif', cube, band_names=['a', 'b, c', 'd', 'e'])
    assert read_cube(tmp_path / 'a.tif')[1].band_names == ('a', 'b, c', 'd', 'e')


def test_lists_of_many_bands_are_read_again(tmp_path):
    centres = np.linspace(400, 2500, 1200)
    write_raster(
        tmp_path / 'a.img',
        np.zeros((2, 3, 1200), np.uint8),
        wavelengths=centres,
        fwhm=centres / 100,
        band_names=[f'band number {band}' for band in range(1200)],
    )
    info = read_cube(tmp_path / 'a.img')[1]
    np.testing.assert_array_equal(info.wavelengths, centres)
    np.testing.assert_array_equal(info.fwhm, centres / 100)
    assert max(map(len, (tmp_path / 'a.hdr').read_text().splitlines())) < 1000
    image = spectral.io.envi.open(str(tmp_path / 'a.hdr'))
    np.testing.assert_array_equal(image.bands.centers, centres)


def test_suffix_and_driver(tmp_path, cube):
    with pytest.raises(ValueError, match="cannot determine the format from the suffix '.map'"):
        write_raster(tmp_path / 'a.map', cube)
    write_raster(tmp_path / 'a.map', cube, driver='ENVI')
    np.testing.assert_array_equal(read_cube(tmp_path / 'a.map')[0], cube)


@pytest.mark.parametrize('name', ('a.tif', 'a.img'))
def test_overwriting_leaves_nothing_of_the_old_file(tmp_path, cube, name):
    write_raster(tmp_path / name, np.zeros((30, 20, 9)), info_of(30, 20), nodata=7)
    (tmp_path / f'{name}.aux.xml').write_text('<PAMDataset><Metadata><MDI key="old">1</MDI></Metadata></PAMDataset>')
    write_raster(tmp_path / name, cube)
    values, info = read_cube(tmp_path / name)
    np.testing.assert_array_equal(values, cube)
    assert info.nodata is None and info.transform is None
    assert not (tmp_path / f'{name}.aux.xml').exists()


def test_folder_that_is_absent_or_a_file(tmp_path, cube):
    (tmp_path / 'file').touch()
    for folder in ('absent', 'file'):
        with pytest.raises(FileNotFoundError, match=f'a.tif: the folder .*{folder} does not exist'):
            write_raster(tmp_path / folder / 'a.tif', cube)


@pytest.mark.skipif(not hasattr(os, 'geteuid') or os.geteuid() == 0, reason='every folder is writable for root')
def test_folder_without_permission(tmp_path, cube):
    tmp_path.chmod(0o500)
    with pytest.raises(OSError, match=r'a\.tif: the file cannot be written: Permission denied'):
        write_raster(tmp_path / 'a.tif', cube)


@pytest.mark.parametrize('name', ('a.tif', 'a.img'))
def test_target_that_is_a_folder(tmp_path, cube, name):
    (tmp_path / name).mkdir()
    with pytest.raises(OSError, match=f'{name}: the file cannot be written'):
        write_raster(tmp_path / name, cube)


def _write_on_a_full_disk(folder, queue):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    noise = np.random.default_rng(0).integers(0, 60000, (60, 50, 10)).astype(np.uint16)
    for name in ('a.tif', 'a.img'):
        try:
            write_raster(folder / name, noise)
            queue.put('no error')
        except OSError as error:
            queue.put(str(error))


@pytest.mark.skipif(resource is None, reason='this system cannot limit the size of files')
def test_full_disk_leaves_the_old_file(tmp_path):
    for name in ('a.tif', 'a.img'):
        write_raster(tmp_path / name, np.ones((3, 3)))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    context = multiprocessing.get_context('fork')
    queue = context.SimpleQueue()
    process = context.Process(target=_write_on_a_full_disk, args=(tmp_path, queue))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    for name in ('a.tif', 'a.img'):
        assert queue.get().startswith(f'{tmp_path / name}: the file cannot be written: ')
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
