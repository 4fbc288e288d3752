"""PRISMA L1, L2B, L2C and L2D in HDF-EOS5: the bands of two detectors, joined in ascending order.

Follows ASI's PRISMA Products Specification Document (issue 2.3), and what readers of real products state of it: the
cubes are (rows, bands, columns); bands descend; a band with the centre 0 was not acquired; L1 is stored / ScaleFactor -
Offset in W/(m^2 sr um), L2 is L2ScaleMin + stored (L2ScaleMax - L2ScaleMin) / 65535; the corners of L2D are those of
pixel centres. A pixel that is 0 in all bands of a detector was not acquired; 0 in some bands is a small radiance at L1
and a failed retrieval at L2.
"""

from __future__ import annotations

import re

import h5py
import numpy as np

from mmhsi.datasets.io.base import CubeInfo, Window
from mmhsi.datasets.io.grid_place import control_points
from mmhsi.datasets.io.products.base import as_text, iso_time, join_detectors, wkt
from mmhsi.datasets.io.products.hdf5 import HDF5Product, Part

_SWATH = re.compile(r'PRS_(L1|L2B|L2C|L2D)_HCO')
_DETECTORS = ('Vnir', 'Swir')
_LARGEST = 65535


def _swath(file: h5py.File) -> str | None:
    return next((name for name in file.get('HDFEOS/SWATHS', ()) if _SWATH.fullmatch(name)), None)


class PRISMAReader(HDF5Product):
    """The coregistered cube (HCO); the views 'VNIR' and 'SWIR' are one detector with all its bands.

    Of the overlap of the detectors the bands of VNIR are kept. The maps of defects of single bands are not applied.
    """

    format = 'prisma'
    views = ('joined', 'VNIR', 'SWIR')

    @classmethod
    def recognises(cls, file: h5py.File) -> bool:
        swath = _swath(file)
        return swath is not None and any(
            f'HDFEOS/SWATHS/{swath}/Data Fields/{name.upper()}_Cube' in file and f'List_Cw_{name}' in file.attrs
            for name in _DETECTORS
        )

    def _describe(self) -> CubeInfo:
        file = self._handle()
        swath = _swath(file)
        assert swath is not None  # of a file that was recognised
        level, group = swath.split('_')[1], f'HDFEOS/SWATHS/{swath}'
        there = [name for name in _DETECTORS if f'{group}/Data Fields/{name.upper()}_Cube' in file]
        if len(there) < len(_DETECTORS) and self.view == 'joined':
            self._notes.append(f'the file holds the bands of {there[0].upper()} alone')
        names = [name for name in there if self.view in ('joined', name.upper())]
        if not names:
            raise self._fail(f'the file holds no {self.view}_Cube')
        centres = [np.asarray(file.attrs[f'List_Cw_{name}'], np.float64) for name in names]
        widths = [np.asarray(file.attrs[f'List_Fwhm_{name}'], np.float64) for name in names]
        cubes = [file[f'{group}/Data Fields/{name.upper()}_Cube'] for name in names]
        for cube, lists in zip(cubes, zip(centres, widths, strict=True), strict=True):
            if cube.ndim != 3 or any(len(values) != cube.shape[1] for values in lists):
                raise self._fail(
                    f'{cube.name} has the shape {cube.shape}, expected (rows, bands, columns) with '
                    f'{len(lists[0])} bands'
                )
        lines, _, samples = cubes[0].shape
        kept = join_detectors(centres)
        dropped = sum(map(np.count_nonzero, centres)) - sum(map(len, kept))
        if dropped:
            self._notes.append(f'{dropped} bands of SWIR overlap those of VNIR and are left out')
        self.parts = tuple(Part(cube.name, (0, 2, 1), bands) for cube, bands in zip(cubes, kept, strict=True))
        cloud = f'{group}/Data Fields/Cloud_Mask'
        self.flags = {cloud: (1,)} if cloud in file and file[cloud].shape == (lines, samples) else {}
        if level == 'L1' and not self.flags:
            self._note_absent('Cloud_Mask', 'clouds are not masked')
        if any('ERR_MATRIX' in name for name in file[f'{group}/Data Fields']):
            self._notes.append('the error matrices, which mark single bands of pixels, are not applied')
        scales, offsets = zip(*(self._scale(file, name, level) for name in names), strict=True)
        counts = [len(bands) for bands in kept]
        offset = np.repeat(offsets, counts)
        joined = [
            np.concatenate([values[bands] for values, bands in zip(lists, kept, strict=True)])
            for lists in (centres, widths)
        ]
        return self._info(
            lines,
            samples,
            *joined,
            sensor='PRISMA',
            scale=np.repeat(scales, counts),
            offset=offset if offset.any() else None,
            units='W/(m^2 sr um)' if level in ('L1', 'L2B') else 'reflectance',
            mask='pixels that hold a value' + (' and no cloud by Cloud_Mask' if self.flags else ''),
            acquired=iso_time(as_text(file.attrs.get('Product_StartTime'))),
            **self._place(file, group, level, lines, samples),
        )

    @staticmethod
    def _scale(file: h5py.File, name: str, level: str) -> tuple[float, float]:
        if level == 'L1':
            return 1 / float(file.attrs[f'ScaleFactor_{name}']), -float(file.attrs[f'Offset_{name}'])
        low, high = (float(file.attrs[f'L2Scale{name}{end}']) for end in ('Min', 'Max'))
        return (high - low) / _LARGEST, low

    @staticmethod
    def _place(file: h5py.File, group: str, level: str, lines: int, samples: int) -> dict:
        if level == 'L2D':
            left, top, right, bottom = (
                float(file.attrs[f'Product_{corner}_{axis}'])
                for corner, axis in (
                    ('ULcorner', 'easting'),
                    ('ULcorner', 'northing'),
                    ('LRcorner', 'easting'),
                    ('LRcorner', 'northing'),
                )
            )
            width, height = (right - left) / (samples - 1), (top - bottom) / (lines - 1)
            return dict(
                crs=wkt(int(file.attrs['Epsg_Code'])),
                transform=(width, 0.0, left - width / 2, 0.0, -height, top + height / 2),
            )
        fields = f'{group}/Geolocation Fields'
        latitude, longitude = (
            next((file[f'{fields}/{axis}{end}'] for end in ('', '_VNIR') if f'{fields}/{axis}{end}' in file), None)
            for axis in ('Latitude', 'Longitude')
        )
        if latitude is None or longitude is None:
            return {}
        return control_points(latitude, longitude, lines, samples)

    def _read_mask(self, window: Window) -> np.ndarray:
        part = self.parts[0]
        return super()._read_mask(window) & self._array(part, window, part.bands).any(axis=-1)
