"""ENVI images: a raw data file and a text header, interpreted by :mod:`envi_header`.

GDAL is used only for the georeference, and gets the fields that state it in a separate header.
"""

from __future__ import annotations

import gzip
import io
import os
from collections.abc import Mapping, Sequence
from typing import BinaryIO

import numpy as np
import rasterio
from rasterio.io import MemoryFile

from .base import CubeInfo, CubeReader, Window
from .envi_header import Fields, layout_of, read_header
from .errors import CubeReadError, explained
from .georeference import place_of, raster_environment, silent_georeference
from .memory import check_fits, check_packing
from .pam import sidecar_fields
from .text import decode
from .wavelengths import in_nanometres, statement_of_names

DATA_SUFFIXES = ('', '.img', '.hyspex', '.dat', '.bin', '.raw', '.bsq', '.bil', '.bip', '.sli')
_OTHER_SUFFIXES = ('.tif', '.tiff')
_PLACE_FIELDS = ('map info', 'projection info', 'coordinate system string', 'pixel size', 'rpc info', 'geo points')
_READ_AT_ONCE = 2**24  # bytes


def data_file(header: str) -> str:
    """Find the data file of a header.

    Args:
        header (str): Path that ends in .hdr; the data file has the same name without it, or with the suffix of a raw
            image or of a TIFF instead. If there are several, the one whose size matches the header is used; if there
            is none, the only one with another suffix and that size.

    Returns:
        str: Path of the data file.

    Raises:
        CubeReadError: If there is none, or several match the header.
    """
    stem = os.path.splitext(header)[0]
    candidates = [
        stem + variant
        for suffix in (*DATA_SUFFIXES, *_OTHER_SUFFIXES)
        for variant in dict.fromkeys((suffix, suffix.upper()))
    ]
    found = [candidate for candidate in candidates if os.path.isfile(candidate)] or _of_the_size(header, stem)
    if not found:
        raise CubeReadError(
            f'{header}: no data file next to this header, expected {os.path.basename(stem)!r} without '
            f'suffix or with one of {", ".join((*DATA_SUFFIXES[1:], *_OTHER_SUFFIXES))}'
        )
    raw = [path for path in found if not path.lower().endswith(_OTHER_SUFFIXES)]
    if len(raw) > 1:
        sizes = [os.path.getsize(path) for path in raw]
        needed = layout_of(read_header(header), raw[0], header).bytes
        raw = [path for path, size in zip(raw, sizes, strict=True) if size == needed]
        if len(raw) != 1:
            raise CubeReadError(
                f'{header}: {len(found)} data files next to this header ({", ".join(map(os.path.basename, found))}), '
                f'and {len(raw) or "none"} of the size '
                ''
                f'that it describes ({needed} bytes); name the data file'
            )
    return (raw or found)[0]


def _of_the_size(header: str, stem: str) -> list[str]:
    """The file with the name of a header, any suffix, and the size that the header describes, if there is one."""
    folder, name = os.path.split(stem)
    others = [
        os.path.join(folder, other)
        for other in sorted(os.listdir(folder or '.'))
        if os.path.splitext(other)[0] == name and other != os.path.basename(header)
    ]
    if not others:
        return []
    needed = layout_of(read_header(header), stem, header).bytes
    fitting = [path for path in others if os.path.isfile(path) and os.path.getsize(path) == needed]
    return fitting if len(fitting) == 1 else []


def is_header(path: str) -> bool:
    """Whether a file begins like an ENVI header."""
    with explained(path), open(path, 'rb') as stream:
        return decode(stream.read(64)).lstrip('\ufeff \t\r\n').startswith('ENVI')


def find_header(path: str) -> str | None:
    """Find the ENVI header of a data file: the suffix .hdr instead of its own or after it.

    Args:
        path (str): The data file.

    Returns:
        str | None: Path of the header, if there is one that begins like an ENVI header.
    """
    for stem in (path, os.path.splitext(path)[0]):
        for suffix in ('.hdr', '.HDR'):
            if os.path.isfile(stem + suffix) and is_header(stem + suffix):
                return stem + suffix
    return None


