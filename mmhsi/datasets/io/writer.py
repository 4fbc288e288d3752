"""Writing maps and cubes as GeoTIFF or ENVI, atomically."""

import logging
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from xml.sax.saxutils import escape

import numpy as np
import rasterio
from mmengine.logging import print_log
from rasterio.errors import RasterioError
from rasterio.rpc import RPC
from rasterio.shutil import copy as copy_raster
from rasterio.windows import Window

from mmhsi.utils.files import put_in_place

from .base import CubeInfo
from .cube import Path
from .envi import DATA_SUFFIXES
from .georeference import raster_environment, silent_georeference

_DRIVERS = {'.tif': 'GTiff', '.tiff': 'GTiff', '.hdr': 'ENVI', **dict.fromkeys(DATA_SUFFIXES[1:-1], 'ENVI')}
_STORED_AS = {'bool': 'uint8', 'int8': 'int16', 'float16': 'float32'}
_INTEGERS = ('uint8', 'uint16', 'int16', 'uint32', 'int32')
_TILE = 256
_LINE = 500  # characters


def _storable(path: str, array: np.ndarray, nodata: float | None) -> np.ndarray:
    """Convert to a type that both formats support and other programs read; 64-bit integers become the smallest fitting
    type."""
    if array.dtype.kind not in 'biuf' or array.dtype.itemsize > 8:
        raise ValueError(f'{path}: values of type {array.dtype} cannot be written, expected real numbers')
    dtype = np.dtype(_STORED_AS.get(array.dtype.name, array.dtype)).newbyteorder('=')
    if array.dtype in (np.int64, np.uint64):
        limits = [int(array.min()), int(array.max())]
        if nodata is not None and float(nodata).is_integer():
            limits.append(int(nodata))
        dtype = next(
            (
                np.dtype(name)
                for name in _INTEGERS
                if np.iinfo(name).min <= min(limits) and max(limits) <= np.iinfo(name).max
            ),
            dtype,
        )
    if nodata is not None:
        if dtype.kind == 'f':
            fits = not np.isfinite(nodata) or abs(nodata) <= np.finfo(dtype).max
        else:
            fits = float(nodata).is_integer() and np.iinfo(dtype).min <= nodata <= np.iinfo(dtype).max
        if not fits:
            raise ValueError(f'{path}: nodata {nodata} is no value of type {dtype}')
    return array.astype(dtype, copy=False)


