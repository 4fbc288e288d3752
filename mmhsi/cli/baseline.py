r"""Evaluate classical methods on the test scenes of a config in the same way as its network.

    mmhsi baseline configs/target_detection/hypersigma-base_mosaic.py cem ace
    mmhsi baseline configs/anomaly_detection/hypersigma-base_pavia.py rx local_rx \
        --options local_rx.inner=5 local_rx.outer=15

The methods depend on the task: target detectors cem, ace, mf, sam, osp; anomaly detectors rx, local_rx, crd; 'coarse',
the coarse map of the config; change detectors cva, isfa, pca_cva; unmixing fcls, sparse_nmf, which start from the
endmembers of the scene or of vertex component analysis; pixel classifiers svm, forest; denoising wavelet, low_rank,
low_rank_wavelet, robust_low_rank; super-resolution bicubic, lanczos, spline, nearest. They see the scene after the
preprocessing of the config, or with --raw as it is stored. Each method writes the same files as the test of a network
to a folder of its name in <work dir>/classical; for detectors, one picture shows all ROC curves.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from prettytable import PrettyTable

from mmhsi import datasets, evaluation, tasks, visualization
from mmhsi.engine.hooks.scene_lookup import find_scenes
from mmhsi.utils.command_line import KeyValues, add_config_arguments, command_parser, load_config

if TYPE_CHECKING:
    from mmengine.config import Config


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = command_parser(__doc__)
    add_config_arguments(parser)
    parser.add_argument('methods', nargs='*', metavar='METHOD', help='methods (default: all of the task)')
    parser.add_argument(
        '--options',
        nargs='+',
        action=KeyValues,
        default={},
        metavar='METHOD.KEY=VALUE',
        help='arguments of the methods',
    )
    parser.add_argument('--raw', action='store_true', help='leave out the preprocessing of the config')
    parser.add_argument('--work-dir', help='folder of the results (default: ./work_dirs/<name of the config>)')
    return parser.parse_args(argv)


def method_options(args: argparse.Namespace) -> dict[str, dict]:
    """The options of each method, by its name.

    Raises:
        ValueError: If an option does not begin with the name of a method.
    """
    options: dict[str, dict] = {}
    for name, value in args.options.items():
        method, _, key = name.partition('.')
        if not key or (args.methods and method not in args.methods):
            raise ValueError(
                f'--options {name}: expected METHOD.KEY=VALUE with one of the methods '
                f'{", ".join(args.methods) or "of the task"}'
            )
        options.setdefault(method, {})[key] = value
    return options


def scenes_under_test(cfg: Config, raw: bool) -> tuple[list, str | None]:
    """The scenes of the test dataset, and the subset of pixels that is evaluated."""
    from mmhsi.registry import DATASETS, component_name

    dataset_cfg = cfg.test_dataloader.dataset
    if raw:
        dataset_cfg.scene.preprocessing = []
    if component_name(dataset_cfg) in ('TileDataset', 'WindowDataset'):  # only their scenes need no torch
        scenes = list(datasets.get_scenes(dataset_cfg.scene))
        for scene in scenes:
            scene.prepare()
        subset = dataset_cfg.get('subset', 'train')
        return scenes, dataset_cfg.get('evaluate_on') or (None if subset == 'all' else subset)
    dataset = DATASETS.build(dataset_cfg)
    subset = getattr(dataset, 'evaluate_on', None) or (None if dataset.subset == 'all' else dataset.subset)
    scenes = find_scenes(dataset)
    if component_name(dataset_cfg) == 'WholeSceneDataset' and any(step.state_names for step in scenes[0].transforms):
        # many scenes are preprocessed by what the training scenes have in common, as the network sees them
        fitted = find_scenes(DATASETS.build(cfg.train_dataloader.dataset))[0].state_dict()
        for scene in scenes:
            scene.load_state_dict(fitted)
    return scenes, subset


def restore(cfg: Config, args: argparse.Namespace, options: dict[str, dict], folder: Path) -> dict:
    """Evaluate, write and print methods of denoising or super-resolution; the results by method and image."""
    from mmhsi.registry import METRICS
    from mmhsi.tasks.restorers import evaluate_restorer, restoration_dataset, restoration_methods

    known = restoration_methods(cfg.test_evaluator.get('scale', 1))
    methods = args.methods or list(known)
    check_names((*methods, *options), known)
    if args.raw:
        cfg.test_dataloader.dataset.scene.preprocessing = []
    dataset = restoration_dataset(cfg.test_dataloader.dataset)
    scenes = {scene.name: scene for scene in find_scenes(dataset)}
    results: dict[str, dict] = {}
    rows = []
    for method in methods:
        start = time.perf_counter()
        metric = METRICS.build(cfg.test_evaluator)
        results[method], scores = evaluate_restorer(dataset, method, metric, **options.get(method, {}))
        seconds = time.perf_counter() - start
        if not rows:
            degraded = {name[len('input_') :]: value for name, value in scores.items() if name.startswith('input_')}
            rows.append(('input', f'{len(dataset)} images', degraded, 0.0))
        restored = {name: value for name, value in scores.items() if not name.startswith('input_')}
        rows.append((method, f'{len(dataset)} images', restored, seconds))
        tasks.write_results(folder / method, results[method], scores, scenes)
    print(score_table(rows))
    return results


def check_names(names: Iterable[str], known: Iterable[str]) -> None:
    """Raise a ValueError that lists the known methods unless all names are among them."""
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f'unknown method {unknown[0]!r}; the methods of this task are {", ".join(known)}')


def score_table(rows: list[tuple[str, str, dict[str, float], float | None]]) -> PrettyTable:
    """Table of method, scene, its scores by name ('-' if not defined), and seconds of the method on all scenes."""
    names = list(dict.fromkeys(name for _, _, scores, _ in rows for name in scores))
    table = PrettyTable(['method', 'scene', *names, 'seconds'])
    table.align = 'r'
    for method, scene, scores, seconds in rows:
        values = [f'{scores[name]:.4f}' if name in scores else '-' for name in names]
        table.add_row([method, scene, *values, '' if seconds is None else f'{seconds:.1f}'])
    return table


def main(argv: list[str] | None = None) -> dict:
    """Evaluate, write and print; returns the results by method and scene."""
    args = parse_args(argv)
    options = method_options(args)
    cfg = load_config(args)
    from mmengine.registry import init_default_scope

    from mmhsi.registry import component_name

    init_default_scope(cfg.get('default_scope', 'mmhsi'))
    if cfg.get('scene_settings') is not None:
        from mmhsi.engine.scene_settings import resolve_scene_settings

        resolve_scene_settings(cfg)
    folder = Path(args.work_dir or f'work_dirs/{Path(args.config).stem}') / 'classical'
    evaluator = cfg.get('test_evaluator')
    if isinstance(evaluator, Mapping) and component_name(evaluator) == 'RestorationMetric':
        results = restore(cfg, args, options, folder)
        print(f'images, pictures and metrics: {folder}')
        return results
    scenes, subset = scenes_under_test(cfg, args.raw)
    methods = args.methods or tasks.default_methods(scenes[0])
    check_names((*methods, *options), tasks.classical_methods(scenes[0]))

    results: dict[str, dict] = {}
    rows = []
    task = tasks.task_of_scene(scenes[0])
    for method in methods:
        start = time.perf_counter()
        results[method] = task.run_method(scenes, method, subset, **options.get(method, {}))
        seconds = time.perf_counter() - start
        listed = list(results[method].items())
        pooled = task.pooled([result for _, result in listed]) if len(listed) > 1 else None
        for number, (name, result) in enumerate(listed if pooled is None else [*listed, (pooled.name, pooled)]):
            summary = result.summary()
            summary.setdefault('AUC', result.settings.get('AUC'))  # that of a change detector
            scores = {key: value for key, value in summary.items() if isinstance(value, float)}
            rows.append((method, name, scores, seconds if number == 0 else None))
        tasks.write_results(folder / method, results[method], scenes={scene.name: scene for scene in scenes})
    for scene in scenes:
        compared = {method: by_scene[scene.name] for method, by_scene in results.items()}
        if all(isinstance(result, evaluation.DetectionResult) for result in compared.values()):
            figure = visualization.roc_figure(compared, f'{scene.name}: ROC of classical detectors')
            visualization.save_figure(figure, folder / f'{scene.name}_roc.png')
    print(score_table(rows))
    print(f'maps, pictures and metrics: {folder}')
    return results
