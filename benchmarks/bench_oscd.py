"""Urban change on OSCD: a tiny HyperSIGMA from scratch against a ResNet-18 with UPerHead and unsupervised methods.

    OMP_NUM_THREADS=1 python benchmarks/bench_oscd.py --release FOLDER/OF/THE/RELEASE --seeds 0 1 2

The cities of the release are converted first (into a temporary folder, or into --data, where existing ones are not
converted again). With all 24, the split is the published one. With fewer, the folds below are used: in each, some
cities are for testing, one for validation, and the rest for training. So every city is tested by a network
that never saw it, and the scores are those of the pooled confusion matrix of all cities tested, as is customary for
OSCD.

The classical methods see each city standardised date by date, which the networks do as well; their intensities of
change are divided by Otsu's rule. The table has mean and standard deviation over the seeds. Seconds are those of one
core, of training and testing in all folds.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
from mmengine.config import Config
from prettytable import PrettyTable

from mmhsi.apis import evaluate_change_detector
from mmhsi.classical import CHANGE_DETECTORS
from mmhsi.datasets import PairScene
from mmhsi.datasets.oscd import CITIES, TEST_CITIES, TRAIN_CITIES, convert_city, find_cities
from mmhsi.engine.distributed import build_runner
from mmhsi.evaluation import ChangeResult
from mmhsi.evaluation.functional.change import change_scores
from mmhsi.tasks import write_scene_result

CONFIGS = Path(__file__).resolve().parents[1] / 'configs/multispectral_change_detection'
NETWORKS = {'HyperSIGMA, tiny': 'hypersigma-tiny_oscd.py', 'ResNet-18, UPerHead': 'upernet-r18_oscd.py'}
VALIDATION = 'pisa'
FOLDS = (('mumbai', 'nantes', 'paris'), ('abudhabi', 'bercy', 'bordeaux'), ('aguasclaras', 'pisa', 'saclay_e'))
SCORES = ('F1', 'kappa', 'OA', 'IoU', 'precision', 'recall')
"""Of the nine training cities that a public repository holds; validation in the last fold is mumbai."""


def make_splits(names: list[str], folds: int) -> list[tuple[list[str], list[str], list[str]]]:
    """Cities of training, validation and test, for each fold."""
    if set(CITIES) <= set(names):
        return [([city for city in TRAIN_CITIES if city != VALIDATION], [VALIDATION], list(TEST_CITIES))]
    splits = []
    for test in FOLDS[:folds]:
        test = [city for city in test if city in names]
        val = VALIDATION if VALIDATION in names and VALIDATION not in test else FOLDS[0][0]
        train = [city for city in names if city not in (*test, val)]
        if test and train and val in names:
            splits.append((train, [val], test))
    if not splits:
        raise ValueError(f'the cities {", ".join(names)} allow none of the folds {FOLDS}')
    return splits


def train_network(name: str, data: Path, split: tuple, seed: int, folder: Path) -> dict[str, ChangeResult]:
    """Train and test; the results by city."""
    os.environ['MMHSI_DATA'] = str(data.parent)
    cfg = Config.fromfile(CONFIGS / NETWORKS[name])
    for subset, cities in zip(('train', 'val', 'test'), split, strict=True):
        dataset = cfg[f'{subset}_dataloader'].dataset
        dataset.update(names=cities, exclude=[], scene=dict(dataset.scene, data_root=str(data)))
    cfg.work_dir, cfg.randomness = str(folder), dict(seed=seed)
    cfg.experiment_name = '_'.join(folder.parts[-3:])
    cfg.default_hooks.checkpoint = None
    cfg.default_hooks.pop('progress')
    cfg.log_level = 'ERROR'
    runner = build_runner(cfg)
    runner.train()
    runner.test()
    return runner.test_evaluator.metrics[0].scene_results


def pooled(results: dict[str, ChangeResult]) -> dict[str, float]:
    """Scores of all cities together."""
    return change_scores(sum(result.matrix for result in results.values()))


def detect(method: str, data: Path, cities: list[str]) -> dict[str, ChangeResult]:
    """A classical method on each city."""
    results = {}
    for city in cities:
        scene = PairScene(
            [f'imgs_{date}_rect/ms_data.npy' for date in (1, 2)],
            'cm/cm.png',
            data_root=str(data / city),
            name=city,
            label_codes=dict(unchanged=0, changed=255),
            preprocessing=[dict(type='Standardize')],
            joint=False,
        )
        results[city] = evaluate_change_detector(scene, method, threshold=0.5 if method == 'pca_cva' else 'otsu')
    return results


def add_row(table: PrettyTable, name: str, scores: list[dict[str, float]], seconds: list[float]) -> None:
    """Mean and standard deviation over the runs."""
    cells = []
    for key in SCORES:
        values = [run[key] for run in scores]
        spread = f' ± {np.std(values):.3f}' if len(values) > 1 else ''
        cells.append(f'{np.mean(values):.3f}{spread}')
    table.add_row([name, *cells, f'{np.mean(seconds):.0f}'])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--release', help='folder of the release')
    parser.add_argument('--data', help='folder of the converted cities (default: a temporary one)')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0], help='seeds of the networks (default: 0)')
    parser.add_argument('--folds', type=int, choices=(1, 2, 3), default=3, help='number of folds (default: 3)')
    parser.add_argument(
        '--networks',
        nargs='*',
        choices=NETWORKS,
        default=list(NETWORKS),
        metavar='NAME',
        help=f'networks, of {", ".join(map(repr, NETWORKS))} (default: all)',
    )
    parser.add_argument(
        '--methods',
        nargs='*',
        choices=CHANGE_DETECTORS,
        default=list(CHANGE_DETECTORS),
        help='classical methods (default: all)',
    )
    parser.add_argument('--maps', help='folder for the pictures of the last seed')
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(args.data or f'{scratch}/oscd')
        for files in find_cities([args.release]).values() if args.release else ():
            convert_city(files, data)
        names = sorted(path.parent.name for path in data.glob('*/conversion.json'))
        splits = make_splits(names, args.folds)
        tested = [city for *_, test in splits for city in test]
        print(f'tested: {", ".join(tested)}', flush=True)
        table = PrettyTable(['method', *SCORES, 'seconds'])
        table.align = 'r'
        table.align['method'] = 'l'
        cities = PrettyTable(['F1 of a city', *tested])
        for name in (*args.methods, *args.networks):
            scores, seconds = [], []
            for seed in args.seeds if name in NETWORKS else [0]:
                start, results = time.process_time(), {}
                for number, split in enumerate(splits):
                    if name in NETWORKS:
                        folder = Path(scratch) / name.split(',')[0] / str(seed) / str(number)
                        results.update(train_network(name, data, split, seed, folder))
                    else:
                        results.update(detect(name, data, split[2]))
                seconds.append(time.process_time() - start)
                scores.append(pooled(results))
                print(f'{name}, seed {seed}: F1 {scores[-1]["F1"]:.3f}, kappa {scores[-1]["kappa"]:.3f}', flush=True)
            add_row(table, name, scores, seconds)
            cities.add_row([name, *(f'{results[city].scores["F1"]:.3f}' for city in tested)])
            for result in results.values() if args.maps else ():
                write_scene_result(result, Path(args.maps) / name)
    print(table)
    print(cities)


if __name__ == '__main__':
    main()
