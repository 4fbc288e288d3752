"""The recommended settings on real scenes, compared with classical methods of the same run.

    OMP_NUM_THREADS=1 python benchmarks/bench_recommended.py --data PATH --seeds 0 1 2
    OMP_NUM_THREADS=1 python benchmarks/bench_recommended.py --tasks classification --scenes houston-crop --seeds 5 6

A run is configs/recommended/<task>.py with the files, keys and classes of a scene filled in and nothing else, trained
and tested as tools/train.py and tools/test.py do. The table has the decisive score of ours, of each of its parts and
of each classical method (mean and standard deviation over the seeds), the difference from the best classical method
with its standard error, and the seconds of a run. The data folder holds <task>/<scene>/<file>; Indian Pines comes with
a package. Scores are appended to the file of --runs as they come, and runs that it holds are not repeated.
"""

import argparse
import csv
import json
import runpy
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from mmengine.config import Config
from prettytable import PrettyTable, TableStyle

ROOT = Path(__file__).resolve().parents[1]
RECOMMENDED = ROOT / 'configs/recommended'


def _houston(data: Path, made: Path) -> dict:
    from scipy.io import loadmat, savemat

    source, target = data / 'classification/houston2018-crop/houston_dataset.mat', made / 'houston-crop.mat'
    if not target.is_file():
        content = loadmat(source)
        savemat(target, dict(cube=content['hyprImg'], labels=content['clasLabs'][::4, ::4]))
    return dict(image=dict(path=str(target), key='cube'), labels=dict(path=str(target), key='labels'))


def _indian_pines(data: Path, made: Path) -> dict:
    folder = made / 'indian_pines'
    runpy.run_path(str(ROOT / 'tools/dataset_converters/indian_pines.py'))['convert'](folder)
    return dict(
        image=dict(path=str(folder / 'Indian_pines_corrected.mat'), key=('indian_pines_corrected', 'data')),
        labels=dict(path=str(folder / 'Indian_pines_gt.mat'), key=('indian_pines_gt', 'groundT')),
    )


def _fold(fold: int) -> Callable:
    def find(data: Path, made: Path) -> dict:
        split = dict(type='FieldSplit', train=10, val=5, folds=2, fold=fold, seed=0)
        return dict(_indian_pines(data, made), split=split)

    return find


def _enmap(tile: str) -> Callable:
    def find(data: Path, made: Path) -> dict:
        folder = data / 'classification/enmap-potsdam'
        return dict(
            image=str(folder / f'images/enmap_potsdam_tile_{tile}.tif'),
            labels=str(folder / f'labels/enmap_potsdam_tile_{tile}.tif'),
            nodata=-32768,
        )

    return find


def _enmap_folder(data: Path, made: Path) -> dict:
    folder = data / 'classification/enmap-potsdam'
    return dict(image=str(folder / 'images'), labels=str(folder / 'labels'), nodata=-32768)


def _detection(task: str, folder: str, file: str, image: str, labels: str, label_file: str | None = None) -> Callable:
    def find(data: Path, made: Path) -> dict:
        root = data / task / folder
        return dict(
            image=dict(path=str(root / file), key=image), labels=dict(path=str(root / (label_file or file)), key=labels)
        )

    return find


def _abu(name: str) -> Callable:
    return _detection('anomaly_detection', f'abu-{name}', f'abu-{name}.mat', 'data', 'map')


def _target(scene: Callable) -> Callable:
    def find(data: Path, made: Path) -> dict:
        return dict(scene(data, made), target_spectrum=dict(select='mean'))

    return find


def _muufl_target(data: Path, made: Path) -> dict:
    root = data / 'target_detection/muufl-gulfport'
    path = str(root / 'an_hsi_img_for_tgt_det_demo.mat')
    return dict(
        image=dict(path=path, key='hsi_sub'),
        labels=dict(path=path, key='gtImg_sub'),
        target_spectrum=dict(path=path, key='tgt_spectra'),
    )


def _taizhou(data: Path, made: Path) -> dict:
    root = data / 'change_detection/taizhou-landsat'
    return dict(
        image=(str(root / '2000TM'), str(root / '2003TM')),
        labels=[
            dict(path=str(root / 'change.bmp'), codes=dict(changed=255)),
            dict(path=str(root / 'unchanged.bmp'), codes=dict(unchanged=255)),
        ],
    )


