"""Writing maps and cubes as GeoTIFF or ENVI, whole or not at all."""

import os
import tempfile
from collections.abc import Mapping, Sequence

import numpy as np
import rasterio
from rasterio.errors import RasterioError

from . import envi
from .base import CubeInfo
from .cube import Path
from .raster import raster_environment, silent_georeference

_DRIVERS = {'.tif': 'GTiff', '.tiff': 'GTiff', '.hdr': 'ENVI', **dict.fromkeys(envi.DATA_SUFFIXES[1:-1], 'ENVI')}
_STORED_AS = {'bool': 'uint8', 'int8': 'int16', 'float16': 'float32'}
_INTEGERS = ('uint8', 'uint16', 'int16', 'uint32', 'int32')
_TILE = 256


def _storable(path: str, array: np.ndarray, nodata: float | None) -> np.ndarray:
    """Convert to a type that both formats hold and other programs read; 64-bit integers become as small as they fit."""
    if array.dtype.kind not in 'biuf' or array.dtype.itemsize > 8:
        raise ValueError(f'{path}: values of type {array.dtype} cannot be written, expected real numbers')
    dtype = np.dtype(_STORED_AS.get(array.dtype.name, array.dtype)).newbyteorder('=')
    if array.dtype in (np.int64, np.uint64):
        limits = [int(array.min()), int(array.max())]
        if nodata is not None and float(nodata).is_integer():
            limits.append(int(nodata))
        dtype = next((np.dtype(name) for name in _INTEGERS
                      if np.iinfo(name).min <= min(limits) and max(limits) <= np.iinfo(name).max), dtype)
    if nodata is not None:
        if dtype.kind == 'f':
            fits = not np.isfinite(nodata) or abs(nodata) <= np.finfo(dtype).max
        else:
            fits = float(nodata).is_integer() and np.iinfo(dtype).min <= nodata <= np.iinfo(dtype).max
        if not fits:
            raise ValueError(f'{path}: nodata {nodata} is no value of type {dtype}')
    return array.astype(dtype, copy=False)


def _check_arguments(path: str, driver: str, array: np.ndarray, like: CubeInfo | None, colormap: Mapping | None,
                     band_names: Sequence[str] | None, wavelengths: Sequence[float] | None) -> None:
    height, width, bands = array.shape
    if like is not None and (like.height, like.width) != (height, width):
        raise ValueError(f'{path}: the array has {height} x {width} pixels, {like.path} whose georeference it is to '
                         f'take has {like.height} x {like.width}')
    for what, values in (('band names', band_names), ('wavelengths', wavelengths)):
        if values is not None and len(values) != bands:
            raise ValueError(f'{path}: {len(values)} {what} given for {bands} bands')
    if driver == 'ENVI' and any(set(name) & set(',{}') for name in band_names or ()):
        raise ValueError(f'{path}: band names of an ENVI file must not hold a comma or a brace')
    if colormap is not None:
        if bands != 1 or array.dtype not in (np.uint8, np.uint16):
            raise ValueError(f'{path}: a colour table needs one band of type uint8 or uint16, '
                             f'found {bands} of type {array.dtype}')
        largest = np.iinfo(array.dtype).max
        for value, colour in colormap.items():
            if not 0 <= value <= largest or len(colour) != 3 or not all(0 <= part <= 255 for part in colour):
                raise ValueError(f'{path}: colour table entry {value}: {colour}, expected a value from 0 to {largest} '
                                 'and (red, green, blue) from 0 to 255')


def _creation_options(driver: str, array: np.ndarray) -> dict:
    if driver == 'ENVI':
        return {'interleave': 'bsq'}
    predictor = 3 if array.dtype.kind == 'f' else 2
    return {'tiled': True, 'blockxsize': _TILE, 'blockysize': _TILE, 'compress': 'deflate', 'predictor': predictor,
            'interleave': 'band', 'bigtiff': 'if_safer'}


def _envi_fields(colormap: Mapping | None, wavelengths: Sequence[float] | None) -> dict[str, str]:
    fields = {}
    if wavelengths is not None:
        fields['wavelength'] = '{' + ', '.join(repr(float(value)) for value in wavelengths) + '}'
        fields['wavelength_units'] = 'Nanometers'
    if colormap is not None:
        count = max(colormap) + 1
        colours = [str(int(part)) for value in range(count) for part in colormap.get(value, (0, 0, 0))]
        fields.update(classes=str(count), class_lookup='{' + ', '.join(colours) + '}')
    return fields


