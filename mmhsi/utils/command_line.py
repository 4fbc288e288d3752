"""Common to the command line tools: their arguments and the config built from them."""

from __future__ import annotations

import argparse
import difflib
import errno
import importlib
import logging
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmengine.config import Config


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class ExplainedError(ValueError):
    """An error whose message says all that a user needs: commands print it without a traceback."""


class KeyValues(argparse.Action):
    """MMEngine's ``DictAction``, imported only when the option is given: ``--help`` works without MMEngine."""

    def __call__(self, parser, namespace, values, option_string=None):
        from mmengine.config import DictAction

        DictAction(self.option_strings, self.dest, self.nargs)(parser, namespace, values, option_string)


def command_parser(doc: str) -> argparse.ArgumentParser:
    """A parser that shows the docstring of a command, including examples, verbatim."""
    return argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)


def import_user_modules(names: Sequence[str] | None) -> None:
    """Import the modules named by ``--custom-imports``.

    Args:
        names (Sequence[str], optional): Their names.

    Raises:
        ImportError: If a module is absent, raises, or ends the program; the message names it, and the line that failed.
    """
    for name in names or ():
        try:
            importlib.import_module(name)
        except (Exception, SystemExit) as error:
            if isinstance(error, ModuleNotFoundError) and error.name in (name, name.partition('.')[0]):
                where = 'it must be installed, or lie in a folder that PYTHONPATH names'
                raise ImportError(f'--custom-imports {name}: there is no such module; {where}') from error
            raise ImportError(f'--custom-imports {name}: the module cannot be imported: {_in_words(error)}') from error


def _in_words(error: BaseException) -> str:
    """An error in code of the user, and the line that raised it."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not any(part in frame.filename for part in (__file__, 'importlib', f'{os.sep}mmengine{os.sep}'))
    ]
    place = f' ({frames[-1].filename}, line {frames[-1].lineno})' if frames else ''
    first = (str(error).strip().splitlines() or [''])[0]
    return f'{type(error).__name__}: {first}{place}'


def check_checkpoint(name: str | None) -> None:
    """Check that a checkpoint exists, before anything slow.

    Args:
        name (str, optional): A file or folder; an address, 'best', 'last' and None are not checked.

    Raises:
        FileNotFoundError: If it does not exist; the message lists other checkpoints in its folder.
    """
    if name is None or '://' in name or name in ('best', 'last') or os.path.exists(name):
        return
    folder = Path(name).parent
    held = sorted(path.name for path in folder.glob('*.pth')) if folder.is_dir() else []
    near = difflib.get_close_matches(Path(name).name, held, 3, 0.0)
    raise FileNotFoundError(
        f'{name}: there is no such checkpoint'
        + (f'; {folder} holds {", ".join(near)}' if near else '' if folder.is_dir() else f', and no folder {folder}')
    )


def find_config(name: str) -> str:
    """The config file named on a command line: a path, or else a path below ``configs/`` of the package.

    Raises:
        FileNotFoundError: If it does not exist; the message lists similar ones of the package.
    """
    if '::' in name or os.path.exists(name):
        return name
    package = Path(__file__).parents[1]
    root = next((path for path in (package.parent, package / '.mim') if (path / 'configs').is_dir()), package)
    if not os.path.isabs(name) and (root / name).is_file() and name.startswith('configs'):
        return str(root / name)
    known = {path.stem: path for path in (root / 'configs').glob('[!_]*/*.py')}
    near = difflib.get_close_matches(Path(name).stem, known, 3, 0.5)
    similar = ', '.join(f'mmhsi::{known[stem].relative_to(root / "configs").as_posix()}' for stem in near)
    raise FileNotFoundError(f'{name}: there is no such config file' + (f'; similar are {similar}' if similar else ''))


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the config file and ``--cfg-options`` to a parser.

    Args:
        parser (ArgumentParser): The parser to extend.
    """
    parser.add_argument('config', help="config file, or 'mmhsi::' and a path below configs/")
    add_cfg_options(parser)


def add_cfg_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--cfg-options``."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=KeyValues,
        metavar='KEY=VALUE',
        help='settings that override those of the config file, e.g. train_cfg.max_epochs=10 data.bands="[0,5]" '
        '(quote lists and tuples, without blanks inside)',
    )


def add_custom_imports(parser: argparse.ArgumentParser) -> None:
    """Add ``--custom-imports``."""
    parser.add_argument(
        '--custom-imports',
        action='append',
        metavar='MODULE',
        help='module of your own whose components the config names; may be given several times',
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
        help='launcher of the processes of a distributed run',
    )
    parser.add_argument(
        '--seed', type=int, help='seed of the run and of the splits of its scenes, instead of those of the config'
    )
    parser.add_argument('--local-rank', '--local_rank', type=int, default=0, help='set by some launchers')


