"""HDF5 and netCDF files by their own words: axes, scale, fill values, place; expected by GDAL's netCDF driver."""

import h5py
import numpy as np
import pytest
import rasterio
import scipy.io

from mmhsi.datasets import Scene
from mmhsi.datasets.io import CubeReadError, open_cube, read_cube

pytestmark = pytest.mark.filterwarnings('ignore::rasterio.errors.NotGeoreferencedWarning')
CENTRES = np.array([450.0, 550, 650, 850])
AXES = {
    'band': 2,
    'wavelength': 2,
    'time': 2,
    'bands': 2,
    'layer': 2,
    'y': 0,
    'lat': 0,
    'downtrack': 0,
    'row': 0,
    'u': 0,
    'x': 1,
    'lon': 1,
    'crosstrack': 1,
    'column': 1,
    'v': 1,
}


@pytest.fixture
def cube():
    return np.random.default_rng(0).integers(0, 9000, (6, 7, 4)).astype(np.int16)


def write(path, cube, order=('band', 'y', 'x'), coordinates=None, attributes=None, extra=None, name='cube'):
    """A netCDF-4 file as rioxarray and xarray write them: HDF5 with dimension scales."""
    with h5py.File(path, 'w') as file:
        file[name] = cube.transpose([AXES[dimension] for dimension in order])
        for axis, dimension in enumerate(order):
            values, attrs = (coordinates or {}).get(dimension, (None, {}))
            length = cube.shape[AXES[dimension]]
            file[dimension] = np.zeros(length, 'f4') if values is None else values
            file[dimension].make_scale(
                dimension if values is not None else f'This is a netCDF dimension but not a netCDF variable.{length:10}'
            )
            file[dimension].attrs.update(attrs)
            file[name].dims[axis].attach_scale(file[dimension])
        file[name].attrs.update(attributes or {})
        for key, (values, attrs) in (extra or {}).items():
            file[key] = values
            file[key].attrs.update(attrs)
    return path


@pytest.mark.parametrize(
    'order',
    (
        ('band', 'y', 'x'),
        ('y', 'x', 'band'),
        ('time', 'lat', 'lon'),
        ('downtrack', 'crosstrack', 'bands'),
        ('row', 'wavelength', 'column'),
        ('layer', 'y', 'x'),
        ('u', 'column', 'band'),
    ),
)
def test_axes_by_the_names_of_dimensions(tmp_path, cube, order):
    values, info = read_cube(write(tmp_path / 'a.nc', cube, order))
    np.testing.assert_array_equal(values, cube)
    assert not info.notes


@pytest.mark.parametrize(
    'names',
    (
        ('nBand', 'nLine', 'nPixel'),
        ('number_of_bands', 'number_of_scans', 'pixels_per_line'),
        ('spectral_channel', 'y_dim', 'x_dim'),
        ('Wavelengths', 'numRows', 'numCols'),
        ('bands', 'u', 'v'),
    ),
)
@pytest.mark.parametrize('axes', ((2, 0, 1), (0, 2, 1), (0, 1, 2)))
def test_spellings_of_the_names_of_axes(tmp_path, cube, names, axes):
    by_axis = {2: names[0], 0: names[1], 1: names[2]}
    with h5py.File(tmp_path / 'a.nc', 'w') as file:
        file['cube'] = cube.transpose(axes)
        for position, axis in enumerate(axes):
            file['cube'].dims[position].label = by_axis[axis]
    np.testing.assert_array_equal(read_cube(tmp_path / 'a.nc')[0], cube)


def test_axes_that_the_names_do_not_tell_are_asked_for(tmp_path, cube):
    path = tmp_path / 'a.nc'
    with h5py.File(path, 'w') as file:
        file['cube'] = cube
        for position, name in enumerate('uvw'):
            file['cube'].dims[position].label = name
    with pytest.raises(CubeReadError, match=r"\(6, 7, 4\) are named 'u', 'v', 'w', and .*say layout="):
        read_cube(path)
    np.testing.assert_array_equal(read_cube(path, layout='hwc')[0], cube)


