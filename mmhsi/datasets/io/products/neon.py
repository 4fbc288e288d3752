"""NEON AOP reflectance in HDF5: flight lines (DP1) and tiles (DP3) on a map grid, 426 bands.

Follows NEON's Imaging Spectrometer reflectance products DP1.30006 and DP3.30006 (releases 001 and 002): under the name
of the site Reflectance/Reflectance_Data (rows, columns, bands) with Scale_Factor and Data_Ignore_Value, and
Metadata/Coordinate_System and Metadata/Spectral_Data. The easting and northing of Map_Info are those of the upper left
edge. Bands within Band_Window_1 and _2, which NEON states for water vapour, are marked as bad.
"""

from __future__ import annotations

import os
import re

import h5py
import numpy as np

from mmhsi.datasets.io.base import CubeInfo
from mmhsi.datasets.io.products.base import as_text, iso_time, wkt
from mmhsi.datasets.io.products.hdf5 import HDF5Product, Part


def _group(file: h5py.File) -> h5py.Group | None:
    """<site>/Reflectance."""
    for site in file.values():
        found = site.get('Reflectance') if isinstance(site, h5py.Group) else None
        if isinstance(found, h5py.Group) and 'Reflectance_Data' in found and 'Metadata/Spectral_Data' in found:
            return found
    return None


class NEONReader(HDF5Product):
    """The reflectance of a flight line or a tile."""

    format = 'neon'

    @classmethod
    def recognises(cls, file: h5py.File) -> bool:
        group = _group(file)
        return group is not None and getattr(group['Reflectance_Data'], 'ndim', 0) == 3

    def _describe(self) -> CubeInfo:
        group = _group(self._handle())
        assert group is not None  # of a file that was recognised
        cube, spectral = group['Reflectance_Data'], group['Metadata/Spectral_Data']
        lines, samples, count = cube.shape
        self.parts = (Part(cube.name, (0, 1, 2), np.arange(count)),)
        wavelengths = np.ravel(spectral['Wavelength']).astype(np.float64)
        windows = [
            np.ravel(value)[:2]
            for where in (group, cube)
            for name, value in where.attrs.items()
            if re.fullmatch(r'Band_Window_\d+_Nanometers', name)
        ]
        good = np.ones(len(wavelengths), dtype=bool)
        for low, high in windows:
            good &= (wavelengths < float(low)) | (wavelengths > float(high))
        scale, nodata = (cube.attrs.get(name) for name in ('Scale_Factor', 'Data_Ignore_Value'))
        time = re.search(r'_(\d{8}_\d{6})_', os.path.basename(self.path))
        acquired = iso_time(as_text(group.attrs.get('Acquisition_Time')))
        return self._info(
            lines,
            samples,
            wavelengths,
            spectral.get('FWHM'),
            good,
            units='reflectance',
            nodata=None if nodata is None else float(np.ravel(nodata)[0]),
            scale=None if scale is None else np.full(count, 1 / float(np.ravel(scale)[0])),
            sensor=f'NEON {as_text(group.attrs.get("Sensor")) or "AOP"}',
            acquired=(iso_time(time[1]) if time else None) or acquired,
            **self._place(group),
        )

    @staticmethod
    def _place(group: h5py.Group) -> dict:
        system = group.get('Metadata/Coordinate_System')
        if system is None or 'Map_Info' not in system:
            return {}
        fields = [field.strip() for field in (as_text(system['Map_Info'][()]) or '').strip('{}').split(',')]
        column, row, x, y, width, height = map(float, fields[1:7])
        code = as_text(system['EPSG Code'][()]) if 'EPSG Code' in system else None
        text = as_text(system['Coordinate_System_String'][()]) if 'Coordinate_System_String' in system else None
        turn = next((float(field.split('=')[1]) for field in fields if field.lower().startswith('rotation=')), 0.0)
        cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
        a, b, d, e = width * cos, height * sin, width * sin, -height * cos
        return dict(
            crs=wkt(int(code)) if code else wkt(text) if text else None,
            transform=(a, b, x - a * (column - 1) - b * (row - 1), d, e, y - d * (column - 1) - e * (row - 1)),
        )
