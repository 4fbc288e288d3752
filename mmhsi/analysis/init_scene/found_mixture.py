"""Inspect a file for unmixing: the abundances and endmembers that it holds besides the cube."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mmhsi.analysis.init_scene.found_cube import FoundCube, array_list
from mmhsi.datasets.io.spectra_arrays import open_listing
from mmhsi.datasets.scenes.cube_source import CubeSource
from mmhsi.datasets.scenes.unmixing_truth import read_abundances

_MOST = 30  # endmembers that a scene is expected to have
_FITTED_PIXELS = 4000
_OFF_ONE = 0.05  # of the sum of the abundances of most pixels


def find_abundances(path: str, cube: FoundCube, key: str | None = None) -> dict | None:
    """Arguments of the true abundances that a file holds; None if no array looks like them.

    An array counts if it has the pixels of the cube, few maps, no value far outside 0 to 1, and sums of about 1. Where
    its axes leave a choice, that order counts in which the abundances follow best from the spectra of the cube.
    """
    size = cube.info.shape[:2]
    for name, item in array_list(path).items():
        if not item.numeric or (key is not None and name != key) or name == cube.source.get('key'):
            continue
        layouts = _layouts(item.shape, size)
        if not layouts:
            continue
        maps = {layout: read_abundances(path, name or None, layout, size) for layout in layouts}
        first = maps[layouts[0]]
        looks_right = first.min() > -_OFF_ONE and np.median(np.abs(first.sum(axis=0) - 1)) < _OFF_ONE
        if key is not None or (looks_right and len(first) <= _MOST):
            return dict(path=path, key=name, layout=_that_fits(maps, cube))
    return None


def _layouts(shape: tuple[int, ...], size: tuple[int, int]) -> list[str]:
    """The orders of the axes that make maps of this size of an array."""
    if len(shape) == 3:
        axes = dict(hwp=shape[:2], whp=shape[1::-1], phw=shape[1:], pwh=shape[:0:-1])
        return [layout for layout, found in axes.items() if tuple(found) == size]
    pixels = size[0] * size[1]
    if len(shape) != 2 or pixels not in shape:
        return []
    return ['pwh', 'phw'] if shape[1] == pixels else ['whp', 'hwp']


def _that_fits(maps: Mapping[str, np.ndarray], cube: FoundCube) -> str:
    """The order in which the abundances are best explained by the spectra, by linear least squares."""
    if len(maps) == 1:
        return next(iter(maps))
    source = CubeSource(cube.source)
    values, _ = source.read()
    source.close()
    pixels = values.reshape(-1, values.shape[-1])
    step = -(-len(pixels) // _FITTED_PIXELS)
    spectra = np.column_stack([pixels[::step].astype(np.float64), np.ones(len(pixels[::step]))])

    def misfit(found: np.ndarray) -> float:
        truth = found.reshape(len(found), -1).T[::step]
        return float(np.square(truth - spectra @ np.linalg.lstsq(spectra, truth, rcond=None)[0]).sum())

    return min(maps, key=lambda layout: misfit(maps[layout]))


def find_endmembers(path: str, cube: FoundCube, number: int | None, taken: tuple[str, ...] = ()) -> dict | None:
    """Arguments of the true endmembers that a file holds; None if not exactly one array looks like them."""
    fitting = []
    for name, item in array_list(path).items():
        if not item.numeric or len(item.shape) != 2 or name in (cube.source.get('key'), *taken):
            continue
        bands, others = cube.info.bands, set(item.shape)
        if bands in others:
            count = item.shape[0] if item.shape[1] == bands else item.shape[1]
            if 1 < count <= _MOST and number in (None, count):
                fitting.append(dict(path=path, key=name, layout='columns' if item.shape[0] == bands else 'rows'))
    return fitting[0] if len(fitting) == 1 else None


def number_of_maps(source: dict, size: tuple[int, int]) -> int:
    """Number of the abundance maps of a source."""
    return len(read_abundances(**source, shape=size))


def number_of_spectra(source: dict) -> int:
    """Number of the spectra of a source of endmembers."""
    with open_listing(source['path']) as listing:
        shape = listing.variables[source['key']].shape
    return shape[1] if source['layout'] == 'columns' else shape[0]