@pytest.mark.parametrize(
    'names', (('time', 'band', 'y', 'x'), ('y', 'x', 'band', 'time'), ('band', 'time', 'y', 'x'), ())
)
@pytest.mark.parametrize('bands', (4, 1))
def test_an_axis_of_length_one_besides(tmp_path, cube, names, bands):
    axes = dict(y=(6,), x=(7,), band=(bands,), time=(1,))
    order = names or ('time', 'y', 'x', 'band')
    wanted = cube[..., :bands]
    stored = wanted[..., None].transpose([('y', 'x', 'band', 'time').index(name) for name in order])
    with h5py.File(tmp_path / 'a.nc', 'w') as file:
        file['cube'] = stored
        assert stored.shape == tuple(axes[name][0] for name in order)
        for position, name in enumerate(names):
            file['cube'].dims[position].label = name
    with open_cube(tmp_path / 'a.nc') as reader:
        np.testing.assert_array_equal(reader.read(), wanted)
        np.testing.assert_array_equal(reader.read((2, 1, 3, 4), [bands - 1]), wanted[2:5, 1:5, -1:])


def test_two_times_are_refused(tmp_path, cube):
    with h5py.File(tmp_path / 'a.nc', 'w') as file:
        file['cube'] = np.stack([cube, cube])
    with pytest.raises(CubeReadError, match=r"'cube' \(2, 6, 7, 4\)"):
        read_cube(tmp_path / 'a.nc')


@pytest.mark.parametrize(
    'attributes',
    (
        ({'axis': 'Y'}, {'axis': 'X'}),
        ({'standard_name': 'projection_y_coordinate'}, {'standard_name': 'projection_x_coordinate'}),
        ({'units': 'degrees_north'}, {'units': 'degrees_east'}),
    ),
)
def test_axes_by_the_attributes_of_coordinates(tmp_path, cube, attributes):
    coordinates = {'u': (np.arange(6.0), attributes[0]), 'v': (np.arange(7.0), attributes[1])}
    np.testing.assert_array_equal(read_cube(write(tmp_path / 'a.nc', cube, ('layer', 'u', 'v'), coordinates))[0], cube)


@pytest.mark.parametrize('axes', ((0, 1, 2), (2, 0, 1), (0, 2, 1)))
@pytest.mark.parametrize('suffix', ('h5', 'mat', 'npz'))
def test_the_axis_that_is_as_long_as_the_wavelengths(tmp_path, cube, axes, suffix):
    path = tmp_path / f'a.{suffix}'
    arrays = dict(cube=cube.transpose(axes), wavelengths=CENTRES)
    if suffix == 'h5':
        with h5py.File(path, 'w') as file:
            for name, values in arrays.items():
                file[name] = values
    elif suffix == 'mat':
        scipy.io.savemat(path, arrays)
    else:
        np.savez(path, **arrays)
    values, info = read_cube(path)
    np.testing.assert_array_equal(values, cube)
    np.testing.assert_array_equal(info.wavelengths, CENTRES)
    assert bool(info.notes) == (axes != (0, 1, 2))
    explicit = {(0, 1, 2): 'hwc', (2, 0, 1): 'chw', (0, 2, 1): 'bil'}[axes]
    np.testing.assert_array_equal(read_cube(path, key='cube', layout=explicit)[0], cube)
    other = open_cube(path, key='cube', layout='chw' if explicit != 'chw' else 'hwc').info
    assert other.wavelengths is None and any("'wavelengths' has 4 values" in note for note in other.notes)


def test_several_axes_of_that_length_are_asked_for(tmp_path):
    with h5py.File(tmp_path / 'a.h5', 'w') as file:
        file['cube'], file['wavelengths'] = np.zeros((4, 6, 4)), CENTRES
    with pytest.raises(CubeReadError, match=r"several axes as long as the wavelengths; say layout='hwc', 'chw' or"):
        open_cube(tmp_path / 'a.h5')
    assert open_cube(tmp_path / 'a.h5', layout='chw').info.shape == (6, 4, 4)
    scipy.io.savemat(tmp_path / 'a.mat', dict(cube=np.zeros((4, 6, 4)), wavelengths=CENTRES))
    assert open_cube(tmp_path / 'a.mat').info.shape == (4, 6, 4)  # the custom of MATLAB


