"""Metadata of the bands of a GDAL raster, from the file and its sidecar files."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

import numpy as np
import rasterio

from .conventions import scale_and_offset
from .envi import find_header
from .envi_header import Fields, checked_scale, one_number, read_header
from .errors import CubeReadError
from .sources import parse_xml
from .wavelengths import (
    FWHM_NAMES,
    WAVELENGTH_NAMES,
    Statement,
    in_nanometres,
    name_of_wavelengths,
    plain_name,
    statement_of_names,
    unit_of_name,
)

_LARGEST_XML = 2**24
_MICROMETRES_OF_GDAL = {'CENTRAL_WAVELENGTH_UM': 'wavelength', 'FWHM_UM': 'fwhm'}


class RasterMetadata:
    """Metadata of the bands of a raster, as fields of :class:`CubeInfo`.

    The sources, the most trusted first: GDAL's own scale and nodata; tags of each band and of the file, in the default
    domain and in that of ENVI; the IMAGERY domain; an ENVI header next to the file; the names of the bands; XML next to
    the file.

    Args:
        dataset (rasterio.DatasetReader): The open raster.
        path (str): Its file.
        indices (Sequence[int]): The spectral bands, counted from 1.
    """

    def __init__(self, dataset: rasterio.DatasetReader, path: str, indices: Sequence[int]) -> None:
        self.path = path
        self.bands = len(indices)
        self.notes: list[str] = []
        self.companions: list[str] = []
        self._dataset = dataset
        self._indices = indices
        self._domains = {'': None, ' of the ENVI domain': 'ENVI'}
        self._of_bands = {
            where: [_plain(dataset.tags(index, ns=domain)) for index in indices]
            for where, domain in self._domains.items()
        }
        self._of_file = {where: _plain(dataset.tags(ns=domain)) for where, domain in self._domains.items()}
        self._header = self._fields_beside()

    def fields(self) -> dict:
        """The fields on bands and values, with ``notes`` and ``companions``."""
        descriptions, all_units = self._dataset.descriptions, self._dataset.units  # each access asks all bands
        names: Sequence[str] = [descriptions[index - 1] or '' for index in self._indices]
        stated = self._stated('wavelength')
        notes = self.notes if not stated else None
        named = [
            statement_of_names(names, notes),
            statement_of_names([self._of_file[''].get(f'band{index}', '') for index in self._indices], notes),
        ]
        wavelengths, fwhm, notes = in_nanometres(
            [*stated, *filter(None, named), *self._xml()], self._stated('fwhm'), self.bands
        )
        scale, offset = self._scale_and_offset()
        headers = [*self._envi(), *self._header]
        bad_bands = next(
            (bad for bad in (self._bad_bands(), *(header.bad_bands for header in headers)) if bad is not None), None
        )
        imagery = self._dataset.tags(ns='IMAGERY')
        units = {all_units[index - 1] for index in self._indices}
        if not any(names) and self._header:
            names = self._header[0].band_names or names
        notes += [note for header in headers for note in header.notes]
        return dict(
            nodata=self._nodata(),
            wavelengths=wavelengths,
            fwhm=fwhm,
            scale=scale,
            offset=offset,
            bad_bands=bad_bands,
            band_names=tuple(names) if any(names) else None,
            units=units.pop() or None if len(units) == 1 else None,
            sensor=next((header.sensor for header in headers if header.sensor), None) or imagery.get('SATELLITEID'),
            acquired=next((header.acquired for header in headers if header.acquired), None)
            or imagery.get('ACQUISITIONDATETIME', '').replace(' ', 'T')
            or None,
            notes=(*self.notes, *notes),
            companions=tuple(self.companions),
        )

    def _fields_beside(self) -> list[Fields]:
        """The ENVI header next to a raster of another format, if it describes the same bands."""
        header = find_header(self.path)
        if header is None:
            return []
        self.companions.append(header)
        fields = read_header(header)
        shape = dict(samples=self._dataset.width, lines=self._dataset.height, bands=self._dataset.count)
        for name, expected in shape.items():
            if fields.get(name, str(expected)) != str(expected):
                self.notes.append(
                    f'the header {os.path.basename(header)} beside the file describes {fields[name]} '
                    f'{name}, the file has {expected}: it is not used'
                )
                return []
        return [Fields(fields, self.bands, f'the header {os.path.basename(header)}')]

    def _envi(self) -> list[Fields]:
        """The tags of the file that are fields of an ENVI header."""
        found = []
        for where, domain in self._domains.items():
            tags = {
                name.lower().replace('_', ' '): value.strip().strip('{}')
                for name, value in self._dataset.tags(ns=domain).items()
            }
            if domain is None:
                tags.pop('scale factor', None)  # that of CF, which goes with add_offset
            found.append(Fields(tags, self.bands, f'the tags{where} of the file'))
        return found

    def _stated(self, what: str) -> list[Statement]:
        """Statements on 'wavelength' or 'fwhm'."""
        names = WAVELENGTH_NAMES if what == 'wavelength' else FWHM_NAMES
        statements = []
        for where in self._domains:
            tags = self._of_bands[where]
            name = name_of_wavelengths((key for tag in tags for key in tag), names)
            if name is not None:
                statements.append(
                    Statement(
                        f'the tag {name!r}{where} of the bands',
                        ' '.join(tag.get(name, '-') for tag in tags),
                        self._unit(name, where),
                    )
                )
            of_file = self._of_file[where]
            name = name_of_wavelengths(of_file, names)
            if name is not None:
                statements.append(
                    Statement(f'the tag {name!r}{where} of the file', of_file[name], self._unit(name, where))
                )
            name = next((name for name in names if all(f'{name}{index}' in of_file for index in self._indices)), None)
            if name is not None:
                values = ' '.join(of_file[f'{name}{index}'] for index in self._indices)
                statements.append(
                    Statement(f"the tags '{name}1' ...{where} of the file", values, self._unit(name, where))
                )
        key = next(key for key, value in _MICROMETRES_OF_GDAL.items() if value == what)
        imagery = [self._dataset.tags(index, ns='IMAGERY').get(key) for index in self._indices]
        if any(imagery):
            statements.append(
                Statement(f'the tag {key!r} of the bands', ' '.join(text or '-' for text in imagery), 'um')
            )
        for header in self._header:
            statements += header.wavelengths if what == 'wavelength' else header.fwhm
        return statements

    def _unit(self, name: str, where: str) -> str | None:
        """The unit in the name of a tag, else in a tag of the first band or of the file."""
        if unit_of_name(name):
            return unit_of_name(name)
        for tags in (self._of_bands[where][0], self._of_file[where], self._of_bands[''][0], self._of_file['']):
            for key in ('wavelengthunits', 'wavelengthunit'):
                if tags.get(key):
                    return tags[key]
        return None

    def _nodata(self) -> float | np.ndarray | None:
        of_bands = self._dataset.nodatavals
        values = [of_bands[index - 1] for index in self._indices]
        if all(value is None for value in values):
            return next((header.nodata for header in (*self._envi(), *self._header) if header.nodata is not None), None)
        if all(value == values[0] for value in values):
            return values[0]  # a 64-bit integer must not become a float
        return one_number(np.array([np.nan if value is None else value for value in values], np.float64))

    def _scale_and_offset(self) -> tuple[np.ndarray | None, np.ndarray | None]:
        scales, offsets = (
            np.array([values[index - 1] for index in self._indices], np.float64)
            for values in (self._dataset.scales, self._dataset.offsets)
        )
        scale, offset = checked_scale(scales, offsets, 'the file', self.notes)
        if scale is not None or offset is not None:
            return scale, offset
        for header in (*self._envi(), *self._header):
            scale, offset = header.scale_and_offset
            self.notes += header.notes
            if scale is not None or offset is not None:
                return scale, offset
        return scale_and_offset(self._scaling_tags(), self.bands, self.notes)

    def _scaling_tags(self) -> dict[str, str | list[str]]:
        """The tags of the file, and of all bands together, that may scale values as attributes of CF do."""
        known = ('scalefactor', 'reflectancescalefactor', 'addoffset')
        tags = {name: value for name, value in self._dataset.tags().items() if plain_name(name) in known}
        of_bands = [self._dataset.tags(index) for index in self._indices]
        for name in ('scale_factor', 'add_offset'):
            if all(name in tag for tag in of_bands):
                tags[name] = [tag[name] for tag in of_bands]
        return tags

    def _bad_bands(self) -> np.ndarray | None:
        for where in self._domains:
            values = [tag.get('bbl') or tag.get('badband') for tag in self._of_bands[where]]
            if any(value is not None for value in values):
                return Fields(
                    {'bbl': ' '.join(value or '1' for value in values)}, self.bands, f'the bands{where}'
                ).bad_bands
        return None

    def _xml(self) -> list[Statement]:
        """Wavelengths from an XML file next to the raster: elements or attributes with a common name, one for each
        band."""
        statements = []
        stem = os.path.splitext(self.path)[0]
        for path in dict.fromkeys((stem + '.xml', stem + '.XML', self.path + '.xml')):
            if not os.path.isfile(path) or os.path.getsize(path) > _LARGEST_XML:
                continue
            found, units = defaultdict(list), {}
            try:
                elements = list(parse_xml(path).iter())
            except (ElementTree.ParseError, OSError, LookupError, ValueError):
                continue
            for element in elements:
                tag = element.tag.rsplit('}', 1)[-1]
                for name, text in (
                    (tag, element.text),
                    *((f'{tag} {key}', value) for key, value in element.attrib.items()),
                ):
                    plain = plain_name(name)
                    if 'wavelength' in plain and 'unit' not in plain and text and text.strip():
                        found[name].append(text.strip())
                        units[name] = element.get('unit') or element.get('units') or element.get('uom')
            for name, texts in found.items():
                values = texts[0] if len(texts) == 1 else ' '.join(texts)
                statement = Statement(f"the element '{name}' of {os.path.basename(path)}", values, units[name])
                if statement.numbers is not None and len(statement.numbers) == self.bands:
                    statements.append(statement)
                    self.companions.append(path)
        return statements


def _plain(tags: Mapping[str, str]) -> dict[str, str]:
    return {plain_name(name): value for name, value in tags.items()}


def spectral_bands(dataset: rasterio.DatasetReader, path: str) -> tuple[list[int], int | None, str | None]:
    """The bands of a raster without opacity.

    Many programs declare the last of two or four one-byte bands as opacity (alpha), as in pictures. It is treated as
    opacity if it is 0 or full nearly everywhere and states no wavelength.

    Args:
        dataset (rasterio.DatasetReader): An open raster.
        path (str): Its file, for messages.

    Returns:
        tuple: Spectral bands and the band of opacity, counted from 1, and a note if the declaration of the file is
        overruled.

    Raises:
        CubeReadError: If no spectral band is left.
    """
    indices = list(dataset.indexes)
    declared = [index for index, meaning in zip(indices, dataset.colorinterp, strict=True) if meaning.name == 'alpha']
    if not declared:
        return indices, None, None
    alpha = declared[-1]
    sample = dataset.read(alpha, out_shape=tuple(min(side, 256) for side in dataset.shape))
    full = np.iinfo(sample.dtype).max if sample.dtype.kind in 'iu' else sample.max()
    between = np.count_nonzero((sample != 0) & (sample != full) & (sample != 255) & (sample != 1))
    tags = _plain(dataset.tags(alpha))
    if between > 0.05 * sample.size or name_of_wavelengths(tags, WAVELENGTH_NAMES):
        return (
            indices,
            None,
            (
                f'band {alpha} is declared as opacity (alpha), but holds other values than 0 and '
                f'{full:g}; it is taken as a spectral band'
            ),
        )
    kept = [index for index in indices if index not in declared]
    if not kept:
        raise CubeReadError(f'{path}: the file holds only opacity (alpha), expected spectral bands')
    return kept, alpha, None
