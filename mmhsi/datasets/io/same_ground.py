"""Check that two files cover the same ground: cube and labels, two dates, cube and coarse map."""

import logging
from dataclasses import replace

import numpy as np
from mmengine.logging import print_log
from rasterio._err import CPLE_BaseError  # what PROJ raises comes without a public class
from rasterio.crs import CRS
from rasterio.errors import CRSError, RasterioError
from rasterio.warp import transform as warp

from .base import CubeInfo

_TOLERANCE = 0.5  # pixels
_EXACT = 0.05  # pixels; a larger shift is told
_FEWEST_POINTS = 3  # that determine an affine map


def check_same_ground(found: CubeInfo, expected: CubeInfo, what: str) -> None:
    """Compare the size of two files and, if both have one, their georeference.

    The four corners are compared, after a transformation if the coordinate systems differ; they may be half a pixel
    apart, which is told. A file with control points only is compared by the affine map that fits them, and the corners
    may be apart by its largest error in addition; two files with the same control points cover the same ground.

    Args:
        found (CubeInfo): Description of one file.
        expected (CubeInfo): Description of the other one, e.g. the cube.
        what (str): Name of the files in the message, such as 'the two dates'.

    Raises:
        ValueError: If the files differ in size or cover different ground; the message names both and their distance.
    """
    if found.shape[:2] != expected.shape[:2]:
        raise ValueError(
            f'{what} must have the same pixels: {expected.path} has {expected.height} x {expected.width}, '
            f'{found.path} has {found.height} x {found.width}'
        )
    if found.gcps and found.gcps == expected.gcps and found.gcps_crs == expected.gcps_crs:
        return
    (found, misfit), (expected, other_misfit) = _with_transform(found), _with_transform(expected)
    if found.transform is None or expected.transform is None:
        return
    tolerance = _TOLERANCE + misfit + other_misfit
    columns, rows = np.array([[0, 0], [found.width, 0], [0, found.height], [found.width, found.height]], float).T
    x, y = _places(found, columns, rows)
    systems = [system for info in (found, expected) if (system := _system(info)) is not None]
    if len(systems) == 2 and systems[0] != systems[1]:
        names = ' and '.join(
            system.to_string() if len(system.to_string()) < 40 else (system.to_wkt().split('"')[1])
            for system in systems
        )
        try:
            x, y = map(np.asarray, warp(*systems, x, y))
        except (RasterioError, CPLE_BaseError) as failure:
            raise ValueError(
                f'{what} must lie on the same ground: {found.path} and {expected.path} have the '
                f'coordinate systems {names} without a transformation between them: {failure}'
            ) from failure
    else:
        names = ''
    # from coordinates back to columns and rows of the other file
    a, b, c, d, e, f = expected.transform
    back = np.linalg.inv(np.array([[a, b], [d, e]])) @ np.stack([x - c, y - f])
    shift = back - np.stack([columns, rows])
    if not np.isfinite(shift).all() or np.abs(shift).max() > tolerance:
        right, down = shift[:, 0]
        turned = np.ptp(shift, axis=1).max() > tolerance
        how = (
            'their pixels have another size or direction'
            if turned
            else f'it lies {abs(right):.4g} pixels to the {"right" if right > 0 else "left"} and {abs(down):.4g} '
            f'{"below" if down > 0 else "above"}'
        )
        systems_differ = f'; the coordinate systems are {names}' if names else ''
        raise ValueError(
            f'{what} must lie on the same ground: {found.path} has the transform {_shown(found)}, '
            f'{expected.path} has {_shown(expected)}: {how}{systems_differ}'
        )
    if np.abs(shift).max() > _EXACT + misfit + other_misfit:
        print_log(
            f'{what}: the corners of {found.path} and {expected.path} lie up to {np.abs(shift).max():.2g} pixels '
            'apart; less than half a pixel counts as the same ground',
            'current',
            logging.WARNING,
        )


def _with_transform(info: CubeInfo) -> tuple[CubeInfo, float]:
    """The description with the affine map that fits its control points, if it has only these, and the largest error of
    the map at one of them in pixels."""
    if info.transform is not None or len(info.gcps or ()) < _FEWEST_POINTS:
        return info, 0.0
    rows, columns, x, y, _ = np.array(info.gcps).T
    pixels = np.stack([columns, rows, np.ones(len(rows))], axis=1)
    (a, d), (b, e), (c, f) = np.linalg.lstsq(pixels, np.stack([x, y], axis=1), rcond=None)[0]
    if np.linalg.matrix_rank(pixels) < _FEWEST_POINTS or a * e == b * d:  # the points lie on a line
        return info, 0.0
    apart = np.linalg.inv(np.array([[a, b], [d, e]])) @ np.stack([x - c, y - f]) - pixels.T[:2]
    placed = replace(info, transform=(a, b, c, d, e, f), crs=info.gcps_crs)
    return placed, float(np.abs(apart).max())


def overlap(first: CubeInfo, second: CubeInfo) -> int:
    """Number of pixels of the first file that the second covers too, 0 if their places are not known or compared.

    Files in different coordinate systems are not compared.

    Args:
        first (CubeInfo): What one file says about itself.
        second (CubeInfo): What the other says.

    Returns:
        int: The number, of the rectangle around both where the second is turned.
    """
    systems = [_system(info) for info in (first, second)]
    if first.transform is None or second.transform is None or None in systems or systems[0] != systems[1]:
        return 0
    columns, rows = np.array([[0, 0], [second.width, 0], [0, second.height], [second.width, second.height]], float).T
    x, y = _places(second, columns, rows)
    a, b, c, d, e, f = first.transform
    back = np.linalg.inv(np.array([[a, b], [d, e]])) @ np.stack([x - c, y - f])
    lowest, highest = back.min(axis=1), back.max(axis=1)
    sides = np.minimum(highest, [first.width, first.height]) - np.maximum(lowest, 0)
    return int(np.prod(np.floor(np.maximum(sides, 0) + _TOLERANCE)))


def _places(info: CubeInfo, columns: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    assert info.transform is not None
    a, b, c, d, e, f = info.transform
    return a * columns + b * rows + c, d * columns + e * rows + f


def _system(info: CubeInfo) -> CRS | None:
    try:
        return None if info.crs is None else CRS.from_wkt(info.crs)
    except CRSError:
        return None


def _shown(info: CubeInfo) -> str:
    return '(' + ', '.join(f'{value:.10g}' for value in info.transform or ()) + ')'