def test_scale_offset_and_fill_value_of_cf(tmp_path, cube):
    cube[1, 2] = -9999
    path = write(
        tmp_path / 'a.nc',
        cube,
        attributes={'_FillValue': np.int16(-9999), 'scale_factor': 1e-4, 'add_offset': 0.5, 'units': 'reflectance'},
        coordinates={
            'y': (np.arange(6.0)[::-1], {'standard_name': 'projection_y_coordinate'}),
            'x': (np.arange(7.0), {'standard_name': 'projection_x_coordinate'}),
        },
    )
    values, info = read_cube(path)
    with rasterio.open(f'NETCDF:{path}:cube') as dataset:
        assert info.nodata == dataset.nodata == -9999
        np.testing.assert_allclose(info.scale, dataset.scales)
        np.testing.assert_allclose(info.offset, dataset.offsets)
        np.testing.assert_array_equal(values, dataset.read().transpose(1, 2, 0))
    assert info.units == 'reflectance' and info.no_data(values).any(-1).sum() == 1


@pytest.mark.parametrize(
    'attributes, scale, nodata, note',
    (
        ({'Scale_Factor': 10000.0, 'Data_Ignore_Value': -9999.0}, 1e-4, -9999, None),  # NEON
        ({'scale_factor': 10.0}, 10, None, None),
        ({'reflectance_scale_factor': 100}, 0.01, None, 'divided by'),
        ({'ScaleFactor': 0.01}, 0.01, None, None),
        ({'missing_value': np.array([-1], 'i2')}, None, -1, None),
        ({'nodata': '-5'}, None, -5, None),
        ({'scale_factor': 0.0}, None, None, 'a scale of 0'),
        ({'slope': 0.5, 'intercept': 0.0}, 0.5, None, "multiplied by 'slope'"),
        ({'missing_value': 'none'}, None, None, "'missing_value' is no number"),
        ({'scale_factor': 'high'}, None, None, "'scale_factor' is no number"),
        ({'scale_factor': [1.0, 2]}, None, None, "'scale_factor' is no number"),
        ({'scale_factor': [1.0, 2, 3, 4]}, [1, 2, 3, 4], None, None),
    ),
)
def test_names_of_scale_and_nodata(tmp_path, cube, attributes, scale, nodata, note):
    info = open_cube(write(tmp_path / 'a.nc', cube, attributes=attributes)).info
    assert info.scale is None if scale is None else np.allclose(info.scale, scale)
    assert info.nodata == nodata
    assert not info.notes if note is None else any(note in line for line in info.notes)


@pytest.mark.parametrize(
    'attributes, marks',
    (
        ({'_FillValue': np.int16(-1), 'missing_value': np.int16(-2)}, [-1, -2]),
        ({'missing_value': np.array([-1, -2], 'i2')}, [-1, -2]),
        ({'_FillValue': np.int16(-1), 'missing_value': np.int16(-1)}, [-1]),
        ({'_FillValue': np.int16(-1), '_Unsigned': 'true'}, [-1]),
    ),
)
def test_every_mark_of_missing_data_counts(tmp_path, cube, attributes, marks):
    cube[1, 1, 1], cube[2, 2, 2] = -1, -2
    path = write(tmp_path / 'a.nc', cube, attributes=attributes)
    np.testing.assert_array_equal(Scene(path).valid, ~np.isin(cube, marks).any(axis=-1))


