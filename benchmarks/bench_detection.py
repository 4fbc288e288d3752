"""Target and anomaly detection on real scenes: tiny HyperSIGMA and SpatSIGMA from scratch, against classical detectors.

    OMP_NUM_THREADS=1 python benchmarks/bench_detection.py --data PATH --seeds 0 1 2
    OMP_NUM_THREADS=1 python benchmarks/bench_detection.py abu-urban-2 --seeds 0 --data PATH

The data folder holds <task>/<scene>/<file> as SCENES says; Indian Pines with implanted targets is created. The
networks are those of configs/{target,anomaly}_detection/*-tiny_indian-pines-implanted*.py with the scene replaced. They
learn from the pseudo-labels of a coarse detector, CEM for targets and RX for anomalies, and no ground truth chooses
anything during a run: the state after the last epoch is tested. The settings of the configs were chosen on the scenes
of DEVELOPMENT; the others were evaluated once. Target spectra are the mean of the target pixels of the ground truth; in
the last scene, the implanted spectrum.

Prints AUC (detection over false-alarm rate) of networks (mean and standard deviation over the seeds), of the coarse map
and of each classical detector on the standardised bands, then the other areas of the networks. Seconds are processor
time of one core, of training and testing a network once. Score maps, ROC curves and tables are below --out.
"""

import argparse
import json
import runpy
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config, ConfigDict, DictAction
from mmengine.registry import init_default_scope
from prettytable import PrettyTable

from mmhsi.datasets.scenes.shared_scenes import get_scene
from mmhsi.engine.distributed import build_runner
from mmhsi.evaluation import DetectionResult
from mmhsi.tasks.detectors import COARSE, detectors_for, evaluate_detector
from mmhsi.visualization.figure import save_figure
from mmhsi.visualization.heat_map import heat_map_figure, heat_style
from mmhsi.visualization.roc import roc_figure

ROOT = Path(__file__).resolve().parents[1]
NETWORKS = {'hypersigma': 'HyperSIGMA, tiny', 'spatsigma': 'SpatSIGMA, tiny'}
IMPLANTED = 'indian-pines-implanted'
DEVELOPMENT = ('sandiego-1', 'muufl-gulfport', IMPLANTED, 'abu-airport-1', 'abu-urban-2', 'abu-urban-5', 'hydice-urban')
STANDARDISED = [dict(type='Standardize')]  # what classical detectors see
SCENES = {  # task, and file and key of cube and ground truth
    'sandiego-1': ('target', ('target_detection/sandiego-1/Sandiego.mat', 'Sandiego', 'Sandiego_gt')),
    'hydice-urban-162': ('target', ('target_detection/hydice-urban-162/hydice_urban_162.mat', 'data', 'map')),
    'muufl-gulfport': ('target', ('anomaly_detection/muufl-gulfport/MUUFL.mat', 'data', 'groundtruth')),
    IMPLANTED: ('target', None),
    **{
        f'abu-{name}': ('anomaly', (f'anomaly_detection/abu-{name}/abu-{name}.mat', 'data', 'map'))
        for name in (
            'airport-1',
            'airport-2',
            'airport-3',
            'beach-1',
            'beach-4',
            'urban-1',
            'urban-2',
            'urban-4',
            'urban-5',
        )
    },
    'hydice-urban': ('anomaly', ('anomaly_detection/hydice-urban/HYDICE_urban.mat', 'data', 'map')),
    'pavia-centre-bridge': (
        'anomaly',
        (
            ('anomaly_detection/pavia-centre-bridge/dataPavia.mat', 'PaviaCenter'),
            ('anomaly_detection/pavia-centre-bridge/maskPavia.mat', 'mask'),
        ),
    ),
}
IMPLANT = dict(target_class=(16,), count=(24,), sides=(1, 2, 3), fractions=(0.1, 0.2, 0.4, 0.8), snr=(40,))


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('scenes', nargs='*', metavar='SCENE', help=f'of {", ".join(SCENES)} (default: all)')
    parser.add_argument('--seeds', nargs='+', type=int, default=[0], help='seeds of the networks (default: 0)')
    parser.add_argument('--networks', nargs='*', choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument('--skip', nargs='*', default=[], metavar='METHOD', help='classical detectors to leave out')
    parser.add_argument('--data', default=str(ROOT / '../shared/data'), help='folder of the scenes')
    parser.add_argument('--out', default='work_dirs/bench_detection', help='folder of the results')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        default={},
        metavar='KEY=VALUE',
        help='settings of the networks other than those of their configs',
    )
    args = parser.parse_args(argv)
    unknown = [name for name in args.scenes if name not in SCENES]
    if unknown:
        parser.error(f'unknown scene {unknown[0]!r}, expected some of {", ".join(SCENES)}')
    args.scenes = args.scenes or list(SCENES)
    return args


