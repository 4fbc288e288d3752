"""Look-alikes of sensor products against rasterio, GDAL's HDF5, netCDF and Sentinel-2 drivers, and hand arithmetic."""

import pickle
import re
import shutil
import warnings
from pathlib import Path
from xml.etree import ElementTree

import h5py
import numpy as np
import pytest
import rasterio
from config_runs import product_look_alikes
from rasterio.errors import NotGeoreferencedWarning

from mmhsi.datasets.io import CubeReadError, open_cube, read_cube
from mmhsi.datasets.io.folders import scene_files

FORMATS = {  # name: format, sensor, time of acquisition, EPSG code of the place (4326 for control points)
    'enmap_l1c': ('enmap', 'EnMAP HSI', '2022-07-24T10:20:30.123456', 32633),
    'enmap_l2a': ('enmap', 'EnMAP HSI', '2022-07-24T10:20:30.123456', 32633),
    'desis_l2a': ('desis', 'DESIS', '2019-12-03T02:11:28.000', 32633),
    'hyperion_l1t': ('hyperion', 'EO-1 Hyperion', '2013-08-05T09:42:31', 32633),
    'ahsi_gf5': ('ahsi', 'GF5B AHSI', '2022-06-15T03:24:51', None),
    'ahsi_zy1': ('ahsi', 'ZY1E AHSI', '2020-04-01T03:31:07', None),
    'aviris_classic': ('aviris', 'AVIRIS-Classic', '2013-05-03', 32610),
    'aviris_ng': ('aviris', 'AVIRIS-NG', '2018-08-14T22:40:53', 32611),
    'aviris_3': ('aviris', 'AVIRIS-3', '2023-07-29T17:12:28', 32611),
    'aviris_5': ('aviris', 'AVIRIS-5', '2025-05-08T17:35:11', 4326),
    'prisma_l1': ('prisma', 'PRISMA', '2020-05-24T10:37:04.094', 4326),
    'prisma_l2d': ('prisma', 'PRISMA', '2020-05-24T10:37:04.094', 32632),
    'emit_l2a': ('emit', 'EMIT', '2023-03-16T04:51:33', 4326),
    'neon': ('neon', 'NEON NIS1', '2019-08-25T14:51:10', 32619),
    'tanager_basic': ('tanager', 'Tanager', '2025-05-11T07:43:11', 4326),
    'tanager_ortho': ('tanager', 'Tanager', '2025-05-11T07:43:11', 32613),
    'sentinel2_l1c': ('sentinel2', 'Sentinel-2A MSI', '2022-07-24T10:16:01.024', 32633),
    'sentinel2_l2a': ('sentinel2', 'Sentinel-2A MSI', '2022-07-24T10:16:01.024', 32633),
    'specim': ('camera', 'SPECIM FX10', '2022-11-11', None),
    'hyspex': ('camera', 'HySpex', '2020-06-15T10:11:12', None),
    'headwall': ('camera', 'Headwall', None, None),
}


@pytest.fixture(scope='module')
def products(tmp_path_factory) -> dict[str, Path]:
    return product_look_alikes(tmp_path_factory.mktemp('products'), list(FORMATS))


def read(path, key=None):
    """Physical values, validity by nodata and mask together, and the description."""
    with open_cube(path, key) as reader:
        stored, mask = reader.read(), reader.read_mask()
    good = reader.info.good_bands
    valid = ~reader.info.no_data(stored)[..., good].any(axis=-1)
    return reader.info.physical(stored), valid if mask is None else valid & mask, reader.info