@pytest.mark.parametrize(
    'attributes, low, high',
    (
        (dict(valid_range=np.array([100, 8000], np.int16)), 100, 8000),
        (dict(valid_min=np.int16(100)), 100, np.inf),
        (dict(valid_max=np.int16(8000)), -np.inf, 8000),
        (dict(valid_range=np.array([0.01, 0.8]), scale_factor=1e-4), 100, 8000),
        (dict(valid_range=np.array([0, 1e9])), 0, np.inf),
    ),
)
def test_values_outside_the_valid_range_are_no_data(tmp_path, cube, attributes, low, high):
    cube[0, 0, 0], cube[1, 1, 1] = 100, 8000
    path = write(tmp_path / 'a.nc', cube, attributes=attributes)
    expected = (cube < low) | (cube > high)
    info = open_cube(path).info
    np.testing.assert_array_equal(info.no_data(cube), expected)
    np.testing.assert_array_equal(Scene(path).valid, ~expected.any(axis=-1))


def test_a_valid_range_that_cannot_be_is_reported(tmp_path, cube):
    info = open_cube(write(tmp_path / 'a.nc', cube, attributes=dict(valid_range=np.array([9, 1], np.int16)))).info
    assert info.valid_range is None and 'range of valid values' in info.notes[-1]


def test_coordinates_of_the_bands_are_wavelengths_by_their_unit(tmp_path, cube):
    coordinates = {'layer': (CENTRES / 1000, {'units': 'um'}), 'y': (np.arange(6.0), {}), 'x': (np.arange(7.0), {})}
    info = open_cube(write(tmp_path / 'a.nc', cube, ('y', 'x', 'layer'), coordinates)).info
    np.testing.assert_allclose(info.wavelengths, CENTRES)
    coordinates['layer'] = (np.arange(1.0, 5), {'units': '1'})
    assert open_cube(write(tmp_path / 'b.nc', cube, ('y', 'x', 'layer'), coordinates)).info.wavelengths is None


def test_wavelengths_and_good_bands_of_the_nearest_group(tmp_path, cube):
    with h5py.File(tmp_path / 'a.h5', 'w') as file:
        file['swir/cube'] = cube
        file['vnir/wavelengths'], file['swir/parameters/wavelengths'] = CENTRES / 2, CENTRES
        file['swir/parameters/fwhm'] = np.array([5.0, 6, 7, 8])
        file['swir/parameters/good_wavelengths'] = np.array([1, 0, 1, 1], 'u1')
    info = open_cube(tmp_path / 'a.h5').info
    np.testing.assert_array_equal(info.wavelengths, CENTRES)
    assert info.fwhm.tolist() == [5, 6, 7, 8] and info.bad_bands.tolist() == [False, True, False, False]


def test_wavelengths_as_attributes(tmp_path, cube):
    with h5py.File(tmp_path / 'a.h5', 'w') as file:
        file['data/cube'] = cube
        file['data'].attrs.update({'Wavelengths': CENTRES / 1000, 'wavelength_units': 'um'})
    np.testing.assert_allclose(open_cube(tmp_path / 'a.h5').info.wavelengths, CENTRES)


@pytest.mark.parametrize(
    'name, values, attributes',
    (
        ('band_wavelength', CENTRES, {}),
        ('wavelength', np.array([b'450', b'550', b'650', b'850']), {}),
        ('center_wavelengths_um', CENTRES / 1000, {}),
        ('bands', CENTRES, {'units': 'nm'}),
        ('wave', CENTRES / 1000, {'Unit': 'Micrometers'}),
    ),
)
def test_names_and_types_of_wavelengths(tmp_path, cube, name, values, attributes):
    with h5py.File(tmp_path / 'a.h5', 'w') as file:
        file['cube'], file[name] = cube, values
        file[name].attrs.update(attributes)
    np.testing.assert_allclose(open_cube(tmp_path / 'a.h5').info.wavelengths, CENTRES)


def test_lists_as_text_and_good_bands_as_attributes(tmp_path, cube):
    with h5py.File(tmp_path / 'a.h5', 'w') as file:
        file['cube'] = cube
        file['cube'].attrs.update({'wavelengths': '[450, 550, 650, 850]', 'good_wavelengths': [1, 1, 0, 1]})
    info = open_cube(tmp_path / 'a.h5').info
    np.testing.assert_array_equal(info.wavelengths, CENTRES)
    assert info.bad_bands.tolist() == [False, False, True, False]


