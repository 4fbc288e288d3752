r"""Cut the denoising data from the Washington DC Mall image: training patches, validation patches, noisy test files.

    python tools/dataset_converters/wdc.py data/wdc/dc.tif
    python tools/dataset_converters/wdc.py data/wdc/dc.tif --reference --out data/wdc_official

The configs of configs/denoising need none of this, except for the _official ones: they cut crops from dc.tif during
training. Output in the folder --out:

- train/ and val/, stores of clean patches of 64 x 64 pixels (patches.npy and patches.json), which PatchDataset reads.
  Patches are cut out of the scene at the scales 1, 0.5 and 0.25 with strides of 16, 8 and 8 pixels;
- test/Case1 .. Case5/test.mat, the test area with the noise of a case: 'input' and 'gt', (bands, rows, columns);
- Patch_Cases/Case1 .. Case5/1.mat .. 9.mat, these files cut into squares of 64 pixels, row by row.

Each band is clipped to its percentiles 2 and 98 of the training areas and scaled to [0, 1]; the test noise is drawn by
--seed. With --reference the data are made like the published ones: all training rows are used for training, and val/ is
not written; percentiles are computed over all training parts together, and separately for the test area; each training
part is then scaled to [0, 1] as a whole; each training patch is rotated or flipped once at random, and half of them
have their bands in reverse order; test noise is drawn on 200 x 200 pixels, of which 192 x 192 are kept. The published
test files were drawn without a seed, so these are of the same kind, but not identical.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from scipy.io import savemat

from mmhsi.datasets import NOISE_CASES, CropDataset, NoiseChain, PercentileScale, RandomDihedral, Scene, write_patches
from mmhsi.datasets.splits.areas import Area, check_areas
from mmhsi.utils.command_line import run_tool
from mmhsi.utils.progress import progress_bar
from mmhsi.utils.tiling import TileGrid

TRAIN, VAL, TEST = ((0, 0, 600, 307), (800, 0, 416, 307)), ((1216, 0, 64, 307),), (600, 50, 192, 192)
REFERENCE_TRAIN, REFERENCE_TEST = ((0, 0, 600, 307), (800, 0, 480, 307)), (600, 50, 200, 200)
SCALES, STRIDES = (1.0, 0.5, 0.25), (16, 8, 8)


def parse_area(text: str) -> Area:
    """Parse an area 'top,left,height,width'."""
    try:
        top, left, height, width = (int(value) for value in text.split(','))
    except ValueError:
        raise argparse.ArgumentTypeError(f'{text!r}, expected TOP,LEFT,HEIGHT,WIDTH') from None
    return top, left, height, width


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('image', help='dc.tif, or another scene with --train, --val and --test')
    parser.add_argument('--out', help='folder to write to (default: that of the image)')
    parser.add_argument('--reference', action='store_true', help='make the data like the published ones')
    parser.add_argument('--num-bands', type=int, default=191, help='bands that the image must have (default: 191)')
    area = dict(type=parse_area, metavar='TOP,LEFT,HEIGHT,WIDTH')
    parser.add_argument('--train', nargs='+', help='training areas', **area)
    parser.add_argument('--val', nargs='*', help='validation areas', **area)
    parser.add_argument('--test', help='test area', **area)
    parser.add_argument('--size', type=int, default=64, help='side of a patch in pixels (default: 64)')
    parser.add_argument('--scales', type=float, nargs='+', default=SCALES, help='scales (default: 1 0.5 0.25)')
    parser.add_argument('--strides', type=int, nargs='+', default=STRIDES, help='strides (default: 16 8 8)')
    parser.add_argument('--cases', type=int, nargs='*', default=[1, 2, 3, 4, 5], help='noise cases (default: all)')
    parser.add_argument('--seed', type=int, default=0, help='seed of noise and augmentation (default: 0)')
    args = parser.parse_args(argv)
    args.train = args.train or (REFERENCE_TRAIN if args.reference else TRAIN)
    args.val = (() if args.reference else VAL) if args.val is None else args.val
    args.test = args.test or (REFERENCE_TEST if args.reference else TEST)
    return args


def scaled(cube: np.ndarray, areas: Sequence[Area], fit_on: Sequence[Area]) -> list[np.ndarray]:
    """Areas (h, w, C) of a cube after percentile scaling fitted to other areas of it."""
    parts = [cube[top : top + rows, left : left + cols].reshape(-1, cube.shape[-1]) for top, left, rows, cols in fit_on]
    scale = PercentileScale()
    scale.bind(cube.shape[-1], None)
    scale.fit(np.concatenate(parts))
    return [scale(cube[top : top + rows, left : left + cols]) for top, left, rows, cols in areas]


def patches(parts: Sequence[np.ndarray], args: argparse.Namespace, augment: bool) -> Iterator[np.ndarray]:
    """Patches (size, size, C) of all parts, one after the other."""
    pose = RandomDihedral(keys=('gt',), reverse_prob=0.5)
    for part in parts:
        crops = CropDataset(Scene(part), None, args.size, args.strides, args.scales)
        for sample in progress_bar(crops, 'cutting', 'patches', total=len(crops), after=2.0):
            yield pose(sample)['gt'] if augment else sample['gt']


def write_mat(path: Path, **arrays: np.ndarray) -> None:
    """Write arrays (H, W, C) as (C, H, W), atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f'.{path.name}.part')
    with part.open('wb') as stream:
        savemat(stream, {key: np.moveaxis(array, -1, 0).astype(np.float32) for key, array in arrays.items()})
    os.replace(part, path)


