"""Change detectors with few labels: tiny HyperSIGMA and SpatSIGMA from scratch, against SVMs and unsupervised methods.

    OMP_NUM_THREADS=1 python benchmarks/bench_change.py --taizhou PATH/taizhou-landsat --seeds 0 1 2

Two pairs: Taizhou (Landsat, 2000 and 2003, 400 x 400, 6 bands; files 2000TM, 2003TM with their headers, change.bmp,
unchanged.bmp of the ChangeDetectionRepository of Wu et al., IEEE TGRS 2014) and Indian Pines with a synthetic second
date (synthetic_pair.py; 145 x 145, 200 bands, every pixel is labelled). 'random' draws the labelled training pixels
from the whole scene, 'blocks' from square blocks of the scene whose windows share no pixel with those of test pixels:
the difference is the effect of overlapping windows and of neighbouring pixels of one field.

All methods see standardised bands, each date by its own statistics, and are evaluated on the same test pixels. SVM: RBF
kernel, C and gamma by cross-validation on the training pixels, on the spectra of both dates or on their difference; the
others are thresholded by Otsu's rule. The table has mean and standard deviation over the seeds, which draw the training
pixels and train the networks. Seconds are those of one core, of training and of classifying the test pixels.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from score_table import print_table
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC
from synthetic_pair import write_pair

from mmhsi.apis import evaluate_change_detector, evaluate_pixel_classifier
from mmhsi.classical import CHANGE_DETECTORS
from mmhsi.datasets import BlockSplit, PairScene, Split
from mmhsi.engine.distributed import build_runner
from mmhsi.evaluation import ChangeResult
from mmhsi.registry import METRICS
from mmhsi.tasks import write_scene_result

CONFIGS = Path(__file__).resolve().parents[1] / 'configs/change_detection'
NETWORKS = {'HyperSIGMA, tiny': 'hypersigma-tiny_hermiston.py', 'SpatSIGMA, tiny': 'spatsigma-tiny_hermiston.py'}
BLOCK_SIZE = {'taizhou': 32, 'indian-pines': 16}  # pixels
BLOCK_SHARE = 0.3  # of the labelled pixels of a class lies in the training blocks at least
ITERATIONS = 500
SCORES = ('OA', 'kappa', 'F1', 'precision', 'recall', 'AUC')


@METRICS.register_module()
class ChangeAUC(BaseMetric):
    """Area under the ROC curve of the probability of change."""

    def process(self, data_batch, data_samples) -> None:
        """Keep label and probability of the evaluated windows."""
        self.results += [
            (int(sample['gt_label']), float(sample['pred_score'][1]))
            for sample in data_samples
            if int(sample['gt_label']) != 255
        ]

    def compute_metrics(self, results: list) -> dict:
        """The area."""
        return {'AUC': roc_auc_score(*zip(*results, strict=True))}


def pair_config(name: str, folder: Path) -> dict:
    """Config of the scene of a pair, without its split."""
    if name == 'taizhou':
        files = dict(
            image=('2000TM', '2003TM'),
            labels=[
                dict(path='change.bmp', codes=dict(changed=255)),
                dict(path='unchanged.bmp', codes=dict(unchanged=255)),
            ],
        )
    else:
        files = dict(image=('first.npy', 'second.npy'), labels='labels.npy', label_codes=dict(changed=1, unchanged=2))
    return dict(
        type='PairScene',
        name=name,
        data_root=str(folder),
        preprocessing=[dict(type='Standardize')],
        joint=False,
        **files,
    )


def draw_split(scene: PairScene, kind: str, pixels: int, seed: int, window: int) -> Split:
    """A split with this number of training pixels of each class."""
    labels, rng = scene.labels.ravel(), np.random.RandomState(seed)
    candidates, test = scene.subset('labelled'), None
    if kind == 'blocks':
        blocks = BlockSplit(BLOCK_SHARE, 0.0, BLOCK_SIZE[scene.name], window - 1, seed)(scene.labels, scene.classes)
        candidates, test = blocks.train, blocks.test
    train = np.concatenate([rng.permutation(candidates[labels[candidates] == label])[:pixels] for label in (0, 1)])
    test = np.setdiff1d(candidates, train) if test is None else test
    return Split(train, np.array([], np.int64), test, scene.labels.shape)


def network_config(name: str, scene: dict, bands: int, args: argparse.Namespace, seed: int, folder: Path) -> Config:
    """The config of a network of configs/change_detection, on this pair."""
    cfg = Config.fromfile(CONFIGS / NETWORKS[name])
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        loader.dataset.scene = scene
        loader.dataset.window_size = args.window
    cfg.test_dataloader.dataset.subset = 'all' if args.maps else 'test'
    encoder = cfg.model.backbone.encoder
    for branch in (encoder.get('spatial', encoder), encoder.get('spectral', {})):
        branch.update(img_size=args.window)
    encoder.get('spatial', encoder).in_channels = bands
    cfg.test_evaluator = [cfg.test_evaluator, dict(type='ChangeAUC')]
    cfg.work_dir, cfg.randomness = str(folder), dict(seed=seed)
    cfg.experiment_name = '_'.join(folder.parts[-4:])
    cfg.default_hooks.checkpoint = None
    for hook in ('progress',) if args.maps else ('progress', 'result'):
        cfg.default_hooks.pop(hook)
    cfg.log_level = 'ERROR'
    return cfg


def run_network(
    name: str, scene: dict, bands: int, train_pixels: int, args: argparse.Namespace, seed: int, folder: Path
) -> dict[str, float]:
    """Train and test; the scores."""
    cfg = network_config(name, scene, bands, args, seed, folder)
    epochs = max(1, round(ITERATIONS / -(-train_pixels // cfg.train_dataloader.batch_size)))
    warmup = max(1, epochs // 10)
    cfg.train_cfg.max_epochs = epochs
    cfg.param_scheduler[0].end = warmup
    cfg.param_scheduler[1].update(begin=warmup, end=epochs, T_max=epochs - warmup)
    runner = build_runner(cfg)
    runner.train()
    return runner.test()


def difference(pairs: np.ndarray) -> np.ndarray:
    """Spectra of the second date minus those of the first, (N, C) from (N, 2C)."""
    first, second = np.split(pairs, 2, axis=1)
    return second - first


def run_svm(scene: PairScene, features: Callable | None, seed: int) -> ChangeResult:
    """An SVM on both spectra of a pixel, or on features computed from them."""
    made = []

    def make(seed: int) -> GridSearchCV:
        grid = {'svc__C': [1.0, 10.0, 100.0, 1000.0], 'svc__gamma': [2.0**exponent for exponent in range(-13, 0, 2)]}
        steps = make_pipeline(FunctionTransformer(features), StandardScaler(), SVC(cache_size=500))
        made.append(GridSearchCV(steps, grid, cv=StratifiedKFold(5, shuffle=True, random_state=seed)))
        return made[0]

    result = evaluate_pixel_classifier(scene, make, seed)
    test = scene.split.test
    area = roc_auc_score(scene.labels.ravel()[test], made[0].decision_function(scene.pixels(test)))
    return ChangeResult.evaluate(scene.name, result.prediction, result.target, settings={'AUC': area})


def run_detector(scene: PairScene, intensity: np.ndarray) -> ChangeResult:
    """A detector with a given intensity."""
    return evaluate_change_detector(scene, lambda first, second, valid: intensity, threshold='otsu')


def bench_split(
    name: str, kind: str, pixels: int, seed: int, root: Path, intensities: dict, args: argparse.Namespace
) -> dict[str, dict[str, float]]:
    """Scores and seconds of all methods on one split of a pair."""
    config = pair_config(name, args.folders[name])
    scene = PairScene(**{key: value for key, value in config.items() if key != 'type'})
    split = draw_split(scene, kind, pixels, seed, args.window)
    folder = root / name / f'{kind}-{pixels}' / str(seed)
    split.save(folder / 'split.npz')
    config['split'] = dict(type='FileSplit', path=str(folder / 'split.npz'))
    scene = PairScene(**{key: value for key, value in config.items() if key != 'type'})
    if not intensities:
        for method, detect in CHANGE_DETECTORS.items():
            start = time.process_time()
            dates = np.split(scene.window(0, 0, scene.height, scene.width), 2, axis=-1)
            intensities[method] = detect(*dates, scene.valid), time.process_time() - start

    methods = {
        **{
            network: lambda network=network: run_network(
                network, config, scene.bands // 2, len(split.train), args, seed, folder / network.split(',')[0]
            )
            for network in NETWORKS
        },
        'SVM, both spectra': lambda: run_svm(scene, None, seed),
        'SVM, difference': lambda: run_svm(scene, difference, seed),
        **{method: lambda method=method: run_detector(scene, intensities[method][0]) for method in CHANGE_DETECTORS},
    }
    found = {}
    for method, run in methods.items():
        start = time.process_time()
        scores = run()
        seconds = time.process_time() - start + (intensities[method][1] if method in intensities else 0)
        if isinstance(scores, ChangeResult):
            if args.maps:
                write_scene_result(scores, folder / method.replace(', ', '-'), scene)
            scores = scores.scores | {'AUC': scores.settings['AUC']}
        found[method] = {score: float(scores[score]) for score in SCORES} | {'seconds': seconds}
        print(
            f'{name}, {kind}, {pixels} + {pixels}, seed {seed}, {method}: '
            + ', '.join(f'{score} {value:.4f}' for score, value in found[method].items()),
            flush=True,
        )
    return found


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--taizhou', type=Path, help='folder of Taizhou (default: only Indian Pines)')
    parser.add_argument('--pairs', nargs='+', choices=BLOCK_SIZE, help='pairs (default: all)')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
    parser.add_argument(
        '--settings',
        nargs='+',
        default=['random-100', 'random-500', 'blocks-500'],
        help='kind of split and training pixels per class',
    )
    parser.add_argument('--window', type=int, default=5, help='side of a window in pixels')
    parser.add_argument('--maps', action='store_true', help='classify the whole scenes, for the maps of the networks')
    parser.add_argument('--work-dir', type=Path, help='folder of splits and maps (default: a temporary one)')
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> dict:
    """Run all and print the tables; returns the runs by pair and setting."""
    args = parse_args(argv)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        root = args.work_dir or Path(scratch)
        args.folders = {'taizhou': args.taizhou, 'indian-pines': root / 'indian-pines-pair'}
        write_pair(args.folders['indian-pines'])
        results = {}
        for name in args.pairs or [name for name, folder in args.folders.items() if folder]:
            intensities: dict = {}
            for setting in args.settings:
                kind, _, pixels = setting.partition('-')
                runs = [bench_split(name, kind, int(pixels), seed, root, intensities, args) for seed in args.seeds]
                results[name, setting] = runs
                print_table(f'{name}, {kind}, {pixels} + {pixels} pixels', runs, dict.fromkeys(SCORES, 4))
    return results


if __name__ == '__main__':
    main()