def default_work_dir(config: str) -> str:
    """Folder of the runs of a config file if neither the config nor the command line sets one."""
    return os.path.join('work_dirs', Path(config).stem)


def load_config(args: argparse.Namespace) -> Config:
    """Load the config file given by the arguments and apply their overrides.

    Args:
        args (Namespace): Result of a parser with :func:`add_config_arguments` or :func:`add_runner_arguments`.

    Returns:
        Config: The config; with runner arguments, ``launcher``, ``work_dir`` and a given seed are set too. The work dir
        is taken from the command line, else from the config, else it is ``./work_dirs/<name of the config>``.

    Raises:
        OSError: If the file or one of its bases does not exist.
        ExplainedError: If it cannot be run, or the overrides do not fit it.
    """
    path = find_config(args.config)
    from mmengine.config import Config

    from mmhsi.utils.run_seed import set_run_seed

    try:
        cfg = Config.fromfile(path)
    except RecursionError:
        raise ExplainedError(f'{path}: the config cannot be read: a file names itself as its _base_') from None
    except OSError:
        raise
    except (Exception, SystemExit) as error:
        raise ExplainedError(f'{path}: the config cannot be read: {_in_words(error)}') from error
    if args.cfg_options is not None:
        try:
            cfg.merge_from_dict(args.cfg_options)
        except (TypeError, KeyError, IndexError, AttributeError, AssertionError) as error:
            raise ExplainedError(f'{path}: --cfg-options do not fit the config: {error}') from error
    if 'launcher' in args:
        if args.seed is not None:
            set_run_seed(cfg, args.seed)
        os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
        cfg.launcher = args.launcher
        cfg.work_dir = args.work_dir or cfg.get('work_dir') or default_work_dir(args.config)
    return cfg


def run_program(main: Callable[[], object], name: str, before_networks: bool = False) -> int:
    """Run a command; errors in its arguments and files, an interruption and a full output are one line each.

    Args:
        main (Callable): The function to run.
        name (str): Name of the command, for the line.
        before_networks (bool): Whether errors keep their traceback once torch is imported. Defaults to False.

    Returns:
        int: The exit status: what ``main`` returns if that is an int, else 0; 2 after an error, 130 after Ctrl-C, and
        141 if the program that reads the output has ended.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, 'reconfigure'):  # a name of a file that the terminal cannot show ends no command
            stream.reconfigure(errors='backslashreplace')
    logging.Handler.handleError = _log_fails  # type: ignore[method-assign,assignment]
    try:
        status = main()
        if sys.stdout is not None:  # it is None if the output is closed from the start
            sys.stdout.flush()
    except BrokenPipeError:  # as `head` ends early
        _discard_output()
        return 128 + 13  # as if ended by SIGPIPE
    except KeyboardInterrupt:
        print(f'{name}: interrupted', file=sys.stderr)
        return 128 + 2  # as if ended by SIGINT
    except SystemExit:  # of a parser that has printed its help, or of a command with its status
        if not _output_fails():
            raise
        print(f'{name}: error: the output cannot be written', file=sys.stderr)
        return 2
    except (OSError, ValueError, KeyError, SyntaxError) as error:
        full = isinstance(error, OSError) and error.errno in _FULL and not error.filename
        networks = sys.modules.get('torch') is not None
        explained = full or isinstance(error, ExplainedError)
        if not explained and (networks if before_networks else not isinstance(error, (OSError, ValueError))):
            raise
        _output_fails()
        what = ': the output, or a file that is written, does not fit' if full else ''
        print(f'{name}: error: {error}{what}', file=sys.stderr)
        return 2
    return int(status) if isinstance(status, int) else 0


def _log_fails(handler: logging.Handler, record: logging.LogRecord) -> None:
    """Report a log that cannot be written, e.g. on a full disk, once instead of with a traceback for each line."""
    if not getattr(handler, 'failed', False) and sys.stderr is not None:
        handler.failed = True  # type: ignore[attr-defined]
        with suppress(OSError):
            print(f'{handler}: the log cannot be written: {sys.exc_info()[1]}', file=sys.stderr)


def _output_fails() -> bool:
    """Whether stdout takes no more, e.g. because its disk is full; what it still holds is given up then."""
    if sys.stdout is None:
        return False
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        _discard_output()
        return True
    return False


def _discard_output() -> None:
    """Let stdout write to nowhere, so that the flush at the end of Python finds a reader."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run_tool(main: Callable[[], object], before_networks: bool = False) -> None:
    """Run a file of ``tools/`` by :func:`run_program` and end Python with its status."""
    sys.exit(run_program(main, Path(sys.argv[0]).name, before_networks))
