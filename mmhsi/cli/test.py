r"""Evaluate a checkpoint with the test set and metrics of a config.

    mmhsi test configs/classification/hypersigma-tiny_cls_indian-pines.py best
    mmhsi test CONFIG work_dirs/hypersigma-tiny_cls_indian-pines/epoch_50.pth --show-dir maps
    mmhsi test CONFIG last --work-dir runs/first --out predictions.pkl

Scores are printed and kept in the work dir, with maps and pictures of each scene.
"""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from mmhsi.engine.run_checkpoints import named_checkpoint
from mmhsi.utils.command_line import add_runner_arguments, check_checkpoint, command_parser, load_config

if TYPE_CHECKING:
    from mmengine.config import Config


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = command_parser(__doc__)
    add_runner_arguments(parser)
    parser.add_argument('checkpoint', help="checkpoint file; 'best' or 'last' of the work dir")
    parser.add_argument('--out', metavar='FILE.pkl', help='pickle file for the predictions of all samples')
    parser.add_argument('--show-dir', help='folder for maps and pictures, instead of the one in the work dir')
    parser.add_argument(
        '--tta', action='store_true', help='test-time augmentation with tta_model and tta_pipeline of the config'
    )
    parser.add_argument(
        '--no-classical',
        action='store_true',
        help='skip the comparison with the classical methods of the config after the test',
    )
    args = parser.parse_args(argv)
    if args.out is not None and not args.out.endswith(('.pkl', '.pickle')):
        parser.error(f'--out writes a pickle file (.pkl), not {args.out}')
    return args


def apply_options(cfg: Config, args: argparse.Namespace) -> None:
    """Write the test options of the command line into the config."""
    cfg.load_from = named_checkpoint(args.checkpoint, cfg.get('work_dir', ''))
    if args.show_dir is not None:
        if 'result' not in cfg.get('default_hooks', {}):
            raise ValueError(
                f'{args.config}: --show-dir needs a hook default_hooks.result in the config, which has none'
            )
        cfg.default_hooks.result.out_dir = os.path.abspath(args.show_dir)
    if args.no_classical and cfg.get('default_hooks'):
        cfg.default_hooks.pop('classical', None)
    if args.tta:
        missing = [key for key in ('tta_model', 'tta_pipeline') if key not in cfg]
        if missing:
            raise ValueError(f'{args.config}: --tta needs {" and ".join(missing)} in the config, which has none')
        cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline
        from mmengine.config import ConfigDict

        cfg.model = ConfigDict(**cfg.tta_model, module=cfg.model)


def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    check_checkpoint(args.checkpoint)
    cfg = load_config(args)
    apply_options(cfg, args)
    from mmhsi.engine.distributed import build_runner, close_process_group
    from mmhsi.engine.failures import explained_failures

    runner = build_runner(cfg)
    if args.out is not None:
        from mmengine.evaluator import DumpResults

        runner.test_evaluator.metrics.append(DumpResults(out_file_path=args.out))
    with explained_failures(runner):
        runner.test()
    close_process_group()
