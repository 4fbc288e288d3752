"""Does a pair of encoders that was pre-trained on scenes of other sensors help a scene that it has never seen?

    OMP_NUM_THREADS=1 python benchmarks/bench_transfer.py --data PATH --seeds 301 302 303
    OMP_NUM_THREADS=1 python benchmarks/bench_transfer.py --data PATH --scenes houston-crop --labels 10 --seeds 301

Leaves out scenes, fold by fold: pre-trains both branches on all others (configs/pretrain/*_many-sensors.py), then
trains one and the same small network on a few labelled pixels of the scene, from scratch, and with one or both
pre-trained branches. ``others`` are pre-trained without scenes of the same sensor. The support vector machines see the
same input, or the frozen features of both branches. The scores are those of at most ``--pixels`` random test pixels.
Splits are those of the recommended recipe with the same seed (``--recommended`` trains it, too, with all test pixels:
minutes for each run). Results are appended to ``runs.csv`` as they come, and not repeated; the table is printed at the
end, and written to ``--table``.
"""

from __future__ import annotations

import argparse
import csv
import os
import runpy
import sys
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from torch import Tensor, nn

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / 'tools/dataset_converters'))
CONFIG = str(ROOT / 'configs/pretrain/{}-mae_tiny_many-sensors.py')
# scenes that are left out together, which saves pre-trainings
FOLDS = (('houston-crop',), ('indian-pines', 'samson'), ('enmap-128_0', 'muufl', 'urban-crop'))
LEFT_OUT = tuple(name for fold in FOLDS for name in fold)
BRANCHES = {'spatial': 'spat', 'spectral': 'spec'}
# title: pre-trained branches, and whether scenes of the same sensor were left out of the pre-training
NETWORKS = {
    'from scratch': ((), False),
    'spatial': (('spatial',), False),
    'spectral': (('spectral',), False),
    'both': (('spatial', 'spectral'), False),
    'both, other sensors': (('spatial', 'spectral'), True),
}
WIDTHS = (0.0, 1.0, 2.0, 3.0)  # pixels, of the smoothing; chosen by the labelled pixels, as in the recommended recipe
STEPS, BATCH, RATE, HEAD_RATE = 120, 48, 1e-3, 5e-3
COLUMNS = ('scene', 'labels', 'seed', 'method', 'OA', 'AA', 'seconds')
HEAD = """# Weights that carry over

Does a pair of encoders that was pre-trained on scenes of other sensors help on a scene that it has never seen? Mean
overall accuracy ± standard deviation over the seeds, their number in brackets.

<!-- docs
check: takes hours on one core
-->
```shell
OMP_NUM_THREADS=1 python benchmarks/bench_transfer.py --seeds {seeds} --same-sensor --table docs/benchmark/transfer.md
```
"""