@dataclass(frozen=True)
class _Facts:
    """Metadata of a raster; see :func:`write_raster`."""

    like: CubeInfo | None
    zoom: int
    nodata: float | None
    colormap: Mapping[int, tuple[int, int, int]]
    class_names: Mapping[int, str]
    band_names: Sequence[str]
    wavelengths: Sequence[float] | None
    fwhm: Sequence[float] | None
    note: str | None = None

    def place(self) -> dict:
        """Georeference for rasterio: a transform, else control points, else polynomial coefficients."""
        like = self.like
        if like is None:
            return {}
        if like.transform is not None:
            return dict(crs=like.crs, transform=rasterio.Affine(*like.transform) * rasterio.Affine.scale(1 / self.zoom))
        if like.gcps is not None:
            points = [
                rasterio.control.GroundControlPoint(row * self.zoom, col * self.zoom, *place)
                for row, col, *place in like.gcps
            ]
            return dict(crs=like.gcps_crs, gcps=points)
        if like.rpcs is not None:
            # an integer is the centre of a pixel, half a pixel from its edge
            zoomed = {
                name: (float(like.rpcs[name]) + shift) * self.zoom - shift
                for name, shift in (('LINE_OFF', 0.5), ('SAMP_OFF', 0.5), ('LINE_SCALE', 0.0), ('SAMP_SCALE', 0.0))
            }
            return dict(rpcs=RPC.from_gdal({**like.rpcs, **{name: str(value) for name, value in zoomed.items()}}))
        return {}

    def check(self, path: str, array: np.ndarray) -> None:
        """Raise a ValueError if the metadata contradict the array (H, W, C) or each other."""
        height, width, bands = array.shape
        like, zoom = self.like, self.zoom
        if like is not None and (zoom * like.height, zoom * like.width) != (height, width):
            raise ValueError(
                f'{path}: the array has {height} x {width} pixels, {like.path} whose georeference it is '
                f'to take has {like.height} x {like.width}{"" if zoom == 1 else f", times {zoom}"}'
            )
        for what, values in (
            ('band names', self.band_names or None),
            ('wavelengths', self.wavelengths),
            ('widths', self.fwhm),
        ):
            if values is not None and len(values) != bands:
                raise ValueError(f'{path}: {len(values)} {what} given for {bands} bands')
        if self.colormap:
            if bands != 1 or array.dtype not in (np.uint8, np.uint16):
                raise ValueError(
                    f'{path}: a colour table needs one band of type uint8 or uint16, '
                    f'found {bands} of type {array.dtype}'
                )
            largest = np.iinfo(array.dtype).max
            for value, colour in self.colormap.items():
                if not 0 <= value <= largest or len(colour) != 3 or not all(0 <= part <= 255 for part in colour):
                    raise ValueError(
                        f'{path}: colour table entry {value}: {colour}, expected a value from 0 to '
                        f'{largest} and (red, green, blue) from 0 to 255'
                    )

    def envi_fields(self) -> dict[str, str]:
        """Fields of an ENVI header that GDAL does not write itself."""
        fields = {} if self.note is None else {'description': f'{{\n {self.note}}}'}
        if self.wavelengths is not None:
            fields.update({'wavelength': envi_list(self.wavelengths), 'wavelength units': 'Nanometers'})
            if self.fwhm is not None:
                fields['fwhm'] = envi_list(self.fwhm)
        if self.band_names:
            fields['band names'] = envi_list(self.band_names)
        count = 1 + max([*self.colormap, *self.class_names], default=-1)
        if self.colormap:
            fields['class lookup'] = envi_list(
                part for value in range(count) for part in self.colormap.get(value, (0, 0, 0))
            )
        if self.class_names:
            fields['class names'] = envi_list(self.class_names.get(value, f'value {value}') for value in range(count))
        if count:
            fields['classes'] = str(count)
        return fields


def envi_list(values: Iterable[str | float]) -> str:
    """A list of an ENVI header, wrapped: GDAL does not read lines of more than 10 000 characters."""
    lines = ['']
    for value in values:
        text = value if isinstance(value, str) else repr(value if isinstance(value, int) else float(value))
        if len(lines[-1]) + len(text) > _LINE:
            lines.append('')
        lines[-1] += f'{text}, '
    return '{' + '\n '.join(lines).rstrip(', ') + '}'


def _envi_name(path: str, name: str) -> str:
    """A name for an ENVI header, where commas and braces end an entry."""
    plain = re.sub(r'\s+', ' ', name.translate(str.maketrans(',{}', ' ()'))).strip()
    if plain != name:
        print_log(
            f'{path}: an ENVI header cannot hold the name {name!r}, it becomes {plain!r}', 'current', logging.WARNING
        )
    return plain


def _envi_header(text: str, name: str, facts: _Facts) -> str:
    """The header written by GDAL, with the name of the file and additional fields."""
    fields = {'description': f'{{\n {name}}}', **facts.envi_fields()}  # GDAL writes its temporary path as description
    for field in fields:
        text = re.sub(rf'^{field}\s*=\s*(\{{[^}}]*\}}|[^\n]*)\n', '', text, flags=re.MULTILINE)
    if facts.class_names:
        text = text.replace('file type = ENVI Standard', 'file type = ENVI Classification')
    return text + ''.join(f'{field} = {value}\n' for field, value in fields.items())


def _category_names(names: Mapping[int, str]) -> str:
    listed = ''.join(f'\n      <Category>{escape(names.get(value, ""))}</Category>' for value in range(max(names) + 1))
    return (
        f'<PAMDataset>\n  <PAMRasterBand band="1">\n    <CategoryNames>{listed}\n    </CategoryNames>\n'
        '  </PAMRasterBand>\n</PAMDataset>\n'
    )


def _blocks(array: np.ndarray) -> Iterator[tuple[int, Window, np.ndarray]]:
    """Band, window and values of the parts of an array (H, W, C), which may be larger than memory."""
    height, width, bands = array.shape
    for band in range(bands):
        for top in range(0, height, _TILE):
            rows = min(_TILE, height - top)
            yield band + 1, Window(0, top, width, rows), array[top : top + rows, :, band]


