"""Tests of the check that two files lie on the same ground."""

from dataclasses import replace

import numpy as np
import pytest
from rasterio.crs import CRS
from rasterio.warp import transform

from mmhsi.datasets.io import CubeInfo
from mmhsi.datasets.io.same_ground import check_same_ground

UTM32, UTM33 = (CRS.from_epsg(code).to_wkt() for code in (32632, 32633))
CUBE = CubeInfo('cube.tif', 'raster', 60, 70, 5, np.dtype('f4'), crs=UTM32, transform=(30.0, 0.0, 5e5, 0.0, -30.0, 5e6))


def moved(columns=0.0, rows=0.0, **changes):
    a, b, c, d, e, f = CUBE.transform
    return replace(CUBE, **{'path': 'labels.tif', 'transform': (a, b, c + a * columns, d, e, f + e * rows), **changes})


@pytest.mark.parametrize(
    'other',
    [
        moved(),
        moved(0.4, -0.4),
        moved(100, 100, transform=None),
        moved(crs=None),
        moved(crs=CRS.from_epsg(32632).to_wkt(version='WKT1_ESRI')),
    ],
)
def test_same_ground_passes(other):
    assert check_same_ground(other, CUBE, 'the label map and the cube') is None  # raises no error


def test_less_than_half_a_pixel_is_told(log):
    check_same_ground(moved(0.01, 0.01), CUBE, 'the two files')
    assert not log.text
    check_same_ground(moved(0.4, -0.1), CUBE, 'the two files')
    assert 'the two files: the corners of labels.tif and cube.tif lie up to 0.4 pixels apart' in log.text


@pytest.mark.parametrize(
    'other, message',
    [
        (moved(10, -10), 'it lies 10 pixels to the right and 10 above'),
        (moved(0, 0.6), 'it lies 0 pixels to the left and 0.6 below'),
        (moved(transform=(30.0, 0.0, 5e5, 0.0, 30.0, 5e6 - 1800)), 'their pixels have another size or direction'),
        (moved(transform=(30.5, 0.0, 5e5, 0.0, -30.5, 5e6)), 'their pixels have another size or direction'),
        (moved(crs=UTM33), 'the coordinate systems are EPSG:32633 and EPSG:32632'),
        (moved(height=61), 'must have the same pixels: cube.tif has 60 x 70, labels.tif has 61 x 70'),
    ],
)
def test_other_ground_is_named(other, message):
    with pytest.raises(ValueError, match=f'the two files .*{message}') as error:
        check_same_ground(other, CUBE, 'the two files')
    assert 'cube.tif' in str(error.value) and 'labels.tif' in str(error.value)


def points(shift=0.0, bend=0.0):
    """Control points of the cube's corners and centre, some pixels to the right, the centre bent down."""
    places = ((0, 0), (0, 70), (60, 0), (60, 70), (30, 35))
    return tuple(
        (float(row), float(column), 5e5 + 30 * (column + shift), 5e6 - 30 * (row + bend * (row == 30)), 0.0)
        for row, column in places
    )


def test_control_points_are_compared_by_the_map_that_fits_them():
    swath = moved(transform=None, crs=None, gcps=points(), gcps_crs=UTM32)
    check_same_ground(swath, CUBE, 'files')
    check_same_ground(moved(transform=None, gcps=points(bend=2), gcps_crs=UTM32), CUBE, 'files')
    for bend in (0, 2):
        with pytest.raises(ValueError, match='files must lie on the same ground'):
            check_same_ground(moved(transform=None, gcps=points(100, bend), gcps_crs=UTM32), CUBE, 'files')
    check_same_ground(swath, replace(swath, path='cube.tif'), 'files')


def test_a_place_that_the_other_system_does_not_know():
    with pytest.raises(ValueError, match='without a transformation between them'):
        check_same_ground(moved(crs=CRS.from_epsg(4326).to_wkt()), CUBE, 'files')


def test_one_place_in_two_coordinate_systems_passes():
    corners = transform(CRS.from_wkt(UTM32), CRS.from_epsg(32632), [5e5, 5e5 + 30], [5e6, 5e6 - 30])
    (left, right), (top, bottom) = corners
    other = moved(crs='EPSG:32632', transform=(right - left, 0.0, left, 0.0, bottom - top, top))
    assert check_same_ground(other, CUBE, 'files') is None  # raises no error
