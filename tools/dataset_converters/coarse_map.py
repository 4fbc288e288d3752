r"""Compute the coarse map of a detection scene, whose lowest and highest scores give the pseudo-labels.

For a config, where and under which key its scene expects the map:

    python tools/dataset_converters/coarse_map.py configs/target_detection/hypersigma-base_mosaic.py

For a scene of your own, with the target spectrum from the ground truth, a text file or a spectral library:

    python tools/dataset_converters/coarse_map.py scene.mat --key data --labels scene.mat --labels-key map \
        --out coarse.mat
    python tools/dataset_converters/coarse_map.py scene.tif --spectrum roofs.csv --detector ace --out coarse.tif
    python tools/dataset_converters/coarse_map.py scene.tif --detector rx --out coarse.npy

The detectors cem, ace, mf (matched filter), sam and osp look for a target spectrum; rx, local_rx and crd for anomalies.
They get the scene after the preprocessing of the config, or your own scene with each band standardised; --raw skips
this. Pixels without data are set to NaN.
"""

import argparse
import os
from pathlib import Path

import numpy as np
from mmengine.config import Config, DictAction
from mmengine.registry import init_default_scope
from scipy.io import savemat

from mmhsi.datasets import DetectionScene
from mmhsi.datasets.io import read_labels, write_raster
from mmhsi.engine.scene_settings import resolve_scene_settings
from mmhsi.registry import TASK_UTILS
from mmhsi.utils.command_line import run_tool

SUFFIXES = ('.mat', '.npy', '.tif', '.tiff')


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', help='config (.py), or cube of any format that mmhsi reads')
    parser.add_argument('--key', help='name of the cube in a file that holds several arrays')
    parser.add_argument('--labels', help='ground truth, to take the target spectrum from')
    parser.add_argument('--labels-key', help='name of the ground truth in its file')
    parser.add_argument('--target-code', type=int, default=1, help='value of target pixels in it (default: 1)')
    parser.add_argument(
        '--select',
        help='how one spectrum is computed from its target pixels: mean, trimmed_mean, median, '
        'medoid, nearest_to_mean (default: mean, or as in the config)',
    )
    parser.add_argument('--spectrum', metavar='FILE', help='target spectrum from a text file or a spectral library')
    parser.add_argument('--spectrum-name', help='name or number (from 0) of the spectrum in a file that holds several')
    parser.add_argument('--spectrum-scale', type=float, default=1.0, help='factor from its units to those of the cube')
    parser.add_argument('--detector', help='default: that of the config, else cem with a target spectrum, rx without')
    parser.add_argument(
        '--options',
        nargs='+',
        action=DictAction,
        default={},
        metavar='KEY=VALUE',
        help='arguments of the detector, e.g. inner=5 outer=15',
    )
    parser.add_argument('--raw', action='store_true', help='run the detector on the values as stored')
    parser.add_argument('--out', help='file to write, .mat, .npy or .tif (default: where the config expects it)')
    parser.add_argument('--out-key', help='name of the map in a .mat file (default: as in the config, or "coarse")')
    parser.add_argument('--overwrite', action='store_true', help='replace an existing file')
    return parser.parse_args(argv)


def spectrum_source(args: argparse.Namespace, default: dict | None) -> dict | None:
    """The source of the target spectrum: the command line, or else ``default``."""
    if args.spectrum is not None:
        name = args.spectrum_name
        name = int(name) if name is not None and name.isdigit() else name
        return dict(path=os.path.abspath(args.spectrum), name=name, scale=args.spectrum_scale)
    return default if args.select is None else dict(select=args.select)