def test_coordinates_of_the_bands_that_are_text(tmp_path, cube):
    names = [f'{centre:g} nm' for centre in CENTRES]
    coordinates = {'band': (np.array(names, h5py.string_dtype()), {})}
    info = open_cube(write(tmp_path / 'a.nc', cube, coordinates=coordinates)).info
    np.testing.assert_array_equal(info.wavelengths, CENTRES)
    assert info.band_names == tuple(names)


def test_a_transform_without_coordinates(tmp_path, cube):
    crs = rasterio.crs.CRS.from_epsg(32633).to_wkt()
    mapping = {'crs': (np.int32(0), {'spatial_ref': crs, 'GeoTransform': '500000 30 0 5000000 0 -30'})}
    info = open_cube(write(tmp_path / 'a.nc', cube, attributes={'grid_mapping': 'crs'}, extra=mapping)).info
    assert info.transform == (30, 0, 500000, 0, -30, 5000000)
    assert rasterio.crs.CRS.from_wkt(info.crs).to_epsg() == 32633


def test_latitudes_and_longitudes_of_each_pixel_are_control_points(tmp_path, cube):
    lat, lon = np.meshgrid(50 - 0.1 * np.arange(6), 10 + 0.2 * np.arange(7), indexing='ij')
    extra = {'lat': (lat, {}), 'lon': (lon, {'units': 'degrees_east'})}
    path = write(tmp_path / 'a.nc', cube, attributes={'coordinates': 'time lat lon'}, extra=extra)
    info = open_cube(path).info
    assert info.transform is None and rasterio.crs.CRS.from_wkt(info.gcps_crs).to_epsg() == 4326
    for row, column, x, y, _ in info.gcps:
        assert (x, y) == (lon[int(row), int(column)], lat[int(row), int(column)])
    assert len(info.gcps) == 42


@pytest.mark.parametrize('first', (0, 1))
def test_numbers_of_rows_and_columns_are_no_place(tmp_path, cube, first):
    numbers = {'y': (np.arange(6) + first, {}), 'x': (np.arange(7) + first, {})}
    info = open_cube(write(tmp_path / 'a.nc', cube, coordinates=numbers)).info
    assert info.transform is None and info.gcps is None and not info.notes
    lat, lon = np.meshgrid(50 - 0.1 * np.arange(6), 10 + 0.2 * np.arange(7), indexing='ij')
    path = write(
        tmp_path / 'b.nc',
        cube,
        coordinates=numbers,
        attributes={'coordinates': 'lat lon'},
        extra={'lat': (lat, {}), 'lon': (lon, {})},
    )
    assert len(open_cube(path).info.gcps) == 42


@pytest.mark.parametrize('step', (-30.0, 30.0))
def test_the_place_of_a_grid(tmp_path, cube, step):
    coordinates = {
        'y': (5e6 + step * np.arange(6), {'standard_name': 'projection_y_coordinate'}),
        'x': (5e5 + 30.0 * np.arange(7), {'standard_name': 'projection_x_coordinate'}),
    }
    path = write(
        tmp_path / 'a.nc',
        cube,
        coordinates=coordinates,
        attributes={'grid_mapping': 'spatial_ref'},
        extra={'spatial_ref': (0, {'crs_wkt': rasterio.crs.CRS.from_epsg(32633).to_wkt()})},
    )
    values, info = read_cube(path)
    with rasterio.open(f'NETCDF:{path}:cube') as dataset:
        transform, stored = dataset.transform, dataset.read().transpose(1, 2, 0)
        assert rasterio.crs.CRS.from_wkt(info.crs).to_epsg() == 32633
    if step > 0:  # GDAL turns the rows north up, here they stay as stored and the transform says so
        stored = stored[::-1]
        transform = transform * rasterio.Affine(1, 0, 0, 0, -1, 6)
    np.testing.assert_array_equal(values, stored)
    np.testing.assert_allclose(info.transform, tuple(transform)[:6])


