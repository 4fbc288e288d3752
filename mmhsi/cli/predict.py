r"""Predict scenes with a trained model and write the products.

    mmhsi predict scene.tif -c configs/classification/hypersigma-tiny_seg_indian-pines.py -w CKPT -o out
    mmhsi predict first.tif second.tif -c CHANGE_CONFIG -w CKPT -o out      (two dates)
    mmhsi predict folder/ -c CONFIG -w CKPT -o out --processes 4           (many scenes)
    mmhsi predict scenes.txt -c CONFIG -w CKPT -o out --part 3/16          (one of 16 jobs of an array)

A scene is a GeoTIFF or any other raster that GDAL reads, ENVI (.hdr or its data file), .mat, HDF5, .npy, .npz, or a
sensor product (EnMAP, PRISMA, EMIT, ...: its folder or its metadata file); a folder holds scenes; a text file (.txt,
.lst) lists one per line, or two dates separated by a tab. The memory does not depend on the size of a scene. The same
command continues an interrupted prediction and skips finished scenes.

The products depend on the task: maps of classes, changes and detections with colours and names, scores, abundances,
endmembers, restored cubes, and pictures; <scene>_prediction.json describes them.
"""

import argparse
import os
import subprocess
import sys

from prettytable import PrettyTable

from mmhsi.engine.run_checkpoints import named_checkpoint
from mmhsi.inference.zoo import config_and_weights
from mmhsi.utils.command_line import (
    add_cfg_options,
    add_custom_imports,
    check_checkpoint,
    command_parser,
    default_work_dir,
    find_config,
    import_user_modules,
)
from mmhsi.utils.parts import parse_part
from mmhsi.utils.precision import PRECISIONS
from mmhsi.utils.tiling import BLENDS


def _part(text: str) -> tuple[int, int]:
    try:
        return parse_part(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _bytes(text: str) -> int:
    units = {'K': 2**10, 'M': 2**20, 'G': 2**30}
    number, unit = (text[:-1], units[text[-1].upper()]) if text[-1:].upper() in units else (text, 1)
    try:
        return int(float(number) * unit)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f'expected a number of bytes such as 512M or 2G, found {text!r}') from None


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = command_parser(__doc__)
    parser.add_argument('scenes', nargs='+', metavar='SCENE', help='file, folder or list of scenes')
    parser.add_argument(
        '-c', '--config', help='config file, or name of a model of the zoo (default: the config in the checkpoint)'
    )
    parser.add_argument('-w', '--weights', help="checkpoint; 'best' or 'last' of the work dir of the config")
    add_custom_imports(parser)
    parser.add_argument(
        '--trust',
        action='store_true',
        help='trust the checkpoint: unpickle it without restriction, and run the config in it as a program',
    )
    parser.add_argument('-o', '--out', required=True, help='folder of the products')
    add_cfg_options(parser)
    parser.add_argument('--key', help='name of the array in .mat, HDF5 and .npz files')
    parser.add_argument('--layout', choices=('auto', 'hwc', 'chw', 'bil'), help='axes of arrays in files')
    parser.add_argument(
        '--wavelengths',
        nargs=2,
        type=float,
        metavar=('FIRST', 'LAST'),
        help='nm of the first and the last of evenly spaced bands, of a file that states none',
    )
    parser.add_argument('--nodata', type=float, help='value of pixels without data')
    parser.add_argument('--target-spectrum', metavar='FILE', help='spectrum that a target detector looks for')
    parser.add_argument('--target-name', metavar='NAME', help='name of the spectrum in a file that holds several')
    parser.add_argument(
        '--match-bands',
        choices=('check', 'nearest', 'resample', 'off'),
        default='check',
        help='how the bands of another sensor are matched by wavelength (default: check, which refuses other bands)',
    )
    parser.add_argument(
        '--trust-band-order',
        action='store_true',
        help='assume that the bands of a scene without wavelengths are '
        'those that the model was trained on, in the same order',
    )
    parser.add_argument(
        '--not-finite',
        choices=('raise', 'nodata'),
        default='raise',
        help='handling of pixels for which the network returns NaN or infinity (default: raise, which fails the scene)',
    )
    parser.add_argument(
        '--bands',
        metavar='FILE',
        help='file with the wavelengths that the model was trained on, if '
        'checkpoint and config do not state them: a cube, a spectral library or a table',
    )
    parser.add_argument('--tile-size', type=int, help='side of a tile in pixels')
    parser.add_argument('--overlap', type=int, help='smallest overlap of tiles in pixels')
    parser.add_argument('--blend', choices=BLENDS, help='how tiles are merged (default: as in the test of the config)')
    parser.add_argument('--batch-size', type=int, help='tiles or windows per batch (default: by memory)')
    parser.add_argument(
        '--precision',
        choices=PRECISIONS,
        default='fp32',
        help='number format of the products of the network (default: fp32)',
    )
    parser.add_argument(
        '--lattice',
        type=int,
        default=1,
        metavar='S',
        help='for class maps by windows: predict every S-th pixel first, and those between only where these disagree',
    )
    parser.add_argument(
        '--memory',
        type=_bytes,
        default=2**30,
        metavar='BYTES',
        help='memory for the parts of a scene, such as 512M (default: 1G)',
    )
    parser.add_argument('--scores', action='store_true', help='also write the probabilities of the classes')
    parser.add_argument(
        '--uncertainty',
        action='store_true',
        help='also write the probability of the predicted class and the entropy of the probabilities',
    )
    parser.add_argument('--driver', choices=('GTiff', 'COG', 'ENVI'), default='GTiff', help='format of the rasters')
    parser.add_argument('--gis', action='store_true', help='write a QGIS style and a STAC item next to each GeoTIFF')
    parser.add_argument('--no-pictures', action='store_true', help='write no pictures')
    parser.add_argument('--device', help='such as cpu or cuda:0 (default: an accelerator if there is one)')
    parser.add_argument(
        '--part', type=_part, metavar='I/N', help='predict only every N-th of the scenes, starting at the I-th'
    )
    parser.add_argument('--processes', type=int, default=1, metavar='N', help='processes that share the scenes')
    parser.add_argument('--overwrite', action='store_true', help='predict finished and interrupted scenes again')
    parser.add_argument('--quiet', action='store_true', help='show no progress bar')
    args = parser.parse_args(argv)
    if args.config is None and args.weights is None:
        parser.error('give a config (-c) or weights (-w) that hold one')
    if args.config is None and args.cfg_options is not None:
        parser.error('--cfg-options change a config: give it (-c)')
    if args.processes < 1:
        parser.error(f'--processes must be at least 1, not {args.processes}')
    return args


