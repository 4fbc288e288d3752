"""Statements of GeoTIFFs and their companion files on values and bands; expected values by rasterio."""

import io
import multiprocessing
import os
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.enums import ColorInterp
from rasterio.rpc import RPC
from rasterio.transform import from_origin

from mmhsi.datasets.io import CubeReadError, open_cube, read_cube, read_labels, read_map

pytestmark = pytest.mark.filterwarnings('ignore::rasterio.errors.NotGeoreferencedWarning')


@pytest.fixture
def cube():
    return np.random.default_rng(4).integers(1, 200, (6, 7, 4)).astype(np.uint16)


def write(path, cube, after=None, mask=None, place=True, **profile):
    where = dict(driver='GTiff', height=cube.shape[0], width=cube.shape[1], count=cube.shape[2], dtype=cube.dtype.name)
    if place:
        where.update(crs='EPSG:32633', transform=from_origin(5e5, 5e6, 30, 30))
    with rasterio.open(path, 'w', **{**where, **profile}) as dataset:
        if after:
            after(dataset)
        dataset.write(cube.transpose(2, 0, 1))
        if mask is not None:
            dataset.write_mask(mask)
    return path


def test_scale_and_offset_of_each_band(tmp_path, cube):
    def scaled(dataset):
        dataset.scales, dataset.offsets = (1e-4, 2e-4, 1, 1), (0, 0.5, 0, -1)
        dataset.units = ('reflectance',) * 4

    path = write(tmp_path / 'a.tif', cube, scaled)
    values, info = read_cube(path)
    with rasterio.open(path) as dataset:
        np.testing.assert_array_equal(info.scale, dataset.scales)
        np.testing.assert_array_equal(info.offset, dataset.offsets)
    np.testing.assert_allclose(
        info.physical(values)[2, 3], cube[2, 3] * [1e-4, 2e-4, 1, 1] + [0, 0.5, 0, -1], rtol=1e-6
    )
    assert info.units == 'reflectance'
    assert open_cube(write(tmp_path / 'b.tif', cube)).info.scale is None


def test_a_scale_of_zero_is_not_believed(tmp_path, cube):
    def scaled(dataset):
        dataset.scales = (0.0,) * 4

    info = open_cube(write(tmp_path / 'a.tif', cube, scaled)).info
    assert info.scale is None and 'a scale of 0' in info.notes[0]


@pytest.mark.parametrize('internal', (True, False))
def test_masks_in_and_beside_the_file(tmp_path, cube, internal):
    mask = np.random.default_rng(0).random((6, 7)) > 0.3
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=internal):
        path = write(tmp_path / 'a.tif', cube, mask=mask, nodata=7)
    assert (tmp_path / 'a.tif.msk').exists() != internal
    with open_cube(path) as reader, rasterio.open(path) as dataset:
        assert reader.info.mask == 'the mask of the file' and reader.info.nodata == 7 and reader.info.bands == 4
        np.testing.assert_array_equal(reader.read_mask(), dataset.dataset_mask() != 0)
        np.testing.assert_array_equal(reader.read_mask((1, 2, 3, 4)), mask[1:4, 2:6])
        assert (str(tmp_path / 'a.tif.msk') in reader.info.companions) != internal


@pytest.mark.parametrize('dtype, bands', (('uint8', 4), ('uint8', 2), ('uint16', 5)))
def test_opacity_is_a_mask_and_no_band(tmp_path, dtype, bands):
    full = np.iinfo(dtype).max
    cube = np.random.default_rng(0).integers(1, 200, (6, 7, bands)).astype(dtype)
    cube[..., -1] = np.where(np.random.default_rng(1).random((6, 7)) > 0.4, full, 0)

    def declare(dataset):
        dataset.colorinterp = (*(ColorInterp.undefined,) * (bands - 1), ColorInterp.alpha)

    path = write(tmp_path / 'a.tif', cube, declare)
    with open_cube(path) as reader:
        assert reader.info.bands == bands - 1 and reader.info.mask == f'opacity (alpha) in band {bands}'
        np.testing.assert_array_equal(reader.read(), cube[..., :-1])
        np.testing.assert_array_equal(reader.read_mask(), cube[..., -1] == full)
        np.testing.assert_array_equal(reader.read((1, 1, 2, 2), [bands - 2]), cube[1:3, 1:3, -2:-1])


