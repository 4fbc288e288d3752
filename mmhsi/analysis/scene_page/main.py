"""The page of any scene, without a run."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from mmhsi.analysis.init_scene.found_cube import find_cube
from mmhsi.analysis.init_scene.found_labels import FoundLabels, find_labels
from mmhsi.analysis.init_scene.main import describe_cube
from mmhsi.analysis.scene_page.data import scene_data, shifted_labels
from mmhsi.analysis.scene_page.page import write_scene_page
from mmhsi.datasets.io import read_labels
from mmhsi.datasets.scenes.cube_view import CubeView
from mmhsi.utils.palette import default_palette


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Write one HTML page about a scene: false colour, label maps, and the spectrum under the pointer. '
        'It needs no network and no server.'
    )
    parser.add_argument('scene', help='file, or folder of a sensor product')
    parser.add_argument('maps', nargs='*', metavar='MAP', help='label or class maps of the same pixels')
    parser.add_argument('-o', '--out', help='HTML file (default: the name of the scene in the current folder)')
    parser.add_argument('--key', help='name of the cube in a file of several arrays')
    parser.add_argument('--labels-key', metavar='KEY', help='name of the map in its file')
    parser.add_argument('--layout', choices=('hwc', 'chw', 'bil', 'cwh', 'whc'), help='axes of the array in the file')
    parser.add_argument('--size', nargs=2, type=int, metavar=('H', 'W'), help='size of an image stored as a pixel list')
    parser.add_argument(
        '--wavelengths', nargs=2, type=float, metavar=('FIRST', 'LAST'), help='nm, of a file that states none'
    )
    parser.add_argument(
        '--rgb', nargs=3, type=int, metavar=('R', 'G', 'B'), help='bands of the false colour, counted from 1'
    )
    parser.add_argument('--classes', nargs='+', metavar='NAME', help='names of the classes, by rising label')
    return parser.parse_args(argv)


def view_scene(args: argparse.Namespace) -> Path:
    """Write the page that the arguments describe.

    Raises:
        OSError: If a file is absent or cannot be written.
        ValueError: If a file does not hold what is expected.
    """
    cube = find_cube(
        os.path.abspath(args.scene),
        args.key,
        args.layout,
        None if args.size is None else tuple(args.size),
        None,
        args.wavelengths,
    )
    rgb = None if args.rgb is None else [band - 1 for band in args.rgb]
    if rgb is not None and not all(0 <= band < cube.info.bands for band in rgb):
        raise ValueError(f'--rgb {" ".join(map(str, args.rgb))}: the scene has the bands 1 to {cube.info.bands}')
    maps = {Path(path).stem: find_labels(os.path.abspath(path), cube.info, args.labels_key) for path in args.maps}
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


def _classes(found: FoundLabels, codes: list[int]):
    labels = read_labels(**found.source)
    numbered = labels * 0
    for number, code in enumerate(codes, 1):
        numbered[labels == code] = number
    return shifted_labels(numbered)


def main(argv: list[str] | None = None) -> int:
    """Write the page; returns 0, or 2 if the files do not do."""
    try:
        path = view_scene(parse_args(argv))
    except (OSError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    print(f'wrote {path} ({path.stat().st_size / 1e6:.1f} MB)')
    return 0


if __name__ == '__main__':
    sys.exit(main())
