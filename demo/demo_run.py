"""What the demos share: arguments, training and test of a tiny network, classical methods beside it, and the table."""

import argparse
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from prettytable import PrettyTable

from mmhsi.datasets import get_scene
from mmhsi.engine.distributed import build_runner
from mmhsi.engine.run_checkpoints import load_best
from mmhsi.tasks import classical_methods, write_results
from mmhsi.utils.run_seed import set_run_seed

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Outcome:
    """What a method made of the scene.

    Attributes:
        result (Any): The result, of a kind that ``mmhsi.tasks`` writes.
        seconds (float): Time that it took.
    """

    result: Any
    seconds: float


def make_parser(description: str, config: Path) -> argparse.ArgumentParser:
    """A parser with the arguments that all demos have."""
    parser = argparse.ArgumentParser(description=description.split('\n')[0])
    parser.add_argument('--config', default=str(config), help='config of the network')
    parser.add_argument('--work-dir', help='folder of the results (default: work_dirs/<config>)')
    parser.add_argument('--seed', type=int, default=0, help='seed of the split and of the training')
    parser.add_argument('--epochs', type=int, help='number of epochs, for a quick look')
    return parser


def load_config(args: argparse.Namespace) -> Config:
    """The config of the arguments."""
    cfg = Config.fromfile(args.config)
    cfg.work_dir = args.work_dir or f'work_dirs/{Path(args.config).stem}'
    set_run_seed(cfg, args.seed)
    if args.epochs is not None:
        cfg.train_cfg.max_epochs = args.epochs
        if 'val_interval' in cfg.train_cfg:
            cfg.train_cfg.update(val_begin=1, val_interval=min(cfg.train_cfg.val_interval, args.epochs))
    return cfg


def train_and_test(cfg: Config) -> tuple[Runner, Outcome]:
    """Train the network, take its best state if a validation chose one, and test it."""
    start = time.perf_counter()
    runner = build_runner(cfg)
    runner.train()
    trained = time.perf_counter()
    load_best(runner)
    runner.test()
    runner.logger.info(f'training took {trained - start:.0f} s, the test {time.perf_counter() - trained:.0f} s')
    result = next(iter(runner.test_evaluator.metrics[0].scene_results.values()))
    return runner, Outcome(result, time.perf_counter() - start)


def run_classical(
    cfg: Config,
    folder: Path,
    methods: Mapping[str, tuple[str, Mapping]],
    evaluate_on: str | None = None,
    preprocessing: Sequence[Mapping] | None = None,
) -> dict[str, Outcome]:
    """Evaluate classical methods on the test scene of a config, and write what they find.

    Args:
        cfg (Config): The config.
        folder (Path): Each method writes into a folder of its name below it.
        methods (Mapping): Name of a method and its arguments by the title it has in the table.
        evaluate_on (str, optional): Subset of the pixels that is evaluated. Defaults to that of the method.
        preprocessing (Sequence[Mapping], optional): Of the scene, instead of that of the config.

    Returns:
        dict[str, Outcome]: Results by title.
    """
    init_default_scope(cfg.get('default_scope', 'mmhsi'))
    scene_cfg = cfg.test_dataloader.dataset.scene.to_dict()
    scene = get_scene(scene_cfg if preprocessing is None else {**scene_cfg, 'preprocessing': list(preprocessing)})
    outcomes = {}
    for title, (method, options) in methods.items():
        start = time.perf_counter()
        result = classical_methods(scene)[method](scene, evaluate_on=evaluate_on, **options)
        outcomes[title] = Outcome(result, time.perf_counter() - start)
        files = folder / title.replace(' ', '-').replace('/', '')
        write_results(files, {scene.name: result}, scenes={scene.name: scene})
    return outcomes


def print_scores(outcomes: Mapping[str, Outcome], scores: Sequence[str], folder: Path) -> dict[str, dict[str, float]]:
    """Print the table of all methods and the folder of the files; returns the scores by method."""
    found = {
        title: {name: float(outcome.result.summary()[name]) for name in scores} for title, outcome in outcomes.items()
    }
    table = PrettyTable(['', *scores, 'seconds'], align='r')
    for title, values in found.items():
        table.add_row([title, *(f'{value:.4f}' for value in values.values()), f'{outcomes[title].seconds:.0f}'])
    print(table)
    print(f'maps, pictures and metrics: {folder}')
    logging.shutdown()
    return found
