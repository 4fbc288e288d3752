"""AVIRIS-Classic, AVIRIS-NG and AVIRIS-3 as ENVI images of radiance and reflectance.

Follows JPL's readme files of the AVIRIS-Classic and AVIRIS-NG distributions, and for what they leave open the reader of
hyperproc 0.1. Radiance of AVIRIS-Classic is stored times the factors of the .gain file, and -50 is no data; all else
has -9999. NetCDF files have their own reader.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace

import numpy as np

from mmhsi.datasets.io import envi
from mmhsi.datasets.io.base import CubeInfo
from mmhsi.datasets.io.errors import explained
from mmhsi.datasets.io.products.base import iso_time, starts_with
from mmhsi.datasets.io.products.rasters import Layer, RasterProduct

_FLIGHT = re.compile(r'(f\d{6}t\d{2}p\d{2}r\d{2}|ang\d{8}t\d{6}|AV[35]\d{8}t\d{6})', re.IGNORECASE)
_SENSORS = {'f': 'AVIRIS-Classic', 'ang': 'AVIRIS-NG', 'av3': 'AVIRIS-3', 'av5': 'AVIRIS-5'}
_NO_CUBE = re.compile(r'_(glt|igm|loc|obs|ort_glt|ort_igm|eph|lonlat|h2o|atm|mask|unc)(_|\.|$)', re.IGNORECASE)
RADIANCE = 'uW/(cm^2 nm sr)'
"""Unit of the radiance."""
_FILL, _CLASSIC_FILL = -9999.0, -50.0


def flight_of(name: str) -> str | None:
    """The name of the flight line at the beginning of the name of a file."""
    match = _FLIGHT.match(name)
    return match and match[1]


def sensor_of(name: str) -> str:
    """The instrument, by the beginning of the name of a file."""
    return _SENSORS.get((re.match(r'f(?=\d)|ang|av\d', name.lower()) or [''])[0], 'AVIRIS')


def time_of(flight: str | None) -> str | None:
    """Date in the name of a flight line: ang20180814t224053, or f130503t01p00r08, whose t is not a time."""
    if not flight:
        return None
    classic = re.match(r'f(\d\d)(\d\d)(\d\d)', flight)
    if classic:
        year, month, day = classic.groups()
        return f'{"19" if int(year) > 80 else "20"}{year}-{month}-{day}'
    stamp = re.fullmatch(r'(?:ang|av\d)(\d{8})t(\d{6})', flight.lower())
    return stamp and iso_time('_'.join(stamp.groups()))


def _sidecar(folder: str, suffix: str, flight: str | None) -> str | None:
    names = [
        name
        for name in sorted(os.listdir(folder or '.'))
        if name.lower().endswith(suffix) and (not flight or name.startswith(flight))
    ]
    return os.path.join(folder, names[0]) if names else None


class AVIRISReader(RasterProduct):
    """An ENVI image of a flight line, with the information that its header leaves to other files."""

    format = 'aviris'

    @classmethod
    def entry(cls, path: str) -> str | None:
        folder, name = os.path.split(path)
        flight = flight_of(name)
        header = path if name.lower().endswith('.hdr') else envi.find_header(path)
        if header is None or _NO_CUBE.search(name):
            return None
        if not flight and not starts_with(header, b'AVIRIS', b'aviris', within=2**12):
            return None
        spectral = starts_with(header, b'wavelength', within=2**20) or _sidecar(folder, '.spc', flight)
        return header if spectral else None

    @classmethod
    def claims(cls, entry: str, name: str) -> bool:
        return name.startswith(flight_of(os.path.basename(entry)) or cls.title(entry))

    def _describe(self) -> CubeInfo:
        main = self._file(self.path).info
        flight = flight_of(os.path.basename(self.path))
        sensor = sensor_of(flight or '')
        radiance = bool(re.search(r'rdn|radiance', os.path.basename(self.path), re.IGNORECASE))
        scale, companions = main.scale, list(main.companions)
        if radiance and main.dtype.kind in 'iu' and scale is None:
            gain = _sidecar(self.folder, '.gain', flight)
            if gain is None:
                self._notes.append('radiance is stored as integers, and the .gain file with their factors is not there')
            else:
                scale = 1 / self._column(gain, main.bands, 0)
                companions.append(gain)
        elif main.dtype.kind in 'iu' and scale is None:
            self._notes.append('reflectance is stored as integers without a stated scale, and is not scaled')
        wavelengths, fwhm = main.wavelengths, main.fwhm
        spectral = _sidecar(self.folder, '.spc', flight) if wavelengths is None else None
        if spectral is not None:
            wavelengths, fwhm = (self._column(spectral, main.bands, column) for column in (0, 1))
            companions.append(spectral)
        nodata = main.nodata
        if nodata is None:
            nodata = _CLASSIC_FILL if radiance and sensor == 'AVIRIS-Classic' else _FILL
        info = self._stack(
            [Layer(self.path, band) for band in range(main.bands)],
            sensor=sensor,
            scale=scale,
            wavelengths=wavelengths,
            fwhm=fwhm,
            nodata=nodata,
            acquired=main.acquired or time_of(flight),
            units=RADIANCE if radiance else 'reflectance',
            notes=(*main.notes, *self._notes),
        )
        return replace(info, companions=tuple(dict.fromkeys((*companions, self.path))))

    def _column(self, path: str, bands: int, column: int) -> np.ndarray:
        with explained(path):
            values = np.loadtxt(path, usecols=(column,), ndmin=1)
        if len(values) != bands:
            raise self._fail(f'{os.path.basename(path)} has {len(values)} lines for {bands} bands')
        return values
