r"""Train the model of a config.

    mmhsi train configs/classification/hypersigma-tiny_cls_indian-pines.py
    mmhsi train mmhsi::classification/hypersigma-tiny_cls_indian-pines.py --work-dir runs/first --seed 1
    mmhsi train CONFIG --resume                                    (continues an interrupted training)
    mmhsi train CONFIG --cfg-options train_cfg.max_epochs=10 train_dataloader.batch_size=32

'mmhsi::' stands for the configs that are installed with the package; mmhsi models lists them.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from mmhsi.engine.work_dir import hold_work_dir
from mmhsi.utils.command_line import add_runner_arguments, check_checkpoint, command_parser, load_config
from mmhsi.utils.folder_lock import FolderBusyError

if TYPE_CHECKING:
    from mmengine.config import Config


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = command_parser(__doc__)
    add_runner_arguments(parser)
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='continue from this checkpoint, or without a value from the newest intact one in the work dir, if any',
    )
    parser.add_argument('--amp', action='store_true', help='train with automatic mixed precision')
    parser.add_argument('--no-validate', action='store_true', help='train without validation')
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate by the ratio of the actual to the base batch size (auto_scale_lr in the config)',
    )
    return parser.parse_args(argv)


def apply_options(cfg: Config, args: argparse.Namespace) -> None:
    """Write the training options of the command line into the config."""
    if args.resume == 'auto':
        from mmhsi.engine.resume import resume_from_latest

        resume_from_latest(cfg)
    elif args.resume is not None:
        cfg.resume, cfg.load_from = True, args.resume
    if args.amp:
        kind = cfg.optim_wrapper.get('type', 'OptimWrapper')
        if kind not in ('OptimWrapper', 'AmpOptimWrapper'):
            raise ValueError(f"{args.config}: --amp replaces an optim_wrapper of type 'OptimWrapper', found '{kind}'")
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    if args.auto_scale_lr:
        if 'base_batch_size' not in cfg.get('auto_scale_lr', {}):
            raise ValueError(
                f'{args.config}: --auto-scale-lr needs auto_scale_lr=dict(base_batch_size=...) '
                'in the config, which has none'
            )
        cfg.auto_scale_lr.enable = True


def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    if args.resume != 'auto':
        check_checkpoint(args.resume)
    cfg = load_config(args)
    check_checkpoint(cfg.get('load_from'))
    try:
        lock = hold_work_dir(cfg)
    except (OSError, FolderBusyError) as error:
        print(f'error: {error}', file=sys.stderr)
        raise SystemExit(2) from None
    with lock:
        apply_options(cfg, args)
        from mmhsi.engine.distributed import build_runner, close_process_group
        from mmhsi.engine.failures import explained_failures

        runner = build_runner(cfg)
        with explained_failures(runner):
            runner.train()
    close_process_group()
