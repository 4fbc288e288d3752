"""DESIS L1C and L2A: radiance and reflectance of 235 bands from 401 to 1000 nm on a map grid.

Follows DLR's DESIS Product Specification (PAV-DLR-ICD-003, issue 1.0), and for the order of the quality layers the
descriptions in the files as the reader of hyperproc 0.1 states them. The stored value times gain plus offset is
mW/(cm^2 sr um) or reflectance.
"""

from __future__ import annotations

from mmhsi.datasets.io.base import CubeInfo
from mmhsi.datasets.io.products.base import first_text, read_xml
from mmhsi.datasets.io.products.dlr import DLRProduct

_BAND_TAGS = ('wavelengthCenterOfBand', 'wavelengthWidthOfBand', 'gainOfBand', 'offsetOfBand')
_CLOUDS = (5, 6)  # over land and over water, bands of QL_QUALITY-2 from 0
_SET = tuple(range(1, 256))


class DESISReader(DLRProduct):
    """A pixel is valid where it is not background and QL_QUALITY-2, which L2A has, marks no cloud."""

    format = 'desis'
    mission = b'DESIS'

    def _describe(self) -> CubeInfo:
        root = read_xml(self.path)
        image, layers = self._image()
        level = next(
            (
                name
                for name in ('L1B', 'L1C', 'L2A')
                if name in (first_text(root, 'base/productType', 'productType', 'level') or image).upper()
            ),
            None,
        )
        quality = [
            flag
            for band, surface in zip(_CLOUDS, ('land', 'water'), strict=True)
            for flag in self._flag('QL_QUALITY-2', _SET, f'clouds over {surface}', band)
        ]
        if not quality and level == 'L2A':
            self._note_absent('QL_QUALITY-2', 'clouds are not masked')
        if self._beside('QL_QUALITY'):
            self._notes.append('QL_QUALITY, which marks single bands of pixels, is not applied')
        return self._stack(
            layers,
            quality,
            nodata=self._background(root, image, -32768),
            sensor='DESIS',
            units='reflectance' if level == 'L2A' else 'mW/(cm^2 sr um)',
            **self._band_facts(root, len(layers), _BAND_TAGS),
        )
