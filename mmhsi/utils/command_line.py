"""What the command line tools share: their arguments, and the config that these make."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from mmengine.config import Config, DictAction

from mmhsi.utils.run_seed import set_run_seed


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the config file and ``--cfg-options`` to a parser.

    Args:
        parser (ArgumentParser): The parser to extend.
    """
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='settings that override those of the config file, e.g. train_cfg.max_epochs=10 data.bands="[0,5]" '
        '(quote lists and tuples, and put no blanks inside)',
    )


def add_runner_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of every tool that builds a runner: config, work dir, launcher and seed.

    Args:
        parser (ArgumentParser): The parser to extend.
    """
    add_config_arguments(parser)
    parser.add_argument('--work-dir', help='folder of logs and results (default: ./work_dirs/<name of the config>)')
    parser.add_argument(
        '--launcher',
        choices=('none', 'pytorch', 'slurm', 'mpi'),
        default='none',
        help='what started the processes of a distributed run',
    )
    parser.add_argument(
        '--seed', type=int, help='seed of the run and of the splits of its scenes, instead of those of the config'
    )
    parser.add_argument('--local-rank', '--local_rank', type=int, default=0, help='set by some launchers')


def default_work_dir(config: str) -> str:
    """Folder of the runs of a config file where neither the config nor the command line names one."""
    return os.path.join('work_dirs', Path(config).stem)


def load_config(args: argparse.Namespace) -> Config:
    """Load the config file that the arguments name, with the overrides they hold.

    Args:
        args (Namespace): Result of a parser with :func:`add_config_arguments` or :func:`add_runner_arguments`.

    Returns:
        Config: The config; with runner arguments, ``launcher``, ``work_dir`` and a given seed are set too. The work dir
        is taken from the command line, else from the config, else it is ``./work_dirs/<name of the config>``.
    """
    cfg = Config.fromfile(args.config)
    if args.cfg_options is not None:
        cfg.merge_from_dict(args.cfg_options)
    if 'launcher' in args:
        if args.seed is not None:
            set_run_seed(cfg, args.seed)
        os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
        cfg.launcher = args.launcher
        cfg.work_dir = args.work_dir or cfg.get('work_dir') or default_work_dir(args.config)
    return cfg


def run_converter(main: Callable[[], int | None]) -> None:
    """Run a converter as a program: what is wrong with its files is a sentence and the exit status 2.

    Args:
        main (Callable): The function to run; what it returns is the exit status.
    """
    try:
        status = main()
    except (OSError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        sys.exit(2)
    if status:
        sys.exit(status)