def _write(path: str, driver: str, array: np.ndarray, like: CubeInfo | None, nodata: float | None,
           colormap: Mapping | None, band_names: Sequence[str] | None,
           wavelengths: Sequence[float] | None) -> None:
    height, width, bands = array.shape
    profile = {'driver': driver, 'height': height, 'width': width, 'count': bands, 'dtype': array.dtype.name,
               'nodata': nodata, **_creation_options(driver, array)}
    if like is not None:
        profile.update(crs=like.crs, transform=None if like.transform is None else rasterio.Affine(*like.transform))
    with rasterio.open(path, 'w', **profile) as dataset:
        for index in range(bands):
            dataset.write(array[..., index], index + 1)
            if band_names is not None:
                dataset.set_band_description(index + 1, band_names[index])
            if wavelengths is not None and driver == 'GTiff':
                dataset.update_tags(index + 1, wavelength=repr(float(wavelengths[index])),
                                    wavelength_units='Nanometers')
        if colormap is not None and driver == 'GTiff':
            dataset.write_colormap(1, {int(value): tuple(int(part) for part in colour)
                                       for value, colour in colormap.items()})
        if driver == 'ENVI':
            dataset.update_tags(ns='ENVI', **_envi_fields(colormap, wavelengths))
    # GDAL reports no error if the disk fills up while the last tiles are flushed
    with rasterio.open(path) as dataset:
        for index in range(bands):
            if not np.array_equal(dataset.read(index + 1), array[..., index], equal_nan=array.dtype.kind == 'f'):
                raise OSError('what was read back differs from what was written; is the disk full?')


def write_raster(path: Path, array: np.ndarray, like: CubeInfo | None = None, nodata: float | None = None,
                 colormap: Mapping[int, tuple[int, int, int]] | None = None,
                 band_names: Sequence[str] | None = None, wavelengths: Sequence[float] | None = None,
                 driver: str | None = None) -> None:
    """Write a map or a cube as GeoTIFF (tiled, deflate) or ENVI (raw and a header).

    The file is written under another name in the same folder, read back, and renamed, so that it is whole if it is
    there. bool is stored as uint8, int8 as int16, float16 as float32, and 64-bit integers (class maps) as the smallest
    type that holds their values and nodata.

    Args:
        path (str | os.PathLike): The file; its folder must exist. Suffix .tif or .tiff for GeoTIFF, and .img, .dat,
            .bin, .raw, .bsq, .bil, .bip for ENVI (always band-sequential, header in .hdr); .hdr writes .img beside it.
        array (np.ndarray): (H, W) or (H, W, C), real numbers or booleans.
        like (CubeInfo, optional): A cube of the same rows and columns whose georeference is taken over.
        nodata (float, optional): Value of pixels without data.
        colormap (dict[int, tuple], optional): Red, green, blue (0 to 255) of the values of a map of one band.
        band_names (Sequence[str], optional): Descriptions of the C bands.
        wavelengths (Sequence[float], optional): Band centres in nm, (C,).
        driver (str, optional): 'GTiff' or 'ENVI'. Defaults to that of the suffix.

    Raises:
        ValueError: If the arguments do not agree with each other or with the format.
        FileNotFoundError: If the folder does not exist.
        OSError: If the file cannot be written.
    """
    path, array = os.fspath(path), np.asarray(array)
    stem, suffix = os.path.splitext(path)
    if driver is None:
        driver = _DRIVERS.get(suffix.lower())
    if driver not in ('GTiff', 'ENVI'):
        raise ValueError(f"{path}: cannot tell the format by the suffix {suffix!r}, expected .tif, .img or .hdr, or "
                         "driver 'GTiff' or 'ENVI'")
    if array.ndim not in (2, 3) or 0 in array.shape:
        raise ValueError(f'{path}: an array of shape {array.shape} cannot be written, expected (H, W) or (H, W, C)')
    array = _storable(path, array[..., None] if array.ndim == 2 else array, nodata)
    _check_arguments(path, driver, array, like, colormap, band_names, wavelengths)
    folder = os.path.dirname(path) or '.'
    if not os.path.isdir(folder):
        raise FileNotFoundError(f'{path}: the folder {folder} does not exist')
    target = stem + '.img' if driver == 'ENVI' and suffix.lower() == '.hdr' else path
    name = os.path.basename(target)
    try:
        with tempfile.TemporaryDirectory(prefix='.writing-', dir=folder) as temporary:
            written = os.path.join(temporary, name)
            with raster_environment(), silent_georeference():
                _write(written, driver, array, like, nodata, colormap, band_names, wavelengths)
            if driver == 'ENVI':
                header = os.path.splitext(name)[0] + '.hdr'
                with open(os.path.join(temporary, header), encoding='utf-8') as stream:
                    text = stream.read().replace(written, name)  # GDAL describes the image by its temporary path
                with open(os.path.join(temporary, header), 'w', encoding='utf-8') as stream:
                    stream.write(text)
                os.replace(os.path.join(temporary, header), os.path.join(folder, header))
            os.replace(written, target)
    except (OSError, RasterioError) as error:
        reason = str(error.__cause__ or getattr(error, 'strerror', None) or error)
        raise OSError(f'{path}: the file cannot be written: {reason}') from None
    if os.path.exists(target + '.aux.xml'):
        os.remove(target + '.aux.xml')  # GDAL's notes on the file that was here before
