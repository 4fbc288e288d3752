"""Planet Tanager, basic (swath) and ortho (grid), radiance and surface reflectance, in HDF-EOS5.

Follows Planet's Tanager Product Specification (November 2025): HDFEOS/SWATHS/HYP or HDFEOS/GRIDS/HYP, Data Fields with
the cube (bands, rows, columns), whose attributes are wavelengths, fwhm and, of reflectance, good_wavelengths;
nodata_pixels and beta_cloud_mask are 1 where there is no data or a cloud. StructMetadata.0 states the edges of a grid.
"""

from __future__ import annotations

import os
import re

import h5py
import numpy as np

from mmhsi.datasets.io.base import CubeInfo
from mmhsi.datasets.io.grid_place import control_points
from mmhsi.datasets.io.products.base import as_text, iso_time, wkt
from mmhsi.datasets.io.products.hdf5 import HDF5Product, Part, fill_value

_CUBES = {
    'surface_reflectance': 'reflectance',
    'ortho_surface_reflectance': 'reflectance',
    'toa_radiance': 'W/(m^2 sr um)',
    'ortho_radiance': 'W/(m^2 sr um)',
}
_FLAGS = {'nodata_pixels': 'no data', 'beta_cloud_mask': 'clouds'}
_WITHOUT = {'nodata_pixels': 'missing data are known by their value alone', 'beta_cloud_mask': 'clouds are not masked'}


def _cube(file: h5py.File) -> h5py.Dataset | None:
    for kind in ('GRIDS', 'SWATHS'):
        fields = file.get(f'HDFEOS/{kind}/HYP/Data Fields', {})
        for name in _CUBES:
            if name in fields:
                return fields[name]
    return None


class TanagerReader(HDF5Product):
    """A pixel is valid where it is neither marked as without data nor as a cloud."""

    format = 'tanager'

    @classmethod
    def recognises(cls, file: h5py.File) -> bool:
        cube = _cube(file)
        return cube is not None and cube.ndim == 3 and 'wavelengths' in cube.attrs

    @classmethod
    def claims(cls, entry: str, name: str) -> bool:
        item = re.match(r'(.+?)_(basic|ortho)_', os.path.basename(entry))
        return item is not None and name.startswith(item[1]) and name.lower().endswith(('.tif', '.json'))

    def _describe(self) -> CubeInfo:
        file = self._handle()
        cube = _cube(file)
        assert cube is not None  # of a file that was recognised
        fields, root = cube.parent, cube.parent.parent
        count, lines, samples = cube.shape
        self.parts = (Part(cube.name, (1, 2, 0), np.arange(count)),)
        found = [name for name in _FLAGS if name in fields and fields[name].shape == (lines, samples)]
        self.flags = {fields[name].name: (1,) for name in found}
        for name, consequence in _WITHOUT.items():
            if name not in found:
                self._note_absent(name, consequence)
        return self._info(
            lines,
            samples,
            *(cube.attrs.get(name) for name in ('wavelengths', 'fwhm', 'good_wavelengths')),
            nodata=fill_value(cube, -9999.0),
            sensor='Tanager',
            units=_CUBES[cube.name.rsplit('/', 1)[1]],
            mask='quality layers without ' + ', '.join(_FLAGS[name] for name in found) if found else None,
            acquired=iso_time(as_text(root.attrs.get('strip_id')) or as_text(file.attrs.get('strip_id'))),
            **self._place(file, root, lines, samples),
        )

    @staticmethod
    def _place(file: h5py.File, root: h5py.Group, lines: int, samples: int) -> dict:
        if '/GRIDS/' not in root.name + '/':
            place = root.get('Geolocation Fields', {})
            if 'Latitude' not in place or 'Longitude' not in place:
                return {}
            return control_points(place['Latitude'], place['Longitude'], lines, samples)
        text = as_text(file['HDFEOS INFORMATION/StructMetadata.0'][()]) or ''
        upper_left, lower_right = (
            re.search(rf'{name}=\(([^,]+),([^)]+)\)', text) for name in ('UpperLeftPointMtrs', 'LowerRightMtrs')
        )
        zone = re.search(r'ZoneCode=(-?\d+)', text)
        code = root.attrs.get('epsg_code')
        code = (
            int(np.ravel(code)[0])
            if code is not None
            else zone and (32600 + int(zone[1]) if int(zone[1]) > 0 else 32700 - int(zone[1]))
        )
        if upper_left is None or lower_right is None or not code:
            return {}
        left, top, right, bottom = (float(value) for value in (*upper_left.groups(), *lower_right.groups()))
        return dict(crs=wkt(code), transform=((right - left) / samples, 0.0, left, 0.0, (bottom - top) / lines, top))
