"""Base of the products of DLR (EnMAP, DESIS): metadata in XML, a GeoTIFF with all bands, separate quality layers."""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence

import numpy as np

from mmhsi.datasets.io.products.base import first_text, iso_time, numbers, starts_with
from mmhsi.datasets.io.products.rasters import Layer, Quality, RasterProduct

_RASTERS = ('.tif', '.tiff', '.bsq', '.bil', '.bip', '.jp2')
_ENTRY = re.compile(r'(.*?)-?METADATA\.xml', re.IGNORECASE)
_IMAGE = re.compile(r'(.*?)-?SPECTRAL_IMAGE(_COG)?\.\w+', re.IGNORECASE)


def _beginning(entry: str) -> str:
    match = _ENTRY.fullmatch(os.path.basename(entry))
    assert match is not None  # of an entry
    return match[1]


class DLRProduct(RasterProduct):
    """Finds the files of a product, whose names have a common prefix, by their endings."""

    mission = b''

    @classmethod
    def entry(cls, path: str) -> str | None:
        folder, name = os.path.split(path)
        if _ENTRY.fullmatch(name):
            candidates = [name]
        elif image := _IMAGE.fullmatch(name):
            beginning = f'{image[1]}-' if image[1] else ''
            candidates = [f'{beginning}METADATA.XML', f'{beginning}METADATA.xml']
        else:
            return None
        paths = [os.path.join(folder, candidate) for candidate in candidates]
        return next(
            (
                found
                for found in paths
                if os.path.isfile(found) and starts_with(found, cls.mission, cls.mission.upper(), within=2**16)
            ),
            None,
        )

    @classmethod
    def claims(cls, entry: str, name: str) -> bool:
        return name.startswith(_beginning(entry))

    @classmethod
    def title(cls, entry: str) -> str:
        return _beginning(entry) or os.path.basename(os.path.dirname(os.path.abspath(entry)))

    def _beside(self, ending: str) -> str | None:
        """The raster of the product with this ending of its name, plain or as a cloud-optimised copy."""
        beginning = _beginning(self.path)
        wanted = {f'{beginning}-{ending}'.lstrip('-').lower(), f'{beginning}-{ending}_COG'.lstrip('-').lower()}
        names = sorted(os.listdir(self.folder or '.'))
        found = [
            name
            for name in names
            if os.path.splitext(name)[0].lower() in wanted and os.path.splitext(name)[1].lower() in _RASTERS
        ]
        return os.path.join(self.folder, found[0]) if found else None

    def _image(self) -> tuple[str, Sequence[Layer]]:
        path = self._beside('SPECTRAL_IMAGE')
        if path is None:
            raise self._fail('there is no SPECTRAL_IMAGE with this prefix in the folder')
        return path, [Layer(path, band) for band in range(self._file(path).info.bands)]

    def _flag(self, ending: str, codes: Sequence[int], meaning: str, band: int = 0) -> list[Quality]:
        path = self._beside(ending)
        return [] if path is None else [Quality(Layer(path, band), tuple(codes), meaning)]

    def _band_facts(self, root: ElementTree.Element, bands: int, tags: Sequence[str]) -> dict:
        """Band facts from the metadata, given the tags of centre, width, gain and offset."""
        table = next(root.iter('bandCharacterisation'), None)
        if table is None:
            raise self._fail('the metadata lack <bandCharacterisation>')
        wavelengths, fwhm, scale, offset = (numbers(self.path, table, tag, bands) for tag in tags)
        return dict(
            wavelengths=wavelengths,
            fwhm=fwhm,
            scale=scale,
            offset=offset if offset.any() else None,
            acquired=iso_time(first_text(root, 'temporalCoverage/startTime', 'startTime', 'datatakeStart')),
        )

    def _background(self, root: ElementTree.Element, path: str, default: float) -> float:
        stated = first_text(root, 'specific/backgroundValue', 'backgroundValue')
        try:
            return float(stated or '')
        except ValueError:
            nodata = self._file(path).info.nodata
            return default if nodata is None or isinstance(nodata, np.ndarray) else nodata