def gdal(path, band_axis=0) -> np.ndarray:
    """What GDAL reads, as (rows, columns, bands)."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', NotGeoreferencedWarning)
        with rasterio.open(path) as dataset:
            values = dataset.read()
    return np.moveaxis(values, band_axis, -1)


def the(folder: Path, pattern: str) -> Path:
    (found,) = folder.rglob(pattern)
    return found


@pytest.mark.parametrize('name', FORMATS)
def test_a_product_is_recognised_and_describes_itself(products, name):
    form, sensor, acquired, code = FORMATS[name]
    with open_cube(products[name]) as reader:
        info = reader.info
        whole = reader.read()
        assert (info.format, info.sensor, info.acquired) == (form, sensor, acquired)
        assert whole.shape == info.shape and whole.dtype == info.dtype
        for values in (info.wavelengths, info.fwhm, info.scale, info.offset, info.bad_bands):
            assert values is None or values.shape == (info.bands,)
        assert info.wavelengths.min() > 350 and info.wavelengths.max() < 2600  # nm
        place = info.crs if info.transform is not None else info.gcps_crs
        assert code is None or rasterio.crs.CRS.from_wkt(place) == rasterio.crs.CRS.from_epsg(code)
        # a window and a choice of bands are parts of the whole, in another process too
        again = pickle.loads(pickle.dumps(reader))
        bands = [7, 3, info.bands - 1]
        np.testing.assert_array_equal(again.read((5, 2, 9, 11), bands), whole[5:14, 2:13, bands])
        if info.mask is not None:
            np.testing.assert_array_equal(again.read_mask((5, 2, 9, 11)), reader.read_mask()[5:14, 2:13])
        again.close()


@pytest.mark.parametrize('level', ['l1c', 'l2a'])
def test_enmap(products, level):
    folder = products[f'enmap_{level}']
    values, valid, info = read(folder)
    root = ElementTree.parse(the(folder, '*METADATA.XML')).getroot()
    column = {
        tag: np.array([float(element.text) for element in root.iter(tag)])
        for tag in ('wavelengthCenterOfBand', 'FWHMOfBand', 'GainOfBand', 'OffsetOfBand')
    }
    stored = gdal(the(folder, '*SPECTRAL_IMAGE.TIF'))
    np.testing.assert_allclose(values, stored * column['GainOfBand'] + column['OffsetOfBand'], rtol=1e-6)
    np.testing.assert_array_equal(info.wavelengths, column['wavelengthCenterOfBand'])
    np.testing.assert_array_equal(info.fwhm, column['FWHMOfBand'])
    classes, cloud = (gdal(the(folder, f'*QL_QUALITY_{name}.TIF'))[..., 0] for name in ('CLASSES', 'CLOUD'))
    np.testing.assert_array_equal(valid, (classes != 3) & (cloud == 0))
    assert 0 < valid.sum() < valid.size
    assert info.transform == (30, 0, 399960, 0, -30, 5800020)
    assert info.units == ('reflectance' if level == 'l2a' else 'W/(m^2 sr nm)')
    bad = [] if level == 'l1c' else [129, 130, 131, 132, 133, 134]
    assert ([] if info.bad_bands is None else np.flatnonzero(info.bad_bands).tolist()) == bad


def test_the_image_of_a_product_is_the_product(products):
    for name, pattern in (
        ('enmap_l2a', '*SPECTRAL_IMAGE.TIF'),
        ('desis_l2a', '*SPECTRAL_IMAGE.tif'),
        ('ahsi_gf5', '*_SW.tif'),
        ('aviris_ng', '*corr_v2r2_img'),
        ('specim', 'leaf_0001.raw'),
    ):
        with open_cube(the(products[name], pattern)) as reader, open_cube(products[name]) as whole:
            assert reader.info.format == FORMATS[name][0]
            np.testing.assert_array_equal(reader.read(), whole.read())
    # and its other files are what they are
    layer, info = read_cube(the(products['enmap_l2a'], '*QL_QUALITY_CLASSES.TIF'))
    assert info.format == 'raster' and layer.shape[2] == 1


def test_enmap_l1b_and_missing_images_are_named(products, tmp_path):
    folder = tmp_path / 'enmap'
    shutil.copytree(products['enmap_l2a'], folder)
    metadata = the(folder, '*METADATA.XML')
    text = metadata.read_text()
    metadata.write_text(text.replace('<level>L2A</level>', '<level>L1B</level>'))
    with pytest.raises(CubeReadError, match='level L1B, expected L1C or L2A'):
        open_cube(folder)
    metadata.write_text(text.replace('<GainOfBand>', '<GainOfBand>x', 1))
    with pytest.raises(CubeReadError, match='<GainOfBand> is no number'):
        open_cube(folder)
    the(folder, '*SPECTRAL_IMAGE.TIF').unlink()
    with pytest.raises(CubeReadError, match='there is no SPECTRAL_IMAGE'):
        open_cube(folder)


def test_desis(products):
    folder = products['desis_l2a']
    values, valid, info = read(folder)
    stored = gdal(the(folder, '*SPECTRAL_IMAGE.tif'))
    np.testing.assert_allclose(values, stored * 1e-4, rtol=1e-6)
    quality = gdal(the(folder, '*QL_QUALITY-2.tif'))
    np.testing.assert_array_equal(valid, (stored != -32768).all(-1) & (quality[..., [5, 6]] == 0).all(-1))
    np.testing.assert_allclose(info.wavelengths, np.linspace(401.9, 999.5, 235), atol=1e-4)
    np.testing.assert_allclose(info.fwhm, np.linspace(3.6, 3.3, 235), atol=1e-4)
    assert info.transform == (30, 0, 399960, 0, -30, 5800020) and info.units == 'reflectance'


def test_hyperion(products):
    folder = products['hyperion_l1t']
    values, valid, info = read(folder)
    assert info.shape == (24, 18, 242)
    for band, factor in ((8, 40), (29, 40), (57, 40), (77, 80), (131, 80), (224, 80)):
        np.testing.assert_allclose(values[..., band - 1], gdal(the(folder, f'*_B{band:03d}_L1T.TIF'))[..., 0] / factor)
    np.testing.assert_array_equal(np.flatnonzero(~info.bad_bands) + 1, [*range(8, 58), *range(77, 225)])
    # the table of USGS, as Earth Engine's catalogue lists it
    for band, centre, width in (
        (8, 426.82, 11.3871),
        (29, 640.5, 10.3188),
        (57, 925.41, 11.2754),
        (77, 912.45, 11.0457),
        (120, 1346.25, 10.7058),
        (200, 2153.34, 10.6834),
        (224, 2395.5, 10.4077),
    ):
        assert (info.wavelengths[band - 1], info.fwhm[band - 1]) == (centre, width)
    assert not valid[:, :3].any() and valid[:, 3:].all()
    assert values[5, 9, 130] == 0 and valid[5, 9]  # dark in the water vapour is a value
    (incomplete := the(folder, '*_B100_L1T.TIF')).rename(folder / 'elsewhere.tiff')
    try:
        fewer = open_cube(folder).info
        assert fewer.bands == 241 and '241 of the 242 bands are there' in fewer.notes
        assert fewer.wavelengths[99] == info.wavelengths[100]
    finally:
        (folder / 'elsewhere.tiff').rename(incomplete)


def test_sentinel2_against_gdal(products):
    for level in ('L1C', 'L2A'):
        folder = products[f'sentinel2_{level.lower()}']
        with open_cube(folder) as reader:
            stored, info, mask = reader.read(), reader.info, reader.read_mask()
        assert info.band_names == (
            'B01',
            'B02',
            'B03',
            'B04',
            'B05',
            'B06',
            'B07',
            'B08',
            'B8A',
            'B09',
            *(['B10'] if level == 'L1C' else []),
            'B11',
            'B12',
        )
        for metres in (10, 20, 60):
            with rasterio.open(f'SENTINEL2_{level}:{folder}/MTD_MSI{level}.xml:{metres}m:EPSG_32633') as dataset:
                for index, description in zip(dataset.indexes, dataset.descriptions, strict=True):
                    name = description.split(',')[0]
                    name = name if len(name) == 3 else name.replace('B', 'B0')
                    if name not in info.band_names or (level == 'L2A' and metres == 60 and name not in ('B01', 'B09')):
                        continue
                    enlarged = dataset.read(index).repeat(metres // 10, 0).repeat(metres // 10, 1)
                    np.testing.assert_array_equal(stored[..., info.band_names.index(name)], enlarged)
                if metres == 10:
                    assert info.transform == tuple(dataset.transform)[:6]
        np.testing.assert_allclose(info.physical(stored), (stored.astype(float) - 1000) / 10000, atol=1e-7)
        assert info.nodata == 0
        if level == 'L2A':
            classes = gdal(the(folder, '*SCL_20m.jp2'))[..., 0].repeat(2, 0).repeat(2, 1)
            np.testing.assert_array_equal(mask, ~np.isin(classes, (0, 1, 8, 9)))
    # the response of the look-alike is a clipped sine: half of its maximum is reached at 0.05 + 0.2898 of the phase
    phase, low, high = np.arcsin(1 / 3), 0.05, np.pi - 0.05
    expected = (np.pi - 2 * phase) / (high - low) * (533 - 456)
    assert info.fwhm[1] == pytest.approx(expected, abs=0.1)  # B02, between samples of 1 nm


@pytest.mark.parametrize('name, first', [('ahsi_gf5', 150), ('ahsi_zy1', 76)])
def test_ahsi(products, name, first):
    folder = products[name]
    values, valid, info = read(folder)
    parts = {}
    for short, long in (('VN', 'VNIR'), ('SW', 'SWIR')):
        gains = np.loadtxt(the(folder, f'*RadCal_{long}.raw'), delimiter=',')
        bands = np.loadtxt(the(folder, f'*Spectralresponse_{long}.raw'), delimiter=',')
        parts[short] = gdal(the(folder, f'*_{short}.tif')) * gains[:, 0] + gains[:, 1], bands
    keep = parts['SW'][1][:, 0] > parts['VN'][1][-1, 0]
    assert 0 < (~keep).sum() < 5 and info.bands == first + keep.sum() and valid.all()
    np.testing.assert_allclose(values, np.concatenate([parts['VN'][0], parts['SW'][0][..., keep]], -1), rtol=1e-6)
    for column, stated in enumerate((info.wavelengths, info.fwhm)):
        np.testing.assert_array_equal(stated, np.concatenate([parts['VN'][1], parts['SW'][1][keep]])[:, column])
    assert (np.diff(info.wavelengths) > 0).all()
    with rasterio.open(the(folder, '*_VN.tif')) as dataset:  # GDAL reads the .rpb itself
        for name, text in dataset.rpcs.to_gdal().items():
            if name in info.rpcs:
                np.testing.assert_allclose(np.array(info.rpcs[name].split(), float), np.array(text.split(), float))
    assert len(info.rpcs) == 14


def test_ahsi_without_coefficients_lies_between_its_corners(products, tmp_path):
    folder = tmp_path / 'ahsi'
    shutil.copytree(products['ahsi_gf5'], folder)
    for path in folder.glob('*.rpb'):
        path.unlink()
    info = open_cube(folder).info
    assert info.rpcs is None and info.gcps[0] == (0, 0, 110.4966, 37.2036, 0) and info.gcps[2][:2] == (24, 18)
    the(folder, '*Spectralresponse_SWIR.raw').unlink()
    with pytest.raises(CubeReadError, match='centres and widths of the 180 bands'):
        open_cube(folder)
    the(folder, '*Spectralresponse_VNIR.raw').unlink()
    assert open_cube(the(folder, '*_VN.tif')).info.format == 'raster'  # an image like others


@pytest.mark.parametrize('level', ['L1', 'L2D'])
def test_prisma(products, level):
    path = products[f'prisma_{level.lower()}']
    values, valid, info = read(path)
    group = f'HDF5:"{path}"://HDFEOS/SWATHS/PRS_{level}_HCO/Data_Fields'
    with h5py.File(path) as file:
        stated = dict(file.attrs)
    cubes, centres = [], []
    for name in ('Vnir', 'Swir'):
        cube = gdal(f'{group}/{name.upper()}_Cube', band_axis=1)  # GDAL takes the rows for bands
        if level == 'L1':
            cube = cube / stated[f'ScaleFactor_{name}'] - stated[f'Offset_{name}']
        else:
            low, high = stated[f'L2Scale{name}Min'], stated[f'L2Scale{name}Max']
            cube = low + cube * (float(high) - float(low)) / 65535
        cubes.append(cube)
        centres.append(stated[f'List_Cw_{name}'])
    vnir = np.flatnonzero(centres[0])[::-1]
    swir = np.flatnonzero(centres[1] > centres[0].max())[::-1]
    np.testing.assert_allclose(
        values, np.concatenate([cubes[0][..., vnir], cubes[1][..., swir]], -1), rtol=1e-5, atol=1e-6
    )
    np.testing.assert_array_equal(info.wavelengths, np.concatenate([centres[0][vnir], centres[1][swir]]))
    assert (np.diff(info.wavelengths) > 0).all() and len(vnir) == 63
    expected = np.ones(valid.shape, bool)
    expected[:, :2] = False
    if level == 'L1':
        expected[10:13, 8:12] = False
        assert info.units == 'W/(m^2 sr um)' and info.transform is None
        with h5py.File(path) as file:
            longitude = file['HDFEOS/SWATHS/PRS_L1_HCO/Geolocation Fields/Longitude_VNIR'][()]
        for row, column, x, _, _ in info.gcps:
            assert x == longitude[int(row), int(column)]
    else:
        assert info.transform == (30, 0, 650000, 0, -30, 4731000)
    np.testing.assert_array_equal(valid, expected)


def test_values_in_other_files_are_not_read(products, tmp_path):
    path = tmp_path / products['emit_l2a'].name
    for values in ('link', 'external', 'virtual'):
        shutil.copy(products['emit_l2a'], path)
        with h5py.File(path, 'a') as file:
            shape, dtype = file['reflectance'].shape, file['reflectance'].dtype
            del file['reflectance']
            if values == 'link':
                file['reflectance'] = h5py.ExternalLink(str(products['emit_l2a']), 'reflectance')
            elif values == 'external':
                place = [(str(products['emit_l2a']), 0, h5py.h5f.UNLIMITED)]
                file.create_dataset('reflectance', shape, dtype, external=place).attrs['MATLAB_empty'] = 1
            else:
                layout = h5py.VirtualLayout(shape, dtype)
                layout[:] = h5py.VirtualSource(str(products['emit_l2a']), 'reflectance', shape)
                file.create_virtual_dataset('reflectance', layout)
        with pytest.raises(CubeReadError, match=f"{path.name}: 'reflectance' is in another file, which is not read"):
            open_cube(path)


def test_a_sentinel2_product_names_images_of_its_own(products, tmp_path):
    folder = shutil.copytree(products['sentinel2_l2a'], tmp_path / products['sentinel2_l2a'].name)
    metadata = folder / 'MTD_MSIL2A.xml'
    image = next(folder.rglob('*_B02_10m.jp2'))
    named = image.relative_to(folder).as_posix().removesuffix('.jp2')
    shutil.move(image, tmp_path / image.name)
    text = metadata.read_text()
    assert named in text
    metadata.write_text(text.replace(named, f'../{image.stem}'))
    with pytest.raises(CubeReadError, match='names the image .*B02.*, which is not in its folder'):
        open_cube(metadata)


def test_prisma_gives_one_detector_or_an_array_on_request(products):
    path = products['prisma_l2d']
    with open_cube(path, 'SWIR') as reader:
        assert reader.info.bands == 171 and reader.info.wavelengths[0] < 950
    key = 'HDFEOS/SWATHS/PRS_L2D_HCO/Data Fields/VNIR_Cube'
    array, info = read_cube(path, key, 'bil')
    assert info.format == 'hdf5' and array.shape == (24, 18, 66)
    with open_cube(path, 'indian_pines_corrected') as reader:  # the key of a config for other files
        assert reader.info.bands == 230 and 'indian_pines_corrected' in reader.info.notes[0]


def test_emit(products):
    path = products['emit_l2a']
    values, valid, info = read(path)
    with h5py.File(path) as file:
        lines, samples = file['location/glt_y'][()], file['location/glt_x'][()]
        good = file['sensor_band_parameters/good_wavelengths'][()]
        geotransform = file.attrs['geotransform']
    swath = gdal(f'HDF5:"{path}"://reflectance', band_axis=2)  # GDAL takes the lines for bands
    np.testing.assert_array_equal(values, swath)
    np.testing.assert_array_equal(info.bad_bands, good == 0)
    flags = gdal(f'HDF5:"{next(path.parent.glob("*MASK*"))}"://mask', band_axis=2)
    np.testing.assert_array_equal(valid, (swath[..., 0] != -9999) & (flags[..., [0, 3]] == 0).all(-1))
    ortho, _, info = read(path, 'ortho')
    assert info.shape == (*lines.shape, 285)
    assert info.transform == (geotransform[1], 0, geotransform[0], 0, geotransform[5], geotransform[3])
    seen = 0
    for row, column in np.ndindex(lines.shape):  # the definition: from 1, 0 for none, a sign for a filled gap
        line, sample = abs(lines[row, column]), abs(samples[row, column])
        expected = swath[line - 1, sample - 1] if line and sample else np.full(285, -9999)
        np.testing.assert_array_equal(ortho[row, column], expected)
        seen += bool(line)
    assert seen > 400 and (lines < 0).sum() == 1


def test_the_mask_of_emit_goes_by_the_names_of_its_bands(products, tmp_path):
    path = products['emit_l2a']
    shutil.copytree(path.parent, tmp_path, dirs_exist_ok=True)
    old = next(tmp_path.glob('*MASK*'))
    mask = old.with_name(old.name.replace('MASK_001', 'MASK_003'))
    with h5py.File(old) as file:
        values = file['mask'][()]
    old.unlink()
    for names, bands in (
        (('Cloud Flag', 'Cirrus Flag', 'Water Flag', 'Dilated Cloud Flag', 'SpecTf-Cloud Flag'), [0]),
        (('Water  flag', 'spacecraft Flag', 'H2O', 'Cloud flag'), [1, 3]),
    ):
        with h5py.File(mask, 'w') as file:
            file['mask'] = values[..., : len(names)]
            file['sensor_band_parameters/mask_bands'] = np.array(names, dtype=h5py.string_dtype())
        with open_cube(tmp_path / path.name) as reader:
            swath = reader.read()
            assert np.array_equal(reader.read_mask(), (values[..., bands] != 1).all(axis=-1))
        assert swath.shape[2] == 285 and mask.name in reader.info.mask
    with h5py.File(mask, 'a') as file:
        file['sensor_band_parameters/mask_bands'][:] = ['x'] * 4
    info = open_cube(tmp_path / path.name).info
    assert info.mask is None and 'has no flag of clouds among its bands' in ' '.join(info.notes)


def test_neon(products):
    path = products['neon']
    values, valid, info = read(path)
    stored = gdal(f'HDF5:"{path}"://BART/Reflectance/Reflectance_Data', band_axis=2)  # GDAL takes the rows for bands
    np.testing.assert_allclose(values, stored / 1e4, rtol=1e-6)
    np.testing.assert_array_equal(valid, (stored != -9999).all(-1))
    centres = np.linspace(383.5, 2512.2, 426)
    np.testing.assert_array_equal(info.wavelengths, centres)
    water = (centres >= 1340) & (centres <= 1445) | (centres >= 1790) & (centres <= 1955)
    np.testing.assert_array_equal(info.bad_bands, water)
    assert info.transform == (1, 0, 314000, 0, -1, 4880000)


def test_tanager(products):
    for name, group, array in (
        ('tanager_ortho', 'GRIDS', 'surface_reflectance'),
        ('tanager_basic', 'SWATHS', 'toa_radiance'),
    ):
        path = products[name]
        values, valid, info = read(path)
        fields = f'HDF5:"{path}"://HDFEOS/{group}/HYP/Data_Fields'
        np.testing.assert_array_equal(values, gdal(f'{fields}/{array}'))
        flags = [gdal(f'{fields}/{flag}')[..., 0] for flag in ('nodata_pixels', 'beta_cloud_mask')]
        np.testing.assert_array_equal(valid, (flags[0] == 0) & (flags[1] == 0))
        np.testing.assert_array_equal(info.wavelengths, np.linspace(376.4, 2499, 426))
        if group == 'GRIDS':
            assert info.transform == (30, 0, 570300, 0, -30, 3555450) and info.bad_bands.sum() == 54
        else:
            assert info.transform is None and info.bad_bands is None and info.units == 'W/(m^2 sr um)'


def test_aviris(products):
    folder = products['aviris_ng']
    values, valid, info = read(folder)
    with rasterio.open(the(folder, '*corr_v2r2_img')) as dataset:
        np.testing.assert_array_equal(values, np.moveaxis(dataset.read(), 0, -1))
        assert info.transform == tuple(dataset.transform)[:6] and info.transform[1] != 0  # turned
    assert (~valid).sum() == 20
    folder = products['aviris_classic']
    values, valid, info = read(folder)
    gains = np.loadtxt(the(folder, '*.gain'))[:, 0]
    stored = gdal(the(folder, '*ort_img'))
    np.testing.assert_allclose(values, stored / gains, rtol=1e-6)
    np.testing.assert_array_equal(valid, stored[..., 0] != -50)
    np.testing.assert_array_equal(info.wavelengths, np.loadtxt(the(folder, '*.spc'))[:, 0])
    path = products['aviris_3']
    values, valid, info = read(path)
    with rasterio.open(f'netcdf:{path}:/reflectance/reflectance') as dataset:
        np.testing.assert_array_equal(values, np.moveaxis(dataset.read(), 0, -1))
        assert info.transform == tuple(dataset.transform)[:6]
    assert not valid[-4:].any() and valid[:-4].all()


def test_aviris_swath_on_its_grid(products):
    path = products['aviris_5']
    swath, _, info = read(path)
    assert info.transform is None and len(info.gcps) == 121 and "the key 'ortho' gives the map grid" in info.notes[0]
    ortho, valid, info = read(path, 'ortho')
    with h5py.File(path) as file:
        line, sample = (file[f'geolocation_lookup_table/{name}'][()] for name in ('line', 'sample'))
    np.testing.assert_array_equal(ortho[line > 0], swath[line[line > 0] - 1, sample[line > 0] - 1])
    np.testing.assert_array_equal(valid, line > 0)
    assert info.transform == (5, 0, 410000, 0, -5, 3710000)


def test_reflectance_of_cameras(products):
    for name, image, references, exposures in (
        ('specim', 'leaf_0001.raw', ('DARKREF_leaf_0001.raw', 'WHITEREF_leaf_0001.raw'), 10 / 20),
        ('headwall', 'raw_0', ('darkReference', 'whiteReference'), 1),
        ('hyspex', 'field_*.hyspex', ('dark_*.hyspex', 'white_*.hyspex'), 5000 / 20000),
    ):
        folder = products[name]
        stored = read_cube(folder)[0]
        np.testing.assert_array_equal(stored, gdal(the(folder, image)))
        values, _, info = read(folder, 'reflectance')
        dark, white = (gdal(the(folder, reference)).mean(axis=0) for reference in references)
        np.testing.assert_allclose(values, (stored - dark) / (white - dark) * exposures, rtol=2e-6)
        assert values.dtype == info.dtype == np.float32 and info.units == 'reflectance'
        assert any('integration times' in note for note in info.notes)
    the(products['headwall'], 'whiteReference.hdr').unlink()
    with pytest.raises(CubeReadError, match='reflectance needs a white reference'):
        open_cube(products['headwall'], 'reflectance')


@pytest.mark.parametrize('change', (str.upper, str.lower))
@pytest.mark.parametrize('name', ('ahsi_zy1', 'sentinel2_l2a', 'emit_l2a', 'enmap_l2a'))
def test_names_in_upper_or_lower_case(products, tmp_path, name, change):
    source = products[name] if products[name].is_dir() else products[name].parent
    folder = tmp_path / 'copy'
    shutil.copytree(source, folder)
    for path in list(folder.rglob('*')):
        if path.is_file():
            path.rename(path.with_name(change(path.name)))
    with open_cube(source) as before, open_cube(folder) as after:
        np.testing.assert_array_equal(before.read((0, 0, 4, 4)), after.read((0, 0, 4, 4)))
        assert before.info.sensor == after.info.sensor and before.info.placed == after.info.placed
        assert (before.info.mask is None) == (after.info.mask is None)


@pytest.mark.parametrize(
    'name, layer, note',
    (
        ('enmap_l2a', '*QL_QUALITY_CLOUD*', 'QL_QUALITY_CLOUD'),
        ('desis_l2a', '*QL_QUALITY-2*', 'QL_QUALITY-2'),
        ('sentinel2_l2a', '*_SCL_*', 'scene classification'),
        ('emit_l2a', '*L2A_MASK*', 'L2A_MASK'),
    ),
)
def test_a_quality_layer_that_is_missing_is_named(products, tmp_path, name, layer, note):
    source = products[name] if products[name].is_dir() else products[name].parent
    folder = tmp_path / 'copy'
    shutil.copytree(source, folder)
    for path in list(folder.rglob(layer)):
        path.unlink()
    notes = open_cube(folder).info.notes
    assert any(note in line and 'clouds are not masked' in line for line in notes)


@pytest.mark.parametrize(
    'name, array, note',
    (
        ('tanager_ortho', 'HDFEOS/GRIDS/HYP/Data Fields/beta_cloud_mask', 'clouds are not masked'),
        ('tanager_basic', 'HDFEOS/SWATHS/HYP/Data Fields/nodata_pixels', 'known by their value alone'),
        ('prisma_l1', 'HDFEOS/SWATHS/PRS_L1_HCO/Data Fields/Cloud_Mask', 'clouds are not masked'),
    ),
)
def test_a_quality_array_that_is_missing_is_named(products, tmp_path, name, array, note):
    path = tmp_path / products[name].name
    shutil.copy(products[name], path)
    with h5py.File(path, 'r+') as file:
        del file[array]
    assert any(array.rsplit('/', 1)[1] in line and note in line for line in open_cube(path).info.notes)


def test_prisma_with_one_detector(products, tmp_path):
    path = tmp_path / products['prisma_l2d'].name
    shutil.copy(products['prisma_l2d'], path)
    with h5py.File(path, 'r+') as file:
        del file['HDFEOS/SWATHS/PRS_L2D_HCO/Data Fields/SWIR_Cube']
        bands = np.count_nonzero(file.attrs['List_Cw_Vnir'])
    info = open_cube(path).info
    assert info.bands == bands and 'the file holds the bands of VNIR alone' in info.notes
    with pytest.raises(CubeReadError, match='no SWIR_Cube'):
        open_cube(path, 'SWIR')


def test_folders_that_are_no_product(products, tmp_path):
    with pytest.raises(CubeReadError, match='folder, but not of a known sensor product'):
        open_cube(tmp_path)
    for name in ('enmap_l1c', 'enmap_l2a'):
        shutil.copytree(products[name], tmp_path, dirs_exist_ok=True)
    with pytest.raises(CubeReadError, match='the folder holds 2 products, name one: ENMAP'):
        open_cube(tmp_path)


def test_a_product_several_folders_deep(products, tmp_path):
    deep = tmp_path / 'order' / 'ORDER.HSI.L2A' / 'part'
    shutil.copytree(products['enmap_l2a'], deep)
    with open_cube(tmp_path / 'order') as reader:
        assert (reader.info.format, reader.info.bands) == ('enmap', 224)
    assert scene_files(tmp_path / 'order') == [next(deep.glob('*METADATA.XML'))]
    shutil.copytree(deep, tmp_path / 'order' / 'again' / 'part')
    with pytest.raises(CubeReadError, match='the folder holds 2 products'):
        open_cube(tmp_path / 'order')


@pytest.mark.parametrize('name, inside', (('sentinel2_l2a', '**/MTD_TL.xml'), ('ahsi_gf5', '*_VN.rpb')))
def test_another_file_of_a_product_is_told(products, name, inside):
    entry = products[name]
    folder = entry if entry.is_dir() else entry.parent
    with pytest.raises(CubeReadError, match=f'it belongs to a product: name .*{re.escape(folder.name)}'):
        open_cube(next(folder.glob(inside)))


def test_hdf4_is_told(tmp_path):
    (tmp_path / 'EO1H.L1R').write_bytes(b'\x0e\x03\x13\x01' + bytes(100))
    with pytest.raises(CubeReadError, match='HDF4, as older products are, is not read'):
        open_cube(tmp_path / 'EO1H.L1R')
