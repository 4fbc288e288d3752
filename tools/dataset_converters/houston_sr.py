"""Cut the super-resolution data of Houston from the scene of the 2018 IEEE GRSS Data Fusion Contest.

    python tools/dataset_converters/houston_sr.py FullHSIDataset/20170218_UH_CASI_S4_NAD83.pix --out data --scales 4 8

The scene has 4172 x 1202 pixels and 48 bands, followed by two further channels in the file; a scene that is wider than
high is transposed, so that its longer side becomes the rows. The values are divided by their maximum. The first rows
give 8 test images of 256 x 256 pixels. The rest gives overlapping training patches of 32 x 32 pixels of the small image
(128 at scale 4, 256 at scale 8), half a patch apart, and validation patches: by default from the last rows, a tenth of
the rest, which share no pixel with a training patch; with --val-split random, a tenth of all patches, which overlap
training patches, as in the data of the authors of HyperSIGMA. Small images are made by MATLAB's antialiased bicubic
imresize.

Each scale gets a folder in the layout of the official code, with a folder of validation patches next to it:

    houston_x4/trains/*.mat  houston_x4/evals/*.mat   gt (128, 128, 48), ms (32, 32, 48), ms_bicubic (128, 128, 48)
    houston_x4/houston_test.mat                       the same keys with the images along the first axis
    houston_x4/settings.json                          what was cut where

All arrays are float32. The stride, the random draw and the validation rows are our choice; the authors do not state
theirs. Other scenes can be cut in the same way with other sizes.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from scipy.io import savemat

from mmhsi.datasets.io import CubeReader, open_cube
from mmhsi.datasets.transforms import BicubicDegradation
from mmhsi.utils.command_line import run_tool
from mmhsi.utils.progress import progress_bar
from mmhsi.utils.tiling import TileGrid

NAMES = {'gt': 'gt', 'img': 'ms', 'enlarged': 'ms_bicubic'}
_BLOCK = 2**25  # values read at a time to find the maximum


@dataclass
class Settings:
    """Settings of the cutting.

    Args:
        scale (int): Factor between the images.
        patch (int): Side of a training patch in pixels of the small image.
        test_size (int): Side of a test image in pixels of the scene.
        test_count (int): Number of test images.
        bands (int): The first bands of the file are used.
        divisor (float, optional): Divisor of the values. By default the maximum of the scene.
        val (float): Fraction of the rest that is used for validation.
        val_split (str): 'rows' or 'random'.
        seed (int): Seed of the random validation patches.
    """

    scale: int
    patch: int = 32
    test_size: int = 256
    test_count: int = 8
    bands: int = 48
    divisor: float | None = None
    val: float = 0.1
    val_split: str = 'rows'
    seed: int = 0


class TallScene:
    """The used bands of a scene with its longer side as rows, divided by a number; windows are read on demand."""

    def __init__(self, reader: CubeReader, bands: int) -> None:
        if reader.info.bands < bands:
            raise ValueError(f'{reader.path}: {bands} bands are to be used, but the file has {reader.info.bands}')
        self.reader = reader
        self.bands = range(bands)
        self.transposed = reader.info.width > reader.info.height
        self.height, self.width = sorted(reader.info.shape[:2], reverse=True)
        self.divisor = 1.0

    def window(self, top: int, left: int, height: int, width: int) -> np.ndarray:
        """A window (height, width, bands), float32.

        Raises:
            ValueError: If it holds NaN, infinity or the nodata value of the file.
        """
        if self.transposed:
            values = self.reader.read((left, top, width, height), self.bands).swapaxes(0, 1)
        else:
            values = self.reader.read((top, left, height, width), self.bands)
        nodata = self.reader.info.nodata
        if not np.isfinite(values).all() or (nodata is not None and (values == nodata).any()):
            raise ValueError(
                f'{self.reader.path}: the window of {height} x {width} pixels at row {top}, column {left} '
                f'holds NaN, infinity or no data ({nodata})'
            )
        return np.ascontiguousarray(values, np.float32) / np.float32(self.divisor)

    def maximum(self) -> float:
        """Largest value of the used bands."""
        rows = max(1, _BLOCK // (self.width * len(self.bands)))
        return max(
            float(self.window(top, 0, min(rows, self.height - top), self.width).max())
            for top in range(0, self.height, rows)
        )


Areas = dict[str, list[tuple[int, int]]]


def plan(height: int, width: int, settings: Settings) -> tuple[Areas, int]:
    """Corners (top, left) of the training ('trains'), validation ('evals') and 'test' images, and the patch size.

    Args:
        height (int): Rows of the scene.
        width (int): Columns of the scene.
        settings (Settings): Settings of the cutting.

    Raises:
        ValueError: If a size is not a multiple of the scale, the scene is too small, or nothing is left for validation.
    """
    size, patch = settings.test_size, settings.patch * settings.scale
    if size % settings.scale:
        raise ValueError(f'test images of {size} pixels cannot be reduced by {settings.scale}: choose a multiple')
    per_row = min(width // size, settings.test_count)
    test_rows = math.ceil(settings.test_count / per_row) * size if per_row else math.inf
    if test_rows + patch > height or patch > width:
        raise ValueError(
            f'a scene of {height} x {width} pixels is too small for {settings.test_count} test images of '
            f'{size} pixels and training patches of {patch} below them'
        )
    test = [(index // per_row * size, index % per_row * size) for index in range(settings.test_count)]

    def corners(first: int, last: int, overlap: int) -> list[tuple[int, int]]:
        return [(first + top, left) for top, left in TileGrid(patch, overlap).positions(last - first, width).tolist()]

    if not 0 < settings.val < 1:
        raise ValueError(f'the part for validation must lie in (0, 1), not {settings.val}')
    if settings.val_split == 'random':
        every = corners(test_rows, height, patch // 2)
        order = np.random.default_rng(settings.seed).permutation(len(every))
        count = round(settings.val * len(every))
        held = set(order[:count].tolist())
        trains, evals = [
            [corner for index, corner in enumerate(every) if (index in held) == wanted] for wanted in (False, True)
        ]
    else:
        val_rows = max(math.ceil(settings.val * (height - test_rows)), patch)
        border = height - val_rows
        if border - test_rows < patch:
            raise ValueError(
                f'of {height - test_rows} rows that are not for the test, {val_rows} are for validation: '
                f'no training patch of {patch} pixels is left'
            )
        trains, evals = corners(test_rows, border, patch // 2), corners(border, height, 0)
    if not trains or not evals:
        raise ValueError(
            f'{len(trains)} patches for training and {len(evals)} for validation: the scene of {height} x '
            f'{width} pixels has too few'
        )
    return dict(trains=trains, evals=evals, test=test), patch


def convert(
    scene: str | Path, out: str | Path, settings: Settings, key: str | None = None, overwrite: bool = False
) -> Path:
    """Write the images of one scale.

    Args:
        scene (str | Path): The scene, in any format that :func:`mmhsi.datasets.open_cube` reads.
        out (str | Path): Folder in which ``houston_x<scale>`` is created.
        settings (Settings): Settings of the cutting.
        key (str, optional): Name of the array in a file that holds several.
        overwrite (bool): Whether existing images are removed first. Defaults to False.

    Returns:
        Path: The folder of the scale.

    Raises:
        FileExistsError: If it already contains images.
        ValueError: If the scene is too small, has too few bands, or has gaps where an image is cut.
    """
    folder = Path(out) / f'houston_x{settings.scale}'
    old = [*folder.glob('trains/*.mat'), *folder.glob('evals/*.mat'), *folder.glob('houston_test.mat')]
    if old and not overwrite:
        raise FileExistsError(f'{folder} holds {len(old)} files of images already; --overwrite replaces them')
    degrade = BicubicDegradation(settings.scale)
    with open_cube(scene, key) as reader:
        cube = TallScene(reader, settings.bands)
        areas, patch = plan(cube.height, cube.width, settings)
        largest = cube.maximum()
        cube.divisor = largest if settings.divisor is None else settings.divisor
        if not cube.divisor > 0:
            raise ValueError(f'{reader.path}: the values are to be divided by {cube.divisor}')
        if largest > cube.divisor:
            warnings.warn(
                f'{reader.path}: values reach {largest / cube.divisor:.4g} after the division by '
                f'{cube.divisor}; the scores take them for [0, 1]',
                stacklevel=2,
            )
        for path in old:
            path.unlink()

        def images(corner: tuple[int, int], size: int) -> dict[str, np.ndarray]:
            made = degrade({'gt': cube.window(*corner, size, size)})
            return {name: made[key] for key, name in NAMES.items()}

        for subset in ('trains', 'evals'):
            (folder / subset).mkdir(parents=True, exist_ok=True)
            for number, corner in enumerate(progress_bar(areas[subset], subset, 'patches', after=2.0), start=1):
                _save(folder / subset / f'{number:04}.mat', images(corner, patch))
        tests = [images(corner, settings.test_size) for corner in areas['test']]
        _save(folder / 'houston_test.mat', {name: np.stack([test[name] for test in tests]) for name in NAMES.values()})
        record = {
            **asdict(settings),
            'scene': os.path.basename(scene),
            'divisor': cube.divisor,
            'transposed': cube.transposed,
            'corners': areas,
        }
    (folder / 'settings.json').write_text(json.dumps(record) + '\n', encoding='utf-8')
    return folder


def _save(path: Path, arrays: dict[str, np.ndarray]) -> None:
    # written to a temporary file and moved, so that an interrupted run leaves no incomplete file
    part = path.with_suffix('.part')
    with part.open('wb') as file:
        savemat(file, arrays)
    os.replace(part, path)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('scene', help='file of the scene')
    parser.add_argument(
        '--out', default=os.environ.get('MMHSI_DATA', 'data'), help='folder to write to (default: $MMHSI_DATA, or data)'
    )
    parser.add_argument('--scales', type=int, nargs='+', default=[4, 8])
    parser.add_argument('--key', help='name of the array in a file that holds several')
    parser.add_argument('--bands', type=int, default=48, help='number of bands, the first of the file (default: 48)')
    parser.add_argument('--patch', type=int, default=32, help='side of a small training patch (default: 32)')
    parser.add_argument('--test-size', type=int, default=256, help='side of a test image (default: 256)')
    parser.add_argument('--test-count', type=int, default=8, help='number of test images (default: 8)')
    parser.add_argument('--divisor', type=float, help='divisor of the values (default: their maximum)')
    parser.add_argument('--val', type=float, default=0.1, help='fraction for validation (default: 0.1)')
    parser.add_argument('--val-split', choices=('rows', 'random'), default='rows')
    parser.add_argument('--seed', type=int, default=0, help='seed of random validation patches (default: 0)')
    parser.add_argument('--overwrite', action='store_true', help='replace existing images')
    args = parser.parse_args(argv)
    options = {
        name: getattr(args, name)
        for name in ('patch', 'test_size', 'test_count', 'bands', 'divisor', 'val', 'val_split', 'seed')
    }
    for scale in args.scales:
        folder = convert(args.scene, args.out, Settings(scale, **options), args.key, args.overwrite)
        counts = {subset: len(list((folder / subset).glob('*.mat'))) for subset in ('trains', 'evals')}
        print(
            f'wrote {folder}: {counts["trains"]} training and {counts["evals"]} validation patches, '
            f'{args.test_count} test images'
        )


if __name__ == '__main__':
    run_tool(main)
