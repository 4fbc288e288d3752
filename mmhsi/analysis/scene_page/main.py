"""The command ``mmhsi view``: the page of any scene."""

from __future__ import annotations

import argparse
import sys

_DESCRIPTION = """Write one HTML page about a scene: false colour, label maps, and the spectrum under the pointer.

    mmhsi view cube.tif labels.tif
    mmhsi view scene.mat --key cube --wavelengths 400 700 -o scene.html

The page needs no network and no server."""


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('scene', help='file, or folder of a sensor product')
    parser.add_argument(
        'maps', nargs='*', metavar='MAP', help='label or class maps of the same pixels (default: the one in the file)'
    )
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
    parser.add_argument('--classes', nargs='+', metavar='NAME', help='names of the classes, by ascending label')
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Write the page; returns 0, or 2 if the files are not suitable."""
    args = parse_args(argv)
    from mmhsi.analysis.scene_page.view import view_scene

    try:
        path = view_scene(args)
    except (OSError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    print(f'wrote {path} ({path.stat().st_size / 1e6:.1f} MB)')
    return 0


if __name__ == '__main__':
    sys.exit(main())
