"""AHSI of ZY1-02D/E/F and GF-5: a TIFF for each of two detectors, calibration and bands in text files, RPC.

No specification is public; follows the files as programs that read GF5B_AHSI and ZY1E_AHSI L1 products show them:
<name>_VN.tif and <name>_SW.tif, ..._RadCal_VNIR.raw with gain and offset of each band, ..._Spectralresponse_VNIR.raw
with centre and width, <name>_VN.rpb, and <name>.xml. Of the overlap of the detectors the bands of the first are kept.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mmhsi.datasets.io.base import CubeInfo
from mmhsi.datasets.io.products.base import first_text, iso_time, join_detectors, read_xml, sibling, starts_with, wkt
from mmhsi.datasets.io.products.rasters import Layer, RasterProduct

_IMAGE = re.compile(r'(.+)_(VN|SW|VNIR|SWIR)(\.(?:tif|tiff|geotiff))', re.IGNORECASE)
_OTHER = {
    'VN': 'SW',
    'SW': 'VN',
    'VNIR': 'SWIR',
    'SWIR': 'VNIR',
    'vn': 'sw',
    'sw': 'vn',
    'vnir': 'swir',
    'swir': 'vnir',
}
_CORNERS = (('TopLeft', 0, 0), ('TopRight', 0, 1), ('BottomRight', 1, 1), ('BottomLeft', 1, 0))
_RESPONSE = 'spectralresponse'
_RPC = {  # RPB's names by GDAL's
    'LINE_OFF': 'lineOffset',
    'SAMP_OFF': 'sampOffset',
    'LAT_OFF': 'latOffset',
    'LONG_OFF': 'longOffset',
    'HEIGHT_OFF': 'heightOffset',
    'LINE_SCALE': 'lineScale',
    'SAMP_SCALE': 'sampScale',
    'LAT_SCALE': 'latScale',
    'LONG_SCALE': 'longScale',
    'HEIGHT_SCALE': 'heightScale',
    'LINE_NUM_COEFF': 'lineNumCoef',
    'LINE_DEN_COEFF': 'lineDenCoef',
    'SAMP_NUM_COEFF': 'sampNumCoef',
    'SAMP_DEN_COEFF': 'sampDenCoef',
}


@dataclass(frozen=True)
class _Detector:
    name: str
    path: str
    bands: int
    centres: np.ndarray
    widths: np.ndarray | None
    gains: np.ndarray | None
    offsets: np.ndarray | None


def _parts(name: str) -> tuple[str, str, str]:
    """Beginning, detector and suffix of the name of an image."""
    match = _IMAGE.fullmatch(name)
    assert match is not None  # of an entry
    return match[1], match[2], match[3]


class AHSIReader(RasterProduct):
    """The bands of both detectors in ascending order; no pixel is marked as invalid."""

    format = 'ahsi'

    @classmethod
    def entry(cls, path: str) -> str | None:
        folder, name = os.path.split(path)
        match = _IMAGE.fullmatch(name)
        if not match or match[2] not in _OTHER:
            return None
        pair = {
            match[2].upper()[:1]: path,
            _OTHER[match[2]].upper()[:1]: os.path.join(folder, f'{match[1]}_{_OTHER[match[2]]}{match[3]}'),
        }
        xml = sibling(folder, f'{match[1]}.xml') or ''
        known = 'AHSI' in name.upper() or starts_with(xml, b'AHSI', within=2**15)
        if not known or not all(map(os.path.isfile, pair.values())):
            return None
        # without the text file of bands, the two are ordinary images
        return pair['V'] if any(_RESPONSE in other.lower() for other in os.listdir(folder or '.')) else None

    @classmethod
    def claims(cls, entry: str, name: str) -> bool:
        return name.startswith(cls.title(entry)) or bool(re.search(r'RadCal|Spectralresponse', name, re.IGNORECASE))

    @classmethod
    def title(cls, entry: str) -> str:
        return _parts(os.path.basename(entry))[0]

    def _describe(self) -> CubeInfo:
        folder, name = os.path.split(self.path)
        self._beginning, suffix, ending = _parts(name)
        paths = self.path, os.path.join(folder, f'{self._beginning}_{_OTHER[suffix]}{ending}')
        self._used: list[str] = []
        detectors = [self._detector(*item) for item in zip(('VNIR', 'SWIR'), paths, strict=True)]
        kept = join_detectors(detector.centres for detector in detectors)
        dropped = sum(detector.bands for detector in detectors) - sum(map(len, kept))
        if dropped:
            self._notes.append(f'{dropped} bands of the SWIR detector overlap those of the other and are left out')

        def joined(field: str) -> np.ndarray | None:
            values = [getattr(detector, field) for detector in detectors]
            if any(value is None for value in values):
                return None
            return np.concatenate([value[bands] for value, bands in zip(values, kept, strict=True)])

        offset = joined('offsets')
        info = self._stack(
            [
                Layer(detector.path, int(band))
                for detector, bands in zip(detectors, kept, strict=True)
                for band in bands
            ],
            wavelengths=joined('centres'),
            fwhm=joined('widths'),
            scale=joined('gains'),
            offset=offset if offset is not None and offset.any() else None,
            units=None if joined('gains') is None else 'W/(m^2 sr um)',
            bad_bands=None,
            band_names=None,
        )
        return replace(info, **self._metadata(info))

    def _text(self, *words: str) -> np.ndarray | None:
        """Numbers (lines, columns) of the text file next to the images whose name contains all words."""
        names = [
            name
            for name in sorted(os.listdir(self.folder or '.'))
            if all(word in name.upper() or f'_{word[:2]}.' in name.upper() for word in words)
            and name.lower().endswith(('.raw', '.txt'))
        ]
        if not names:
            return None
        path = os.path.join(self.folder, names[0])
        self._used.append(path)
        with open(path, encoding='utf-8', errors='replace') as stream:
            return np.array(
                [
                    [float(word) for word in re.split(r'[,\s]+', line.strip()) if word]
                    for line in stream
                    if line.strip()
                ],
                ndmin=2,
            )

    def _detector(self, name: str, path: str) -> _Detector:
        bands = self._file(path).info.bands
        response, calibration = self._text('SPECTRALRESPONSE', name), self._text('RADCAL', name)
        if response is None or response.shape[0] != bands or response.shape[1] < 2:
            found = 'no text file' if response is None else f'{response.shape[0]} lines'
            raise self._fail(
                f'the centres and widths of the {bands} bands of {os.path.basename(path)} are stated in '
                f'...Spectralresponse_{name}.raw; found {found}'
            )
        if calibration is not None and len(calibration) not in (1, bands):
            self._notes.append(
                f'{os.path.basename(self._used[-1])} has {len(calibration)} lines for {bands} bands and '
                'is not applied: values are as stored'
            )
            calibration = None
        if calibration is not None:
            calibration = np.broadcast_to(calibration, (bands, calibration.shape[1]))
        gains = offsets = None
        if calibration is not None:
            gains = calibration[:, 0]
            offsets = calibration[:, 1] if calibration.shape[1] > 1 else np.zeros(bands)
        return _Detector(name, path, bands, response[:, 0], response[:, 1], gains, offsets)

    def _metadata(self, info: CubeInfo) -> dict:
        """Sensor, time and place: of the images themselves, else of the RPC file, else the corners of the XML file."""
        facts: dict[str, str | None] = dict(sensor='AHSI')
        place: dict[str, Any] = {}
        used = list(self._used)
        xml = sibling(self.folder, f'{self._beginning}.xml')
        if xml is not None:
            root = read_xml(xml)
            used.append(xml)
            facts = dict(
                sensor=f'{first_text(root, "SatelliteID") or ""} AHSI'.strip(),
                acquired=iso_time(first_text(root, 'StartTime', 'CenterTime', 'ImagingTime')),
            )
            corners = []
            for corner, row, column in _CORNERS:
                x, y = (first_text(root, corner + axis) for axis in ('Longitude', 'Latitude'))
                if x is not None and y is not None:
                    corners.append((row * float(info.height), column * float(info.width), float(x), float(y), 0.0))
            if len(corners) == len(_CORNERS):
                place = dict(gcps=tuple(corners), gcps_crs=wkt(4326))
        stem = os.path.splitext(self.path)[0]
        rpb = sibling(self.folder, f'{os.path.basename(stem)}.rpb')
        if rpb is not None:
            place = dict(rpcs=self._rpb(rpb))
            used.append(rpb)
        if info.transform is not None or info.rpcs is not None:
            place = {}
        return dict(companions=tuple(dict.fromkeys((*info.companions, *used))), **facts, **place)

    def _rpb(self, path: str) -> dict[str, str]:
        with open(path, encoding='utf-8', errors='replace') as stream:
            text = stream.read()
        found = {}
        for name, key in _RPC.items():
            match = re.search(rf'\b{key}\s*=\s*(\([^)]*\)|[^;\s]+)', text, re.IGNORECASE)
            if not match:
                raise self._fail(f'{os.path.basename(path)} lacks {key}')
            found[name] = ' '.join(re.split(r'[,\s]+', match[1].strip('() \n\t')))
        return found