def _indian_pines_pair(data: Path, made: Path) -> dict:
    folder = made / 'indian-pines-pair'
    if not folder.is_dir():
        runpy.run_path(str(ROOT / 'benchmarks/synthetic_pair.py'))['write_pair'](folder)
    return dict(
        image=(str(folder / 'first.npy'), str(folder / 'second.npy')),
        labels=str(folder / 'labels.npy'),
        label_codes=dict(unchanged=2, changed=1),
    )


def _oscd(city: str) -> Callable:
    def find(data: Path, made: Path) -> dict:
        from mmhsi.datasets.oscd import convert_city, find_cities

        convert_city(find_cities([data / 'change_detection'])[city], made / 'oscd')
        folder = made / 'oscd' / city
        return dict(
            image=tuple(str(folder / f'imgs_{date}_rect/ms_data.npy') for date in (1, 2)),
            labels=str(folder / 'cm/cm.png'),
            label_codes=dict(unchanged=0, changed=255),
        )

    return find


def _unmixing(config: str, root: str) -> Callable:
    def find(data: Path, made: Path) -> dict:
        scene = Config.fromfile(ROOT / f'configs/unmixing/hypersigma-tiny_{config}.py').scene.to_dict()
        names = 'image', 'abundances', 'endmembers', 'endmember_names', 'num_endmembers'
        return dict({name: scene[name] for name in names if name in scene}, data_root=str(data / 'unmixing' / root))

    return find


def _strong_noise(data: Path, made: Path) -> dict:
    options = {'test_dataloader.dataset.pipeline.0.sigma': 70.0}
    return dict(image=_indian_pines(data, made)['image'], options=options)


def _image(*args: str) -> Callable:
    def find(data: Path, made: Path) -> dict:
        return dict(image=_detection(*args, '')(data, made)['image'])

    return find


COLUMNS = 'task', 'scene', 'seed', 'kind', 'method', 'score', 'value', 'seconds', 'settings'
ABU = 'airport-1', 'airport-2', 'airport-3', 'beach-1', 'beach-4', 'urban-1', 'urban-2', 'urban-4', 'urban-5'
MUUFL = _detection('anomaly_detection', 'muufl-gulfport', 'MUUFL.mat', 'data', 'groundtruth')
SCENES = {
    'classification': {
        'houston-crop': _houston,
        'indian-pines': _indian_pines,
        **{f'indian-pines-fields-{fold}': _fold(fold) for fold in (0, 1)},  # on fields that no training pixel lies in
        **{
            f'enmap-{tile}': _enmap(tile)
            for tile in ('128_0', '128_128', '128_32', '160_96', '192_160', '192_64', '64_0', '96_0', '96_128')
        },
        'enmap-folder': _enmap_folder,  # all tiles as one set
    },
    'anomaly_detection': {
        **{f'abu-{name}': _abu(name) for name in ABU},
        'muufl-campus': MUUFL,
        'hydice-urban': _detection('anomaly_detection', 'hydice-urban', 'HYDICE_urban.mat', 'data', 'map'),
        'pavia-centre-bridge': _detection(
            'anomaly_detection', 'pavia-centre-bridge', 'dataPavia.mat', 'PaviaCenter', 'mask', 'maskPavia.mat'
        ),
    },
    'target_detection': {
        'sandiego-1': _target(_detection('target_detection', 'sandiego-1', 'Sandiego.mat', 'Sandiego', 'Sandiego_gt')),
        'hydice-urban-162': _target(
            _detection('target_detection', 'hydice-urban-162', 'hydice_urban_162.mat', 'data', 'map')
        ),
        'muufl-campus': _target(MUUFL),
        'muufl-crop': _muufl_target,
        **{f'abu-{name}': _target(_abu(name)) for name in ABU},
    },
    'change_detection': {'taizhou': _taizhou, 'indian-pines-pair': _indian_pines_pair},
    'multispectral_change_detection': {f'oscd-{city}': _oscd(city) for city in ('bercy', 'bordeaux')},
    'unmixing': {
        'samson': _unmixing('samson', 'samson'),
        'muufl': _unmixing('muufl', 'muufl-90x90'),
        'urban-crop': _unmixing('urban-crop', 'urban'),
    },
    'denoising': {
        'indian-pines': lambda data, made: dict(image=_indian_pines(data, made)['image']),
        'indian-pines-sigma-70': _strong_noise,  # the others have 30 of 255
        'aviris-90': _image('denoising', 'aviris-224-raw-bands', 'a_hsi_img_for_VI_demo.mat', 'hsi_img'),
        'sandiego-1': _image('target_detection', 'sandiego-1', 'Sandiego.mat', 'Sandiego'),
        'houston-crop': lambda data, made: dict(image=_houston(data, made)['image']),
        'simu-indian': _image('denoising', 'simu-indian-clean', 'simu_indian.mat', 'data'),
    },
    'super_resolution': {
        'indian-pines': lambda data, made: dict(image=_indian_pines(data, made)['image']),
        'houston-crop': lambda data, made: dict(image=_houston(data, made)['image']),
        'paris': _image('super_resolution', 'paris-hyperion-ali', 'paris_data_hs_ms.mat', 'HSim'),
        'sandiego-1': _image('target_detection', 'sandiego-1', 'Sandiego.mat', 'Sandiego'),
    },
}


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--tasks', nargs='+', choices=SCENES, default=list(SCENES))
    parser.add_argument('--scenes', nargs='+', help='of the tasks (default: all)')
    parser.add_argument('--seeds', nargs='+', type=int, default=[0], help='of split and training (default: 0)')
    parser.add_argument('--data', type=Path, default=ROOT / '../shared/data', help='folder of the scenes')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/bench_recommended'), help='folder of the runs')
    parser.add_argument('--runs', type=Path, help='CSV file of the scores (default: runs.csv below --out)')
    parser.add_argument('--table', type=Path, help='Markdown file whose tables are replaced (default: only printed)')
    return parser.parse_args(argv)