class Pair(nn.Module):
    """The means of the tokens of both branches under a linear layer."""

    def __init__(self, spatial: dict, spectral: dict, num_classes: int) -> None:
        from mmhsi.registry import MODELS

        super().__init__()
        self.backbone = MODELS.build(dict(type='HyperSIGMA', spatial=spatial, spectral=spectral))
        self.backbone.init_weights()
        width = self.backbone.spatial.embed_dims
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(2 * width, num_classes))

    def features(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) → (B, 2 E)."""
        (maps,), (tokens,) = self.backbone(images)
        means = maps.mean(dim=(2, 3)), tokens.mean(dim=1)
        return torch.cat([norm(mean) for norm, mean in zip(self.norms, means, strict=True)], dim=1)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.features(images))


def sensors() -> dict[str, str]:
    """Sensor of each scene."""
    from many_sensors import SCENES

    return {name: sensor for name, (sensor, _) in SCENES.items()}


def pretrain(branch: str, exclude: list[str], folder: Path) -> Path:
    """Pre-train a branch without some scenes, unless that is done; returns the checkpoint."""
    from mmhsi.engine.distributed import build_runner

    path = folder / f'{branch}.pth'
    if path.is_file():
        return path
    cfg = Config.fromfile(CONFIG.format(BRANCHES[branch]))
    cfg.work_dir = str(folder / branch)
    cfg.train_dataloader.dataset.exclude = exclude
    cfg.visualizer = dict(type='Visualizer', vis_backends=[])
    cfg.log_level = 'WARNING'
    cfg.default_hooks.checkpoint.interval = 2
    cfg.resume = True  # after an interruption
    start = time.process_time()
    runner = build_runner(cfg)
    runner.train()
    print(f'pre-trained {branch} without {exclude}: {time.process_time() - start:.0f} s of a core', flush=True)
    torch.save(dict(state_dict=runner.model.state_dict()), path)
    return path


class Target:
    """A left-out scene with the split of a seed, and the windows (3, 3) of its pixels."""

    def __init__(self, name: str, labels: int, seed: int) -> None:
        from mmhsi.classical.kernel_ridge import leave_one_out, squared_distances
        from mmhsi.classical.smoothing import smoothed_cube
        from mmhsi.datasets import get_scene
        from mmhsi.datasets.scenes.scene_list import fill_name

        scene = fill_name(Config.fromfile(CONFIG.format('spec')).train_dataloader.dataset.scene.to_dict(), name)
        self.scene = get_scene(dict(scene, name=name, split=dict(type='NumberSplit', train=labels, val=5, seed=seed)))
        self.scene.prepare()
        height, width, bands = self.scene.shape
        cube = self.scene.window(0, 0, height, width)
        split, truth = self.scene.split, self.scene.labels.ravel()
        known = np.sort(np.concatenate([split.train, split.val]))
        losses = {}
        for sigma in WIDTHS:
            values = smoothed_cube(cube, self.scene.valid, sigma).reshape(-1, bands)
            part = values[known].astype(np.float64) / values.std()
            losses[sigma] = leave_one_out(squared_distances(part, part), truth[known]).loss
        self.sigma = min(losses, key=losses.get)
        values = smoothed_cube(cube, self.scene.valid, self.sigma)
        values /= np.sqrt(np.square(values[..., values.any(axis=(0, 1))]).mean())
        self._padded = torch.from_numpy(np.pad(values, ((1, 1), (1, 1), (0, 0)), mode='reflect').transpose(2, 0, 1))
        self.covered = torch.from_numpy(values.any(axis=(0, 1)).astype(np.float32))
        self.classes = np.unique(truth[split.train])
        self.train, self.test, self.truth = split.train, split.test, truth
        self.seed = seed

    def windows(self, pixels: np.ndarray) -> Tensor:
        """Flat indices (N,) → (N, C, 3, 3)."""
        rows, cols = (torch.from_numpy(axis)[:, None] + torch.arange(3) for axis in np.divmod(pixels, self.scene.width))
        return self._padded[:, rows[:, :, None], cols[:, None, :]].transpose(0, 1)

    def scores(self, predicted: np.ndarray, pixels: np.ndarray) -> tuple[float, float]:
        """Overall and average accuracy of predicted classes."""
        right = predicted == self.truth[pixels]
        return float(right.mean()), float(
            np.mean([right[self.truth[pixels] == k].mean() for k in self.classes_of(pixels)])
        )

    def classes_of(self, pixels: np.ndarray) -> np.ndarray:
        """Classes that occur."""
        return np.unique(self.truth[pixels])


def build(checkpoints: dict[str, Path], num_classes: int) -> Pair:
    """The network, with these pre-trained branches."""
    branches = {}
    for branch, short in BRANCHES.items():
        cfg = Config.fromfile(CONFIG.format(short)).model.backbone.to_dict()
        cfg.update(type=cfg['type'].replace('Masked', ''), out_indices=(1,))
        for name in ('mask_ratio', *(('in_channels',) if branch == 'spectral' else ())):
            cfg.pop(name)
        if branch in checkpoints:
            cfg['init_cfg'] = dict(type='Pretrained', checkpoint=str(checkpoints[branch]))
        branches[branch] = cfg
    return Pair(**branches, num_classes=num_classes)


def finetune(net: Pair, target: Target) -> None:
    """Train the network on the training pixels of the scene."""
    from mmhsi.models import GroupContrast

    augment = GroupContrast(in_channels=1).augment
    images, labels = target.windows(target.train), np.searchsorted(target.classes, target.truth[target.train])
    labels = torch.from_numpy(labels)
    groups = (net.backbone, RATE), (net.norms, HEAD_RATE), (net.head, HEAD_RATE)
    optimizer = torch.optim.AdamW([dict(params=part.parameters(), lr=rate) for part, rate in groups], weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [rate for _, rate in groups], total_steps=STEPS, pct_start=0.1, cycle_momentum=False
    )
    net.train()
    for _ in range(STEPS):
        some = torch.randint(len(images), (BATCH,))
        loss = F.cross_entropy(net(augment(images[some])), labels[some], label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    net.eval()


@torch.no_grad()
def outputs(function, target: Target, pixels: np.ndarray) -> np.ndarray:
    """Results of a function of images for pixels, (N, ...)."""
    parts = [function(target.windows(pixels[start : start + 512])) for start in range(0, len(pixels), 512)]
    return torch.cat(parts).numpy()


def support_vectors(target: Target, features, pixels: np.ndarray) -> np.ndarray:
    """Classes (N,) by a support vector machine on features of pixels."""
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    known, labels = features(target.train), target.truth[target.train]
    grid = {'svc__gamma': [scale / known.shape[1] for scale in (0.04, 0.2, 1.0)]}
    folds = min(3, int(np.unique(labels, return_counts=True)[1].min()))
    model = make_pipeline(StandardScaler(), SVC(C=100))
    model = GridSearchCV(model, grid, cv=folds) if folds > 1 else model
    return model.fit(known, labels).predict(features(pixels))


def runs_of(
    name: str,
    labels: int,
    seed: int,
    checkpoints: dict[bool, dict[str, Path]],
    pixels: int,
    done: set[str],
    methods: list[str],
):
    """Yields method, overall accuracy, average accuracy and seconds of what is not done."""
    wanted = [
        title
        for title, (branches, others) in NETWORKS.items()
        if title not in done and title in methods and (not branches or others in checkpoints)
    ]
    if not wanted:
        return
    target = Target(name, labels, seed)
    test = target.test
    if len(test) > pixels:
        test = np.random.RandomState(seed).choice(test, pixels, replace=False)
    if 'SVM on the input' not in done:
        start = time.process_time()
        middle = support_vectors(target, lambda some: target.windows(some)[:, :, 1, 1].numpy(), test)
        yield 'SVM on the input', *target.scores(middle, test), time.process_time() - start
    for title in wanted:
        branches, others = NETWORKS[title]
        start = time.process_time()
        torch.manual_seed(seed)
        net = build({branch: checkpoints[others][branch] for branch in branches}, len(target.classes))
        if title == 'both' and 'SVM on frozen features' not in done:
            net.eval()
            frozen = support_vectors(target, lambda some: outputs(net.features, target, some), test)  # noqa: B023
            yield 'SVM on frozen features', *target.scores(frozen, test), time.process_time() - start
        finetune(net, target)
        found = target.classes[outputs(net, target, test).argmax(axis=1)]
        yield title, *target.scores(found, test), time.process_time() - start


def recommended(name: str, labels: int, seed: int, folder: Path, data: Path):
    """The recommended recipe from scratch on the same split, with all test pixels."""
    bench = runpy.run_path(str(ROOT / 'benchmarks/bench_recommended.py'))
    path = str(data / f'many-sensors/{name}.mat')
    split = dict(type='NumberSplit', train=labels, val=5, seed=0)
    scene = dict(name=name, image=dict(path=path, key='cube'), labels=dict(path=path, key='labels'), split=split)
    found = bench['run']('classification', scene, seed, folder / f'recommended/{name}_{labels}_{seed}')
    for row in bench['rows_of']('classification', name, seed, found):
        if row['value']:
            title = row['method'] if row['kind'] == 'recommended' else f'{row["kind"]}: {row["method"]}'
            yield title, float(row['value']), float('nan'), found['seconds']


def table_of(path: Path) -> str:
    """Markdown tables of the mean OA ± standard deviation, one for each number of labels."""
    with path.open(encoding='utf-8') as stream:
        rows = list(csv.DictReader(stream))
    text = []
    for labels in sorted({int(row['labels']) for row in rows}):
        scores: dict[str, dict[str, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
        for row in rows:
            if int(row['labels']) == labels:
                scores[row['scene']][row['method']][int(row['seed'])] = float(row['OA'])
        methods = ['SVM on the input', 'SVM on frozen features', *NETWORKS, 'recommended']
        text += [f'\n## {labels} labels per class, OA\n', '| scene | ' + ' | '.join(methods) + ' | both - scratch |']
        text.append('| --- ' * (len(methods) + 2) + '|')
        for scene, found in scores.items():
            cells = []
            for method in methods:
                values = list(found.get(method, {}).values())
                cells.append(
                    f'{np.mean(values):.3f} ± {np.std(values, ddof=min(1, len(values) - 1)):.3f} ({len(values)})'
                    if values
                    else ''
                )
            pairs = [
                found['both'][seed] - found['from scratch'][seed]
                for seed in found['both']
                if seed in found['from scratch']
            ]
            error = np.std(pairs, ddof=1) / np.sqrt(len(pairs)) if len(pairs) > 1 else np.nan
            spread = '' if np.isnan(error) else f' ± {error:.3f}'
            cells.append(f'{np.mean(pairs):+.3f}{spread}' if pairs else '')
            text.append(f'| {scene} | ' + ' | '.join(cells) + ' |')
    return '\n'.join(text) + '\n'


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--data', type=Path, default=ROOT / '../shared/data', help='folder of the downloaded scenes')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/bench_transfer'))
    parser.add_argument('--scenes', nargs='+', choices=LEFT_OUT, default=list(LEFT_OUT), help='left out, one by one')
    parser.add_argument('--labels', nargs='+', type=int, default=[10, 5], help='training pixels of each class')
    parser.add_argument('--seeds', nargs='+', type=int, default=[301, 302, 303], help='of split and training')
    parser.add_argument('--pixels', type=int, default=2000, help='largest number of test pixels (default: 2000)')
    parser.add_argument('--methods', nargs='+', choices=NETWORKS, default=list(NETWORKS), metavar='NAME')
    parser.add_argument('--same-sensor', action='store_true', help='also without scenes of the same sensor')
    parser.add_argument('--recommended', action='store_true', help='also train the recommended recipe')
    parser.add_argument('--table', type=Path, help='Markdown file for the table (default: only printed)')
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    init_default_scope('mmhsi')
    MMLogger.get_instance('transfer', log_level='WARNING')
    from many_sensors import convert

    convert(args.data, args.out / 'data/many-sensors')
    os.environ['MMHSI_DATA'] = str(args.out / 'data')
    record = args.out / 'runs.csv'
    if not record.is_file():
        record.write_text(','.join(COLUMNS) + '\n', encoding='utf-8')
    for name in args.scenes:
        sensor = sensors()
        checkpoints = {}
        for others in (False, True) if args.same_sensor else (False,):
            fold = next(fold for fold in FOLDS if name in fold)
            alike = [other for other in sensor if others and sensor[other] in {sensor[one] for one in fold}]
            if others and sum(sensor[one] == sensor[name] for one in alike) < 2:
                continue  # no other scene of its sensor
            folder = args.out / '+'.join(fold) / ('other-sensors' if others else 'all')
            folder.mkdir(parents=True, exist_ok=True)
            exclude = sorted({*fold, *alike})
            checkpoints[others] = {branch: pretrain(branch, exclude, folder) for branch in BRANCHES}
        for labels in args.labels:
            for seed in args.seeds:
                with record.open(encoding='utf-8') as stream:
                    done = {
                        row['method']
                        for row in csv.DictReader(stream)
                        if (row['scene'], row['labels'], row['seed']) == (name, str(labels), str(seed))
                    }
                parts = [runs_of(name, labels, seed, checkpoints, args.pixels, done, args.methods)]
                if args.recommended and 'recommended' not in done:
                    parts.append(recommended(name, labels, seed, args.out, args.out / 'data'))
                for part in parts:
                    for method, oa, aa, seconds in part:
                        print(name, labels, seed, method, f'OA {oa:.4f} AA {aa:.4f}, {seconds:.0f} s', flush=True)
                        with record.open('a', encoding='utf-8') as stream:
                            csv.writer(stream).writerow(
                                [name, labels, seed, method, f'{oa:.4f}', f'{aa:.4f}', f'{seconds:.1f}']
                            )
    table = table_of(record)
    print(table)
    if args.table:
        args.table.write_text(HEAD.format(seeds=' '.join(map(str, args.seeds))) + table, encoding='utf-8')


if __name__ == '__main__':
    main()