def write_tests(out: Path, clean: np.ndarray, args: argparse.Namespace) -> None:
    """Write the test area with the noise of each case, whole and in squares."""
    height, width = (side // args.size * args.size for side in clean.shape[:2])
    for case in args.cases:
        noisy = NoiseChain(f'case{case}', seed=args.seed)(dict(img=clean))['img']
        noisy, kept = noisy[:height, :width], clean[:height, :width]
        write_mat(out / f'test/Case{case}/test.mat', input=noisy, gt=kept)
        corners = TileGrid(args.size, layout='inside').positions(height, width).tolist()
        for number, (top, left) in enumerate(progress_bar(corners, f'case {case}', 'patches', after=2.0), 1):
            square = slice(top, top + args.size), slice(left, left + args.size)
            write_mat(out / f'Patch_Cases/Case{case}/{number}.mat', input=noisy[square], gt=kept[square])


def convert(args: argparse.Namespace) -> dict[str, int]:
    """Write all files; returns the numbers of patches.

    Raises:
        ValueError: If the image does not have the bands or the areas, or if these contain pixels without data.
    """
    unknown = [case for case in args.cases if f'case{case}' not in NOISE_CASES]
    if unknown:
        raise ValueError(f'--cases {unknown[0]}: the cases are 1 to {len(NOISE_CASES)}')
    scene = Scene(args.image, num_bands=args.num_bands)
    cube = scene.window(0, 0, scene.height, scene.width)
    for area in check_areas([*args.train, *args.val, args.test], scene.height, scene.width, args.image):
        top, left, rows, cols = area
        missing = np.count_nonzero(~scene.valid[top : top + rows, left : left + cols])
        if missing:
            raise ValueError(f'{args.image}: {missing} pixels of the area {area} hold no data')
    out = Path(args.out or Path(args.image).parent)
    np.random.seed(args.seed)
    description = dict(
        image=os.path.basename(args.image),
        reference=args.reference,
        seed=args.seed,
        scales=list(args.scales),
        strides=list(args.strides),
    )
    train = scaled(cube, args.train, args.train)
    if args.reference:
        train = [(part - part.min()) / np.ptp(part) for part in train]
    counts = {
        'train': write_patches(out / 'train', patches(train, args, args.reference), dict(description, areas=args.train))
    }
    if args.val:
        parts = scaled(cube, args.val, args.train)
        counts['val'] = write_patches(
            out / 'val', patches(parts, _only_scale_1(args), False), dict(description, areas=args.val)
        )
    fit_on = [args.test] if args.reference else args.train
    write_tests(out, scaled(cube, [args.test], fit_on)[0], args)
    return counts


def _only_scale_1(args: argparse.Namespace) -> argparse.Namespace:
    # neither overlap nor resampling make the images on which the best state is chosen
    return argparse.Namespace(size=args.size, scales=(1.0,), strides=(args.size,))


def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    try:
        counts = convert(args)
    except (ValueError, FileNotFoundError) as error:
        raise SystemExit(str(error)) from None
    out = args.out or os.path.dirname(args.image)
    print(
        f'{out}: '
        + ', '.join(f'{count} patches in {name}/' for name, count in counts.items())
        + f', test files of {len(args.cases)} cases'
    )


if __name__ == '__main__':
    run_tool(main)
