"""Denoising: tiny HyperSIGMA, SpatSIGMA and NAFNet from scratch, against methods that learn nothing.

    OMP_NUM_THREADS=1 python benchmarks/bench_denoising.py --data PATH --seeds 0 1 2

Scenes: Indian Pines (145 x 145, 200 bands, from the package tensorly; assumed to be clean, so that its own noise is
part of the reference) and, below --data, simu-indian-clean (145 x 145, 224 bands, piecewise constant, no noise). Rows 0
to 96 train, rows 97 to 144 are the test. Each band is scaled to [0, 1] by percentiles of the training rows, then noise
is added: Gaussian of 30 and of 70 (of 255), and the mixtures of the cases 2 (strength by band, impulses) and 5 (also
stripes and dead lines). There is one network for Gaussian noise and one for mixtures, as in the configs.

--pictures writes the pictures of all methods, and those of aviris-224-raw-bands, whose noise is real and which has no
clean image: its networks are trained on the upper rows of the scene itself, with noise added to them.

All methods see the same noisy cube. The seed draws the noise of the test, the training patches, their noise and the
weights. Seconds are those of one core, of training and test.
"""

import argparse
import runpy
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from score_table import print_table

from mmhsi.classical import DENOISERS
from mmhsi.datasets.scenes.scene_lookup import find_scenes
from mmhsi.engine.distributed import build_runner
from mmhsi.models.restorers import restore_by_tiles
from mmhsi.tasks import write_results
from mmhsi.tasks.restorers import evaluate_restorer, restoration_dataset

ROOT = Path(__file__).resolve().parents[1]
NETWORKS = {'HyperSIGMA, tiny': 'hypersigma-tiny', 'SpatSIGMA, tiny': 'spatsigma-tiny', 'NAFNet, tiny': 'nafnet-tiny'}
SCENES = {  # file, key, bands, rows of the training, rows and columns in all
    'indian-pines': ('Indian_pines_corrected.mat', 'indian_pines_corrected', 200, 97, (145, 145)),
    'simu-indian': ('denoising/simu-indian-clean/simu_indian.mat', 'data', 224, 97, (145, 145)),
    'aviris-raw': ('denoising/aviris-224-raw-bands/a_hsi_img_for_VI_demo.mat', 'hsi_img', 224, 60, (90, 90)),
}
NOISES = {  # of the test, by the kind of the training
    'gaussian': {'Gaussian 30': [dict(type='GaussianNoise', sigma=30)], 'Gaussian 70': 'case1'},
    'complex': {'case 2': 'case2', 'case 5': 'case5'},
}
SCORES = dict(PSNR=2, SSIM=4, SAM=2)  # decimals


def scene_config(name: str, root: Path, config: Config) -> None:
    """Put a scene and its areas into the loaders of a config."""
    file, key, bands, rows, (height, width) = SCENES[name]
    train, test = [(0, 0, rows, width)], [(rows, 0, height - rows, width)]
    scene = dict(
        type='Scene',
        name=name,
        image=dict(path=str(root / file), key=key),
        num_bands=bands,
        split=dict(type='AreaSplit', train=train, test=test),
        fit_on='train',
        preprocessing=[dict(type='PercentileScale')],
    )
    for dataset, areas in ((config.train_dataloader.dataset.dataset, train), (config.test_dataloader.dataset, test)):
        dataset.scene, dataset.areas = scene, areas  # ConfigDict.update would merge both scenes
    config.test_dataloader.dataset.clean = name != 'aviris-raw'
    generator = config.model.generator
    if 'img_channels' in generator:
        generator.img_channels = bands
    else:
        spatial = generator.backbone.get('spatial', generator.backbone)
        spatial.in_channels = generator.head.num_bands = bands


def load(network: str, noise: str, scene: str, root: Path, seed: int, folder: Path) -> Config:
    """The tiny config of a network, on this scene."""
    config = Config.fromfile(ROOT / f'configs/denoising/{NETWORKS[network]}_indian-pines_{noise}.py')
    scene_config(scene, root, config)
    config.work_dir, config.randomness = str(folder), dict(seed=seed)
    config.experiment_name = '_'.join(folder.parts[-4:])
    config.val_dataloader = config.val_cfg = config.val_evaluator = None
    config.train_cfg.pop('val_interval')
    config.default_hooks.checkpoint = None
    config.log_level = 'ERROR'
    return config