def scene_of_config(args: argparse.Namespace) -> tuple[DetectionScene, str | None, str | None]:
    """Test scene of the config, and file and key of the coarse map that it expects."""
    given = [name for name in ('key', 'labels', 'labels_key') if getattr(args, name) is not None]
    if given:
        raise ValueError(f'--{given[0].replace("_", "-")} belongs to a cube, but {args.source} is a config')
    cfg = Config.fromfile(args.source)
    init_default_scope(cfg.get('default_scope', 'mmhsi'))
    resolve_scene_settings(cfg)
    settings = cfg.get('test_dataloader', {}).get('dataset', {}).get('scene')
    settings = settings.to_dict() if isinstance(settings, dict) else {}
    if settings.get('type') != 'DetectionScene':
        raise ValueError(f'{args.source}: the test dataset has no DetectionScene')
    coarse = settings.pop('coarse', None)
    coarse = coarse if isinstance(coarse, dict) else dict(path=coarse)
    out, key = coarse.get('path'), coarse.get('key')
    settings['target_spectrum'] = spectrum_source(args, settings.get('target_spectrum'))
    if args.detector is None and 'detector' in coarse:
        args.detector = coarse['detector']
        args.options = {
            key: value for key, value in coarse.items() if key not in ('detector', 'preprocessing')
        } | args.options
    settings['preprocessing'] = [] if args.raw else coarse.get('preprocessing', settings.get('preprocessing', []))
    root = settings.get('data_root') or ''
    return (
        TASK_UTILS.build(settings),
        None if out is None else os.path.join(root, out),
        key if key is None or isinstance(key, str) else key[0],
    )


def scene_of_cube(args: argparse.Namespace) -> DetectionScene:
    """The scene of a cube, with its ground truth if one is given."""
    scene = DetectionScene(
        dict(path=args.source, key=args.key),
        target_spectrum=spectrum_source(args, None if args.labels is None else dict(select='mean')),
        preprocessing=[] if args.raw else [dict(type='Standardize')],
    )
    if args.labels is None:
        if args.select is not None:
            raise ValueError('--select takes the target spectrum from a ground truth: give --labels')
        return scene
    labels = read_labels(args.labels, args.labels_key, (scene.height, scene.width))
    if not (labels == args.target_code).any():
        raise ValueError(
            f'{args.labels}: no pixel has the value {args.target_code} of a target; there are '
            f'{np.unique(labels)[:10].tolist()}'
        )
    return DetectionScene(
        dict(path=args.source, key=args.key),
        labels=(labels == args.target_code).astype(np.uint8),
        target_spectrum=spectrum_source(args, dict(select='mean')),
        preprocessing=[] if args.raw else [dict(type='Standardize')],
    )


def write_map(path: Path, scores: np.ndarray, key: str, scene: DetectionScene) -> None:
    """Write a map atomically; a raster gets the georeference of the scene."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix in ('.tif', '.tiff'):
        write_raster(path, scores, like=scene.info, nodata=np.nan, band_names=[key])
        return
    part = path.with_name(f'{path.name}.part')
    with part.open('wb') as file:
        if path.suffix == '.mat':
            savemat(file, {key: scores}, do_compression=True)
        else:
            np.save(file, scores)
    os.replace(part, path)


def make_map(args: argparse.Namespace) -> Path:
    """Compute and write the map; returns its path.

    Raises:
        FileExistsError: If the file exists and is not to be replaced.
        FileNotFoundError: If a file does not exist.
        ValueError: If a file or an argument is not suitable.
    """
    out, key = args.out, None
    if args.source.endswith('.py'):
        scene, expected, key = scene_of_config(args)
        out = out or expected
    else:
        scene = scene_of_cube(args)
    if out is None:
        raise ValueError(f'{args.source} does not say where its coarse map lies: give --out')
    path = Path(out)
    if path.suffix not in SUFFIXES:
        raise ValueError(f'{path}: expected a name that ends in {", ".join(SUFFIXES)}')
    if path.exists() and not args.overwrite:
        raise FileExistsError(f'{path} exists already; --overwrite replaces it')
    detector = args.detector or ('rx' if scene.target_spectrum is None else 'cem')
    scores = scene.detect(detector, **args.options)
    write_map(path, scores, args.out_key or key or 'coarse', scene)
    print(
        f'wrote {path}: {detector} scores of {scene.height} x {scene.width} pixels from {np.nanmin(scores):g} to '
        f'{np.nanmax(scores):g}, {np.count_nonzero(np.isnan(scores))} pixels without data'
    )
    return path


def main(argv: list[str] | None = None) -> None:
    try:
        make_map(parse_args(argv))
    except (FileExistsError, FileNotFoundError, ValueError) as error:
        raise SystemExit(str(error)) from None


if __name__ == '__main__':
    run_tool(main)