def run(task: str, scene: dict, seed: int, folder: Path) -> dict:
    """Train and test the recommended config on a scene; the content of metrics.json, with the seconds."""
    from mmhsi.engine.distributed import build_runner
    from mmhsi.engine.run_checkpoints import load_best
    from mmhsi.utils.run_seed import set_run_seed

    cfg = Config.fromfile(RECOMMENDED / f'{task}.py')
    for name, value in scene.items():
        if name != 'options':
            cfg.scene[name] = value
    cfg.merge_from_dict(scene.get('options', {}))
    cfg.work_dir = str(folder)
    cfg.visualizer = dict(type='Visualizer', vis_backends=[])
    set_run_seed(cfg, seed)
    start = time.perf_counter()
    runner = build_runner(cfg)
    runner.train()
    load_best(runner)
    trained = time.perf_counter()
    runner.test()
    metrics = json.loads((Path(runner.log_dir) / 'results/metrics.json').read_text(encoding='utf-8'))
    chosen = runner.cfg.get('chosen_settings')
    return dict(metrics, seconds=time.perf_counter() - start, training=trained - start, chosen=chosen and dict(chosen))


def rows_of(task: str, scene: str, seed: int, found: dict) -> list[dict]:
    """A row for the recommended whole, for each of its parts and for each classical method."""
    score = found['comparison']['score']
    values = [('recommended', 'recommended', found['metrics'][score])]
    values += [('part', title, scores.get(score)) for title, scores in found.get('parts', {}).items()]
    values += [('classical', title, outcome['scores'].get(score)) for title, outcome in found['classical'].items()]
    rows = []
    for kind, method, value in values:
        whole = kind == 'recommended'
        cells = (f'{found["seconds"]:.0f}', json.dumps(found['chosen'], default=str)) if whole else ('', '')
        value = '' if value is None or np.isnan(value) else f'{value:.6g}'
        rows.append(dict(zip(COLUMNS, (task, scene, seed, kind, method, score, value, *cells), strict=True)))
    return rows


def read_runs(file: Path) -> dict[tuple[str, str, int], list[dict]]:
    """The rows of each finished run by task, scene and seed."""
    runs: dict[tuple[str, str, int], list[dict]] = {}
    if file.is_file():
        with file.open(encoding='utf-8', newline='') as stream:
            for row in csv.DictReader(stream):
                runs.setdefault((row['task'], row['scene'], int(row['seed'])), []).append(row)
    return runs


