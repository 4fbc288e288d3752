"""Reading abundances, endmembers and their names from the files of unmixing datasets."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import scipy.io
from mmengine.logging import print_log

from mmhsi.datasets.io import CubeReadError, read_cube, read_spectra

LAYOUTS = ('phw', 'pwh', 'hwp', 'whp')
# largest deviations of sums from 1 and of abundances below 0 that rounding can explain
_TOLERANCE = 1e-3


def read_maps(
    path: str,
    key: str | None = None,
    layout: str = 'phw',
    size: tuple[int, int] | None = None,
    what: str = 'abundances',
) -> np.ndarray:
    """Read maps stored in one array of a file: abundances, or the bands of a cube stored as a list of pixels.

    Args:
        path (str): A file of any format of :func:`mmhsi.datasets.io.read_cube`.
        key (str, optional): Name of the array in a file that holds several.
        layout (str): Order of the axes: 'phw' (maps, rows, columns), 'pwh', 'hwp' or 'whp'. A matrix (P, N) holds one
            row for each map, its pixels row by row with 'phw', column by column, as MATLAB has them, with 'pwh'; a
            matrix (N, P) one row for each pixel, 'hwp' or 'whp'. Defaults to 'phw'.
        size (tuple[int, int], optional): Height H and width W of the maps. By default that of the array; a matrix needs
            it.
        what (str): Name of the maps in messages. Defaults to 'abundances'.

    Returns:
        np.ndarray: (P, H, W), in the type of the file.

    Raises:
        FileNotFoundError: If there is no such file.
        CubeReadError: If the file is damaged or holds no such array, or it has other axes or another size.
        ValueError: If the layout is unknown.
    """
    if layout not in LAYOUTS:
        raise ValueError(f'{path}: layout {layout!r} of the {what}, expected one of {", ".join(map(repr, LAYOUTS))}')
    values = read_cube(path, key, 'hwc')[0]  # the axes as stored; a matrix gets a third one
    if values.shape[-1] == 1:  # a matrix: a list of pixels
        values = values[..., 0] if layout[0] == 'p' else values[..., 0].T
        if size is None or values.shape[1] != size[0] * size[1]:
            shape = values.shape if layout[0] == 'p' else values.shape[::-1]
            raise CubeReadError(f'{path}: {_matrix_problem(shape, layout, size, what)}')
        values = values.reshape(len(values), *(size if layout in ('phw', 'hwp') else size[::-1]))
    elif layout[-1] == 'p':
        values = np.moveaxis(values, -1, 0)
    maps = values.transpose(0, 2, 1) if layout in ('pwh', 'whp') else values
    if size is not None and maps.shape[1:] != tuple(size):
        raise CubeReadError(
            f'{path}: the {what} have {maps.shape[1]} x {maps.shape[2]} pixels with layout {layout!r}, '
            f'expected {size[0]} x {size[1]}'
        )
    return maps


def _matrix_problem(shape: tuple[int, int], layout: str, size: tuple[int, int] | None, what: str) -> str:
    """Why a matrix is not a list of the pixels of an image, and what would make it one."""
    text = f'the {what} have the shape {shape}'
    if size is None:
        return f'{text}, a list of pixels: give the size of the image, size=(rows, columns)'
    by_row, other = ('a row', 'a column') if layout[0] == 'p' else ('a column', 'a row')
    text += f', expected {by_row} of {size[0]} x {size[1]} pixels each with layout {layout!r}'
    if size[0] * size[1] in shape:
        swapped = {'phw': 'hwp', 'pwh': 'whp', 'hwp': 'phw', 'whp': 'pwh'}[layout]
        text += f'; {other} has as many: layout {swapped!r}'
    return text


def read_abundances(
    path: str,
    key: str | None = None,
    layout: str = 'phw',
    shape: tuple[int, int] | None = None,
    size: tuple[int, int] | None = None,
    window: tuple[int, int, int, int] | None = None,
) -> np.ndarray:
    """Read true abundances, also for a scene that is a window of the scene of the file.

    Args:
        path (str): The file.
        key (str, optional): Name of the array.
        layout (str): See :func:`read_maps`. Defaults to 'phw'.
        shape (tuple[int, int], optional): Height and width of the scene.
        size (tuple[int, int], optional): Those of the maps of the file. Defaults to ``shape``.
        window (tuple[int, int, int, int], optional): (top, left, height, width) of the scene in the maps.

    Returns:
        np.ndarray: float64 (P, H, W).

    Raises:
        FileNotFoundError: If there is no such file.
        CubeReadError: If the file holds no such array, or its size differs.
    """
    maps = read_maps(path, key, layout, size or shape).astype(np.float64)
    if window is not None:
        top, left, height, width = window
        if min(top, left) < 0 or top + height > maps.shape[1] or left + width > maps.shape[2]:
            raise CubeReadError(
                f'{path}: the window {tuple(window)} lies outside the abundances of {maps.shape[1]} x '
                f'{maps.shape[2]} pixels'
            )
        maps = maps[:, top : top + height, left : left + width]
    if shape is not None and maps.shape[1:] != tuple(shape):
        raise CubeReadError(
            f'{path}: the abundances have {maps.shape[1]} x {maps.shape[2]} pixels, expected '
            f'{shape[0]} x {shape[1]}, as the scene has'
        )
    return maps


def read_endmembers(path: str, key: str | None = None, layout: str = 'columns') -> np.ndarray:
    """Read endmembers.

    Args:
        path (str): A file of any format of :func:`mmhsi.datasets.io.read_spectra`.
        key (str, optional): Name of the array.
        layout (str): 'columns' (C, P), as usual in unmixing files, or 'rows' (P, C). Defaults to 'columns'.

    Returns:
        np.ndarray: float64 (P, C).

    Raises:
        FileNotFoundError: If there is no such file.
        CubeReadError: If the file holds no spectra.
    """
    library = read_spectra(path, key, layout)
    if not library.complete:
        raise CubeReadError(f'{path}: channels of the spectra were deleted, expected a value for each band')
    return library.values


def read_names(path: str, key: str) -> tuple[str, ...]:
    """Read the names of endmembers: a cell array of a MATLAB file up to version 7.

    Raises:
        CubeReadError: If the file does not hold them.
    """
    names = scipy.io.loadmat(path, variable_names=[key], simplify_cells=True).get(key)
    if names is None:
        raise CubeReadError(
            f"{path}: key '{key}' of the names of the endmembers not found; the file holds "
            f'{", ".join(repr(name) for name, *_ in scipy.io.whosmat(path))}'
        )
    return tuple(str(name).strip() for name in np.ravel(names))


def report_abundances(path: str, abundances: np.ndarray, names: Sequence[str]) -> None:
    """Warn of true abundances that are negative or do not sum to one; they are used unchanged.

    Args:
        path (str): The file, for the message.
        abundances (np.ndarray): (P, N) of the pixels that hold data.
        names (Sequence[str]): The P names.
    """
    apart = np.abs(abundances.sum(axis=0) - 1)
    if apart.max(initial=0) > _TOLERANCE:
        print_log(
            f'{path}: the abundances of {np.count_nonzero(apart > _TOLERANCE)} of {apart.size} pixels do not sum '
            f'to one, at most {apart.max():.4f} apart from it',
            'current',
            logging.WARNING,
        )
    lowest = abundances.min(axis=1, initial=0)
    if lowest.min() < -_TOLERANCE:
        print_log(
            f'{path}: {np.count_nonzero(abundances < -_TOLERANCE)} abundances are negative, at least '
            f'{lowest.min():.4f} ({names[lowest.argmin()]!r})',
            'current',
            logging.WARNING,
        )
