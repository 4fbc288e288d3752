"""Write the Indian Pines scene that comes with the package tensorly under its usual file names.

    python tools/dataset_converters/indian_pines.py [--out data/indian_pines]

The scene has 145 x 145 pixels, 200 bands (water absorption removed) and 10 249 labelled pixels of 16 classes. Source:
Baumgardner, Biehl, Landgrebe, 220 Band AVIRIS Hyperspectral Image Data Set: June 12, 1992 Indian Pine Test Site 3,
Purdue University Research Repository, doi:10.4231/R7RX991C (CC BY 3.0).
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
from scipy.io import savemat

from mmhsi.datasets.io import read_cube, read_labels
from mmhsi.utils.command_line import run_tool

CUBE = ('Indian_pines_corrected.mat', 'indian_pines_corrected')
LABELS = ('Indian_pines_gt.mat', 'indian_pines_gt')
CUBE_SHAPE = (145, 145, 200)
CUBE_RANGE = (955, 9604)
LABELLED_PIXELS = (46, 1428, 830, 237, 483, 730, 28, 478, 20, 972, 2455, 593, 205, 1265, 386, 93)


def check_cube(cube: np.ndarray, source: str) -> None:
    """Raise a ValueError that names ``source`` unless the cube is that of Indian Pines."""
    if cube.shape != CUBE_SHAPE:
        raise ValueError(f'{source}: the cube of Indian Pines has the shape {CUBE_SHAPE}, this one {cube.shape}')
    if (cube.min(), cube.max()) != CUBE_RANGE:
        raise ValueError(
            f'{source}: the values of Indian Pines range from {CUBE_RANGE[0]} to {CUBE_RANGE[1]}, these '
            f'from {cube.min()} to {cube.max()}'
        )


def check_labels(labels: np.ndarray, source: str) -> None:
    """Raise a ValueError that names ``source`` unless the labels are those of Indian Pines."""
    if labels.shape != CUBE_SHAPE[:2]:
        raise ValueError(f'{source}: the labels of Indian Pines have the shape {CUBE_SHAPE[:2]}, these {labels.shape}')
    counts = np.bincount(labels.ravel())[1:]
    if not np.array_equal(counts, LABELLED_PIXELS):
        raise ValueError(
            f'{source}: Indian Pines has {LABELLED_PIXELS} pixels of the classes 1 to 16, these labels '
            f'{counts.tolist()}'
        )


def load_from_tensorly() -> tuple[np.ndarray, np.ndarray]:
    """Cube (145, 145, 200) uint16 and labels (145, 145) uint8 of the package tensorly."""
    from tensorly.datasets import load_indian_pines

    scene = load_indian_pines()
    return np.asarray(scene.tensor).astype(np.uint16), np.asarray(scene.ticks[0]).astype(np.uint8)


def convert(out: str | Path) -> list[Path]:
    """Write the two files unless they already exist.

    Args:
        out (str | Path): Folder of the scene; created if missing.

    Returns:
        list[Path]: The files that were written; none if both existed.

    Raises:
        ValueError: If a file of that name exists but is not Indian Pines, or tensorly contains another scene.
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    missing = []
    for index, (name, key) in enumerate((CUBE, LABELS)):
        path = out / name
        if not path.exists():
            missing.append((index, path, key))
        elif index == 0:
            check_cube(read_cube(path, key)[0], str(path))
        else:
            check_labels(read_labels(path, key), str(path))
    if not missing:
        return []
    cube, labels = load_from_tensorly()
    check_cube(cube, 'tensorly')
    check_labels(labels, 'tensorly')
    for index, path, key in missing:
        # Written to a temporary file and moved, so that an interrupted run leaves no incomplete file under the final
        # name.
        part = path.with_suffix('.part')
        with part.open('wb') as file:
            savemat(file, {key: (cube, labels)[index]}, do_compression=True)
        os.replace(part, path)
    return [path for _, path, _ in missing]


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description='Write the Indian Pines scene of the package tensorly as .mat files.')
    parser.add_argument(
        '--out',
        default=os.path.join(os.environ.get('MMHSI_DATA', 'data'), 'indian_pines'),
        help='folder to write to (default: indian_pines in $MMHSI_DATA, or in data/)',
    )
    out = parser.parse_args(argv).out
    written = convert(out)
    for path in written:
        print(f'wrote {path}')
    if not written:
        print(f'{out} holds Indian Pines already')


if __name__ == '__main__':
    run_tool(main)
