"""Look-alikes of the products that are in HDF5 and netCDF-4."""

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

_WGS84 = (
    'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],PRIMEM["Greenwich",0],'
    'UNIT["degree",0.0174532925199433]]'
)
_UTM11 = (
    'PROJCS["WGS 84 / UTM zone 11N",GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563,'
    'AUTHORITY["EPSG","7030"]],AUTHORITY["EPSG","6326"]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433],'
    'AUTHORITY["EPSG","4326"]],PROJECTION["Transverse_Mercator"],PARAMETER["latitude_of_origin",0],'
    'PARAMETER["central_meridian",-117],PARAMETER["scale_factor",0.9996],PARAMETER["false_easting",500000],'
    'PARAMETER["false_northing",0],UNIT["metre",1],AUTHORITY["EPSG","32611"]]'
)


def swath_place(lines: int, samples: int, x: float, y: float, step: float = 3e-4) -> tuple[np.ndarray, np.ndarray]:
    """Longitude and latitude of the pixel centres of a swath that is turned by 20 degrees."""
    row, column = np.mgrid[:lines, :samples] + 0.5
    cos, sin = np.cos(np.radians(20)), np.sin(np.radians(20))
    return x + step * (cos * column + sin * row), y + step * (sin * column - cos * row)


def _dimensions(file: h5py.File, dataset: h5py.Dataset, names: tuple[str, ...]) -> None:
    """Name the axes of a dataset as netCDF-4 does."""
    for axis, (name, length) in enumerate(zip(names, dataset.shape, strict=True)):
        if name not in file:
            file[name] = np.zeros(length, np.float32)
            file[name].make_scale('This is a netCDF dimension but not a netCDF variable.' + f'{length:10d}')
        dataset.dims[axis].attach_scale(file[name])


def write_prisma(folder: Path, scene: Callable, rng: np.random.Generator, level: str) -> Path:
    """A file .he5 of L1 or L2D: (rows, bands, columns), bands descending, some not acquired, detectors overlapping."""
    name = 'PRS_L1_STD_OFFL' if level == 'L1' else f'PRS_{level}_STD'
    path = folder / f'{name}_20200524103704_20200524103708_0001.he5'
    swath = f'HDFEOS/SWATHS/PRS_{level}_HCO'
    with h5py.File(path, 'w') as file:
        file.attrs.update(
            Processing_Level=np.bytes_(level[1:]),
            Product_StartTime=np.bytes_('2020-05-24T10:37:04.094'),
            Product_StopTime=np.bytes_('2020-05-24T10:37:08.410'),
            Sun_zenith_angle=np.float32(25.1),
            Sun_azimuth_angle=np.float32(150.0),
        )
        for detector, ends, count, missing in (('Vnir', (976.9, 406.9), 66, 3), ('Swir', (2497.1, 943.3), 173, 2)):
            centres, widths = np.linspace(*ends, count - missing), np.full(count - missing, 11.5)
            cube = scene(np.random.default_rng(5), centres)
            lines, samples, _ = cube.shape
            stored = np.zeros((lines, count, samples), np.uint16)
            if level == 'L1':
                radiance = cube * np.interp(centres, [400, 2500], [150, 2])
                values = np.round((radiance + 0.5) * 100)
                file.attrs.update({f'ScaleFactor_{detector}': np.float32(100), f'Offset_{detector}': np.float32(0.5)})
            else:
                values = np.round((cube - 0.01) / 0.99 * 65535)
                file.attrs.update({f'L2Scale{detector}Min': np.float32(0.01), f'L2Scale{detector}Max': np.float32(1)})
            values[4, 6, 5] = 0  # one band of a pixel: a failed retrieval, not a missing pixel
            values[:, :2] = 0
            stored[:, : count - missing] = values.transpose(0, 2, 1)
            file.attrs[f'List_Cw_{detector}'] = np.pad(centres, (0, missing)).astype(np.float32)
            file.attrs[f'List_Fwhm_{detector}'] = np.pad(widths, (0, missing)).astype(np.float32)
            file.attrs[f'List_Cw_{detector}_Flags'] = np.pad(np.ones(count - missing, np.int8), (0, missing))
            file[f'{swath}/Data Fields/{detector.upper()}_Cube'] = stored
            matrix = 'PIXEL_SAT_ERR_MATRIX' if level == 'L1' else 'PIXEL_L2_ERR_MATRIX'
            file[f'{swath}/Data Fields/{detector.upper()}_{matrix}'] = np.zeros(stored.shape, np.uint8)
        longitude, latitude = swath_place(lines, samples, 11.5, 42.7)
        if level == 'L1':
            cloud = np.zeros((lines, samples), np.uint8)
            cloud[10:13, 8:12] = 1
            file[f'{swath}/Data Fields/Cloud_Mask'] = cloud
            for detector in ('VNIR', 'SWIR'):
                file[f'{swath}/Geolocation Fields/Latitude_{detector}'] = latitude.astype(np.float32)
                file[f'{swath}/Geolocation Fields/Longitude_{detector}'] = longitude.astype(np.float32)
        else:
            file[f'{swath}/Geolocation Fields/Latitude'] = latitude.astype(np.float32)
            file[f'{swath}/Geolocation Fields/Longitude'] = longitude.astype(np.float32)
            left, top = 650015.0, 4730985.0  # centres of the corner pixels
            right, bottom = left + 30 * (samples - 1), top - 30 * (lines - 1)
            for corner, x, y in (('UL', left, top), ('UR', right, top), ('LL', left, bottom), ('LR', right, bottom)):
                file.attrs.update({f'Product_{corner}corner_easting': x, f'Product_{corner}corner_northing': y})
            file.attrs.update(Epsg_Code=np.int32(32632), Projection_Name=np.bytes_('UTM'))
            file[f'{swath}/Geometric Fields/Solar_Zenith_Angle'] = np.full((lines, samples), 25.1, np.float32)
    return path