def _write(path: str, driver: str, array: np.ndarray, facts: _Facts) -> None:
    height, width, bands = array.shape
    options = (
        {'interleave': 'bsq'}
        if driver == 'ENVI'
        else {
            'tiled': True,
            'blockxsize': _TILE,
            'blockysize': _TILE,
            'compress': 'deflate',
            'interleave': 'band',
            'predictor': 3 if array.dtype.kind == 'f' else 2,
            'bigtiff': 'if_safer',
        }
    )
    if driver == 'GTiff' and bands == 4:
        options['photometric'] = 'minisblack'  # GDAL declares the last of four one-byte bands as opacity
    with rasterio.open(
        path,
        'w',
        driver=driver,
        height=height,
        width=width,
        count=bands,
        dtype=array.dtype.name,
        nodata=facts.nodata,
        **facts.place(),
        **options,
    ) as dataset:
        for band, window, values in _blocks(array):
            dataset.write(values, band, window=window)
        if driver == 'GTiff' and facts.note is not None:
            dataset.update_tags(TIFFTAG_IMAGEDESCRIPTION=facts.note)
        if facts.like is not None and facts.like.rpcs and facts.zoom == 1 and driver == 'GTiff':
            dataset.update_tags(ns='RPC', **facts.like.rpcs)
        for band in range(bands if driver == 'GTiff' else 0):
            if facts.band_names:
                dataset.set_band_description(band + 1, facts.band_names[band])
            if facts.wavelengths is not None:
                widths = {} if facts.fwhm is None else {'fwhm': repr(float(facts.fwhm[band]))}
                dataset.update_tags(
                    band + 1, wavelength=repr(float(facts.wavelengths[band])), wavelength_units='Nanometers', **widths
                )
        if driver == 'GTiff' and facts.colormap:
            dataset.write_colormap(1, {int(value): tuple(map(int, colour)) for value, colour in facts.colormap.items()})
        if driver == 'GTiff' and facts.class_names:
            dataset.update_tags(1, **{f'class_{value}': name for value, name in facts.class_names.items()})
    _read_back(path, array)


def _read_back(path: str, array: np.ndarray) -> None:
    # GDAL reports no error if the disk fills up while the last tiles are flushed
    with rasterio.open(path) as dataset:
        for band, window, values in _blocks(array):
            if not np.array_equal(dataset.read(band, window=window), values, equal_nan=array.dtype.kind == 'f'):
                raise OSError('what was read back differs from what was written; is the disk full?')


def _lay_out_for_the_cloud(path: str, array: np.ndarray) -> None:
    """Write a GeoTIFF anew with overviews, the smallest first; whole numbers are classes, of which no mean is taken."""
    plain = f'{path}.plain.tif'
    os.replace(path, plain)
    real = array.dtype.kind == 'f'
    copy_raster(
        plain,
        path,
        driver='COG',
        COMPRESS='DEFLATE',
        PREDICTOR='FLOATING_POINT' if real else 'STANDARD',
        BLOCKSIZE=str(_TILE),
        OVERVIEW_RESAMPLING='AVERAGE' if real else 'NEAREST',
        BIGTIFF='IF_SAFER',
    )
    os.remove(plain)
    _read_back(path, array)


