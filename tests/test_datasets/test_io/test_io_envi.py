"""ENVI headers as people's software writes them; the values are those of SPy, or what was written."""

import gzip
import os

import numpy as np
import pytest
import rasterio
import spectral.io.envi

from mmhsi.datasets.io import CubeReadError, open_cube, read_cube, read_labels, write_raster
from mmhsi.datasets.io.envi import EnviReader
from mmhsi.datasets.io.envi_header import parse_header
from mmhsi.datasets.io.writer import envi_list


@pytest.fixture
def cube():
    return np.random.default_rng(1).integers(1, 1000, (6, 5, 4)).astype('<i2')


def write(
    folder,
    cube,
    extra='',
    name='scene.img',
    header='scene.hdr',
    encoding='utf-8',
    interleave='bsq',
    fields='',
    data=None,
):
    order = {'bsq': (2, 0, 1), 'bil': (0, 2, 1), 'bip': (0, 1, 2)}[interleave]
    (folder / name).write_bytes(cube.transpose(order).tobytes() if data is None else data)
    fields = fields or (
        f'samples = {cube.shape[1]}\nlines = {cube.shape[0]}\nbands = {cube.shape[2]}\ndata type = 2\n'
        f'interleave = {interleave}\nbyte order = 0\n'
    )
    (folder / header).write_bytes(f'ENVI\n{fields}{extra}'.encode(encoding))
    return folder / name


@pytest.mark.parametrize(
    'text, name, value',
    (
        ('a b = 3', 'a b', '3'),
        ('  A   B =3  ', 'a b', '3'),
        ('a =', 'a', ''),
        ('a = {1,\n 2,\n3}', 'a', '1,\n 2,\n3'),
        ('a =\n{1, 2}', 'a', '1, 2'),
        ('; a = 1\na = 2', 'a', '2'),
        ('a = {x = 4\n b = 5}', 'a', 'x = 4\n b = 5'),
        ('a = {1}\n\n\nb = 2', 'b', '2'),
        ('a = x = y', 'a', 'x = y'),
        ('a = {1} and more\nb = 2', 'b', '2'),
        ('a = 1\na = 2', 'a', '2'),
        ('a = {one {two} three\n b = 9}\nb = 2', 'b', '2'),
        ('a = {one {two} three\n b = 9}\nb = 2', 'a', 'one {two} three\n b = 9'),
        ('a = {one { two}\nb = {3}', 'b', '3'),
        ('a = {one } two}\nb = {3}', 'b', '3'),
    ),
)
def test_fields_of_a_header(text, name, value):
    assert parse_header(f'ENVI\n{text}', 'x.hdr')[name] == value
    assert parse_header(f'\n ENVI \n{text}\n', 'x.hdr')[name] == value


@pytest.mark.parametrize(
    'text, message',
    (
        ('samples = 3\n', "x.hdr: the header does not begin with 'ENVI'"),
        ('ENVI\na = {1, 2\nb = 3\n', "the brace of the field 'a' is not closed"),
        ('ENVI\nbands = 3\nbands = 4\n', "the field 'bands' is stated twice, as '3' and as '4'"),
    ),
)
def test_headers_that_are_none(text, message):
    with pytest.raises(CubeReadError, match=message):
        parse_header(text, 'x.hdr')


def test_lists_are_wrapped_and_read_back():
    values = np.linspace(400, 2500, 700) + np.pi * 1e-9
    text = envi_list(values)
    assert max(map(len, text.splitlines())) <= 600
    fields = parse_header(f'ENVI\nwavelength = {text}\n', 'x.hdr')
    np.testing.assert_array_equal([float(word) for word in fields['wavelength'].split(',')], values)


