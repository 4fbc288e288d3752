"""EO-1 Hyperion L1T and L1Gst: a folder with a GeoTIFF for each band and a text file of metadata.

Follows USGS's Earth Observing-1 (EO-1) Data Format Control Book for L1Gst and L1T products: radiance in
W/(m^2 sr um) is the stored value divided by 40 in the bands of the first detector and by 80 in those of the second, as
the metadata state. Bands 8 to 57 and 77 to 224 are calibrated; the others are marked as bad.
"""

from __future__ import annotations

import os
import re

import numpy as np

from mmhsi.datasets.io.base import CubeInfo
from mmhsi.datasets.io.products.base import iso_time, starts_with
from mmhsi.datasets.io.products.hyperion_bands import BANDS, CALIBRATED, FIRST_SWIR, spectral_coverage
from mmhsi.datasets.io.products.rasters import Layer, Quality, RasterProduct

_BAND_FILE = re.compile(r'.*_B(\d{3})(_L1\w+)?\.tiff?', re.IGNORECASE)
_VISIBLE = 20  # 549 nm, where no lit surface is 0


class HyperionReader(RasterProduct):
    """A pixel is valid where band 20 is not 0: outside the image all bands are 0."""

    format = 'hyperion'

    @classmethod
    def entry(cls, path: str) -> str | None:
        name = os.path.basename(path).upper()
        return (
            path
            if name.endswith('.TXT') and 'MTL' in name and starts_with(path, b'"HYPERION"', b'HYPERION', within=2**14)
            else None
        )

    @classmethod
    def claims(cls, entry: str, name: str) -> bool:
        return name.startswith(cls.title(entry))

    @classmethod
    def title(cls, entry: str) -> str:
        return re.split('_MTL', os.path.basename(entry), flags=re.IGNORECASE)[0]

    def _fields(self) -> dict[str, str]:
        with open(self.path, encoding='utf-8', errors='replace') as stream:
            pairs = re.findall(r'^\s*(\w+)\s*=\s*"?(.*?)"?\s*$', stream.read(), re.MULTILINE)
        return dict(pairs)

    def _band_files(self, fields: dict[str, str]) -> dict[int, str]:
        """Existing files by the number of their band, from 1."""
        stated = {
            int(match[1]): value
            for name, value in fields.items()
            if (match := re.fullmatch(r'BAND(\d+)_FILE_NAME', name))
        }
        files = {
            band: os.path.join(self.folder, name)
            for band, name in stated.items()
            if os.path.isfile(os.path.join(self.folder, name))
        }
        for name in os.listdir(self.folder or '.'):
            if (match := _BAND_FILE.fullmatch(name)) and self.claims(self.path, name):
                files.setdefault(int(match[1]), os.path.join(self.folder, name))
        return {band: files[band] for band in sorted(files) if 1 <= band <= BANDS}

    def _describe(self) -> CubeInfo:
        fields = self._fields()
        files = self._band_files(fields)
        if not files:
            raise self._fail('there is no file of a band (..._B001_L1T.TIF) beside the metadata')
        bands = np.array(list(files))
        if len(bands) < BANDS:
            self._notes.append(f'{len(bands)} of the {BANDS} bands are there')
        try:
            factors = [
                float(fields.get(f'SCALING_FACTOR_{detector}', default))
                for detector, default in (('VNIR', 40), ('SWIR', 80))
            ]
        except ValueError:
            raise self._fail('SCALING_FACTOR_VNIR or SCALING_FACTOR_SWIR is no number') from None
        centres, widths = (values[bands - 1] for values in spectral_coverage())
        quality = [Quality(Layer(files[_VISIBLE], 0), (0,), 'background')] if _VISIBLE in files else []
        if not quality:
            self._notes.append(f'band {_VISIBLE} is not there: pixels outside the image are not masked')
        start = fields.get('START_TIME', '').split()
        return self._stack(
            [Layer(path, 0) for path in files.values()],
            quality,
            nodata=None,
            sensor='EO-1 Hyperion',
            wavelengths=centres,
            fwhm=widths,
            bad_bands=~np.isin(bands, CALIBRATED),
            units='W/(m^2 sr um)',
            scale=np.where(bands < FIRST_SWIR, 1 / factors[0], 1 / factors[1]),
            offset=None,
            band_names=tuple(f'B{band:03d}' for band in bands),
            acquired=iso_time(
                f'{fields.get("ACQUISITION_DATE", "")}T{start[-1]}' if start else fields.get('ACQUISITION_DATE')
            ),
        )