def _place(fields: Mapping[str, str], path: str) -> tuple[dict, list[str]]:
    """Fields of :class:`CubeInfo` on the georeference, as interpreted by GDAL.

    GDAL gets an image of one pixel with only these fields, in memory, so other fields of the header and the length of
    its lines have no influence.
    """
    stated = {name: ' '.join(fields[name].split()) for name in _PLACE_FIELDS if fields.get(name)}
    if not stated:
        return {}, []
    header = 'ENVI\nsamples = 1\nlines = 1\nbands = 1\nheader offset = 0\ndata type = 1\ninterleave = bsq\n' + ''.join(
        f'{name} = {{{value}}}\n' for name, value in stated.items()
    )
    folder = f'mmhsi-{os.getpid()}-{id(fields)}'
    with (
        raster_environment(),
        silent_georeference(),
        explained(path),
        MemoryFile(b'\0\0', dirname=folder, filename='image.img') as image,
        MemoryFile(header.encode(), dirname=folder, filename='image.hdr'),
        rasterio.open(image.name, driver='ENVI') as dataset,
    ):
        place = place_of(dataset)
    notes = []
    if 'map info' in stated and place.get('transform') is None:
        notes.append(f"the field 'map info' = {stated['map info'][:80]} is not understood and not used")
    return place, notes


def _mask_beside(path: str, shape: tuple[int, int, int], notes: list[str]) -> CubeReader | None:
    """The mask that GDAL's programs write beside a file, ``<file>.msk``: a TIFF of one band, or of one for each band,
    that is 0 where there is no data."""
    from .raster import RasterReader  # which reads headers beside rasters

    name = path + '.msk'
    if not os.path.isfile(name):
        return None
    try:
        reader = RasterReader(name)
    except CubeReadError:
        notes.append(f'{os.path.basename(name)} beside the file is no mask and is not applied')
        return None
    found = *reader.info.shape[:2], reader.info.bands + (reader.info.mask is not None)
    if found[:2] == shape[:2] and found[2] in (1, shape[2]):
        return reader
    reader.close()
    notes.append(
        f'the mask {os.path.basename(name)} beside the file has {found[0]} x {found[1]} pixels and {found[2]} bands, '
        f'the file has {shape[0]} x {shape[1]} and {shape[2]}: it is not applied'
    )
    return None


