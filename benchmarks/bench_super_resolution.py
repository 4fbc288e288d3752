"""Super-resolution of small scenes: tiny HyperSIGMA and SpatSIGMA from scratch, against a tiny EDSR and interpolation.

    OMP_NUM_THREADS=1 python benchmarks/bench_super_resolution.py --data PATH --seeds 0 1 2

PATH holds classification/houston2018-crop/houston_dataset.mat and super_resolution/paris-hyperion-ali/
paris_data_hs_ms.mat; without it only Indian Pines is used, which comes with a package. The scenes are reduced by
MATLAB's antialiased bicubic imresize, and enlarged again by

- the networks of configs/super_resolution/*-tiny_*, trained on one part of a scene and tested on another; no image of
  the test has any influence on the training, and the state after the last iteration is tested;
- bicubic, Lanczos and spline interpolation.

The table has mean and standard deviation over the seeds, which draw the crops and train the networks: MPSNR (dB, mean
over the bands), MSSIM, SAM (degrees), ERGAS, CC, RMSE (of the range 0 to 1), and seconds of training on one core.
"""

import argparse
import runpy
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from prettytable import PrettyTable

from mmhsi.engine.distributed import build_runner
from mmhsi.registry import METRICS
from mmhsi.tasks.restorers import evaluate_restorer, restoration_dataset

ROOT = Path(__file__).resolve().parents[1]
NETWORKS = {'HyperSIGMA, tiny': 'hypersigma-tiny', 'SpatSIGMA, tiny': 'spatsigma-tiny', 'EDSR, tiny': 'edsr-tiny'}
INTERPOLATIONS = ('bicubic', 'lanczos', 'spline')
SCORES = dict(PSNR='MPSNR', SSIM='MSSIM', SAM='SAM', ERGAS='ERGAS', CC='CC', RMSE='RMSE')
DATASETS_OF = {  # name in the table: config of the dataset, and changes for another scene
    'Indian Pines x2': ('indian-pines_x2', None),
    'Indian Pines x4': ('indian-pines_x4', None),
    'Houston 2018 crop x4': ('houston-crop_x4', 'classification/houston2018-crop'),
    'Paris, Hyperion x2': ('indian-pines_x2', 'super_resolution/paris-hyperion-ali'),
}
PARIS_BANDS = 128


def network_config(network: str, name: str, data: Path | None, pines: Path) -> Config:
    """The config of a tiny network on a dataset of the table."""
    dataset, folder = DATASETS_OF[name]
    cfg = Config.fromfile(ROOT / f'configs/super_resolution/{network}_{dataset}.py')
    scene = cfg.test_dataloader.dataset.scene
    scene.data_root = str(pines if folder is None else data / folder)
    areas = dict(train=cfg.train_dataloader.dataset.areas, test=cfg.test_dataloader.dataset.areas)
    if name.startswith('Paris'):
        scene = dict(
            type='Scene',
            name='paris',
            data_root=scene.data_root,
            num_bands=PARIS_BANDS,
            image=dict(path='paris_data_hs_ms.mat', key='HSim'),
            preprocessing=[dict(type='ScaleValues', factor=0.75)],  # the largest value is 1.28
        )
        areas = dict(train=[(0, 0, 48, 72)], test=[(48, 0, 24, 72)])
        generator = cfg.model.generator
        if 'network' in generator:
            generator.network.update(in_channels=PARIS_BANDS, out_channels=PARIS_BANDS)
        else:
            generator.backbone.get('spatial', generator.backbone).in_channels = PARIS_BANDS
            generator.head.num_bands = PARIS_BANDS
    for subset in ('train', 'test'):
        cfg[f'{subset}_dataloader'].dataset.update(scene=scene, areas=areas[subset])
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    return cfg


def run_network(cfg: Config, seed: int, folder: Path, args: argparse.Namespace) -> dict[str, float]:
    """Train and test; the scores and the seconds of the training."""
    cfg.work_dir, cfg.randomness = str(folder), dict(seed=seed)
    cfg.experiment_name = '_'.join(folder.parts[-3:])
    cfg.default_hooks.checkpoint = None
    for hook in ('progress',) if args.pictures else ('progress', 'result'):
        cfg.default_hooks.pop(hook)
    if args.iterations:
        cfg.train_cfg.max_iters = args.iterations
        cfg.param_scheduler[1].update(end=args.iterations, T_max=args.iterations - cfg.param_scheduler[1].begin)
    cfg.log_level = 'ERROR'
    runner = build_runner(cfg)
    start = time.process_time()
    runner.train()
    seconds = time.process_time() - start
    return dict(runner.test(), seconds=seconds)


def run_interpolation(cfg: Config, method: str) -> dict[str, float]:
    """The scores of a method on the test images of a config, and the seconds it took."""
    dataset = restoration_dataset(cfg.test_dataloader.dataset)
    start = time.process_time()
    _, scores = evaluate_restorer(dataset, method, METRICS.build(cfg.test_evaluator))
    return dict(scores, seconds=time.process_time() - start)


def print_table(title: str, runs: dict[str, list[dict[str, float]]]) -> None:
    """Mean and standard deviation over the runs of each method."""
    table = PrettyTable([title, *SCORES.values(), 'seconds'])
    table.align = 'r'
    table.align[title] = 'l'
    for method, rows in runs.items():
        values = {score: [row[score] for row in rows] for score in (*SCORES, 'seconds')}
        digits = dict(PSNR=2, SAM=3, ERGAS=3)
        cells = [
            f'{np.mean(values[score]):.{digits.get(score, 4)}f}'
            + (f' ± {np.std(values[score]):.{digits.get(score, 4)}f}' if len(rows) > 1 else '')
            for score in SCORES
        ]
        table.add_row([method, *cells, f'{np.mean(values["seconds"]):.0f}'])
    print(table, flush=True)


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--data', type=Path, help='root of the real scenes (default: only Indian Pines)')
    parser.add_argument('--datasets', nargs='+', choices=DATASETS_OF, help='datasets (default: all)')
    parser.add_argument('--networks', nargs='+', choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
    parser.add_argument('--iterations', type=int, help='iterations of a training (default: those of the configs)')
    parser.add_argument('--pictures', action='store_true', help='write pictures and cubes to the work dir')
    parser.add_argument('--work-dir', type=Path, help='folder of the runs (default: a temporary one)')
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> dict:
    """Run all and print the tables; returns the runs by dataset and method."""
    args = parse_args(argv)
    torch.set_num_threads(1)
    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        root = args.work_dir or Path(scratch)
        pines = root / 'indian_pines'
        runpy.run_path(str(ROOT / 'tools/dataset_converters/indian_pines.py'))['convert'](pines)
        for name in args.datasets or [name for name, (_, folder) in DATASETS_OF.items() if not folder or args.data]:
            runs: dict[str, list] = {}
            for method in INTERPOLATIONS:
                runs[method] = [run_interpolation(network_config('spatsigma-tiny', name, args.data, pines), method)]
            for network in args.networks:
                for seed in args.seeds:
                    cfg = network_config(NETWORKS[network], name, args.data, pines)
                    folder = root / name.replace(' ', '-').replace(',', '') / NETWORKS[network] / str(seed)
                    scores = run_network(cfg, seed, folder, args)
                    runs.setdefault(network, []).append({key: float(scores[key]) for key in (*SCORES, 'seconds')})
                    print(
                        f'{name}, {network}, seed {seed}: '
                        + ', '.join(f'{key} {value:.4f}' for key, value in runs[network][-1].items()),
                        flush=True,
                    )
            found[name] = runs
            print_table(name, runs)
    return found


if __name__ == '__main__':
    main()