def share_scenes(args: argparse.Namespace, argv: list[str]) -> int:
    """Start the processes that share the scenes; returns how many of them failed."""
    index, count = args.part or (1, 1)
    threads = max((os.cpu_count() or 1) // args.processes, 1)
    environment = {'OMP_NUM_THREADS': str(threads), **os.environ}
    # the last --part and --processes win
    command = [sys.executable, '-m', 'mmhsi.cli', 'predict', *argv, '--quiet', '--processes', '1', '--part']
    children = [
        subprocess.Popen([*command, f'{index + count * number}/{count * args.processes}'], env=environment)
        for number in range(args.processes)
    ]
    try:
        return sum(child.wait() != 0 for child in children)
    finally:
        for child in children:
            if child.poll() is None:
                child.terminate()


def make_inferencer(args: argparse.Namespace):
    """The inferencer described by the arguments."""
    from mmengine.config import Config

    from mmhsi.inference.inferencer import HSIInferencer

    import_user_modules(args.custom_imports)
    model, weights = args.config, args.weights
    if model is not None:
        weights = named_checkpoint(weights, default_work_dir(model))
        model = _config_name(model)
    if args.cfg_options is not None:
        path, weights = config_and_weights(model, weights)
        model = Config.fromfile(path)
        model.merge_from_dict(args.cfg_options)
    return HSIInferencer(
        model, weights, args.device, show_progress=not args.quiet, memory=args.memory, trust=args.trust
    )


def _config_name(name: str) -> str:
    """The config file as other commands find it; a name that is none of a file may be one of the zoo."""
    try:
        return find_config(name)
    except FileNotFoundError:
        return name


def check_inputs(args: argparse.Namespace) -> None:
    """Check that the files named by the arguments exist, before anything slow.

    Raises:
        OSError: If the weights or all scenes are absent; if only some are absent, the others are predicted.
        ValueError: If the model is neither a config file nor in the zoo.
    """
    from mmhsi.datasets.io.sources import is_address

    absent = [scene for scene in args.scenes if not (os.path.exists(scene) or is_address(scene))]
    if len(absent) == len(args.scenes):
        raise FileNotFoundError(f'{", ".join(absent)}: no such file')
    if args.config is not None:
        config_and_weights(_config_name(args.config))
    check_checkpoint(args.weights)


def predict(args: argparse.Namespace) -> list[dict]:
    """Predict the scenes; returns the outcome of each."""
    spectrum = args.target_spectrum
    if args.target_name is not None and spectrum is not None:
        spectrum = dict(path=spectrum, name=args.target_name)
    return make_inferencer(args)(
        args.scenes[0] if len(args.scenes) == 1 else args.scenes,
        args.out,
        key=args.key,
        layout=args.layout,
        wavelengths=args.wavelengths,
        nodata=args.nodata,
        bands=args.bands,
        match_bands=args.match_bands,
        trust_band_order=args.trust_band_order,
        not_finite=args.not_finite,
        target_spectrum=spectrum,
        tile_size=args.tile_size,
        overlap=args.overlap,
        blend=args.blend,
        batch_size=args.batch_size,
        precision=args.precision,
        lattice=args.lattice,
        scores=args.scores,
        uncertainty=args.uncertainty,
        driver=args.driver,
        gis=args.gis,
        pictures=not args.no_pictures,
        return_arrays=False,
        overwrite=args.overwrite,
        part=args.part,
        on_error='continue',
    )['predictions']


def main(argv: list[str] | None = None) -> int:
    """Predict; returns 0, 1 if a scene failed, or 2 if none could be started."""
    argv = sys.argv[1:] if argv is None else argv
    args = parse_args(argv)
    try:
        check_inputs(args)
    except (OSError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    if args.processes > 1:
        return int(share_scenes(args, argv) > 0)
    try:
        results = predict(args)
    except (OSError, ValueError, ImportError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    table = PrettyTable(['scene', 'outcome', 'seconds', 'files'])
    table.align = 'l'
    for result in results:
        failed, skipped = result.get('error'), result.get('skipped')
        table.add_row(
            [
                result['name'],
                'failed' if failed else 'already finished' if skipped else 'predicted',
                result.get('summary', {}).get('seconds', '-'),
                len(result['files']) or '-',
            ]
        )
    print(table)
    print(f'products: {args.out}')
    failures = [result for result in results if result.get('error')]
    for result in failures:
        print(f'{result["name"]}: {result["error"]}', file=sys.stderr)
    return int(bool(failures))