def append_rows(file: Path, rows: list[dict]) -> None:
    """Add the rows of a run, with a head if the file is new."""
    new = not file.is_file()
    with file.open('a', encoding='utf-8', newline='') as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator='\n')
        if new:
            writer.writeheader()
        writer.writerows(rows)


def table_of(task: str, runs: dict[str, list[list[dict]]]) -> str:
    """A Markdown table with a row for each scene, of the rows of its runs."""
    from mmhsi.registry import TASKS

    score = next(iter(runs.values()))[0][0]['score']
    larger = TASKS.get(task).score[1]
    digits = 2 if score == 'PSNR' else 4
    columns: list[str] = []
    rows = []
    for scene, found in runs.items():
        values: dict[str, list[float]] = {}
        for row in (row for one in found for row in one):
            title = f'part: {row["method"]}' if row['kind'] == 'part' else row['method']
            values.setdefault(title, []).append(float(row['value'] or 'nan'))
        classical = [row['method'] for row in found[0] if row['kind'] == 'classical']
        pick = max if larger else min
        best = pick(
            (title for title in classical if len(values[title]) == len(found)),
            key=lambda title: np.nan_to_num(np.mean(values[title]), nan=-9e9 if larger else 9e9),
        )
        difference = np.subtract(values['recommended'], values[best])
        error = difference.std(ddof=1) / np.sqrt(len(found)) if len(found) > 1 else np.nan
        ahead = round(difference.mean() if larger else -difference.mean(), digits)  # as the table prints it
        level = ahead >= -(0 if np.isnan(error) else error)
        columns += [title for title in values if title not in columns]
        seconds = np.nanmean([float(one[0]['seconds'] or 'nan') for one in found])  # unknown if it was interrupted
        rows.append((scene, len(found), values, best, difference.mean(), error, level, seconds))
    table = PrettyTable(['scene', 'seeds', *columns, 'best classical', 'difference', 'level or ahead', 's'])
    table.set_style(TableStyle.MARKDOWN)
    for scene, seeds, values, best, mean, error, level, seconds in rows:
        cells = []
        for title in columns:
            if title not in values:
                cells.append('')
                continue
            spread = f' ± {np.std(values[title], ddof=1):.{digits}f}' if len(values[title]) > 1 else ''
            cells.append(f'{np.mean(values[title]):.{digits}f}{spread}')
        table.add_row(
            [
                scene,
                seeds,
                *cells,
                best,
                f'{mean:+.{digits}f}' + ('' if np.isnan(error) else f' ± {error:.{digits}f}'),
                'yes' if level else '**no**',
                f'{seconds:.0f}',
            ]
        )
    return f'## {task.replace("_", " ")}, {score}\n\n{table.get_string()}\n'


def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    made = args.out / 'data'
    made.mkdir(parents=True, exist_ok=True)
    file = args.runs or args.out / 'runs.csv'
    tables = []
    for task in args.tasks:
        for scene, find in SCENES[task].items():
            if args.scenes and scene not in args.scenes:
                continue
            for seed in args.seeds:
                if (task, scene, seed) in read_runs(file):
                    continue
                settings = dict(find(args.data, made), name=scene)
                found = run(task, settings, seed, args.out / 'runs' / f'{task}_{scene}_{seed}')
                rows = rows_of(task, scene, seed, found)
                append_rows(file, rows)
                print(task, scene, seed, {row['method']: row['value'] for row in rows}, flush=True)
        finished: dict[str, list[list[dict]]] = {}
        for (one, scene, _), rows in read_runs(file).items():  # those of other seeds too
            if one == task:
                finished.setdefault(scene, []).append(rows)
        if finished:
            tables.append(table_of(task, dict(sorted(finished.items()))))
            print(tables[-1], flush=True)
    if args.table:
        text = args.table.read_text(encoding='utf-8') if args.table.is_file() else '# Recommended settings\n'
        args.table.write_text('\n'.join([text.split('\n## ')[0].rstrip() + '\n', *tables]), encoding='utf-8')


if __name__ == '__main__':
    main()