@pytest.mark.parametrize('suffix', ('.img', '.hdr'))
def test_a_product_of_many_bands_keeps_its_wavelengths(tmp_path, suffix):
    wavelengths = np.linspace(400, 2500, 700) + np.pi * 1e-9
    write_raster(tmp_path / f'a{suffix}', np.ones((2, 3, 700), np.float32), wavelengths=wavelengths)
    np.testing.assert_array_equal(read_cube(tmp_path / f'a{suffix}')[1].wavelengths, wavelengths)
    with rasterio.open(tmp_path / 'a.img') as dataset:  # GDAL too
        assert float(dataset.tags(700)['wavelength']) == pytest.approx(2500)
    assert spectral.io.envi.open(tmp_path / 'a.hdr').bands.centers == pytest.approx(wavelengths.tolist())


@pytest.mark.parametrize('late', ('interleave = bil', 'data type = 2', 'byte order = 0', 'samples = 5', 'bands = 400'))
def test_fields_behind_a_line_that_is_too_long_for_gdal(tmp_path, late):
    values = np.random.default_rng(0).integers(1, 1000, (6, 5, 400)).astype('<i2')
    centres = np.linspace(400, 2500, 400) + np.pi * 1e-9
    fields = [
        field
        for field in ('samples = 5', 'lines = 6', 'bands = 400', 'data type = 2', 'interleave = bil', 'byte order = 0')
        if field != late
    ]
    line = 'wavelength = {' + ', '.join(f'{value:.30f}' for value in centres) + '}'
    assert len(line) > 10_000
    path = write(
        tmp_path, values, interleave='bil', fields='\n'.join([*fields, line, late, 'data ignore value = -9', ''])
    )
    cube, info = read_cube(path)
    np.testing.assert_array_equal(cube, spectral.io.envi.open(path.with_suffix('.hdr')).open_memmap(interleave='bip'))
    np.testing.assert_allclose(info.wavelengths, centres, rtol=1e-15)
    assert info.nodata == -9


@pytest.mark.parametrize('encoding', ('utf-8', 'utf-8-sig', 'gbk', 'utf-16', 'utf-16-le', 'utf-16-be'))
def test_chinese_names_in_any_encoding(tmp_path, cube, encoding):
    path = write(
        tmp_path,
        cube,
        'description = {高光谱影像 数据}\nband names = {红, 绿, 蓝, 近红外}\nwavelength = {450, 550, 650, 850}\n',
        encoding=encoding,
    )
    values, info = read_cube(path)
    np.testing.assert_array_equal(values, cube)
    assert info.band_names == ('红', '绿', '蓝', '近红外')
    assert info.wavelengths.tolist() == [450, 550, 650, 850]


def test_a_unit_of_latin_1(tmp_path, cube):
    path = write(tmp_path, cube, 'wavelength = {0.45, 0.55, 0.65, 0.85}\nwavelength units = µm\n', encoding='latin-1')
    np.testing.assert_allclose(read_cube(path)[1].wavelengths, [450, 550, 650, 850])


@pytest.mark.parametrize(
    'text, nodata, note',
    (
        ('data ignore value =', None, None),
        ('data ignore value = {-9999}', -9999, None),
        ('data ignore value = -9.999e3', -9999, None),
        ('ignore value = -9999', -9999, None),
        ('nodata = -9999', -9999, None),
        ('data ignore value = none', None, "'none' and is not used"),
        ('data ignore value = {0, 1, 2, 3}', [0, 1, 2, 3], None),
        ('data ignore value = {0, 1}', None, '2 numbers for 4'),
    ),
)
def test_ignore_value(tmp_path, cube, text, nodata, note):
    info = read_cube(write(tmp_path, cube, text + '\n'))[1]
    assert info.nodata is None if nodata is None else np.array_equal(info.nodata, nodata)
    assert not info.notes if note is None else note in info.notes[0]


