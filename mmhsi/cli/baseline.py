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
from collections.abc import Iterable
from pathlib import Path

from prettytable import PrettyTable

from mmhsi import evaluation, tasks, visualization
from mmhsi.tasks.contest import Contestant
from mmhsi.utils.command_line import KeyValues, add_config_arguments, command_parser, load_config


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

    init_default_scope(cfg.get('default_scope', 'mmhsi'))
    if cfg.get('scene_settings') is not None:
        from mmhsi.engine.scene_settings import resolve_scene_settings

        resolve_scene_settings(cfg)
    if args.raw:
        cfg.test_dataloader.dataset.scene.preprocessing = []
    folder = Path(args.work_dir or f'work_dirs/{Path(args.config).stem}') / 'classical'
    test = tasks.make_task(tasks.task_name(cfg)).classical_test(cfg)
    methods = args.methods or test.default_methods
    check_names((*methods, *options), test.methods)

    results: dict[str, dict] = {}
    rows: dict = {}
    scenes = {scene.name: scene for scene in test.scenes}
    for method in methods:
        outcome = test.run(Contestant(method, method, options.get(method, {})))
        results[method] = dict(outcome.results)
        for row in test.rows(method, outcome):
            rows.setdefault(row[:2], row)  # that of degraded images once
        tasks.write_results(folder / method, outcome.results, outcome.scores, scenes)
    for name in results[methods[0]]:
        compared = {method: found[name] for method, found in results.items()}
        if all(isinstance(result, evaluation.DetectionResult) for result in compared.values()):
            figure = visualization.roc_figure(compared, f'{name}: ROC of classical detectors')
            visualization.save_figure(figure, folder / f'{name}_roc.png')
    print(score_table(list(rows.values())))
    print(f'products, pictures and metrics: {folder}')
    return results