class EnviReader(CubeReader):
    """An ENVI image; key and layout are ignored, since the header states the layout."""

    format = 'envi'

    def __init__(self, path: str, *args, **kwargs) -> None:
        given = path.lower().endswith('.hdr')
        header = path if given else find_header(path)
        if header is None:
            raise CubeReadError(f'{path}: there is no ENVI header with the suffix .hdr next to the file')
        self._header = header
        super().__init__(data_file(path) if given else path, *args, **kwargs)

    def _describe(self) -> CubeInfo:
        fields = read_header(self._header)
        header = os.path.basename(self._header)
        self._layout = layout = layout_of(fields, self.path, self._header)
        size = os.path.getsize(self.path)
        notes = []
        if not layout.compressed:
            if size < layout.bytes:
                raise CubeReadError(
                    f'{self.path}: the header {header} describes {layout.height} x {layout.width} '
                    f'pixels of {layout.bands} bands ({layout.bytes} bytes), the file holds {size} '
                    'bytes'
                )
            if size > layout.bytes:
                notes.append(
                    f'the header {header} describes {layout.bytes} bytes, the file holds {size}: the rest is not read'
                )
        if not fields.get('byte order') and layout.dtype.itemsize > 1:
            notes.append(f"the header {header} does not state 'byte order'; 0 (little endian) is taken")
        said = Fields(fields, layout.bands, f'the header {header}')
        names = said.band_names
        named = None if said.wavelengths else statement_of_names(names or (), notes)
        wavelengths, fwhm, wave_notes = in_nanometres(
            said.wavelengths or ([] if named is None else [named]), said.fwhm, layout.bands
        )
        scale, offset = said.scale_and_offset
        nodata, bad_bands = said.nodata, said.bad_bands
        beside = sidecar_fields(self.path, layout.bands, notes)
        if nodata is None:
            nodata = beside.get('nodata')
        if scale is None and offset is None:
            scale, offset = beside.get('scale'), beside.get('offset')
        self._mask = _mask_beside(self.path, (layout.height, layout.width, layout.bands), notes)
        beside_it = () if self._mask is None else (self._mask.path,)
        place, place_notes = _place(fields, self.path)
        return CubeInfo(
            path=self.path,
            format=self.format,
            height=layout.height,
            width=layout.width,
            bands=layout.bands,
            dtype=layout.dtype.newbyteorder('='),
            nodata=nodata,
            wavelengths=wavelengths,
            fwhm=fwhm,
            band_names=names,
            scale=scale,
            offset=offset,
            bad_bands=bad_bands,
            sensor=said.sensor,
            acquired=said.acquired,
            **place,
            mask=None if self._mask is None else f'the mask {os.path.basename(self._mask.path)}',
            companions=(self._header, *beside.get('companions', ()), *beside_it),
            notes=(*notes, *wave_notes, *said.notes, *place_notes),
        )

    def _read_mask(self, window: Window) -> np.ndarray:
        assert self._mask is not None  # else the description has none
        valid = (self._mask.read(window) != 0).all(axis=-1)
        last = self._mask.read_mask(window)  # of four bands it counts as opacity
        return valid if last is None else valid & last

    def close(self) -> None:
        """Close the file and its mask."""
        super().close()
        if self._mask is not None:
            self._mask.close()

    def _open(self) -> BinaryIO:
        if not self._layout.compressed:
            return open(self.path, 'rb', buffering=0)
        check_packing(self.path, 'the image', os.path.getsize(self.path), self._layout.bytes)
        check_fits(self.path, 'the unpacked image', self._layout.bytes)
        with gzip.open(self.path) as stream:
            return io.BytesIO(stream.read(self._layout.bytes))

    def _read(self, window: Window, bands: Sequence[int] | None) -> np.ndarray:
        layout = self._layout
        top, left, rows, columns = window
        chosen = np.arange(layout.bands) if bands is None else np.asarray(bands)
        parts = {'row': np.arange(top, top + rows), 'column': np.arange(left, left + columns), 'band': chosen}
        lengths = {'row': layout.height, 'column': layout.width, 'band': layout.bands}
        order = {'bsq': ('band', 'row', 'column'), 'bil': ('row', 'band', 'column'), 'bip': ('row', 'column', 'band')}[
            layout.interleave
        ]
        planes, middle, inner = (parts[axis] for axis in order)
        _, between, across = (lengths[axis] for axis in order)
        block = np.empty((len(planes), len(middle), len(inner)), layout.dtype)
        first, last = int(np.min(middle)), int(np.max(middle)) + 1
        step = max(_READ_AT_ONCE // (across * layout.dtype.itemsize), 1)
        for number, plane in enumerate(planes):
            for start in range(first, last, step):
                stop = min(start + step, last)
                lines = self._lines(int(plane) * between + start, stop - start, across)
                inside = np.flatnonzero((middle >= start) & (middle < stop))
                block[number, inside] = lines[middle[inside] - start][:, inner]
        return block.transpose([order.index(axis) for axis in ('row', 'column', 'band')])

    def _lines(self, first: int, count: int, length: int) -> np.ndarray:
        """Consecutive lines of values of the file, (count, length)."""
        values = np.empty((count, length), self._layout.dtype)
        stream, wanted = self._handle(), values.data.cast('B')
        stream.seek(self._layout.offset + first * length * values.itemsize)
        while wanted:
            read = stream.readinto(wanted)
            if not read:
                raise CubeReadError(
                    f'{self.path}: the file ends before the last value that is described; it is truncated'
                )
            wanted = wanted[read:]
        return values