@pytest.mark.parametrize(
    'text, scale, offset, note',
    (
        ('reflectance scale factor = 10000', 1e-4, None, None),
        ('reflectance scale factor = 1', None, None, None),
        ('reflectance scale factor =', None, None, None),
        ('reflectance scale factor = 0', None, None, 'a scale of inf'),
        ('data gain values = {2, 3, 4, 5}\ndata offset values = {0, 0, 1, 1}', [2, 3, 4, 5], [0, 0, 1, 1], None),
        (
            'data gain values = {2, 3, 4}',
            None,
            None,
            "'data gain values' of the header scene.hdr holds 3 numbers for 4",
        ),
        ('data gain values = {2, 0, 4, 5}', None, None, 'a scale of 0'),
        ('data offset values = {1, 1, 1, 1}', None, 1, None),
        ('reflectance scale factor = 100\ndata gain values = {2, 3, 4, 5}', 0.01, None, 'the first is applied'),
        ('scale factor = 10000', 1e-4, None, None),
        ('reflectance scale factor = 0.0001', 1e-4, None, 'are multiplied by'),
        ('data reflectance gain values = {2, 3, 4, 5}', [2, 3, 4, 5], None, None),
    ),
)
def test_scale_and_offset(tmp_path, cube, text, scale, offset, note):
    path = write(tmp_path, cube, text + '\n')
    values, info = read_cube(path)
    for found, expected in ((info.scale, scale), (info.offset, offset)):
        assert found is None if expected is None else np.allclose(found, expected) and found.shape == (4,)
    assert not info.notes if note is None else any(note in line for line in info.notes)
    if note is None and text.startswith('reflectance scale factor = 1'):  # SPy knows this field alone
        loaded = np.asarray(spectral.io.envi.open(path.with_suffix('.hdr')).load())
        np.testing.assert_allclose(info.physical(values), loaded, rtol=1e-6)


@pytest.mark.parametrize(
    'text, bad, note',
    (
        ('bbl = {1, 0, 1, 1}', [False, True, False, False], None),
        ('bbl = {1.0,\n 0.0, 1.0, 0}', [False, True] * 2, None),
        ('bad band list = {1, 0, 1, 1}', [False, True, False, False], None),
        ('bbl = {1, 1, 1, 1}', None, None),
        ('bbl = {0, 0, 0, 0}', None, 'marks every band as bad'),
        ('bbl = {1, 0, 1}', None, '3 numbers for 4 bands'),
        ('bbl = {1, 2, 3, 4}', None, 'other numbers than 0 and 1'),
    ),
)
def test_bad_bands(tmp_path, cube, text, bad, note):
    info = read_cube(write(tmp_path, cube, text + '\n'))[1]
    assert info.bad_bands is None if bad is None else info.bad_bands.tolist() == bad
    assert not info.notes if note is None else note in info.notes[0]


def test_sensor_and_time(tmp_path, cube):
    path = write(tmp_path, cube, 'sensor type = AVIRIS\nacquisition time = 2015-04-20T18:28:08Z\n')
    info = open_cube(path).info
    assert (info.sensor, info.acquired) == ('AVIRIS', '2015-04-20T18:28:08Z')
    info = open_cube(write(tmp_path, cube, 'sensor type = Unknown\nacquisition time = noon\n')).info
    assert (info.sensor, info.acquired) == (None, None)


@pytest.mark.parametrize('name', ('major frame offsets', 'minor frame offsets'))
def test_frames_around_lines_are_refused(tmp_path, cube, name):
    with pytest.raises(CubeReadError, match=f"states '{name}' = 2, 2: frames"):
        open_cube(write(tmp_path, cube, f'{name} = {{2, 2}}\n'))
    np.testing.assert_array_equal(read_cube(write(tmp_path, cube, f'{name} = {{0, 0}}\n'))[0], cube)


def test_a_file_that_is_longer_than_described(tmp_path, cube):
    info = open_cube(write(tmp_path, cube, data=cube.tobytes() + b'rest')).info
    assert 'describes 240 bytes, the file holds 244' in info.notes[0]


def test_a_header_without_byte_order(tmp_path, cube):
    path = write(tmp_path, cube, fields='samples = 5\nlines = 6\nbands = 4\ndata type = 2\ninterleave = bsq\n')
    values, info = read_cube(path)
    np.testing.assert_array_equal(values, cube)
    assert "does not state 'byte order'" in info.notes[0]