def train(config: Config) -> Callable[[np.ndarray], np.ndarray]:
    """Train; a function that restores an image (H, W, C) by tiles, as a test does."""
    runner = build_runner(config)
    runner.train()
    model, test_cfg = runner.model.eval(), config.model.test_cfg

    @torch.no_grad()
    def restore(image: np.ndarray) -> np.ndarray:
        batch = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None]
        tile = (test_cfg.tile_size, test_cfg.tile_size)
        return restore_by_tiles(model.generator, batch, tile, test_cfg.overlap)[0].permute(1, 2, 0).numpy()

    return restore


def bench(scene: str, noise: str, seed: int, root: Path, args: argparse.Namespace) -> dict[str, dict]:
    """Scores and seconds of all methods by the noise of the test, for one kind of noise."""
    tests = {'real noise': None} if scene == 'aviris-raw' else NOISES[noise]
    config, found = load('HyperSIGMA, tiny', noise, scene, root, seed, args.work_dir), {}
    datasets = {}
    for name, noises in tests.items():
        steps = [] if noises is None else [dict(type='NoiseChain', noises=noises, seed=seed)]
        datasets[name] = restoration_dataset({**config.test_dataloader.dataset, 'pipeline': steps})
    methods: dict[str, Callable] = {'noisy': lambda image: image, **DENOISERS}
    for method in (*methods, *args.networks):
        start = time.process_time()
        if method in methods:
            restore = methods[method]
        else:
            restore = train(load(method, noise, scene, root, seed, args.work_dir / scene / noise / str(seed) / method))
        trained = time.process_time() - start
        for name, dataset in datasets.items():
            start = time.process_time()
            results, scores = evaluate_restorer(dataset, restore)
            found.setdefault(name, {})[method] = {
                **{score: scores.get(score, np.nan) for score in SCORES},
                'seconds': trained + time.process_time() - start,
            }
            if args.pictures and method != 'noisy':
                write_results(
                    args.work_dir / 'pictures' / scene / name / method,
                    results,
                    scores,
                    {item.name: item for item in find_scenes(dataset)},
                )
            print(
                f'{scene}, {name}, seed {seed}, {method}: '
                + ', '.join(f'{key} {value:.4f}' for key, value in found[name][method].items()),
                flush=True,
            )
    return found


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--data', type=Path, help='folder of the other scenes (default: only Indian Pines)')
    parser.add_argument('--scenes', nargs='+', choices=SCENES, help='scenes (default: all with a clean image)')
    parser.add_argument('--noises', nargs='+', choices=NOISES, default=list(NOISES), help='kinds of noise')
    parser.add_argument('--networks', nargs='*', choices=NETWORKS, default=list(NETWORKS), help='networks')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
    parser.add_argument('--pictures', action='store_true', help='write pictures')
    parser.add_argument('--work-dir', type=Path, help='folder of runs and pictures (default: a temporary one)')
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> dict:
    """Run all and print the tables; returns the runs by scene and noise of the test."""
    args = parse_args(argv)
    torch.set_num_threads(1)
    init_default_scope('mmhsi')
    results: dict = {}
    with tempfile.TemporaryDirectory() as scratch:
        args.work_dir = args.work_dir or Path(scratch)
        convert = runpy.run_path(str(ROOT / 'tools/dataset_converters/indian_pines.py'))['convert']
        convert(Path(scratch) / 'indian-pines')
        scenes = args.scenes or [name for name in SCENES if name == 'indian-pines' or args.data]
        if not args.scenes and 'aviris-raw' in scenes and not args.pictures:
            scenes.remove('aviris-raw')
        for scene in scenes:
            root = Path(scratch) / 'indian-pines' if scene == 'indian-pines' else args.data
            for noise in args.noises:
                runs = [bench(scene, noise, seed, root, args) for seed in args.seeds]
                for name in runs[0]:
                    results[scene, name] = [run[name] for run in runs]
                    print_table(f'{scene}, {name}', results[scene, name], SCORES)
    return results


if __name__ == '__main__':
    main()
