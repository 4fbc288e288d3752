"""The page of any scene, without a run."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np

from mmhsi.analysis.init_scene.findings import describe_cube
from mmhsi.analysis.init_scene.found_cube import FoundCube, find_cube
from mmhsi.analysis.init_scene.found_labels import FoundLabels, find_labels, map_arrays, shape_of_map
from mmhsi.analysis.scene_page.data import scene_data, shifted_labels
from mmhsi.analysis.scene_page.page import write_scene_page
from mmhsi.datasets.io import read_labels
from mmhsi.datasets.scenes.cube_view import CubeView
from mmhsi.utils.palette import default_palette


def view_scene(args: argparse.Namespace) -> Path:
    """Write the page described by the arguments.

    Raises:
        OSError: If a file does not exist or cannot be written.
        ValueError: If a file has unexpected content.
    """
    cube = find_cube(
        os.path.abspath(args.scene),
        args.key,
        args.layout,
        None if args.size is None else tuple(args.size),
        shape_of_map(args.maps[0], args.labels_key) if args.maps else None,
        args.wavelengths,
    )
    rgb = None if args.rgb is None else [band - 1 for band in args.rgb]
    if rgb is not None and not all(0 <= band < cube.info.bands for band in rgb):
        raise ValueError(f'--rgb {" ".join(map(str, args.rgb))}: the scene has the bands 1 to {cube.info.bands}')
    paths = args.maps or ([args.scene] if args.labels_key else [])
    maps = {Path(path).stem: find_labels(os.path.abspath(path), cube.info, args.labels_key) for path in paths}
    maps = maps or _map_inside(cube)
    codes = sorted({code for found in maps.values() for code in found.counts})
    names = args.classes or [f'class {code}' for code in codes]
    if len(names) != len(codes):
        raise ValueError(f'{len(names)} names of classes are given, but the maps hold {len(codes)}')
    data = scene_data(
        CubeView(cube.source, nodata=cube.nodata, cache=False),
        {title: _classes(found, codes) for title, found in maps.items()},
        names,
        default_palette(len(names)).tolist(),
        rgb,
    )
    name = Path(args.scene).stem
    return write_scene_page(args.out or f'{name}.html', name, data, describe_cube(cube))


def _map_inside(cube: FoundCube) -> dict[str, FoundLabels]:
    """The label map in the file of the cube, if it holds exactly one matrix of its size and that is a label map."""
    path, size = cube.source['path'], cube.info.shape[:2]
    names = list(map_arrays(path, size))
    try:
        return {names[0]: find_labels(path, cube.info, names[0])} if len(names) == 1 else {}
    except ValueError:
        return {}


def _classes(found: FoundLabels, codes: list[int]) -> np.ndarray:
    labels = read_labels(**found.source)
    numbered = labels * 0
    for number, code in enumerate(codes, 1):
        numbered[labels == code] = number
    return shifted_labels(numbered)