def test_a_spectral_band_that_gdal_declares_as_opacity(tmp_path):
    cube = np.random.default_rng(0).integers(0, 256, (6, 7, 4)).astype(np.uint8)
    path = write(tmp_path / 'a.tif', cube)
    with rasterio.open(path) as dataset:
        assert dataset.colorinterp[3] == ColorInterp.alpha  # unasked, since there are four bands of a byte
    values, info = read_cube(path)
    np.testing.assert_array_equal(values, cube)
    assert info.mask is None and 'band 4 is declared as opacity' in info.notes[0]


def test_opacity_alone_is_refused(tmp_path):
    def declare(dataset):
        dataset.colorinterp = (ColorInterp.alpha,)

    path = write(tmp_path / 'a.tif', np.full((6, 7, 1), 255, np.uint8), declare)
    with pytest.raises(CubeReadError, match='holds only opacity'):
        open_cube(path)


def test_nodata_of_each_band(tmp_path, cube):
    write(tmp_path / 'a.tif', cube[..., :1], nodata=1)
    write(tmp_path / 'b.tif', cube[..., 1:2], nodata=2)
    write(tmp_path / 'c.tif', cube[..., 2:3])
    sources = ''.join(
        f'<VRTRasterBand dataType="UInt16" band="{band}">{nodata}<SimpleSource><SourceFilename relativeToVRT="1">'
        f'{name}.tif</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand>'
        for band, name, nodata in (
            (1, 'a', '<NoDataValue>1</NoDataValue>'),
            (2, 'b', '<NoDataValue>2</NoDataValue>'),
            (3, 'c', ''),
        )
    )
    (tmp_path / 'all.vrt').write_text(f'<VRTDataset rasterXSize="7" rasterYSize="6">{sources}</VRTDataset>')
    values, info = read_cube(tmp_path / 'all.vrt')
    np.testing.assert_array_equal(values, cube[..., :3])
    np.testing.assert_array_equal(info.nodata, [1, 2, np.nan])
    assert {os.path.basename(name) for name in info.companions} == {'a.tif', 'b.tif', 'c.tif'}


CENTRES = (450.5, 550, 650, 850)


def of_bands(dataset, domain=None, unit='Nanometers', name='wavelength', factor=1.0):
    for index, centre in enumerate(CENTRES, 1):
        dataset.update_tags(index, ns=domain, **{name: centre * factor, 'wavelength_units': unit})


def of_file(dataset, domain=None):
    dataset.update_tags(
        ns=domain,
        wavelength='{450.5, 550,\n 650, 850}',
        wavelength_units='Nanometers',
        bbl='{1, 1, 0, 1}',
        fwhm='{5, 6, 7, 8}',
    )


def imagery(dataset):
    for index, centre in enumerate(CENTRES, 1):
        dataset.update_tags(index, ns='IMAGERY', CENTRAL_WAVELENGTH_UM=centre / 1000, FWHM_UM=0.01)


def descriptions(dataset, form='Band 7 ({:g} Nanometers)'):
    dataset.descriptions = [form.format(centre) for centre in CENTRES]


@pytest.mark.parametrize('of_each_band', (False, True))
def test_scale_and_offset_as_tags(tmp_path, cube, of_each_band):
    def scaled(dataset):
        for index in range(1, 5) if of_each_band else (0,):
            dataset.update_tags(index, scale_factor=1e-4, add_offset=-0.1)

    info = open_cube(write(tmp_path / 'a.tif', cube, scaled)).info
    assert info.scale.tolist() == [1e-4] * 4 and info.offset.tolist() == [-0.1] * 4


def numbered_tags(dataset):
    dataset.update_tags(**{f'Band_{index}': f'{centre} Nanometers' for index, centre in enumerate(CENTRES, 1)})


@pytest.mark.parametrize(
    'state',
    (
        of_bands,
        partial(of_bands, domain='ENVI'),
        partial(of_bands, unit='um', factor=0.001),
        partial(of_bands, name='center_wavelength'),
        partial(of_bands, name='WAVELENGTH_nm'),
        partial(of_bands, name='central_wavelength_nm'),
        partial(of_bands, name='CENTRAL_WAVELENGTH_UM', unit='nm', factor=0.001),
        of_file,
        partial(of_file, domain='ENVI'),
        imagery,
        descriptions,
        partial(descriptions, form='X{:g}'),
        partial(descriptions, form='wl_{:g}'),
        partial(descriptions, form='Blue ({:g} nm)'),
        numbered_tags,
    ),
)
def test_wavelengths_from_every_place(tmp_path, cube, state):
    info = open_cube(write(tmp_path / 'a.tif', cube, state)).info
    np.testing.assert_allclose(info.wavelengths, CENTRES)
    assert not info.notes
    if getattr(state, 'func', state) is of_file:
        assert info.bad_bands.tolist() == [False, False, True, False] and info.fwhm.tolist() == [5, 6, 7, 8]
    else:
        assert info.bad_bands is None


