"""Train a tiny HyperSIGMA on Indian Pines, classify the scene, and compare with a support vector machine.

The scene comes with the tensorly package. Ten labelled pixels per class train the network, five choose its best state,
the rest test it. Maps, pictures and metrics are written below the work dir.
"""

import argparse
import logging
import runpy
import time
from pathlib import Path

from mmengine.config import Config
from mmengine.logging import print_log
from prettytable import PrettyTable

from mmhsi.apis.classical import evaluate_pixel_classifier
from mmhsi.datasets import Scene
from mmhsi.engine.distributed import build_runner
from mmhsi.visualization.results import write_scene_result

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / 'configs/classification/hypersigma-tiny_cls_indian-pines.py'


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--config', default=str(CONFIG), help='config of the network')
    parser.add_argument('--work-dir', help='folder of the results (default: work_dirs/<config>)')
    parser.add_argument('--seed', type=int, default=0, help='seed of the split and of the training')
    parser.add_argument('--epochs', type=int, help='number of epochs, for a quick look')
    return parser.parse_args(argv)


def prepare_data(folder: str) -> None:
    """Write the files of the scene unless they are there."""
    runpy.run_path(str(ROOT / 'tools/dataset_converters/indian_pines.py'))['convert'](folder)


def load_config(args: argparse.Namespace) -> Config:
    cfg = Config.fromfile(args.config)
    cfg.work_dir = args.work_dir or f'work_dirs/{Path(args.config).stem}'
    cfg.randomness = dict(seed=args.seed)
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.dataset.scene.split.seed = args.seed
    if args.epochs is not None:
        cfg.train_cfg.max_epochs = args.epochs
        cfg.train_cfg.update(val_begin=1, val_interval=min(cfg.train_cfg.val_interval, args.epochs))
    return cfg


def classify_spectra(cfg: Config, folder: Path):
    """The support vector machine, on the stored bands and the split of the network."""
    scene_cfg = {**cfg.test_dataloader.dataset.scene.to_dict(), 'preprocessing': ()}
    scene_cfg.pop('type')
    scene = Scene(**scene_cfg)
    result = evaluate_pixel_classifier(scene, 'svm')
    write_scene_result(result, folder, scene)
    return result


def main(argv: list[str] | None = None) -> dict:
    """Run the demo and return the scores of both methods."""
    args = parse_args(argv)
    start = time.perf_counter()
    cfg = load_config(args)
    prepare_data(cfg.scene.data_root)
    runner = build_runner(cfg)
    runner.train()
    trained = time.perf_counter()

    best = next(Path(cfg.work_dir).glob('best_*.pth'), None)
    if best is not None:
        runner.load_checkpoint(str(best))
    runner.test()
    results = Path(runner.log_dir) / 'results'
    network = next(iter(runner.test_evaluator.metrics[0].scene_results.values()))
    tested = time.perf_counter()

    svm = classify_spectra(cfg, results / 'svm')
    table = PrettyTable(['', 'OA', 'AA', 'kappa', 'seconds'])
    for name, result, seconds in ((Path(args.config).stem, network, tested - start),
                                  ('RBF-SVM on spectra', svm, time.perf_counter() - tested)):
        table.add_row([name, *(f'{result.scores[key]:.4f}' for key in ('OA', 'AA', 'kappa')), f'{seconds:.0f}'])
    print_log(f'training took {trained - start:.0f} s, classifying the scene {tested - trained:.0f} s', 'current')
    print(table)
    print(f'maps, pictures and metrics: {results}')
    logging.shutdown()
    return {'network': network.scores, 'svm': svm.scores}


if __name__ == '__main__':
    main()