def test_a_packed_file(tmp_path, cube):
    path = write(tmp_path, cube, 'file compression = 1\n', data=gzip.compress(cube.transpose(2, 0, 1).tobytes()))
    np.testing.assert_array_equal(read_cube(path)[0], cube)
    path.write_bytes(gzip.compress(cube.tobytes()[:-2]))
    with pytest.raises(CubeReadError, match='the file ends before the last value'):
        read_cube(path)


def test_a_file_that_is_cut_while_it_is_open(tmp_path, cube):
    path = write(tmp_path, cube)
    with open_cube(path) as reader:
        reader.read((0, 0, 1, 1))
        os.truncate(path, 100)
        with pytest.raises(CubeReadError, match=r'scene\.img: the file ends before the last value'):
            reader.read()


@pytest.mark.parametrize('interleave', ('bsq', 'bil', 'bip'))
def test_windows_and_bands_in_any_order(tmp_path, interleave):
    cube = np.random.default_rng(0).integers(0, 9999, (30, 20, 12)).astype('<i2')
    with open_cube(write(tmp_path, cube, interleave=interleave)) as reader:
        for (top, left, rows, columns), bands in (
            ((3, 4, 9, 7), [11, 0, 5, 5]),
            ((29, 0, 1, 20), [3]),
            ((0, 19, 30, 1), None),
            ((0, 0, 30, 20), range(0, 12, 5)),
        ):
            expected = cube[top : top + rows, left : left + columns]
            np.testing.assert_array_equal(
                reader.read((top, left, rows, columns), bands),
                expected if bands is None else expected[..., list(bands)],
            )


MAP = 'map info = {UTM, 1.5, 2.5, 300000, 5800000, 30, 30, 33, North, WGS-84}'
POINTS = (
    'geo points = {\n 1.0, 1.0, 52.0, 13.0,\n 5.0, 1.0, 52.0, 13.1,\n 1.0, 6.0, 51.9, 13.0,\n 5.0, 6.0, 51.9, 13.1}\n'
)
WKT = rasterio.crs.CRS.from_epsg(32633).to_wkt('WKT1_ESRI')


@pytest.mark.filterwarnings('ignore::rasterio.errors.NotGeoreferencedWarning')
@pytest.mark.parametrize(
    'place',
    (MAP, MAP.replace('}', ', units=Meters, rotation=30}'), f'{MAP}\ncoordinate system string = {{{WKT}}}', POINTS),
)
def test_the_place_is_that_of_gdal(tmp_path, cube, place):
    path = write(tmp_path, cube, place + '\n')
    info = open_cube(path).info
    with rasterio.open(path) as dataset:
        points, crs = dataset.gcps
        assert info.gcps == (tuple((p.row, p.col, p.x, p.y, 0) for p in points) or None)
        assert bool(points) == (place is POINTS)
        if not points:
            assert info.transform == tuple(dataset.transform)[:6]
            assert rasterio.crs.CRS.from_wkt(info.crs) == dataset.crs


@pytest.mark.filterwarnings('ignore::rasterio.errors.NotGeoreferencedWarning')
def test_the_place_behind_a_long_line(tmp_path, cube):
    path = write(tmp_path, cube, f'description = {{{"x" * 20_000}}}\n{MAP}\n')
    with rasterio.open(path) as dataset:
        assert dataset.transform.is_identity  # what GDAL makes of it
    info = open_cube(path).info
    assert info.transform == (30, 0, 299985, 0, -30, 5800045)


def test_a_place_that_is_not_understood_is_noted(tmp_path, cube):
    info = open_cube(write(tmp_path, cube, 'map info = {UTM, one, 1}\n')).info
    assert info.transform is None and any("'map info' = UTM, one, 1 is not understood" in note for note in info.notes)