def test_bad_bands_as_tags_of_the_bands(tmp_path, cube):
    def state(dataset):
        for index, good in enumerate((1, 0, 1, 0), 1):
            dataset.update_tags(index, ns='ENVI', bbl=good)

    assert open_cube(write(tmp_path / 'a.tif', cube, state)).info.bad_bands.tolist() == [False, True, False, True]


@pytest.mark.parametrize(
    'state, note',
    (
        (lambda dataset: dataset.update_tags(ns='ENVI', wavelength='{450, 550}'), '2 values for 4 bands'),
        (lambda dataset: dataset.update_tags(2, wavelength='550'), 'something else than numbers'),
        (lambda dataset: dataset.update_tags(ns='ENVI', bbl='{1, 0}'), '2 numbers for 4 bands'),
    ),
)
def test_lists_that_do_not_fit_are_reported(tmp_path, cube, state, note):
    info = open_cube(write(tmp_path / 'a.tif', cube, state)).info
    assert info.wavelengths is None and info.bad_bands is None and note in info.notes[0]


@pytest.mark.parametrize(
    'text',
    (
        '<Product><Bands>'
        + ''.join(f'<Band><Wavelength unit="nm">{c}</Wavelength></Band>' for c in CENTRES)
        + '</Bands></Product>',
        '<Product>' + ''.join(f'<Band wavelength="{c}"/>' for c in CENTRES) + '</Product>',
        '<m:meta xmlns:m="urn:x"><m:CentralWavelengths unit="um">0.4505, 0.55, 0.65, 0.85</m:CentralWavelengths>'
        '</m:meta>',
    ),
)
def test_wavelengths_in_xml_beside_the_file(tmp_path, cube, text):
    path = write(tmp_path / 'a.tif', cube)
    (tmp_path / 'a.xml').write_text(text)
    info = open_cube(path).info
    np.testing.assert_allclose(info.wavelengths, CENTRES)
    assert str(tmp_path / 'a.xml') in info.companions


@pytest.mark.parametrize('text', ('<a', '', '<a><wavelength>450</wavelength></a>', '<a><wavelength>x</wavelength></a>'))
def test_other_xml_beside_the_file_is_left_alone(tmp_path, cube, text):
    path = write(tmp_path / 'a.tif', cube)
    (tmp_path / 'a.xml').write_text(text)
    info = open_cube(path).info
    assert info.wavelengths is None and not info.notes


def test_control_points_and_rational_polynomials(tmp_path, cube):
    points = [
        GroundControlPoint(row, col, 13 + col / 100, 52 - row / 100, 40.0, f'{row}-{col}')
        for row in (0, 6)
        for col in (0, 7)
    ]
    write(tmp_path / 'a.tif', cube, place=False, gcps=points, crs='EPSG:4326')
    info = open_cube(tmp_path / 'a.tif').info
    assert info.transform is None and info.gcps[3] == (6, 7, 13.07, 51.94, 40)
    assert rasterio.crs.CRS.from_wkt(info.gcps_crs).to_epsg() == 4326
    rpcs = RPC(
        height_off=5,
        height_scale=1,
        lat_off=52,
        lat_scale=1,
        line_den_coeff=[1.0] + [0.0] * 19,
        line_num_coeff=[0.5] * 20,
        line_off=3,
        line_scale=6,
        long_off=13,
        long_scale=1,
        samp_den_coeff=[1.0] + [0.0] * 19,
        samp_num_coeff=[0.25] * 20,
        samp_off=3,
        samp_scale=7,
    )
    write(tmp_path / 'b.tif', cube, lambda dataset: dataset.update_tags(ns='RPC', **rpcs.to_gdal()), place=False)
    info = open_cube(tmp_path / 'b.tif').info
    with rasterio.open(tmp_path / 'b.tif') as dataset:
        assert info.rpcs == dataset.rpcs.to_gdal() and info.rpcs['LAT_OFF'] == '52.0'


def test_sensor_and_time(tmp_path, cube):
    def state(dataset):
        dataset.update_tags(start_time='2022-07-24T10:45:26')
        dataset.update_tags(ns='IMAGERY', SATELLITEID='EnMAP')

    info = open_cube(write(tmp_path / 'a.tif', cube, state)).info
    assert (info.sensor, info.acquired) == ('EnMAP', '2022-07-24T10:45:26')


