"""Sentinel-2 L1C and L2A in SAFE: the bands of the MSI on its grid of 10 m, in the order of the multispectral task.

Follows ESA's Sentinel-2 Products Specification Document (S2-PDGS-TAS-DI-PSD, issue 14.9): the compact form, which all
products have since December 2016, with the offsets of processing baseline 04.00 and later. Bands of 20 and 60 m are
repeated. Reflectance is (stored + offset) / quantification value; 0 is no data.
"""

from __future__ import annotations

import os
import re

import numpy as np

from mmhsi.datasets.io.base import CubeInfo
from mmhsi.datasets.io.products.base import first_text, iso_time, read_xml, sibling, starts_with
from mmhsi.datasets.io.products.rasters import Layer, Quality, RasterProduct
from mmhsi.datasets.io.sources import in_folder

BANDS = ('B01', 'B02', 'B03', 'B04', 'B05', 'B06', 'B07', 'B08', 'B8A', 'B09', 'B10', 'B11', 'B12')
_ENTRY = re.compile(r'MTD_MSIL(1C|2A)\.xml', re.IGNORECASE)
_CLASSES = {0: 'no data', 1: 'saturated or defective pixels', 8: 'clouds', 9: 'clouds'}  # of SCL, that are not valid


class Sentinel2Reader(RasterProduct):
    """A pixel is valid where no band is 0 and the scene classification of L2A finds neither defect nor cloud."""

    format = 'sentinel2'

    @classmethod
    def entry(cls, path: str) -> str | None:
        return (
            path
            if _ENTRY.fullmatch(os.path.basename(path)) and starts_with(path, b'_User_Product', within=1024)
            else None
        )

    @classmethod
    def claims(cls, entry: str, name: str) -> bool:
        return True

    @classmethod
    def title(cls, entry: str) -> str:
        return os.path.splitext(os.path.basename(os.path.dirname(os.path.abspath(entry))))[0]

    def _images(self, root) -> dict[str, list[str]]:
        """Existing images by the name of their band, finest first."""
        granules = list(root.iter('Granule'))
        if len(granules) != 1:
            raise self._fail(f'the product has {len(granules)} granules, expected one')
        images: dict[str, list[tuple[int, str]]] = {}
        for element in root.iter('IMAGE_FILE'):
            stated = os.path.join(self.folder, *(element.text or '').strip().split('/')) + '.jp2'
            match = re.search(r'_(B\d[\dA]|SCL)(?:_(\d+)m)?\.jp2$', stated)
            path = sibling(*os.path.split(stated)) if match else None
            if match and path is not None:
                if not in_folder(path, self.folder):
                    raise self._fail(f'it names the image {element.text!r}, which is not in its folder')
                images.setdefault(match[1], []).append((int(match[2] or 0), path))
        return {band: [path for _, path in sorted(found)] for band, found in images.items()}

    def _describe(self) -> CubeInfo:
        root = read_xml(self.path)
        images = self._images(root)
        bands = [band for band in BANDS if band in images]
        if not bands:
            raise self._fail('none of the images that it names exists')
        finest = max(self._file(images[band][0]).info.height for band in bands)

        def layer(path: str) -> Layer:
            return Layer(path, 0, finest // self._file(path).info.height)

        quality = (
            [Quality(layer(images['SCL'][0]), tuple(_CLASSES), ', '.join(dict.fromkeys(_CLASSES.values())))]
            if 'SCL' in images
            else []
        )
        entry = _ENTRY.fullmatch(os.path.basename(self.path))
        if not quality and entry is not None and entry[1].upper() == '2A':
            self._note_absent('the scene classification (SCL)', 'clouds are not masked')
        spectral = {self._band(element.get('physicalBand')): element for element in root.iter('Spectral_Information')}
        numbers = {element.get('bandId'): band for band, element in spectral.items()}
        offsets = {
            numbers.get(element.get('band_id')): float(element.text or '')
            for tag in ('RADIO_ADD_OFFSET', 'BOA_ADD_OFFSET')
            for element in root.iter(tag)
        }
        quantification = float(first_text(root, 'BOA_QUANTIFICATION_VALUE', 'QUANTIFICATION_VALUE') or 10000)
        known = all(band in spectral for band in bands)
        widths = [self._width(spectral[band]) for band in bands] if known else [None]
        if any(offsets.values()):
            offset = np.array([offsets.get(band, 0.0) for band in bands]) / quantification
        else:
            offset = None
        return self._stack(
            [layer(images[band][0]) for band in bands],
            quality,
            nodata=0.0,
            units='reflectance',
            offset=offset,
            wavelengths=np.array([float(spectral[band].findtext('.//CENTRAL', '')) for band in bands])
            if known
            else None,
            fwhm=None if None in widths else np.array(widths),
            band_names=tuple(bands),
            scale=np.full(len(bands), 1 / quantification),
            sensor=f'{first_text(root, "SPACECRAFT_NAME") or "Sentinel-2"} MSI',
            acquired=iso_time(first_text(root, 'PRODUCT_START_TIME', 'DATATAKE_SENSING_START')),
        )

    @staticmethod
    def _band(name: str | None) -> str:
        """'B1' as the metadata name a band → 'B01' as the images do."""
        return re.sub(r'^B(\d)$', r'B0\1', name or '')

    @staticmethod
    def _width(spectral) -> float | None:
        """Full width at half maximum of the response that the metadata list from MIN on, in nm."""
        step, values = spectral.findtext('.//Spectral_Response/STEP'), spectral.findtext('.//Spectral_Response/VALUES')
        if not step or not values:
            return None
        response = np.array(values.split(), np.float64)
        above = np.flatnonzero(response >= np.max(response) / 2)
        first, last = above[0], above[-1]
        half, edges = np.max(response) / 2, [float(first), float(last)]
        if first:
            edges[0] -= (response[first] - half) / (response[first] - response[first - 1])
        if last + 1 < len(response):
            edges[1] += (response[last] - half) / (response[last] - response[last + 1])
        return (edges[1] - edges[0]) * float(step)
