"""Folders of line cameras (Specim, HySpex, Headwall): ENVI images with a dark and a white reference.

No document is common to them; follows the names that the makers' programs give: Specim Lumo and IQ (capture/<name>.raw,
DARKREF_<name>, WHITEREF_<name>), HySpex (<name>.hyspex with a binary header), Headwall (raw_0, darkReference,
whiteReference), and plain dark and white. Reflectance is (image - dark) / (white - dark) with the references averaged
over their lines, for each column and band, times the integration time of the white reference over that of the image
where both headers state it (tint, or HySpex's description).
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mmhsi.datasets.io import envi
from mmhsi.datasets.io.base import CubeInfo, Window
from mmhsi.datasets.io.envi_header import read_header
from mmhsi.datasets.io.products.base import iso_time, starts_with
from mmhsi.datasets.io.products.rasters import Layer, RasterProduct

_MAKERS = (b'SPECIM', b'Specim', b'specim', b'HySpex', b'HYSPEX', b'Headwall', b'HEADWALL')
_NAMED = ('SPECIM', 'HySpex', 'Headwall')
_NAMES = {
    kind: (
        f'{kind.upper()}REF_{{}}',
        f'{kind}Reference',
        f'{kind}_reference',
        f'{{}}_{kind}',
        f'{kind}_{{}}',
        f'{kind.upper()}REF',
        f'{kind}ref',
        kind,
        kind.capitalize(),
        kind.upper(),
    )
    for kind in ('dark', 'white')
}


def _reference(folder: str, name: str, kind: str) -> str | None:
    """Header of the dark or white reference of an image."""
    for pattern in _NAMES[kind]:
        path = os.path.join(folder, f'{pattern.format(name)}.hdr')
        if os.path.isfile(path):
            return path
    return None


def _is_reference(name: str) -> bool:
    lower = name.lower()
    return any(
        lower == kind
        or f'{kind}ref' in lower
        or f'{kind}_ref' in lower
        or lower.endswith(f'_{kind}')
        or lower.startswith(f'{kind}_')
        for kind in _NAMES
    )


def _integration_time(header: str) -> float | None:
    """The field ``tint`` of Specim's headers, or what HySpex writes into the description."""
    fields = read_header(header)
    found = re.search(r'integration time\s*[=:]\s*([\d.]+)', fields.get('description', ''), re.IGNORECASE)
    try:
        return float(fields.get('tint') or (found[1] if found else ''))
    except ValueError:
        return None


def _time_in_name(path: str) -> str | None:
    stamp = re.search(r'(?<!\d)\d{8}T\d{6}(?!\d)', os.path.basename(path))
    return stamp and iso_time(stamp[0])


class CameraReader(RasterProduct):
    """The image as stored, or with the key 'reflectance' its reflectance, float32, computed for the window read."""

    format = 'camera'
    views = ('stored', 'reflectance')

    @classmethod
    def entry(cls, path: str) -> str | None:
        header = path if path.lower().endswith('.hdr') else envi.find_header(path)
        if header is None or not starts_with(header, b'ENVI', within=16):
            return None
        folder, name = os.path.split(os.path.splitext(header)[0])
        if _is_reference(name):
            return None
        both = all(_reference(folder, name, kind) for kind in _NAMES)
        return header if both or starts_with(header, *_MAKERS, within=2**14) else None

    @classmethod
    def claims(cls, entry: str, name: str) -> bool:
        stem = os.path.splitext(name)[0]
        return stem == os.path.splitext(os.path.basename(entry))[0] or _is_reference(stem)

    def _describe(self) -> CubeInfo:
        main = self._file(self.path).info
        info = self._stack([Layer(self.path, band) for band in range(main.bands)], notes=(*main.notes, *self._notes))
        info = replace(
            info,
            companions=tuple(dict.fromkeys((self.path, *main.companions, *info.companions))),
            sensor=main.sensor
            or next((name for name in _NAMED if starts_with(self.path, name.encode(), within=2**14)), None),
            acquired=main.acquired
            or iso_time(read_header(self.path).get('acquisition date'))
            or _time_in_name(self.path),
        )
        if self.view == 'stored':
            return info
        name = os.path.splitext(os.path.basename(self.path))[0]
        found = {kind: _reference(self.folder, name, kind) for kind in _NAMES}
        paths = {kind: path for kind, path in found.items() if path is not None}
        missing = [kind for kind in found if kind not in paths]
        if missing:
            raise self._fail(
                f'reflectance needs a {missing[0]} reference, such as '
                f'{_NAMES[missing[0]][0].format(name)}.hdr, next to the image'
            )
        self._dark, white = (self._average(path, info) for path in paths.values())
        ratio, note = self._exposure(paths['white'])
        with np.errstate(divide='ignore', invalid='ignore'):
            self._gain = np.where(white > self._dark, ratio / (white - self._dark), np.nan)
        return replace(
            info,
            dtype=np.dtype(np.float32),
            units='reflectance',
            nodata=None,
            scale=None,
            offset=None,
            notes=(*info.notes, note),
            companions=tuple(dict.fromkeys((*info.companions, *paths.values()))),
        )

    def _average(self, path: str, info: CubeInfo) -> np.ndarray:
        """Mean of a reference over its lines, float64 (columns, bands)."""
        reader = self._file(path)
        if (reader.info.width, reader.info.bands) != (info.width, info.bands):
            raise self._fail(
                f'{path} has {reader.info.width} columns and {reader.info.bands} bands, expected '
                f'{info.width} and {info.bands}'
            )
        return reader.read().mean(axis=0, dtype=np.float64)

    def _exposure(self, white: str) -> tuple[float, str]:
        reference, scene = _integration_time(white), _integration_time(self.path)
        if reference is None or not scene:
            return 1.0, 'the headers state no integration times (tint); reflectance takes them to be the same'
        return reference / scene, f'reflectance is scaled by the integration times {reference:g} / {scene:g}'

    def _read(self, window: Window, bands: Sequence[int] | None) -> np.ndarray:
        stored = (
            super()._read(window, bands)
            if self.view == 'stored'
            else self._part(self.path, 1, window, list(range(self.info.bands)) if bands is None else list(bands))
        )
        if self.view == 'stored':
            return stored
        chosen = np.s_[window[1] : window[1] + window[3]], slice(None) if bands is None else list(bands)
        return (stored - self._dark[chosen]) * self._gain[chosen]