def write_raster(
    path: Path,
    array: np.ndarray,
    like: CubeInfo | None = None,
    nodata: float | None = None,
    colormap: Mapping[int, tuple[int, int, int]] | None = None,
    band_names: Sequence[str] | None = None,
    wavelengths: Sequence[float] | None = None,
    driver: str | None = None,
    fwhm: Sequence[float] | None = None,
    class_names: Mapping[int, str] | None = None,
    zoom: int = 1,
    note: str | None = None,
) -> None:
    """Write a map or a cube as GeoTIFF (tiled, deflate), cloud-optimised GeoTIFF, or ENVI (raw and a header).

    The file is written under a temporary name in the same folder, read back, and renamed, so it is complete if it
    exists. The array may be larger than memory, such as a memory map. bool is stored as uint8, int8 as int16, float16
    as float32, and 64-bit integers (class maps) as the smallest type that holds their values and nodata. Class names
    are written to the tags ``class_<value>`` of the band and, for GDAL and QGIS, to ``<file>.aux.xml``; in an ENVI
    header to 'class names'. Names in an ENVI header cannot contain commas or braces: these are replaced, with a
    warning.

    Args:
        path (str | os.PathLike): The file; its folder must exist. Suffix .tif or .tiff for GeoTIFF, and .img, .dat,
            .bin, .raw, .bsq, .bil, .bip for ENVI (always band-sequential, header in .hdr); .hdr also writes .img.
        array (np.ndarray): (H, W) or (H, W, C), real numbers or booleans.
        like (CubeInfo, optional): A cube with the same rows and columns, whose georeference is copied.
        nodata (float, optional): Value of pixels without data.
        colormap (dict[int, tuple], optional): Red, green, blue (0 to 255) of the values of a map of one band.
        band_names (Sequence[str], optional): Descriptions of the C bands.
        wavelengths (Sequence[float], optional): Band centres in nm, (C,).
        driver (str, optional): 'GTiff', 'COG' (the same with overviews, laid out to be read over a network) or 'ENVI'.
            Defaults to that of the suffix.
        fwhm (Sequence[float], optional): Full widths at half maximum in nm, (C,).
        class_names (dict[int, str], optional): Names of the values of a map of one band.
        zoom (int): Pixels of the array per pixel of ``like`` along an axis. Defaults to 1.
        note (str, optional): Description of the file, one line without braces.

    Raises:
        ValueError: If the arguments do not agree with each other or with the format.
        FileNotFoundError: If the folder does not exist.
        OSError: If the file cannot be written, or differs when it is read back.
    """
    path, array = os.fspath(path), np.asanyarray(array)
    stem, suffix = os.path.splitext(path)
    if driver is None:
        driver = _DRIVERS.get(suffix.lower())
    if driver not in ('GTiff', 'COG', 'ENVI'):
        raise ValueError(
            f'{path}: cannot determine the format from the suffix {suffix!r}, expected .tif, .img or .hdr, or '
            "driver 'GTiff', 'COG' or 'ENVI'"
        )
    if array.ndim not in (2, 3) or 0 in array.shape:
        raise ValueError(f'{path}: an array of shape {array.shape} cannot be written, expected (H, W) or (H, W, C)')
    array = _storable(path, array[..., None] if array.ndim == 2 else array, nodata)
    names, labels = list(band_names or ()), dict(class_names or {})
    if driver == 'ENVI':
        names = [_envi_name(path, name) for name in names]
        labels = {value: _envi_name(path, name) for value, name in labels.items()}
    facts = _Facts(like, zoom, nodata, dict(colormap or {}), labels, names, wavelengths, fwhm, note)
    facts.check(path, array)
    folder = os.path.dirname(path) or '.'
    if not os.path.isdir(folder):
        raise FileNotFoundError(f'{path}: the folder {folder} does not exist')
    target = stem + '.img' if driver == 'ENVI' and suffix.lower() == '.hdr' else path
    name = os.path.basename(target)
    try:
        with tempfile.TemporaryDirectory(prefix='.writing-', dir=folder) as temporary:
            written = os.path.join(temporary, name)
            with raster_environment(), silent_georeference():
                _write(written, 'ENVI' if driver == 'ENVI' else 'GTiff', array, facts)
                if driver == 'COG':
                    _lay_out_for_the_cloud(written, array)
            if driver == 'ENVI':
                header = FilePath(written).with_suffix('.hdr')
                header.write_text(_envi_header(header.read_text(encoding='utf-8'), name, facts), encoding='utf-8')
                put_in_place(header, os.path.join(folder, header.name))
            put_in_place(written, target)
    except (OSError, RasterioError) as error:
        reason = str(error.__cause__ or getattr(error, 'strerror', None) or error)
        raise OSError(f'{path}: the file cannot be written: {reason}') from error
    notes = FilePath(f'{target}.aux.xml')
    notes.unlink(missing_ok=True)  # GDAL's metadata of the previous file
    if labels and driver != 'ENVI':
        notes.write_text(_category_names(labels), encoding='utf-8')
