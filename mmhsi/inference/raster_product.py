"""Writing maps and cubes of any size as GeoTIFF or ENVI, block by block, whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import rasterio
from rasterio.errors import RasterioError
from rasterio.windows import Window

from mmhsi.datasets.io import CubeInfo
from mmhsi.datasets.io.raster import raster_environment, silent_georeference
from mmhsi.weights.checkpoint_file import put_in_place

DRIVERS = {'GTiff': '.tif', 'ENVI': '.img'}
_TILE = 256


@dataclass(frozen=True)
class RasterMeta:
    """What stands in a raster beside its values.

    Attributes:
        like (CubeInfo, optional): The scene whose georeference is taken over.
        scale (int): Pixels of the raster per pixel of the scene along an axis. Defaults to 1.
        nodata (float, optional): Value of pixels without data.
        colours (Mapping[int, tuple[int, int, int]]): Red, green, blue of the values of a map of one band.
        names (Mapping[int, str]): Names of these values.
        band_names (Sequence[str]): Descriptions of the bands.
        wavelengths (np.ndarray, optional): Band centres in nm.
        fwhm (np.ndarray, optional): Full widths at half maximum in nm.
    """

    like: CubeInfo | None = None
    scale: int = 1
    nodata: float | None = None
    colours: Mapping[int, tuple[int, int, int]] = field(default_factory=dict)
    names: Mapping[int, str] = field(default_factory=dict)
    band_names: Sequence[str] = ()
    wavelengths: np.ndarray | None = None
    fwhm: np.ndarray | None = None

    def place(self) -> dict:
        """Coordinate system and transform for rasterio; empty without a georeference."""
        if self.like is None or self.like.transform is None:
            return {}
        return dict(crs=self.like.crs, transform=rasterio.Affine(*self.like.transform) *
                    rasterio.Affine.scale(1 / self.scale))


def write_product(path: str | os.PathLike, array: np.ndarray, meta: RasterMeta, driver: str = 'GTiff') -> None:
    """Write an array that may be larger than memory, such as a memory map.

    The file is written under another name in the same folder, read back, and renamed. The names of classes stand in
    the tags ``class_<value>`` of the band and, for GDAL and QGIS, in ``<file>.aux.xml``; in an ENVI header under
    'class names'.

    Args:
        path (str | os.PathLike): The file.
        array (np.ndarray): (C, H, W).
        meta (RasterMeta): What stands beside the values.
        driver (str): 'GTiff' (tiled, deflate) or 'ENVI' (band-sequential, with a header). Defaults to 'GTiff'.

    Raises:
        OSError: If the file cannot be written, or does not read back as it was written.
    """
    path = Path(path)
    try:
        with tempfile.TemporaryDirectory(prefix='.writing-', dir=path.parent) as temporary:
            written = Path(temporary) / path.name
            with raster_environment(), silent_georeference():
                _write(written, array, meta, driver)
                _check(written, array)
            if driver == 'ENVI':
                header = written.with_suffix('.hdr')
                text = header.read_text(encoding='utf-8').replace(str(written), path.name)
                header.write_text(_with_class_names(text, meta.names), encoding='utf-8')
                put_in_place(header, path.with_suffix('.hdr'))
            put_in_place(written, path)
    except (OSError, RasterioError) as error:
        reason = str(error.__cause__ or getattr(error, 'strerror', None) or error)
        raise OSError(f'{path}: the file cannot be written: {reason}') from error
    notes = Path(f'{path}.aux.xml')
    notes.unlink(missing_ok=True)  # GDAL's notes on the file that was here before
    if meta.names and driver == 'GTiff':
        notes.write_text(_category_names(meta.names), encoding='utf-8')


def _blocks(height: int, width: int):
    for top in range(0, height, _TILE):
        yield Window(0, top, width, min(_TILE, height - top))


def _write(path: Path, array: np.ndarray, meta: RasterMeta, driver: str) -> None:
    bands, height, width = array.shape
    options = {'interleave': 'bsq'} if driver == 'ENVI' else {
        'tiled': True, 'blockxsize': _TILE, 'blockysize': _TILE, 'compress': 'deflate', 'interleave': 'band',
        'predictor': 3 if array.dtype.kind == 'f' else 2, 'bigtiff': 'if_safer'}
    with rasterio.open(path, 'w', driver=driver, height=height, width=width, count=bands, dtype=array.dtype.name,
                       nodata=meta.nodata, **meta.place(), **options) as dataset:
        for band in range(bands):
            # the memory map is read in the order that it is stored in
            for block in _blocks(height, width):
                dataset.write(array[band, block.row_off:block.row_off + block.height], band + 1, window=block)
            if meta.band_names:
                dataset.set_band_description(band + 1, meta.band_names[band])
            if meta.wavelengths is not None and driver == 'GTiff':
                widths = {} if meta.fwhm is None else {'fwhm': repr(float(meta.fwhm[band]))}
                dataset.update_tags(band + 1, wavelength=repr(float(meta.wavelengths[band])),
                                    wavelength_units='Nanometers', **widths)
        if driver == 'ENVI':
            dataset.update_tags(ns='ENVI', **_envi_fields(meta))
            return
        if meta.colours:
            dataset.write_colormap(1, {int(value): tuple(map(int, colour)) for value, colour in meta.colours.items()})
        if meta.names:
            dataset.update_tags(1, **{f'class_{value}': name for value, name in meta.names.items()})


def _check(path: Path, array: np.ndarray) -> None:
    # GDAL reports no error if the disk fills up while the last tiles are flushed
    floats = array.dtype.kind == 'f'
    with rasterio.open(path) as dataset:
        for band in range(array.shape[0]):
            for block in _blocks(*array.shape[1:]):
                expected = array[band, block.row_off:block.row_off + block.height]
                if not np.array_equal(dataset.read(band + 1, window=block), expected, equal_nan=floats):
                    raise OSError('what was read back differs from what was written; is the disk full?')


def _listed(values) -> str:
    return '{' + ', '.join(values) + '}'


def _envi_fields(meta: RasterMeta) -> dict[str, str]:
    fields = {}
    if meta.wavelengths is not None:
        fields.update(wavelength=_listed(repr(float(value)) for value in meta.wavelengths),
                      wavelength_units='Nanometers')
        if meta.fwhm is not None:
            fields['fwhm'] = _listed(repr(float(value)) for value in meta.fwhm)
    if meta.colours:
        numbers = range(max(meta.colours) + 1)
        fields['classes'] = str(len(numbers))
        fields['class_lookup'] = _listed(
            str(int(part)) for value in numbers for part in meta.colours.get(value, (0, 0, 0)))
    return fields


def _with_class_names(header: str, names: Mapping[int, str]) -> str:
    """A header of an ENVI file as that of a class map; rasterio has no way to tell GDAL the names."""
    if not names:
        return header
    listed = _listed(names.get(value, f'value {value}').replace(',', ' ').replace('{', '(').replace('}', ')')
                     for value in range(max(names) + 1))
    return header.replace('file type = ENVI Standard', 'file type = ENVI Classification') + f'class names = {listed}\n'


def _category_names(names: Mapping[int, str]) -> str:
    listed = ''.join(f'\n      <Category>{escape(names.get(value, ""))}</Category>' for value in range(max(names) + 1))
    return (f'<PAMDataset>\n  <PAMRasterBand band="1">\n    <CategoryNames>{listed}\n    </CategoryNames>\n'
            '  </PAMRasterBand>\n</PAMDataset>\n')