def test_longitudes_and_latitudes_are_wgs_84(tmp_path, cube):
    coordinates = {
        'lat': (np.float32(52 - 0.1 * np.arange(6)), {'units': 'degrees_north'}),
        'lon': (np.float32(13 + 0.1 * np.arange(7)), {'units': 'degrees_east'}),
    }
    info = open_cube(write(tmp_path / 'a.nc', cube, ('band', 'lat', 'lon'), coordinates)).info
    assert rasterio.crs.CRS.from_wkt(info.crs).to_epsg() == 4326
    np.testing.assert_allclose(info.transform, (0.1, 0, 12.95, 0, -0.1, 52.05), rtol=1e-5)


def test_a_grid_that_is_not_even_has_no_transform(tmp_path, cube):
    coordinates = {'y': (np.arange(6.0) ** 2, {}), 'x': (np.arange(7.0), {})}
    info = open_cube(write(tmp_path / 'a.nc', cube, coordinates=coordinates)).info
    assert info.transform is None and "the coordinates 'y' are not evenly spaced" in info.notes[0]


def test_a_reference_system_by_parameters(tmp_path, cube):
    pytest.importorskip('pyproj')
    coordinates = {'y': (5e6 - 30.0 * np.arange(6), {}), 'x': (5e5 + 30.0 * np.arange(7), {})}
    parameters = {
        'grid_mapping_name': 'transverse_mercator',
        'scale_factor_at_central_meridian': 0.9996,
        'longitude_of_central_meridian': 15.0,
        'latitude_of_projection_origin': 0.0,
        'false_easting': 500000.0,
        'false_northing': 0.0,
        'semi_major_axis': 6378137.0,
        'inverse_flattening': 298.257223563,
    }
    path = write(
        tmp_path / 'a.nc',
        cube,
        coordinates=coordinates,
        attributes={'grid_mapping': 'crs'},
        extra={'crs': (0, parameters)},
    )
    found = rasterio.crs.CRS.from_wkt(open_cube(path).info.crs)
    x, y = rasterio.warp.transform(found, 'EPSG:32633', [6e5], [5.1e6])
    np.testing.assert_allclose((x, y), ([6e5], [5.1e6]), atol=0.01)


def test_netcdf_of_version_3(tmp_path, cube):
    with scipy.io.netcdf_file(tmp_path / 'a.nc', 'w') as file:
        for name, values in (('band', CENTRES), ('y', 50 - 0.1 * np.arange(6)), ('x', 13 + 0.1 * np.arange(7))):
            file.createDimension(name, len(values))
            file.createVariable(name, 'f8', (name,))[:] = values
        file.variables['band'].units = 'nm'
        stored = file.createVariable('cube', 'i2', ('band', 'y', 'x'))
        stored[:] = cube.transpose(2, 0, 1)
        stored._FillValue, stored.scale_factor, stored._Unsigned = np.int16(-1), 1e-4, 'true'
    values, info = read_cube(tmp_path / 'a.nc')
    np.testing.assert_array_equal(values, cube.astype(np.uint16))
    assert info.dtype == np.uint16 and info.format == 'netcdf3'
    np.testing.assert_array_equal(info.wavelengths, CENTRES)
    np.testing.assert_allclose(info.transform, (0.1, 0, 12.95, 0, -0.1, 50.05))
    np.testing.assert_allclose(info.scale, 1e-4)


def test_prisma_like_rows_bands_columns(tmp_path, cube):
    key = 'HDFEOS/SWATHS/PRS_L2D_HCO/Data Fields/VNIR_Cube'
    with h5py.File(tmp_path / 'a.he5', 'w') as file:
        file[key] = cube.transpose(0, 2, 1)
    np.testing.assert_array_equal(read_cube(tmp_path / 'a.he5', key, 'bil')[0], cube)
    assert any("say layout='hwc' or another" in note for note in open_cube(tmp_path / 'a.he5', key).info.notes)
