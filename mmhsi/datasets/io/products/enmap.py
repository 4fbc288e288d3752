"""EnMAP L1C and L2A: radiance and reflectance on a map grid, 224 bands of two detectors in ascending order.

Follows DLR's HSI Product Specification Level-1/Level-2 (EN-PCV-ICD-2009-2, version 1.8), as far as the readers of the
EnMAP-Box 3 and of EnPT 1.5 show it. The stored value times gain plus offset is W/(m^2 sr nm) or reflectance.
"""

from __future__ import annotations

import numpy as np

from mmhsi.datasets.io.base import CubeInfo
from mmhsi.datasets.io.products.base import first_text, read_xml
from mmhsi.datasets.io.products.dlr import DLRProduct

_BACKGROUND = {'L1C': 0, 'L2A': -32768}
_BAND_TAGS = ('wavelengthCenterOfBand', 'FWHMOfBand', 'GainOfBand', 'OffsetOfBand')


class EnMAPReader(DLRProduct):
    """A pixel is valid where QL_QUALITY_CLASSES is not background (3) and QL_QUALITY_CLOUD marks no cloud."""

    format = 'enmap'
    mission = b'EnMAP'

    def _describe(self) -> CubeInfo:
        root = read_xml(self.path)
        level = (first_text(root, 'base/level', 'level') or '').upper()
        if level not in _BACKGROUND:
            raise self._fail(
                f'level {level or "unknown"}, expected L1C or L2A; at L1B the two detectors are not on one grid yet'
            )
        image, layers = self._image()
        quality = [
            *self._flag('QL_QUALITY_CLASSES', (3,), 'background'),
            *self._flag('QL_QUALITY_CLOUD', (1,), 'clouds'),
        ]
        for ending, consequence in (
            ('QL_QUALITY_CLASSES', 'background is known by its value alone'),
            ('QL_QUALITY_CLOUD', 'clouds are not masked'),
        ):
            if self._beside(ending) is None:
                self._note_absent(ending, consequence)
        if self._beside('QL_PIXELMASK'):
            self._notes.append('QL_PIXELMASK, which marks single bands of pixels, is not applied')
        return self._stack(
            layers,
            quality,
            nodata=self._background(root, image, _BACKGROUND[level]),
            sensor='EnMAP HSI',
            units='W/(m^2 sr nm)' if level == 'L1C' else 'reflectance',
            bad_bands=self._empty_bands(root, len(layers)),
            **self._band_facts(root, len(layers), _BAND_TAGS),
        )

    def _empty_bands(self, root, bands: int) -> np.ndarray | None:
        """Bands in which the statistics of the metadata find nothing but background, as in water vapour at 1.4 um."""
        table = next(root.iter('bandStatistics'), None)
        statistics = [] if table is None else list(table.iter('bandID'))
        if len(statistics) != bands:
            return None
        try:
            mean, deviation = (
                np.array([float(band.findtext(tag)) for band in statistics]) for tag in ('mean', 'stdDeviation')
            )
        except (TypeError, ValueError):
            return None
        empty = (deviation == 0) & (mean <= min(_BACKGROUND.values()))
        return empty if empty.any() else None
