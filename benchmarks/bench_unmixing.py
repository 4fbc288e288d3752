"""Blind unmixing of real scenes: tiny HyperSIGMA and SpatSIGMA from scratch, against VCA with FCLS and L1/2-NMF.

    OMP_NUM_THREADS=1 python benchmarks/bench_unmixing.py --data PATH --seeds 0 1 2

PATH holds samson/ (Samson.mat of hu_autoencoders; A_true.mat and E.mat of MiSiCNet), muufl-90x90/ (a 90 x 90 crop of
MUUFL Gulfport) and urban/ (a cut of 34 x 78 pixels of HYDICE Urban, and the reference of the whole scene), see
configs/unmixing/README.md. Samson has two references, which differ: each result is scored against both.

Everything starts from vertex component analysis with the seed of the run, which also draws the training windows. 'unit'
brings pixels and endmembers to norm 1 before FCLS and NMF. No ground truth is used except for the scores. The table has
mean and standard deviation over the seeds; seconds are those of one core, of training and test.
"""

import argparse
import copy
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from mmengine.config import Config, DictAction
from mmengine.registry import init_default_scope
from score_table import print_table

from mmhsi.apis import evaluate_unmixer
from mmhsi.datasets import get_scene
from mmhsi.engine.distributed import build_runner
from mmhsi.evaluation import UnmixingResult
from mmhsi.tasks import write_scene_result

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
NETWORKS = {'HyperSIGMA, tiny': 'hypersigma-tiny_samson.py', 'SpatSIGMA, tiny': 'spatsigma-tiny_samson.py'}
FOLDERS = {'samson': 'samson', 'muufl': 'muufl-90x90', 'urban-crop': 'urban'}
# further references of a scene
REFERENCES = {
    'samson': {
        'samson, A_true': dict(
            abundances=dict(path='A_true.mat', key='A_true', layout='hwp'),
            endmembers=dict(path='E.mat', key='E', layout='columns'),
        )
    }
}
SCORES = ('mSAD', 'aRMSE', 'aMSE', 'reconstruction_angle')


def scene_config(name: str, data: Path, seed: int) -> dict:
    """The scene of a dataset file, with its files below the folder and all random choices from the seed."""
    scene = Config.fromfile(CONFIGS / f'_base_/datasets/{name}.py').scene.to_dict()
    scene.update(data_root=str(data / FOLDERS[name]), initial_endmembers=dict(type='vca', seed=seed))
    scene['split']['seed'] = seed
    return scene


def network_config(network: str, scene: dict, seed: int, folder: Path, options: dict) -> Config:
    """The config of a tiny network on this scene."""
    cfg = Config.fromfile(CONFIGS / 'unmixing' / NETWORKS[network])
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        loader.dataset.scene = copy.deepcopy(scene)
    cfg.test_evaluator.scene = copy.deepcopy(scene)
    built = get_scene(scene)
    cfg.model.backbone.get('spatial', cfg.model.backbone).in_channels = built.bands
    cfg.model.head.num_endmembers = built.num_endmembers
    cfg.model.decoder.update(num_endmembers=built.num_endmembers, num_bands=built.bands)
    cfg.work_dir, cfg.randomness = str(folder), dict(seed=seed)
    cfg.experiment_name = '_'.join(folder.parts[-3:])
    cfg.default_hooks.checkpoint = None
    for hook in ('progress', 'result'):
        cfg.default_hooks.pop(hook)
    cfg.log_level = 'ERROR'
    cfg.merge_from_dict(options)
    return cfg


def run_network(network: str, scene: dict, seed: int, folder: Path, options: dict) -> UnmixingResult:
    """Train and test."""
    runner = build_runner(network_config(network, scene, seed, folder, options))
    runner.train()
    runner.test()
    return next(iter(runner.test_evaluator.metrics[0].scene_results.values()))


def unmix(scene: dict, method: str, seed: int, unit_norm: bool) -> UnmixingResult:
    """A classical method from the endmembers of vertex component analysis."""
    return evaluate_unmixer(get_scene(scene), method, seed, unit_norm)


def rescored(result: UnmixingResult, scene: dict) -> UnmixingResult:
    """The same endmembers and abundances against another reference."""
    return UnmixingResult.of_scene(get_scene(scene), result.endmembers, result.abundances)


def bench_scene(name: str, seed: int, root: Path, args: argparse.Namespace) -> dict[str, dict[str, dict]]:
    """Scores and seconds of all methods, by reference and method."""
    scene = scene_config(name, args.data, seed)
    folder = root / name / str(seed)
    methods: dict[str, Callable[[], UnmixingResult]] = {
        network: lambda network=network: run_network(
            network, scene, seed, folder / network.split(',')[0], args.cfg_options
        )
        for network in args.networks
    }
    for label, method in (('FCLS on VCA', 'fcls'), ('L1/2-NMF', 'sparse_nmf')):
        for suffix, unit in (('', False), (', unit', True)):
            methods[label + suffix] = lambda method=method, unit=unit: unmix(scene, method, seed, unit)
    found: dict[str, dict[str, dict]] = {}
    for method, run in methods.items():
        start = time.process_time()
        result = run()
        seconds = time.process_time() - start
        for reference, truth in {name: {}, **REFERENCES.get(name, {})}.items():
            config = dict(scene, **truth)
            own = rescored(result, config) if truth else result
            scores = {key: own.scores[key] for key in SCORES} | {'seconds': seconds}
            found.setdefault(reference, {})[method] = scores
            print(
                f'{reference}, seed {seed}, {method}: '
                + ', '.join(f'{key} {value:.4f}' for key, value in scores.items()),
                flush=True,
            )
            if args.maps:
                write_scene_result(
                    own,
                    folder / reference.replace(', ', '-') / method.replace(', ', '-').replace('/', ''),
                    get_scene(config),
                )
    return found


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--data', type=Path, required=True, help='folder of the scenes')
    parser.add_argument('--scenes', nargs='+', choices=FOLDERS, default=list(FOLDERS))
    parser.add_argument('--networks', nargs='*', choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
    parser.add_argument('--maps', action='store_true', help='write maps and pictures of all results')
    parser.add_argument('--work-dir', type=Path, help='folder of the maps (default: a temporary one)')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={}, help='changes of the configs')
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> dict:
    """Run all and print the tables; returns the runs by reference."""
    args = parse_args(argv)
    torch.set_num_threads(1)
    init_default_scope('mmhsi')
    results: dict[str, list] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name in args.scenes:
            for seed in args.seeds:
                for reference, run in bench_scene(name, seed, args.work_dir or Path(scratch), args).items():
                    results.setdefault(reference, []).append(run)
    for reference, runs in results.items():
        print_table(reference, runs, dict.fromkeys(SCORES, 4), seconds_digits=1)
    return results


if __name__ == '__main__':
    main()