def test_masked_pixels_of_a_map(tmp_path):
    labels = np.arange(42).reshape(6, 7, 1).astype(np.uint8) % 5
    mask = np.ones((6, 7), bool)
    mask[2] = False
    path = write(tmp_path / 'a.tif', labels, mask=mask)
    np.testing.assert_array_equal(read_labels(path), np.where(mask, labels[..., 0], 0))
    np.testing.assert_array_equal(read_map(path), np.where(mask, labels[..., 0], np.nan))


def test_values_that_mean_unlabelled_are_asked_for(tmp_path):
    for dtype, value, shown in (('int16', -1, '-1'), ('float32', np.nan, 'nan')):
        labels = np.ones((6, 7, 1), dtype)
        labels[3, 2] = value
        path = write(tmp_path / 'a.tif', labels)
        with pytest.raises(CubeReadError, match=f'if (it|-1) means unlabelled, give ignore={shown}'):
            read_labels(path)
        expected = np.ones((6, 7))
        expected[3, 2] = 0
        np.testing.assert_array_equal(read_labels(path, ignore=value), expected)
        np.testing.assert_array_equal(read_labels(path, ignore=[9, value]), expected)


@pytest.fixture
def server(tmp_path):
    log = tmp_path / 'requests.log'

    class Ranges(SimpleHTTPRequestHandler):
        """A server that hands out parts of files, as those of data do."""

        def log_message(self, *args):
            with open(log, 'a') as stream:
                stream.write(f'{self.path}\n')

        def send_head(self):
            path = self.translate_path(self.path)
            if 'Range' not in self.headers or not os.path.isfile(path):
                return super().send_head()
            first, _, last = self.headers['Range'].removeprefix('bytes=').partition('-')
            content = Path(path).read_bytes()
            part = content[int(first) : int(last or len(content)) + 1]
            self.send_response(206)
            self.send_header('Content-Range', f'bytes {first}-{int(first) + len(part) - 1}/{len(content)}')
            self.send_header('Content-Length', str(len(part)))
            self.end_headers()
            return io.BytesIO(part)

    running = ThreadingHTTPServer(('127.0.0.1', 0), partial(Ranges, directory=str(tmp_path)))
    # in a process of its own: some calls of GDAL keep the interpreter's lock while they wait for the answer
    process = multiprocessing.get_context('fork').Process(target=running.serve_forever, daemon=True)
    process.start()
    running.server_close()
    yield f'http://127.0.0.1:{running.server_port}', log
    process.terminate()
    process.join()


def test_an_address_is_read_by_window(tmp_path, server):
    address, log = server
    cube = np.random.default_rng(0).integers(0, 999, (512, 512, 16)).astype(np.uint16)
    write(tmp_path / 'a.tif', cube, of_file_of_16, tiled=True, blockxsize=64, blockysize=64, interleave='pixel')
    with open_cube(f'{address}/a.tif') as reader:
        assert reader.info.shape == (512, 512, 16) and reader.info.wavelengths[15] == 1600
        np.testing.assert_array_equal(reader.read((100, 200, 8, 8), [3, 1]), cube[100:108, 200:208][..., [3, 1]])
    assert 1 < log.read_text().count('a.tif\n') < 12
    with pytest.raises(CubeReadError, match=r'absent\.tif: '):
        open_cube(f'{address}/absent.tif')
    (tmp_path / 'page.tif').write_text('<html>no such scene</html>')
    with pytest.raises(CubeReadError, match='no raster that is read from an address'):
        open_cube(f'{address}/page.tif')


def of_file_of_16(dataset):
    dataset.update_tags(ns='ENVI', wavelength=' '.join(str(100 * band) for band in range(1, 17)))


def test_an_archive_is_read_without_unpacking(tmp_path, cube):
    write(tmp_path / 'a.tif', cube)
    with zipfile.ZipFile(tmp_path / 'a.zip', 'w') as archive:
        archive.write(tmp_path / 'a.tif', 'folder/a.tif')
        archive.writestr('b.img', cube.transpose(2, 0, 1).tobytes())
        archive.writestr(
            'b.hdr',
            'ENVI\nsamples = 7\nlines = 6\nbands = 4\ndata type = 12\ninterleave = bsq\n'
            'byte order = 0\nwavelength = {450.5, 550, 650, 850}\nbbl = {1, 1, 0, 1}\n',
        )
    np.testing.assert_array_equal(read_cube(f'/vsizip/{tmp_path}/a.zip/folder/a.tif')[0], cube)
    values, info = read_cube(f'/vsizip/{tmp_path}/a.zip/b.img')
    np.testing.assert_array_equal(values, cube)
    assert info.wavelengths.tolist() == list(CENTRES) and info.bad_bands.tolist() == [0, 0, 1, 0]
