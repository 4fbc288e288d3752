"""The benefit of masked pre-training on the tiles of a scene for its classification with few labels.

    python benchmarks/bench_pretraining.py --seeds 0 1 2

Both branches are pre-trained on tiles of Indian Pines without labels, then HyperSIGMA is trained on ten labelled pixels
of each class: from random weights with the config designed for that, and by one and the same fine-tuning recipe from
random weights and with one or both branches pre-trained. The scores are those of the test pixels, the seconds those
of processor time. The tiles are those of the whole scene, test pixels included, without their labels. Finished
parts are not repeated: the command continues after an interruption.
"""

import argparse
import json
import os
import runpy
import time
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.runner import Runner
from prettytable import PrettyTable

from mmhsi.engine.distributed import build_runner

ROOT = Path(__file__).resolve().parents[1]
PRETRAINING = {'spatial': 'spat-mae_tiny_indian-pines', 'spectral': 'spec-mae_tiny_indian-pines'}
SCRATCH = 'hypersigma-tiny_cls_indian-pines'
FINETUNING = f'{SCRATCH}_pretrained'
# name of a line: config, branches that start from pre-trained weights
VARIANTS = {
    'from scratch': (SCRATCH, ()),
    'fine-tuning recipe, random weights': (FINETUNING, ()),
    'spatial branch pre-trained': (FINETUNING, ('spatial',)),
    'spectral branch pre-trained': (FINETUNING, ('spectral',)),
    'both branches pre-trained': (FINETUNING, ('spatial', 'spectral')),
}
SCORES = ('OA', 'AA', 'kappa')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1, 2], help='seeds of the split and the training')
    parser.add_argument(
        '--variants',
        nargs='+',
        default=list(VARIANTS),
        choices=list(VARIANTS),
        metavar='NAME',
        help=f'lines of the table, of {", ".join(map(repr, VARIANTS))} (default: all)',
    )
    parser.add_argument('--work-dir', default='work_dirs/bench_pretraining', help='folder of the fine-tuned networks')
    parser.add_argument('--epochs', type=int, help='number of epochs of every training, for a quick test')
    return parser.parse_args()


def train(cfg: Config, epochs: int | None, record: Path) -> tuple[Runner | None, dict]:
    """Train, unless there is a record of as many epochs; returns the runner if it trained, and the record."""
    if epochs is not None:
        cfg.train_cfg.update(max_epochs=epochs)
        if cfg.get('val_cfg') is not None:
            cfg.train_cfg.update(val_begin=1, val_interval=epochs)
    values = json.loads(record.read_text()) if record.is_file() else {}
    if values.get('epochs') == cfg.train_cfg.max_epochs:
        return None, values
    start = time.process_time()
    runner = build_runner(cfg)
    runner.train()
    return runner, dict(epochs=cfg.train_cfg.max_epochs, seconds=time.process_time() - start)


def pretrain(branch: str, checkpoint: Path, epochs: int | None) -> dict:
    """Pre-train a branch and write ``checkpoint``; returns the record."""
    cfg = Config.fromfile(ROOT / f'configs/pretrain/{PRETRAINING[branch]}.py')
    cfg.work_dir = str(checkpoint.parent)
    record = checkpoint.with_suffix('.json')
    runner, values = train(cfg, epochs, record)
    if runner is not None:
        (checkpoint.parent / f'epoch_{values["epochs"]}.pth').replace(checkpoint)
        record.write_text(json.dumps(values))
    return values


def finetune(name: str, seed: int, folder: Path, checkpoints: dict[str, Path], epochs: int | None) -> dict:
    """Train and test a line of the table with one seed; returns the record, with the scores."""
    stem, pretrained = VARIANTS[name]
    cfg = Config.fromfile(ROOT / f'configs/classification/{stem}.py')
    cfg.work_dir = str(folder)
    cfg.randomness = dict(seed=seed)
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.dataset.scene.split.seed = seed
    for branch, checkpoint in checkpoints.items():
        cfg.model.backbone[branch].init_cfg = (
            dict(type='Pretrained', checkpoint=str(checkpoint)) if branch in pretrained else None
        )
    record = folder / 'scores.json'
    runner, values = train(cfg, epochs, record)
    if runner is not None:
        best = max(folder.glob('best_*.pth'), key=os.path.getmtime)  # an interrupted run may have left another
        runner.load_checkpoint(str(best))
        scores = runner.test()
        values.update((key, float(scores[key])) for key in SCORES)
        record.write_text(json.dumps(values))
    return values


def main() -> None:
    args = parse_args()
    finetuning = Config.fromfile(ROOT / f'configs/classification/{FINETUNING}.py')
    runpy.run_path(str(ROOT / 'tools/dataset_converters/indian_pines.py'))['convert'](finetuning.scene.data_root)
    checkpoints = {branch: Path(finetuning.model.backbone[branch].init_cfg.checkpoint) for branch in PRETRAINING}
    lines = []
    for branch, checkpoint in checkpoints.items():
        seconds = pretrain(branch, checkpoint, args.epochs)['seconds']
        lines.append(f'pre-training of the {branch} branch: {seconds:.0f} s, {checkpoint}')
    table = PrettyTable(['', *SCORES, 'seconds'])
    for name in args.variants:
        folder = Path(args.work_dir) / name.replace(' ', '-').replace(',', '')
        results = [finetune(name, seed, folder / f'seed_{seed}', checkpoints, args.epochs) for seed in args.seeds]
        values = {key: np.array([result[key] for result in results]) for key in (*SCORES, 'seconds')}
        lines.append(f'{name}: OA {", ".join(f"{value:.4f}" for value in values["OA"])}')
        deviations = {key: values[key].std(ddof=min(1, len(results) - 1)) for key in SCORES}
        table.add_row(
            [
                name,
                *(f'{values[key].mean():.4f} +- {deviations[key]:.4f}' for key in SCORES),
                f'{values["seconds"].mean():.0f}',
            ]
        )
    print(*lines, f'test pixels, mean and standard deviation over the seeds {args.seeds}', table, sep='\n')


if __name__ == '__main__':
    main()
