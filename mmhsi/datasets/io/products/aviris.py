"""AVIRIS-Classic, AVIRIS-NG, AVIRIS-3 and AVIRIS-5: ENVI images and netCDF-4 files of radiance and reflectance.

Follows JPL's readme files of the AVIRIS-Classic and AVIRIS-NG distributions and, for netCDF, the structure of
AV3_L2A_RFL and AV5_L1B_RDN of ORNL DAAC (version 1): a group reflectance or radiance with the cube (bands, rows,
columns), wavelength and fwhm; transverse_mercator with spatial_ref and GeoTransform; geolocation_lookup_table with line
and sample where the cube is a swath. Radiance of AVIRIS-Classic is stored times the factors of the .gain file, -50 is
no data; all else has -9999.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace

import h5py
import numpy as np

from mmhsi.datasets.io import envi
from mmhsi.datasets.io.base import CubeInfo, Window
from mmhsi.datasets.io.errors import explained
from mmhsi.datasets.io.products.base import affine, as_text, iso_time, starts_with, wkt
from mmhsi.datasets.io.products.hdf5 import HDF5Product, Part, control_points, fill_value, through_lookup_table
from mmhsi.datasets.io.products.rasters import Layer, RasterProduct

_FLIGHT = re.compile(r'(f\d{6}t\d{2}p\d{2}r\d{2}|ang\d{8}t\d{6}|AV[35]\d{8}t\d{6})', re.IGNORECASE)
_SENSORS = {'f': 'AVIRIS-Classic', 'ang': 'AVIRIS-NG', 'av3': 'AVIRIS-3', 'av5': 'AVIRIS-5'}
_NO_CUBE = re.compile(r'_(glt|igm|loc|obs|ort_glt|ort_igm|eph|lonlat|h2o|atm|mask|unc)(_|\.|$)', re.IGNORECASE)
_RADIANCE = 'uW/(cm^2 nm sr)'
_FILL, _CLASSIC_FILL = -9999., -50.


def _sensor(name: str) -> str:
    return _SENSORS.get((re.match(r'f(?=\d)|ang|av\d', name.lower()) or [''])[0], 'AVIRIS')


def _time(flight: str | None) -> str | None:
    """Date in the name of a flight line: ang20180814t224053, or f130503t01p00r08, whose t is no time."""
    if not flight:
        return None
    classic = re.match(r'f(\d\d)(\d\d)(\d\d)', flight)
    if classic:
        year, month, day = classic.groups()
        return f'{"19" if int(year) > 80 else "20"}{year}-{month}-{day}'
    return iso_time(re.sub(r'^\D+\d?(?=\d{8})', '', flight.lower().replace('ang', '')).replace('t', '_'))


class AVIRISReader(RasterProduct):
    """An ENVI image of a flight line, with what its header leaves to other files."""

    format = 'aviris'

    @classmethod
    def entry(cls, path: str) -> str | None:
        name = os.path.basename(path)
        flight = _FLIGHT.match(name)
        header = path if name.lower().endswith('.hdr') else envi.find_header(path)
        if header is None or _NO_CUBE.search(name) or not starts_with(header, b'wavelength', b'band names',
                                                                      within=2**20):
            return None
        if not flight and not starts_with(header, b'AVIRIS', b'aviris', within=2**12):
            return None
        return header

    @classmethod
    def claims(cls, entry: str, name: str) -> bool:
        flight = _FLIGHT.match(os.path.basename(entry))
        own = os.path.splitext(os.path.basename(entry))[0]
        return name.startswith(flight[1] if flight else own)

    def _describe(self) -> CubeInfo:
        main = self._file(self.path).info
        flight = _FLIGHT.match(os.path.basename(self.path))
        flight = flight[1] if flight else None
        sensor = _sensor(flight or '')
        radiance = bool(re.search(r'rdn|radiance', os.path.basename(self.path), re.IGNORECASE))
        scale, companions = main.scale, list(main.companions)
        if radiance and main.dtype.kind in 'iu' and scale is None:
            gain = self._sidecar('.gain', flight)
            if gain is None:
                self._notes.append('radiance is stored as integers, and the .gain file with their factors is not there')
            else:
                scale = 1 / self._column(gain, main.bands, 0)
                companions.append(gain)
        elif main.dtype.kind in 'iu' and scale is None:
            self._notes.append('reflectance is stored as integers without a stated scale, and is not scaled')
        wavelengths, fwhm = main.wavelengths, main.fwhm
        spectral = self._sidecar('.spc', flight) if wavelengths is None else None
        if spectral is not None:
            wavelengths, fwhm = (self._column(spectral, main.bands, column) for column in (0, 1))
            companions.append(spectral)
        nodata = main.nodata
        if nodata is None:
            nodata = _CLASSIC_FILL if radiance and sensor == 'AVIRIS-Classic' else _FILL
        info = self._stack([Layer(self.path, band) for band in range(main.bands)], sensor=sensor, scale=scale,
                           wavelengths=wavelengths, fwhm=fwhm, nodata=nodata, acquired=main.acquired or _time(flight),
                           units=_RADIANCE if radiance else 'reflectance', notes=(*main.notes, *self._notes))
        return replace(info, companions=tuple(dict.fromkeys((*companions, self.path))))

    def _sidecar(self, suffix: str, flight: str | None) -> str | None:
        names = [name for name in sorted(os.listdir(self.folder or '.'))
                 if name.lower().endswith(suffix) and (not flight or name.startswith(flight))]
        return os.path.join(self.folder, names[0]) if names else None

    def _column(self, path: str, bands: int, column: int) -> np.ndarray:
        with explained(path):
            values = np.loadtxt(path, usecols=(column, ), ndmin=1)
        if len(values) != bands:
            raise self._fail(f'{os.path.basename(path)} has {len(values)} lines for {bands} bands')
        return values


class AVIRISNetCDFReader(HDF5Product):
    """A netCDF file; a swath with a lookup table is read on its map grid with the key 'ortho'."""

    format = 'aviris'
    views = ('stored', 'ortho')

    @classmethod
    def recognises(cls, file: h5py.File) -> bool:
        return cls._name(file) is not None

    @staticmethod
    def _name(file: h5py.File) -> str | None:
        for name in ('reflectance', 'radiance'):
            group = file.get(name)
            if isinstance(group, h5py.Group) and getattr(group.get(name), 'ndim', 0) == 3 and 'wavelength' in group:
                return name
        return None

    def _describe(self) -> CubeInfo:
        with explained(self.path):
            file = self._handle()
            name = self._name(file)
            group = file[name]
            cube = group[name]
            count, lines, samples = cube.shape
            self._tables = [f'geolocation_lookup_table/{axis}' for axis in ('line', 'sample')]
            swath = all(table in file and file[table].ndim == 2 for table in self._tables) and \
                file[self._tables[0]].shape != (lines, samples)
            self._ortho = swath and self.view == 'ortho'
            if swath and not self._ortho:
                self._notes.append("the swath is read; the key 'ortho' gives the map grid")
            self.parts = (Part(cube.name, (1, 2, 0), np.arange(count)), )
            self._fill = fill_value(cube, _FILL)
            height, width = file[self._tables[0]].shape if self._ortho else (lines, samples)
            base = os.path.basename(self.path)
            return self._info(
                height, width, group['wavelength'], group.get('fwhm'), group.get('good_wavelengths'),
                nodata=self._fill, units=_RADIANCE if name == 'radiance' else 'reflectance', sensor=_sensor(base),
                acquired=iso_time(as_text(file.attrs.get('time_coverage_start'))) or _time(
                    (_FLIGHT.match(base) or [None])[0]),
                **self._place(file, swath, lines, samples))

    def _place(self, file: h5py.File, swath: bool, lines: int, samples: int) -> dict:
        if swath and not self._ortho:
            places = [next((file[f'{group}{axis}'] for group in ('', 'location/', 'geolocation_lookup_table/')
                            if f'{group}{axis}' in file), None) for axis in ('lat', 'lon')]
            return {} if None in places else control_points(*places, lines, samples)
        grid = file.get('transverse_mercator', file.get('projection'))
        if grid is None or 'GeoTransform' not in grid.attrs:
            return {}
        system = as_text(grid.attrs.get('crs_wkt')) or as_text(grid.attrs.get('spatial_ref'))
        return dict(crs=wkt(system) if system else None,
                    transform=affine(as_text(grid.attrs['GeoTransform']).split()))

    def _read(self, window: Window, bands: Sequence[int] | None) -> np.ndarray:
        if not self._ortho:
            return super()._read(window, bands)
        top, left, rows, columns = window
        tables = [self._handle()[table][top:top + rows, left:left + columns] for table in self._tables]
        return through_lookup_table(lambda part: HDF5Product._read(self, part, bands), *tables,
                                    self.info.bands if bands is None else len(bands), self._fill, self.info.dtype)
