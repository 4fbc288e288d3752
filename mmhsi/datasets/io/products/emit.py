"""EMIT L2A reflectance and L1B radiance in netCDF-4: the swath, or the grid of its lookup table.

Follows NASA JPL's EMIT L2A User Guide and the structure that nasa/EMIT-Data-Resources documents (collection version
001): reflectance (downtrack, crosstrack, bands), groups sensor_band_parameters and location, whose glt_x and glt_y
count from 1 with 0 for none. Bands with good_wavelengths 0 hold -0.01. L2A_MASK beside it, of the same or a later
version, flags clouds and the spacecraft; its band names tell which bands these are (EMIT L2A Mask User Guide, draft
v02), and without names they are those of version 001.
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
from mmhsi.datasets.io.products.base import affine, as_text, iso_time, wkt
from mmhsi.datasets.io.products.hdf5 import HDF5Product, Part, fill_value, through_lookup_table

_FLAGS = {'cloud flag': 0, 'spacecraft flag': 3}  # bands of the mask of version 001 that are not valid


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
            mask=f'{os.path.basename(self._mask)} without {" and ".join(self._flags)}' if self._mask else None,
            companions=(self._mask,) if self._mask else (),
            acquired=iso_time(as_text(file.attrs.get('time_coverage_start'))),
            **place,
        )

    def _mask_file(self) -> str | None:
        self._flags: dict[str, int] = {}
        path = self._mask_beside()
        if path is None:
            self._note_absent('the file L2A_MASK', 'clouds are not masked')
            return None
        with open_hdf5(path) as file:
            require_own_values(path, file)
            fits = 'mask' in file and file['mask'].ndim == 3 and file['mask'].shape[:2] == self._swath[:2]
            if fits:
                self._flags = self._flag_bands(file)
        if not fits:
            self._notes.append(f'{os.path.basename(path)} has no mask of {self._swath[:2]} pixels and is not applied')
        elif not self._flags:
            self._notes.append(f'{os.path.basename(path)} has no flag of clouds among its bands and is not applied')
        return path if self._flags else None

    def _mask_beside(self) -> str | None:
        """The mask of the same scene, of the same version if there is one, else of the latest."""
        folder, name = os.path.split(self.path)
        match = re.fullmatch(r'EMIT_L\w\w_(?:RFL|RAD)_(\d+)_(\d{8}T\d{6}_.*\.nc)', name, re.IGNORECASE)
        if match is None:
            return None
        pattern = re.compile(rf'EMIT_L2A_MASK_(\d+)_{re.escape(match[2])}', re.IGNORECASE)
        found = {mask[1]: other for other in sorted(os.listdir(folder or '.')) if (mask := pattern.fullmatch(other))}
        chosen = found.get(match[1]) or (found[max(found)] if found else None)
        return None if chosen is None else os.path.join(folder, chosen)

    @staticmethod
    def _flag_bands(file: h5py.File) -> dict[str, int]:
        """The bands of the mask that are not valid, by their names in lower case."""
        depth, names = file['mask'].shape[2], file.get('sensor_band_parameters/mask_bands')
        if names is None:
            return {name: band for name, band in _FLAGS.items() if band < depth}
        listed = [' '.join((as_text(name) or '').lower().split()) for name in np.ravel(names[()])]
        return {name: listed.index(name) for name in _FLAGS if name in listed[:depth]}

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
                bands = list(self._flags.values())
                flags = file['mask'][top : top + rows, left : left + columns, : max(bands) + 1]
                return (flags[..., bands] == 1).any(axis=-1, keepdims=True)

            if self.view == 'swath':
                return ~flagged(window)[..., 0]
            return ~self._gathered(flagged, window, 1, True, np.dtype(bool))[..., 0]