def test_notes_of_gdal_beside_the_file(tmp_path, cube):
    path = write(tmp_path, cube, 'wavelength = {0.46, 0.55, 0.65, 2.4}\nwavelength units = Micrometers\n')
    (tmp_path / 'scene.img.aux.xml').write_text(
        '<PAMDataset><Metadata><MDI key="wavelength_units">nm</MDI></Metadata></PAMDataset>'
    )
    info = open_cube(path).info
    np.testing.assert_allclose(info.wavelengths, [460, 550, 650, 2400])  # the header counts
    assert info.companions == (str(tmp_path / 'scene.hdr'),)


def test_nodata_and_scale_of_gdal_beside_the_file(tmp_path, cube):
    path = write(tmp_path, cube, 'map info = {UTM, 1, 1, 5e5, 5e6, 30, 30, 33, North, WGS-84}\n')
    with rasterio.open(path, 'r+') as dataset:
        dataset.scales, dataset.offsets = (1e-4, 2e-4, 1e-4, 1e-4), (0, 1, 0, 0)
    with rasterio.open(path) as dataset:
        assert dataset.scales == (1e-4, 2e-4, 1e-4, 1e-4)  # they are in the .aux.xml file
    info = open_cube(path).info
    assert info.scale.tolist() == [1e-4, 2e-4, 1e-4, 1e-4] and info.offset.tolist() == [0, 1, 0, 0]
    assert str(tmp_path / 'scene.img.aux.xml') in info.companions
    (tmp_path / 'scene.img.aux.xml').write_text(
        '<PAMDataset><PAMRasterBand band="2"><NoDataValue>-5</NoDataValue></PAMRasterBand></PAMDataset>'
    )
    np.testing.assert_array_equal(open_cube(path).info.nodata, [np.nan, -5, np.nan, np.nan])
    (tmp_path / 'scene.img.aux.xml').write_text('<PAMDataset>')
    assert 'is not understood' in open_cube(path).info.notes[0]


@pytest.mark.parametrize(
    'field',
    (
        'wavelengths = {450, 550, 650, 850}',
        'wavelength (nm) = {450, 550, 650, 850}',
        'center wavelength = {0.45, 0.55, 0.65, 0.85}\nwavelength units = "Micrometers"',
        'wavelength = {450 nm, 550 nm, 650 nm, 850 nm}',
        'wavelength = {450; 550; 650; 850}\nwavelength units = Nanometers ; from the lab',
        'band names = {450.0, 550.0, 650.0, 850.0}',
    ),
)
def test_spellings_of_wavelengths(tmp_path, cube, field):
    np.testing.assert_allclose(open_cube(write(tmp_path, cube, field + '\n')).info.wavelengths, [450, 550, 650, 850])


def test_a_letter_before_a_brace_that_would_make_a_chinese_sign_with_it(tmp_path, cube):
    path = write(tmp_path, cube, 'description = {µ° Ä}\nwavelength = {450, 550, 650, 850}\n', encoding='latin-1')
    assert open_cube(path).info.wavelengths.tolist() == [450, 550, 650, 850]


def test_data_files_of_other_suffixes(tmp_path, cube):
    write(tmp_path, cube, name='scene.rfl')
    (tmp_path / 'scene.log').write_text('about the flight')
    np.testing.assert_array_equal(read_cube(tmp_path / 'scene.hdr')[0], cube)
    (tmp_path / 'scene.copy').write_bytes((tmp_path / 'scene.rfl').read_bytes())
    with pytest.raises(CubeReadError, match='no data file next to this header'):
        read_cube(tmp_path / 'scene.hdr')


@pytest.mark.parametrize(
    'name, header',
    (('scene', 'scene.hdr'), ('scene.img', 'scene.img.hdr'), ('a.b.raw', 'a.b.hdr'), ('SCENE.IMG', 'SCENE.HDR')),
)
def test_names_of_the_pair(tmp_path, cube, name, header):
    path = write(tmp_path, cube, name=name, header=header)
    for given in (path, tmp_path / header):
        np.testing.assert_array_equal(read_cube(given)[0], cube)


