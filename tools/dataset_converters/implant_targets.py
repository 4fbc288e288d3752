"""Make a scene for target or anomaly detection by implanting a target spectrum into an image.

    python tools/dataset_converters/indian_pines.py
    python tools/dataset_converters/implant_targets.py data/indian_pines/Indian_pines_corrected.mat \
        --labels data/indian_pines/Indian_pines_gt.mat --target-class 16 \
        --count 24 --sides 1 2 3 --fractions 0.1 0.2 0.4 0.8 --out data/indian_pines_implanted/scene.mat

Each target is a square of pixels z = f t + (1 - f) b: the fraction f of the background b is replaced by the target t.
The target comes from a file of spectra, is the mean of a class, or is a pixel. A target without noise makes the pixels
smoother than their surroundings, which anomaly detectors that measure distances rank low: --snr varies it.

Output:

- the image (float32, or float64 if the source is), with a map of codes 0 (not to be evaluated: no data, or pixels from
  which the target was taken), 1 (background) and 2 (target), and a map of abundances (0 to 1). A .mat file holds them
  as 'data', 'map', 'abundance', with the spectrum 'target' and the 'wavelengths' in nm if these are known; for .npy
  they are the files NAME.npy, NAME_map.npy and NAME_abundance.npy.
- NAME.json with the positions, sides and fractions, the target and its source.

A config of the scene states ``label_codes=dict(background=1, target=2)``.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import numpy as np
from scipy.io import savemat

from mmhsi.datasets.implant import Block, draw_blocks, implant_targets
from mmhsi.datasets.io import CubeInfo, read_cube, read_labels
from mmhsi.datasets.scenes.target_spectrum import read_target_spectrum
from mmhsi.utils.command_line import run_tool

LEFT_OUT, BACKGROUND, TARGET = 0, 1, 2


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Implant a target spectrum into an image.')
    parser.add_argument('image', help='cube of any format that mmhsi reads')
    parser.add_argument('--key', help='name of the cube in a file that holds several arrays')
    parser.add_argument('--out', required=True, help='file to write, .mat or .npy')
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument('--spectrum', metavar='FILE', help='target from a text file, a spectral library or an array')
    target.add_argument('--target-class', type=int, metavar='N', help='target is the mean of label N of --labels')
    target.add_argument('--target-pixel', type=int, nargs=2, metavar=('ROW', 'COLUMN'), help='target is this pixel')
    parser.add_argument('--spectrum-name', help='name or number (from 0) of the spectrum in a file that holds several')
    parser.add_argument('--spectrum-scale', type=float, default=1.0, help='factor from its units to those of the image')
    parser.add_argument('--labels', help='label map of the image')
    parser.add_argument('--labels-key', help='name of the label map in its file')
    places = parser.add_mutually_exclusive_group()
    places.add_argument('--count', type=int, default=12, help='number of targets at random positions (default: 12)')
    places.add_argument('--positions', nargs='+', metavar='ROW,COLUMN', help='upper left pixels of the targets')
    parser.add_argument('--sides', type=int, nargs='+', default=[1], help='sides of the squares in turn (default: 1)')
    fractions = parser.add_mutually_exclusive_group()
    fractions.add_argument(
        '--fractions',
        type=float,
        nargs='+',
        default=[0.1, 0.2, 0.4, 0.8],
        help='abundances in turn, each for all sides (default: 0.1 0.2 0.4 0.8)',
    )
    fractions.add_argument(
        '--fraction-range',
        type=float,
        nargs=2,
        metavar=('LOW', 'HIGH'),
        help='draw the abundance of each target between these',
    )
    parser.add_argument(
        '--snr',
        type=float,
        metavar='DB',
        help='vary the target from pixel to pixel by white noise of this signal-to-noise ratio',
    )
    parser.add_argument('--seed', type=int, default=0, help='seed of positions, fractions and noise (default: 0)')
    return parser.parse_args(argv)


def find_target(
    args: argparse.Namespace, cube: np.ndarray, info: CubeInfo, valid: np.ndarray
) -> tuple[np.ndarray, dict, np.ndarray]:
    """The target spectrum (C,), its source, and bool (H, W), True for pixels from which it was taken."""
    own = np.zeros(valid.shape, bool)
    if args.spectrum is not None:
        name = args.spectrum_name
        name = int(name) if name is not None and name.isdigit() else name
        target = read_target_spectrum(args.spectrum, info.bands, info.wavelengths, name, args.spectrum_scale)
        return target, {'file': args.spectrum, 'name': name, 'scale': args.spectrum_scale}, own
    if args.target_class is not None:
        if args.labels is None:
            raise ValueError('--target-class needs --labels')
        own = read_labels(args.labels, args.labels_key, valid.shape) == args.target_class
        if not (own & valid).any():
            raise ValueError(f'{args.labels}: no pixel with data has the label {args.target_class}')
        source = {'labels': args.labels, 'class': args.target_class, 'pixels': int((own & valid).sum())}
        return cube[own & valid].mean(axis=0, dtype=np.float64), source, own
    row, column = args.target_pixel
    if not (0 <= row < info.height and 0 <= column < info.width) or not valid[row, column]:
        raise ValueError(
            f'{args.image}: the pixel at row {row}, column {column} lies outside the scene of '
            f'{info.height} x {info.width} pixels or holds no data'
        )
    own[row, column] = True
    return cube[row, column].astype(np.float64), {'pixel': [row, column]}, own


def place_blocks(args: argparse.Namespace, allowed: np.ndarray, rng: np.random.Generator) -> list[Block]:
    """Targets at the given positions, or at random ones."""
    uniform = args.fraction_range is not None
    fractions = args.fraction_range if uniform else args.fractions
    if args.positions is None:
        return draw_blocks(allowed, args.count, args.sides, fractions, rng, uniform)
    blocks = []
    for index, position in enumerate(args.positions):
        try:
            row, column = (int(value) for value in position.split(','))
        except ValueError:
            raise ValueError(f'position {position!r}, expected ROW,COLUMN') from None
        fraction = rng.uniform(*fractions) if uniform else fractions[index // len(args.sides) % len(fractions)]
        blocks.append(Block(row, column, args.sides[index % len(args.sides)], fraction))
    return blocks


def implant(args: argparse.Namespace) -> tuple[dict[str, np.ndarray], dict]:
    """Create the scene: arrays by name, and the description for the JSON file."""
    cube, info = read_cube(args.image, args.key)
    valid = np.isfinite(cube).all(axis=-1)
    if info.nodata is not None:
        valid &= (cube != info.nodata).all(axis=-1)
    target, source, own = find_target(args, cube, info, valid)
    rng = np.random.default_rng(args.seed)
    blocks = place_blocks(args, valid & ~own, rng)
    positions = np.concatenate([block.positions for block in blocks])
    fractions = np.repeat([block.fraction for block in blocks], [block.side**2 for block in blocks])
    targets = target
    if args.snr is not None:
        deviation = np.sqrt(np.mean(target**2)) / 10 ** (args.snr / 20)
        targets = target + rng.normal(0, deviation, (len(positions), info.bands))
    data = implant_targets(cube, targets, positions, fractions)
    data[~valid] = np.nan  # the written files have no nodata value

    rows, columns = positions.T
    if not valid[rows, columns].all():
        raise ValueError(f'{args.image}: a target lies on pixels that hold no data')
    codes = np.where(valid & ~own, BACKGROUND, LEFT_OUT).astype(np.uint8)
    codes[rows, columns] = TARGET
    abundance = np.zeros(valid.shape, np.float32)
    abundance[rows, columns] = fractions
    arrays = {'data': data, 'map': codes, 'abundance': abundance, 'target': target}
    if info.wavelengths is not None:
        arrays['wavelengths'] = info.wavelengths
    description = {
        'image': str(args.image),
        'label_codes': {'background': BACKGROUND, 'target': TARGET},
        'seed': args.seed,
        'snr_db': args.snr,
        'target_source': source,
        'blocks': [vars(block) for block in blocks],
        'target': target.tolist(),
        'wavelengths_nm': None if info.wavelengths is None else info.wavelengths.tolist(),
    }
    return arrays, description


def write(out: str | Path, arrays: dict[str, np.ndarray], description: dict) -> list[Path]:
    """Write the files of a scene, each atomically; returns their paths."""
    out = Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix == '.mat':
        contents = {out: lambda file: savemat(file, arrays, do_compression=True)}
    else:
        contents = {
            out.with_name(f'{out.stem}{suffix}.npy'): lambda file, name=name: np.save(file, arrays[name])
            for suffix, name in (('', 'data'), ('_map', 'map'), ('_abundance', 'abundance'))
        }
    text = json.dumps(description, indent=1)
    contents[out.with_suffix('.json')] = lambda file: file.write(text.encode())
    for path, save in contents.items():
        part = path.with_name(f'{path.name}.part')
        with part.open('wb') as file:
            save(file)
        os.replace(part, path)
    return list(contents)


def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    if not args.out.endswith(('.mat', '.npy')):
        raise SystemExit(f'--out {args.out}: expected a name that ends in .mat or .npy')
    try:
        arrays, description = implant(args)
    except (ValueError, FileNotFoundError) as error:
        raise SystemExit(str(error)) from None
    for path in write(args.out, arrays, description):
        print(f'wrote {path}')
    codes = arrays['map']
    print(
        f'{len(description["blocks"])} targets, {np.count_nonzero(codes == TARGET)} of {codes.size} pixels; '
        f'{np.count_nonzero(codes == LEFT_OUT)} pixels are not to be evaluated'
    )


if __name__ == '__main__':
    run_tool(main)
