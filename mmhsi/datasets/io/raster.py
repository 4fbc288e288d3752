"""GeoTIFF, ENVI and every other raster that GDAL reads, window by window through rasterio."""

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioIOError
from rasterio.windows import Window as RasterWindow

from . import envi
from .base import CubeInfo, CubeReader, Window
from .errors import CubeReadError, explained
from .memory import LARGEST_DEFLATE_RATIO, check_fits
from .wavelengths import nanometres_per_unit, parse_numbers, usable

_BLOCK_CACHE = 2 ** 28  # bytes: rasterio hands the number to GDALSetCacheMax64, unlike the variable of the shell


def raster_environment() -> rasterio.Env:
    """GDAL's settings under which rasters are opened, read and written."""
    # the fast path for PNG returns a truncated picture without an error
    # a virtual raster may hold Python code; each process caches blocks, by default in a twentieth of the memory
    return rasterio.Env(GDAL_PNG_WHOLE_IMAGE_OPTIM='NO', GDAL_VRT_ENABLE_PYTHON='NO', GDAL_CACHEMAX=_BLOCK_CACHE)


@contextmanager
def silent_georeference() -> Iterator[None]:
    """Keep rasterio from warning of a file without georeference, which is usual for benchmark scenes."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', NotGeoreferencedWarning)
        yield


def spectral_metadata(dataset: rasterio.DatasetReader) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Wavelengths and widths of the bands of a raster, from the first place that states them for every band.

    The places: tags of each band (``wavelength``, ``fwhm``, ``wavelength_units``), the fields of an ENVI header, and
    GDAL's IMAGERY domain.

    Args:
        dataset (rasterio.DatasetReader): An open raster.

    Returns:
        tuple: Wavelengths and fwhm in nm, float64 (bands,), or None where the raster has none.
    """
    indices = range(1, dataset.count + 1)
    general, header = dataset.tags(), dataset.tags(ns='ENVI')
    tags = [dataset.tags(index) for index in indices]
    imagery = [dataset.tags(index, ns='IMAGERY') for index in indices]
    unit = tags[0].get('wavelength_units') or general.get('wavelength_units') or header.get('wavelength_units')

    def find(name: str, imagery_name: str) -> tuple[np.ndarray | None, bool]:
        lists = (' '.join(tag.get(name, '-') for tag in tags), header.get(name),
                 ' '.join(tag.get(imagery_name, '-') for tag in imagery))
        for position, text in enumerate(lists):
            values = parse_numbers(text)
            if usable(values, dataset.count):
                return values, position == 2
        return None, False

    wavelengths, in_micrometres = find('wavelength', 'CENTRAL_WAVELENGTH_UM')
    if wavelengths is None:
        return None, None
    unit_size = nanometres_per_unit(unit, wavelengths)
    scale = 1e3 if in_micrometres else unit_size
    if scale is None:
        return None, None
    fwhm, in_micrometres = find('fwhm', 'FWHM_UM')
    scale_of_fwhm = 1e3 if in_micrometres else unit_size
    return wavelengths * scale, None if fwhm is None or scale_of_fwhm is None else fwhm * scale_of_fwhm


class RasterReader(CubeReader):
    """A raster names its bands and is read as (rows, columns, bands) whatever the layout; values are as stored.

    A key chooses one of the subdatasets of a file that holds several (the pages of a TIFF, the arrays of a netCDF),
    by its full name or by how that begins or ends. Other rasters hold one image and ignore it.
    """

    format = 'raster'

    def __init__(self, path: str, *args, **kwargs) -> None:
        self._source = path = envi.data_file(path) if path.lower().endswith('.hdr') else path
        super().__init__(path, *args, **kwargs)

    def _open(self) -> rasterio.DatasetReader:
        with raster_environment(), silent_georeference():
            return rasterio.open(self._source)

    def _describe(self) -> CubeInfo:
        header = envi.find_header(self.path)
        failure = None
        try:
            driver = self._handle().driver
        except RasterioIOError as error:
            failure, driver = error, 'ENVI'
        if 'not recognized' in str(failure):
            raise CubeReadError(f'{self.path}: not a MATLAB, NumPy or HDF5 file nor a raster that GDAL reads '
                                '(raw ENVI data need their .hdr file beside them)')
        if header and driver == 'ENVI':
            envi.check(self.path, header)
        if failure:
            with explained(self.path):
                raise failure
        self._choose_subdataset()
        with explained(self.path):
            return self._info(self._handle())

    def _choose_subdataset(self) -> None:
        names = self._handle().subdatasets
        if not names:
            return
        keys = [self.key] if isinstance(self.key, str) else list(self.key or ())
        for key in keys:
            found = [name for name in names
                     if name == key or name.startswith(key + ':') or name.endswith((':' + key, '/' + key))]
            if len(found) == 1:
                self.close()
                self._source = found[0]
                return
        listed = ', '.join(f"'{name}'" for name in names[:5]) + (', ...' if len(names) > 5 else '')
        raise CubeReadError(f'{self.path}: the file holds {len(names)} images and not one of many bands, '
                            f'choose one by key: {listed}')

    def _check_claims(self, dataset: rasterio.DatasetReader, itemsize: int) -> None:
        if dataset.driver != 'GTiff':
            return
        stored = os.path.getsize(self.path)
        if dataset.count > stored:  # the header itself has two bytes for each; rasterio's time goes with their square
            raise CubeReadError(f'{self.path}: the header describes {dataset.count} bands, more than a file of '
                                f'{stored} bytes can hold')
        # for one pixel GDAL allocates the whole block, before it looks whether the file can hold it
        rows, columns = dataset.block_shapes[0]
        structure = dataset.tags(ns='IMAGE_STRUCTURE')
        depth = dataset.count if structure.get('INTERLEAVE') == 'PIXEL' else 1
        size = rows * columns * depth * itemsize
        if size <= _BLOCK_CACHE:
            return
        block = f'a block of {rows} x {columns} pixels and {depth} bands'
        largest = {None: 1, 'DEFLATE': LARGEST_DEFLATE_RATIO}.get(structure.get('COMPRESSION'), np.inf) * stored
        if size > largest:
            raise CubeReadError(f'{self.path}: the header describes {block}, {size} bytes, more than a file of '
                                f'{stored} bytes can hold')
        check_fits(self.path, block, size)

    def _info(self, dataset: rasterio.DatasetReader) -> CubeInfo:
        types = sorted(set(dataset.dtypes))
        if len(types) != 1 or types[0].startswith('complex'):
            raise CubeReadError(f'{self.path}: the bands are of type {", ".join(types) or "none"}, '
                                'expected one type of real numbers')
        self._check_claims(dataset, np.dtype(types[0]).itemsize)
        wavelengths, fwhm = spectral_metadata(dataset)
        names = tuple(name or '' for name in dataset.descriptions)
        return CubeInfo(
            path=self.path, format=self.format, height=dataset.height, width=dataset.width, bands=dataset.count,
            dtype=np.dtype(types[0]), nodata=dataset.nodata, wavelengths=wavelengths, fwhm=fwhm,
            crs=dataset.crs.to_wkt() if dataset.crs else None,
            transform=None if dataset.transform.is_identity else tuple(dataset.transform)[:6],
            key=self._source if self._source != self.path else None, band_names=names if any(names) else None)

    def _read(self, window: Window, bands: Sequence[int] | None) -> np.ndarray:
        top, left, rows, columns = window
        indices = None if bands is None else [band + 1 for band in bands]
        with raster_environment():
            block = self._handle().read(indices, window=RasterWindow(left, top, columns, rows))
        return block.transpose(1, 2, 0)
