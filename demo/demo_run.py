"""Common code of the demos: arguments, training and test of a recommended config, and the table of its scores."""

import argparse
import json
import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from mmengine.config import Config
from mmengine.runner import Runner
from prettytable import PrettyTable

from mmhsi.engine.distributed import build_runner
from mmhsi.engine.run_checkpoints import load_best
from mmhsi.tasks.task import test_dataset
from mmhsi.utils.run_seed import set_run_seed

ROOT = Path(__file__).resolve().parents[1]


def make_parser(description: str, config: Path) -> argparse.ArgumentParser:
    """A parser with the arguments of all demos."""
    parser = argparse.ArgumentParser(description=description.split('\n')[0])
    parser.add_argument('--config', default=str(config), help='config of the network')
    parser.add_argument('--work-dir', help='folder of the results (default: work_dirs/<config>)')
    parser.add_argument('--seed', type=int, default=0, help='seed of the split and of the training')
    parser.add_argument('--epochs', type=int, help='number of epochs, for a quick look')
    return parser


def load_config(args: argparse.Namespace) -> Config:
    """The config given by the arguments."""
    cfg = Config.fromfile(args.config)
    cfg.work_dir = args.work_dir or f'work_dirs/{Path(args.config).stem}'
    cfg.default_hooks.setdefault('classical', dict(type='ClassicalHook'))
    set_run_seed(cfg, args.seed)
    if args.epochs is not None:
        cfg.train_cfg.max_epochs = args.epochs
        if 'val_interval' in cfg.train_cfg:
            cfg.train_cfg.update(val_begin=1, val_interval=min(cfg.train_cfg.val_interval, args.epochs))
    return cfg


def demo_folder(cfg: Config, file: str) -> str | None:
    """Folder of the scene of a config if that is the scene of the demo; None for one of the user's own.

    Args:
        cfg (Config): The config.
        file (str): Name of the image of the scene of the demo.
    """
    scene = cfg.get('scene') or test_dataset(cfg).get('scene') or {}
    image = scene.get('image')
    path = image.get('path') if isinstance(image, Mapping) else image
    return scene.get('data_root') if str(path) == file else None


def train_and_test(cfg: Config) -> Runner:
    """Train, load the best state of this run if a validation chose one, and test it; classical methods run too."""
    start = time.perf_counter()
    runner = build_runner(cfg)
    runner.train()
    trained = time.perf_counter()
    load_best(runner)
    runner.test()
    runner.logger.info(f'training took {trained - start:.0f} s, the test {time.perf_counter() - trained:.0f} s')
    return runner


def print_scores(runner: Runner, scores: Sequence[str]) -> dict[str, dict[str, float]]:
    """Print the scores of the recommended method, its parts and the classical methods, and return them."""
    folder = Path(runner.log_dir) / 'results'
    stored = json.loads((folder / 'metrics.json').read_text(encoding='utf-8'))
    found = {'recommended': stored['metrics']}
    found |= {f'its part: {title}': values for title, values in stored['parts'].items()}
    found |= {title: outcome['scores'] for title, outcome in stored['classical'].items()}
    found = {
        title: {name: values[name] for name in scores if values.get(name) is not None}
        for title, values in found.items()
    }
    table = PrettyTable(['', *scores], align='r')
    for title, values in found.items():
        table.add_row([title, *(f'{values[name]:.4f}' if name in values else '-' for name in scores)])
    print(table)
    print(stored['comparison']['sentence'])
    print(f'maps, pictures and metrics: {folder}')
    logging.shutdown()
    return found