def write_emit(folder: Path, scene: Callable, rng: np.random.Generator) -> Path:
    """L2A reflectance with its lookup table, and the mask beside it; 41 bands are marked as bad and hold -0.01."""
    stamp = '001_20230316T045133_2307503_005'
    wavelengths = np.linspace(381.0, 2493.1, 285)
    good = ~((wavelengths > 1320) & (wavelengths < 1440) | (wavelengths > 1770) & (wavelengths < 1960))
    cube = scene(rng, wavelengths).astype(np.float32)
    cube[..., ~good] = -0.01
    cube[0, :4] = -9999
    lines, samples, _ = cube.shape
    longitude, latitude = swath_place(lines, samples, 148.0, -35.5, 5.4e-4)
    step = 5.4e-4
    left, top = float(longitude.min()) - step / 2, float(latitude.max()) + step / 2
    height, width = int((top - latitude.min()) / step) + 1, int((longitude.max() - left) / step) + 1
    glt = np.zeros((2, height, width), np.int32)
    for row in range(height):
        for column in range(width):
            distance = np.hypot(longitude - (left + (column + 0.5) * step), latitude - (top - (row + 0.5) * step))
            line, sample = np.unravel_index(distance.argmin(), distance.shape)
            if distance[line, sample] < step * 0.75:
                glt[:, row, column] = sample + 1, line + 1
    glt[:, height // 2, width // 2] *= -1  # a gap that a neighbour fills
    path = folder / f'EMIT_L2A_RFL_{stamp}.nc'
    attributes = dict(
        geotransform=[left, step, 0.0, top, 0.0, -step],
        spatial_ref=_WGS84,
        instrument='EMIT',
        time_coverage_start='2023-03-16T04:51:33+0000',
        time_coverage_end='2023-03-16T04:51:45+0000',
        westernmost_longitude=left,
        northernmost_latitude=top,
    )
    with h5py.File(path, 'w') as file:
        file.attrs.update(attributes)
        values = file.create_dataset('reflectance', data=cube, fillvalue=np.float32(-9999))
        values.attrs.update(_FillValue=np.float32([-9999]), long_name='Surface Reflectance', units='unitless')
        _dimensions(file, values, ('downtrack', 'crosstrack', 'bands'))
        bands = file.create_group('sensor_band_parameters')
        bands['wavelengths'], bands['fwhm'] = wavelengths.astype(np.float32), np.full(285, 8.5, np.float32)
        bands['good_wavelengths'] = good.astype(np.float32)
        bands['wavelengths'].attrs['units'] = 'nm'
        for name in bands:
            bands[name].dims[0].attach_scale(file['bands'])
        location = file.create_group('location')
        location['lon'], location['lat'] = longitude, latitude
        location['elev'] = np.full((lines, samples), 300.0, np.float64)
        location['glt_x'], location['glt_y'] = glt
        for name in ('lon', 'lat', 'elev'):
            _dimensions(file, location[name], ('downtrack', 'crosstrack'))
        for name in ('glt_x', 'glt_y'):
            _dimensions(file, location[name], ('ortho_y', 'ortho_x'))
    flags = np.zeros((lines, samples, 8), np.float32)
    flags[8:11, 5:9, 0], flags[20:, 15:, 3], flags[2, 2, 2], flags[..., 5] = 1, 1, 1, 0.2
    with h5py.File(folder / f'EMIT_L2A_MASK_{stamp}.nc', 'w') as file:
        file.attrs.update(attributes)
        mask = file.create_dataset('mask', data=flags)
        _dimensions(file, mask, ('downtrack', 'crosstrack', 'bands'))
        file['sensor_band_parameters/mask_bands'] = [
            'Cloud flag',
            'Cirrus flag',
            'Water flag',
            'Spacecraft Flag',
            'Dilated Cloud Flag',
            'AOD550',
            'H2O (g cm-2)',
            'Aggregate Flag',
        ]
    return path


def write_neon(folder: Path, scene: Callable, rng: np.random.Generator) -> Path:
    """Reflectance of a flight line, integers times 10000, with the windows of water vapour."""
    path = folder / 'NEON_D01_BART_DP1_20190825_145110_reflectance.h5'
    wavelengths = np.linspace(383.5, 2512.2, 426)
    stored = np.round(scene(rng, wavelengths) * 1e4).astype(np.int16)
    stored[:, -4:] = -9999
    with h5py.File(path, 'w') as file:
        group = file.create_group('BART/Reflectance')
        group.attrs.update(
            Band_Window_1_Nanometers=[1340.0, 1445.0],
            Band_Window_2_Nanometers=[1790.0, 1955.0],
            Sensor='NIS1',
            Acquisition_Time='2019-08-25T14:51:10',
        )
        cube = group.create_dataset('Reflectance_Data', data=stored, chunks=(8, 6, 14), compression='gzip')
        lines, samples = stored.shape[:2]
        cube.attrs.update(
            Scale_Factor=np.float64(1e4),
            Data_Ignore_Value=np.float64(-9999),
            Unit='reflectance',
            Spatial_Extent_meters=[314000.0, 314000.0 + samples, 4880000.0 - lines, 4880000.0],
        )
        system = group.create_group('Metadata/Coordinate_System')
        system['EPSG Code'], system['Coordinate_System_String'] = b'32619', b'PROJCS["WGS 84 / UTM zone 19N"]'
        system['Map_Info'] = (
            b'UTM,  1.000,  1.000,   314000.00,   4880000.0,  1.0000000,  1.0000000,  19,  North,  '
            b'WGS-84,  units=Meters, 0'
        )
        spectral = group.create_group('Metadata/Spectral_Data')
        spectral['Wavelength'], spectral['FWHM'] = wavelengths, np.full(426, 5.9)
        spectral['Wavelength'].attrs['Units'] = 'nanometers'
        for angle in ('Zenith', 'Azimuth'):
            group[f'Metadata/Logs/Solar_{angle}_Angle'] = 40.0
    return path


def write_tanager(folder: Path, scene: Callable, rng: np.random.Generator, ortho: bool) -> Path:
    """Surface reflectance on a grid, or radiance of a swath: (bands, rows, columns), masks of clouds and no data."""
    item = '20250511_074311_00_4001'
    path = folder / (f'{item}_ortho_sr_hdf5.h5' if ortho else f'{item}_basic_radiance.h5')
    wavelengths = np.linspace(376.4, 2499.0, 426)
    cube = scene(rng, wavelengths)
    lines, samples, _ = cube.shape
    empty, cloud = np.zeros((lines, samples), np.uint32), np.zeros((lines, samples), np.uint32)
    empty[:, -2:], cloud[6:9, 4:7] = 1, 1
    if not ortho:
        cube = cube * np.interp(wavelengths, [376, 2499], [120, 2])
    good = ~((wavelengths > 1342) & (wavelengths < 1440) | (wavelengths > 1790) & (wavelengths < 1967))
    values = np.where(empty[..., None] == 1, -9999, cube).astype(np.float32)
    with h5py.File(path, 'w') as file:
        root = file.create_group(f'HDFEOS/{"GRIDS" if ortho else "SWATHS"}/HYP')
        root.attrs['strip_id'] = '20250511_074311_00_4001'
        fields = root.create_group('Data Fields')
        if ortho:
            values[..., ~good] = -0.01
        data = fields.create_dataset(
            'surface_reflectance' if ortho else 'toa_radiance',
            data=values.transpose(2, 0, 1),
            chunks=(14, 12, 9),
            compression='gzip',
        )
        data.attrs.update(
            wavelengths=wavelengths, fwhm=np.full(426, 5.6), Unit='Unitless' if ortho else 'W/(m^2*sr*um)'
        )
        fields['nodata_pixels'], fields['beta_cloud_mask'] = empty, cloud
        structure = 'GROUP=SwathStructure\nEND_GROUP=SwathStructure\n'
        if ortho:
            data.attrs['good_wavelengths'] = good.astype(np.uint8)
            root.attrs['epsg_code'] = 32613
            structure += (
                f'GROUP=GridStructure\n\tGROUP=GRID_1\n\t\tGridName="HYP"\n\t\tXDim={samples}\n'
                f'\t\tYDim={lines}\n\t\tUpperLeftPointMtrs=(570300.00,3555450.00)\n'
                f'\t\tLowerRightMtrs=({570300 + 30 * samples}.00,{3555450 - 30 * lines}.00)\n'
                '\t\tProjection=HE5_GCTP_UTM\n\t\tZoneCode=13\n\t\tSphereCode=12\n'
                '\t\tPixelRegistration=HE5_HDFE_CORNER\n\t\tGridOrigin=HE5_HDFE_GD_UL\n\tEND_GROUP=GRID_1\n'
                'END_GROUP=GridStructure\n'
            )
        else:
            longitude, latitude = swath_place(lines, samples, 54.2, 24.6)
            place = root.create_group('Geolocation Fields')
            place['Longitude'], place['Latitude'] = longitude, latitude
            place.attrs['Planet_Ortho_Framing'] = json.dumps(
                dict(epsg_code=32640, rows=30, cols=30, geotransform=[216000.0, 30.0, 0.0, 2724000.0, 0.0, -30.0])
            )
        file['HDFEOS INFORMATION/StructMetadata.0'] = np.bytes_(structure + 'END\n')
    return path


def _netcdf_cube(file: h5py.File, name: str, cube: np.ndarray, wavelengths: np.ndarray, axes: tuple[str, str]) -> None:
    group = file.create_group(name)
    group['wavelength'], group['fwhm'] = wavelengths.astype(np.float32), np.full(len(wavelengths), 7.5, np.float32)
    group['wavelength'].make_scale('wavelength')
    group['wavelength'].attrs['units'] = 'nm'
    group['fwhm'].dims[0].attach_scale(group['wavelength'])
    values = group.create_dataset(
        name, data=cube.transpose(2, 0, 1), chunks=(10, 12, 9), compression='gzip', fillvalue=np.float32(-9999)
    )
    values.attrs.update(_FillValue=np.float32([-9999]), grid_mapping='transverse_mercator')
    values.dims[0].attach_scale(group['wavelength'])
    for axis, dimension in enumerate(axes, 1):
        values.dims[axis].attach_scale(file[dimension])


def _grid(file: h5py.File, height: int, width: int, left: float, top: float, step: float) -> None:
    file['northing'], file['easting'] = top - (np.arange(height) + 0.5) * step, left + (np.arange(width) + 0.5) * step
    for name in ('northing', 'easting'):
        file[name].make_scale(name)
    mapping = file.create_dataset('transverse_mercator', data=b'\0', dtype='S1')
    mapping.attrs.update(
        spatial_ref=_UTM11,
        crs_wkt=_UTM11,
        grid_mapping_name='transverse_mercator',
        GeoTransform=f'{left} {step} 0 {top} 0 {-step}',
    )


def write_aviris3(folder: Path, scene: Callable, rng: np.random.Generator) -> Path:
    """Reflectance of AVIRIS-3 on a map grid in netCDF-4."""
    path = folder / 'AV320230729t171228_000_L2A_OE_main_27577724_RFL_ORT.nc'
    wavelengths = np.linspace(390.6, 2499.9, 284)
    cube = scene(rng, wavelengths).astype(np.float32)
    cube[-4:] = -9999
    with h5py.File(path, 'w') as file:
        file.attrs.update(time_coverage_start='2023-07-29T17:12:28Z', title='AVIRIS-3 L2A', Conventions='CF-1.6')
        _grid(file, *cube.shape[:2], 400000.0, 3700000.0, 4.0)
        _netcdf_cube(file, 'reflectance', cube, wavelengths, ('northing', 'easting'))
    return path


def write_aviris5(folder: Path, scene: Callable, rng: np.random.Generator) -> Path:
    """Radiance of AVIRIS-5 as a swath with its lookup table in netCDF-4."""
    path = folder / 'AV520250508t173511_000_L1B_RDN_3f4aef90_RDN.nc'
    wavelengths = np.linspace(380.1, 2500.2, 424)
    cube = (scene(rng, wavelengths) * np.interp(wavelengths, [380, 2500], [12, 0.2])).astype(np.float32)
    lines, samples, _ = cube.shape
    row, column = np.mgrid[: lines + 6, : samples + 6]
    line, sample = (
        np.round(row - 3 + 0.2 * (column - 9)).astype(int),
        np.round(column - 3 - 0.1 * (row - 12)).astype(int),
    )
    inside = (line >= 0) & (line < lines) & (sample >= 0) & (sample < samples)
    with h5py.File(path, 'w') as file:
        file.attrs.update(time_coverage_start='2025-05-08T17:35:11Z', title='AVIRIS-5 L1B')
        _grid(file, *line.shape, 410000.0, 3710000.0, 5.0)
        for name, length in (('lines', lines), ('samples', samples)):
            file[name] = np.arange(length)
            file[name].make_scale(name)
        longitude, latitude = swath_place(lines, samples, -118.0, 33.5, 5e-5)
        file['lon'], file['lat'] = longitude, latitude
        _netcdf_cube(file, 'radiance', cube, wavelengths, ('lines', 'samples'))
        file['geolocation_lookup_table/line'] = np.where(inside, line + 1, 0).astype(np.int32)
        file['geolocation_lookup_table/sample'] = np.where(inside, sample + 1, 0).astype(np.int32)
    return path
