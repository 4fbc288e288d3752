"""AVIRIS-NG, AVIRIS-3 and AVIRIS-5 in netCDF-4: radiance and reflectance on a map grid or as a swath.

Follows the structure of AV3_L2A_RFL and AV5_L1B_RDN of ORNL DAAC (version 1): a group reflectance or radiance with the
cube (bands, rows, columns), wavelength and fwhm; transverse_mercator with spatial_ref and GeoTransform;
geolocation_lookup_table with line and sample, which count from 1, where the cube is a swath.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import h5py
import numpy as np

from mmhsi.datasets.io.base import CubeInfo, Window
from mmhsi.datasets.io.grid_place import control_points
from mmhsi.datasets.io.products.aviris import RADIANCE, flight_of, sensor_of, time_of
from mmhsi.datasets.io.products.base import affine, as_text, iso_time, wkt
from mmhsi.datasets.io.products.hdf5 import HDF5Product, Part, fill_value, through_lookup_table


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
        file = self._handle()
        name = self._name(file)
        group = file[name]
        cube = group[name]
        count, lines, samples = cube.shape
        self._tables = [f'geolocation_lookup_table/{axis}' for axis in ('line', 'sample')]
        swath = all(table in file and file[table].ndim == 2 for table in self._tables) and file[
            self._tables[0]
        ].shape != (lines, samples)
        self._ortho = swath and self.view == 'ortho'
        if swath and not self._ortho:
            self._notes.append("the swath is read; the key 'ortho' gives the map grid")
        self.parts = (Part(cube.name, (1, 2, 0), np.arange(count)),)
        self._fill = fill_value(cube, -9999.0)
        height, width = file[self._tables[0]].shape if self._ortho else (lines, samples)
        base = os.path.basename(self.path)
        return self._info(
            height,
            width,
            group['wavelength'],
            group.get('fwhm'),
            group.get('good_wavelengths'),
            nodata=self._fill,
            units=RADIANCE if name == 'radiance' else 'reflectance',
            sensor=sensor_of(base),
            acquired=iso_time(as_text(file.attrs.get('time_coverage_start'))) or time_of(flight_of(base)),
            **self._place(file, swath, lines, samples),
        )

    def _place(self, file: h5py.File, swath: bool, lines: int, samples: int) -> dict:
        if swath and not self._ortho:
            latitude, longitude = (
                next(
                    (
                        file[f'{group}{axis}']
                        for group in ('', 'location/', 'geolocation_lookup_table/')
                        if f'{group}{axis}' in file
                    ),
                    None,
                )
                for axis in ('lat', 'lon')
            )
            if latitude is None or longitude is None:
                return {}
            return control_points(latitude, longitude, lines, samples)
        grid = file.get('transverse_mercator', file.get('projection'))
        if grid is None or 'GeoTransform' not in grid.attrs:
            return {}
        system = as_text(grid.attrs.get('crs_wkt')) or as_text(grid.attrs.get('spatial_ref'))
        transform = affine([float(value) for value in (as_text(grid.attrs['GeoTransform']) or '').split()])
        return dict(crs=wkt(system) if system else None, transform=transform)

    def _read(self, window: Window, bands: Sequence[int] | None) -> np.ndarray:
        if not self._ortho:
            return super()._read(window, bands)
        top, left, rows, columns = window
        row_table, column_table = (
            self._handle()[table][top : top + rows, left : left + columns] for table in self._tables
        )
        return through_lookup_table(
            lambda part: HDF5Product._read(self, part, bands),
            row_table,
            column_table,
            self.info.bands if bands is None else len(bands),
            self._fill,
            self.info.dtype,
        )