def test_an_image_without_a_header_is_named(tmp_path):
    (tmp_path / 'scene.img').write_bytes(bytes(240))
    with pytest.raises(CubeReadError, match='scene.img: there is no ENVI header with the suffix .hdr next to the file'):
        EnviReader(str(tmp_path / 'scene.img'))


def test_the_data_file_of_the_right_size_is_taken(tmp_path, cube):
    write(tmp_path, cube)
    (tmp_path / 'scene.dat').write_bytes(b'notes on the flight')
    (tmp_path / 'scene').write_bytes(b'')
    np.testing.assert_array_equal(read_cube(tmp_path / 'scene.hdr')[0], cube)
    (tmp_path / 'scene.dat').write_bytes(cube.tobytes())
    with pytest.raises(CubeReadError, match=r'3 data files next to this header .*, and 2 of the size .* \(240 bytes\)'):
        read_cube(tmp_path / 'scene.hdr')


def test_a_header_beside_a_tiff_is_about_the_tiff(tmp_path, cube):
    write_raster(tmp_path / 'scene.tif', cube)
    text = 'ENVI\nsamples = 5\nlines = 6\nbands = 4\nfile type = TIFF\nwavelength = {450, 550, 650, 850}\n'
    (tmp_path / 'scene.hdr').write_text(text + 'bbl = {1, 1, 0, 1}\nreflectance scale factor = 10\n')
    for name in ('scene.tif', 'scene.hdr'):
        values, info = read_cube(tmp_path / name)
        np.testing.assert_array_equal(values, cube)
        assert info.wavelengths.tolist() == [450, 550, 650, 850] and info.bad_bands.tolist() == [0, 0, 1, 0]
        np.testing.assert_allclose(info.scale, 0.1)
        assert str(tmp_path / 'scene.hdr') in info.companions
    (tmp_path / 'scene.hdr').write_text(text.replace('bands = 4', 'bands = 5'))
    info = open_cube(tmp_path / 'scene.tif').info
    assert info.wavelengths is None and 'describes 5 bands, the file has 4' in info.notes[0]


def test_ignored_values_of_a_class_map(tmp_path):
    labels = np.array([[0, 1, 2], [3, 255, 1]], np.uint8)
    (tmp_path / 'map').write_bytes(labels.tobytes())
    (tmp_path / 'map.hdr').write_text(
        'ENVI\nsamples = 3\nlines = 2\nbands = 1\ndata type = 1\ninterleave = bsq\n'
        'file type = ENVI Classification\ndata ignore value = 255\n'
    )
    np.testing.assert_array_equal(read_labels(tmp_path / 'map'), [[0, 1, 2], [3, 0, 1]])


@pytest.mark.parametrize('bands', (1, 4))
def test_a_mask_beside_the_file(tmp_path, cube, bands):
    path, masks = write(tmp_path, cube), np.full((bands, 6, 5), 255, np.uint8)
    masks[-1, 2:4, 1] = 0
    where = dict(driver='GTiff', height=6, width=5, dtype='uint8')
    with rasterio.open(f'{path}.msk', 'w', count=bands, **where) as file:
        file.write(masks)
        file.update_tags(**{f'INTERNAL_MASK_FLAGS_{band}': '2' if bands == 1 else '0' for band in range(1, bands + 1)})
    with rasterio.open(path) as file:
        expected = (file.read_masks() != 0).all(axis=0)
    with open_cube(path) as reader:
        assert np.array_equal(reader.read_mask(), expected) and not expected.all()
        assert np.array_equal(reader.read_mask((1, 1, 3, 2)), expected[1:4, 1:3])
        assert reader.info.companions[-1] == f'{path}.msk' and not reader.info.notes
    with rasterio.open(f'{path}.msk', 'w', count=1, **{**where, 'width': 4}) as file:
        file.write(masks[:1, :, :4])
    info = open_cube(path).info
    assert info.mask is None and 'has 6 x 4 pixels and 1 bands, the file has 6 x 5 and 4' in info.notes[0]
