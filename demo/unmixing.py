"""Unmix a scene with the recommended settings, and compare with least squares and matrix factorisation.

By default the scene is synthetic: a stand-in for Samson, 95 x 95 pixels of three smooth spectra that mix where they
meet, with noise. --data takes the folder of the real Samson.mat instead. The initial endmembers are found by vertex
component analysis; the truth is used for the scores only. Maps, pictures and metrics are written to the work dir.
"""

import runpy
import sys
from pathlib import Path

from demo_run import ROOT, load_config, make_parser, print_scores, train_and_test

CONFIG = ROOT / 'configs/unmixing/recommended_samson.py'
WINDOWS = 200  # of training, half as many as in the config, to keep the demo short


def prepare_data(root: Path) -> Path:
    """Write the synthetic scene unless it exists; returns its folder."""
    folder = root / 'samson'
    if not (folder / 'Samson.mat').is_file():
        sys.path.append(str(ROOT / 'tools/misc'))
        runpy.run_path(str(ROOT / 'tools/misc/make_toy_data.py'))['main']([str(root), '--datasets', 'samson'])
    return folder


def main(argv: list[str] | None = None) -> dict:
    """Run the demo and return the scores of all methods."""
    parser = make_parser(__doc__, CONFIG)
    parser.add_argument('--data', type=Path, help='folder with Samson.mat (default: data_toy/samson, synthetic)')
    args = parser.parse_args(argv)
    folder = str(args.data or prepare_data(Path('data_toy')))
    cfg = load_config(args)
    cfg.scene.update(data_root=folder, initial_endmembers=dict(type='vca', seed=args.seed))
    cfg.scene.name = 'samson' if args.data else 'samson-look-alike'
    cfg.scene.split.train = WINDOWS
    return print_scores(train_and_test(cfg), ('mSAD', 'aRMSE', 'aMSE', 'reconstruction_angle'))


if __name__ == '__main__':
    main()
