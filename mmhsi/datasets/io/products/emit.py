"""EMIT L2A reflectance and L1B radiance in netCDF-4: the swath, or the grid of its lookup table.

Follows NASA JPL's EMIT L2A User Guide and the structure that nasa/EMIT-Data-Resources documents (collection version
001): reflectance (downtrack, crosstrack, bands), groups sensor_band_parameters and location, whose glt_x and glt_y
count from 1 with 0 for none. Bands with good_wavelengths 0 hold -0.01. L2A_MASK beside it flags clouds and the
spacecraft.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

import h5py
import numpy as np

from mmhsi.datasets.io.base import CubeInfo, Window
from mmhsi.datasets.io.grid_place import control_points
from mmhsi.datasets.io.hdf5 import open_hdf5, require_own_values
from mmhsi.datasets.io.products.base import affine, as_text, iso_time, sibling, wkt
from mmhsi.datasets.io.products.hdf5 import HDF5Product, Part, fill_value, through_lookup_table

_FLAGS = {0: 'cloud', 3: 'spacecraft'}  # bands of the mask that are not valid


class EMITReader(HDF5Product):
    """The swath with control points, or with the key 'ortho' the grid that its lookup table (GLT) describes."""

    format = 'emit'
    views = ('swath', 'ortho')

    @classmethod
    def recognises(cls, file: h5py.File) -> bool:
        return any(name in file and getattr(file[name], 'ndim', 0) == 3 for name in ('reflectance', 'radiance')) and (
            'sensor_band_parameters/wavelengths' in file and 'location/glt_x' in file
        )

    @classmethod
    def claims(cls, entry: str, name: str) -> bool:
        stamp = re.search(r'\d{8}T\d{6}_\w+\.nc', os.path.basename(entry), re.IGNORECASE)
        return (
            stamp is not None
            and bool(re.match(r'EMIT_L', name, re.IGNORECASE))
            and name.lower().endswith(stamp[0].lower())
        )

    def _describe(self) -> CubeInfo:
        file = self._handle()
        name = 'reflectance' if 'reflectance' in file else 'radiance'
        cube, bands = file[name], file['sensor_band_parameters']
        self._swath = lines, samples, count = cube.shape
        self.parts = (Part(name, (0, 1, 2), np.arange(count)),)
        self._mask, self._fill = self._mask_file(), fill_value(cube, -9999.0)
        size, place = self._place(file)
        if self.view == 'swath':
            self._notes.append("the swath is read; the key 'ortho' gives the map grid")
        return self._info(
            *size,
            bands['wavelengths'],
            bands.get('fwhm'),
            bands.get('good_wavelengths'),
            nodata=self._fill,
            sensor='EMIT',
            units=as_text(cube.attrs.get('units')) or name,
            mask=f'{os.path.basename(self._mask)} without {" and ".join(_FLAGS.values())}' if self._mask else None,
            companions=(self._mask,) if self._mask else (),
            acquired=iso_time(as_text(file.attrs.get('time_coverage_start'))),
            **place,
        )

    def _mask_file(self) -> str | None:
        folder, name = os.path.split(self.path)
        wanted = re.sub(r'L\w\w_(RFL|RAD)', 'L2A_MASK', name, flags=re.IGNORECASE)
        path = None if wanted == name else sibling(folder, wanted)
        if path is None:
            self._note_absent('the file L2A_MASK', 'clouds are not masked')
            return None
        with open_hdf5(path) as file:
            require_own_values(path, file)
            fits = 'mask' in file and file['mask'].shape[:2] == self._swath[:2]
        if not fits:
            self._notes.append(f'{os.path.basename(path)} has no mask of {self._swath[:2]} pixels and is not applied')
        return path if fits else None

    def _place(self, file: h5py.File) -> tuple[tuple[int, int], dict]:
        location = file['location']
        if self.view == 'ortho':
            return location['glt_x'].shape, dict(
                crs=wkt(as_text(file.attrs.get('spatial_ref')) or 4326), transform=affine(file.attrs['geotransform'])
            )
        if 'lat' not in location or 'lon' not in location:
            return self._swath[:2], {}
        return self._swath[:2], control_points(location['lat'], location['lon'], *self._swath[:2])

    def _gathered(self, read, window: Window, depth: int, fill: float, dtype: np.dtype) -> np.ndarray:
        top, left, rows, columns = window
        row_table, column_table = (
            self._handle()[f'location/{name}'][top : top + rows, left : left + columns] for name in ('glt_y', 'glt_x')
        )
        return through_lookup_table(read, row_table, column_table, depth, fill, dtype)

    def _read(self, window: Window, bands: Sequence[int] | None) -> np.ndarray:
        if self.view == 'swath':
            return super()._read(window, bands)
        depth = self.info.bands if bands is None else len(bands)
        return self._gathered(
            lambda part: HDF5Product._read(self, part, bands), window, depth, self._fill, self.info.dtype
        )

    def _read_mask(self, window: Window) -> np.ndarray:
        assert self._mask is not None  # CubeInfo.mask says so
        with open_hdf5(self._mask) as file:

            def flagged(part: Window) -> np.ndarray:
                top, left, rows, columns = part
                flags = file['mask'][top : top + rows, left : left + columns, : max(_FLAGS) + 1]
                return (flags[..., list(_FLAGS)] == 1).any(axis=-1, keepdims=True)

            if self.view == 'swath':
                return ~flagged(window)[..., 0]
            return ~self._gathered(flagged, window, 1, True, np.dtype(bool))[..., 0]