def make_implanted(folder: Path) -> Path:
    """Write Indian Pines with implanted targets, unless it exists; returns its data root."""
    if not (folder / 'indian_pines_implanted/scene.mat').is_file():
        tools = ROOT / 'tools/dataset_converters'
        scene = folder / 'indian_pines'
        runpy.run_path(str(tools / 'indian_pines.py'))['convert'](scene)
        options = [str(part) for key, values in IMPLANT.items() for part in (f'--{key.replace("_", "-")}', *values)]
        subprocess.run(
            [
                sys.executable,
                str(tools / 'implant_targets.py'),
                str(scene / 'Indian_pines_corrected.mat'),
                '--labels',
                str(scene / 'Indian_pines_gt.mat'),
                *options,
                '--out',
                str(folder / 'indian_pines_implanted/scene.mat'),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
        )
    return folder


def scene_settings(name: str, args: argparse.Namespace) -> dict:
    """Settings of the scene that differ from those of the config."""
    task, files = SCENES[name]
    if files is None:
        return dict(data_root=str(make_implanted(Path(args.out) / 'data') / 'indian_pines_implanted'))
    if task == 'target' or len(files) == 3:
        (path, image, labels), label_path = files, files[0]
    else:
        (path, image), (label_path, labels) = files
    settings = dict(
        data_root=args.data,
        name=name,
        image=dict(path=path, key=image),
        labels=dict(path=label_path, key=labels),
        label_codes=dict(background=0) | {'target' if task == 'target' else 'anomaly': 1},
        num_bands=None,
    )
    return settings | (dict(target_spectrum=dict(select='mean')) if task == 'target' else {})


def network_config(network: str, name: str, args: argparse.Namespace) -> Config:
    """The tiny config of a network on a scene."""
    task = SCENES[name][0]
    option = '_anomaly' if task == 'anomaly' else ''
    cfg = Config.fromfile(ROOT / f'configs/{task}_detection/{network}-tiny_{IMPLANTED}{option}.py')
    settings = scene_settings(name, args)
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        for key, value in settings.items():
            loader.dataset.scene[key] = value
        loader.update(num_workers=0, persistent_workers=False)
    cfg.merge_from_dict(args.cfg_options)
    bands = get_scene(cfg.test_dataloader.dataset.scene).bands
    spatial = cfg.model.backbone.get('spatial', cfg.model.backbone)
    spatial.in_channels = cfg.model.data_preprocessor.num_bands = bands
    if 'num_bands' in cfg.model.decode_head:
        cfg.model.decode_head.num_bands = bands
    return cfg


def run_network(cfg: Config, folder: Path, seed: int) -> tuple[DetectionResult, float]:
    """Train and test; the result and the seconds of processor time."""
    cfg.work_dir, cfg.randomness = str(folder), dict(seed=seed)
    cfg.experiment_name = '_'.join(folder.parts[-3:])
    cfg.default_hooks.checkpoint = None
    cfg.default_hooks.pop('progress')
    cfg.visualizer = ConfigDict(type='Visualizer', vis_backends=[])
    cfg.log_level = 'ERROR'
    start = time.process_time()
    runner = build_runner(cfg)
    runner.train()
    runner.test()
    (result,) = runner.test_evaluator.metrics[0].scene_results.values()
    return result, time.process_time() - start


def run_scene(name: str, args: argparse.Namespace) -> dict:
    """All methods on a scene: results by method (a list, over the seeds), and seconds by method."""
    out = Path(args.out) / name
    results: dict[str, list[DetectionResult]] = {}
    seconds: dict[str, float] = {}
    cfg = network_config(next(iter(NETWORKS)), name, args)
    scene = get_scene(cfg.test_dataloader.dataset.scene)
    standardised = get_scene({**cfg.test_dataloader.dataset.scene, 'preprocessing': STANDARDISED})
    for network in args.networks:
        runs = [
            run_network(network_config(network, name, args), out / network / f'seed{seed}', seed) for seed in args.seeds
        ]
        results[network] = [result for result, _ in runs]
        seconds[network] = float(np.mean([spent for _, spent in runs]))
    coarse = cfg.test_dataloader.dataset.scene.coarse.to_dict()
    others = [
        method
        for method in detectors_for(standardised)
        if method not in args.skip and coarse != dict(detector=method, preprocessing=STANDARDISED)
    ]
    for method in (COARSE, *others):
        start = time.process_time()
        results[method] = [evaluate_detector(scene if method == COARSE else standardised, method)]
        seconds[method] = time.process_time() - start
    write_pictures(name, results, out)
    return dict(results=results, seconds=seconds)


def write_pictures(name: str, results: dict[str, list[DetectionResult]], folder: Path) -> None:
    """ROC curves of all methods in one picture, and a heat map of each; of networks those of the first seed."""
    folder.mkdir(parents=True, exist_ok=True)
    compared = {NETWORKS.get(method, method): found[0] for method, found in results.items()}
    save_figure(roc_figure(compared, f'{name}: ROC'), folder / f'{name}_roc.png')
    for method, result in compared.items():
        picture = heat_map_figure(
            result.scores, f'{name}: {method}', f'AUC {result.metrics["AUC"]:.4f}', heat_style(result.classes[1])
        )
        save_figure(picture, folder / f'{name}_{method.split(",")[0].lower()}.png')


def mean_and_spread(values: list[float]) -> str:
    """'mean ± standard deviation', or only the value if there is one."""
    return f'{np.mean(values):.4f}' + (f' ± {np.std(values):.4f}' if len(values) > 1 else '')


def areas(results: list[DetectionResult], key: str) -> list[float]:
    """One of the areas of each result."""
    return [result.metrics[key] for result in results]


def print_tables(found: dict[str, dict], args: argparse.Namespace) -> None:
    """AUC of all methods by task, and the other areas of the networks."""
    for task in dict.fromkeys(SCENES[name][0] for name in found):
        names = [name for name in found if SCENES[name][0] == task]
        methods = list(found[names[0]]['results'])
        table = PrettyTable(
            [
                'scene',
                'targets',
                *(NETWORKS.get(method, method) for method in methods),
                *(f'seconds, {network}' for network in args.networks),
            ],
            align='r',
        )
        for name in names:
            results, seconds = found[name]['results'], found[name]['seconds']
            table.add_row(
                [
                    name + ('*' if name in DEVELOPMENT else ''),
                    results[COARSE][0].counts()['targets'],
                    *(mean_and_spread(areas(results[method], 'AUC')) for method in methods),
                    *(f'{seconds[network]:.0f}' for network in args.networks),
                ]
            )
        print(f'AUC, {task} detection (*: settings were chosen on this scene; {COARSE}: source of the pseudo-labels)')
        print(table)
    keys = ('AUC_Pd_tau', 'AUC_Pf_tau', 'AUC_OA', 'AUC_SNPR')
    table = PrettyTable(['scene', 'method', *keys], align='r')
    for name, content in found.items():
        for method in (*args.networks, COARSE):
            table.add_row(
                [
                    name,
                    NETWORKS.get(method, method),
                    *(mean_and_spread(areas(content['results'][method], key)) for key in keys),
                ]
            )
    print('Other areas')
    print(table)


def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    torch.set_num_threads(1)
    init_default_scope('mmhsi')
    found = {}
    for name in args.scenes:
        found[name] = run_scene(name, args)
        line = {method: mean_and_spread(areas(results, 'AUC')) for method, results in found[name]['results'].items()}
        print(name, *(f'{method} {value}' for method, value in line.items()), sep='  ', flush=True)
    print_tables(found, args)
    summary = {
        name: {
            method: dict(seconds=content['seconds'][method], areas=[result.metrics for result in results])
            for method, results in content['results'].items()
        }
        for name, content in found.items()
    }
    (Path(args.out) / 'results.json').write_text(json.dumps(summary, indent=1))


if __name__ == '__main__':
    main()
