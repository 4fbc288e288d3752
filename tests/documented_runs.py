"""Running the code blocks of a page, in one process and in a folder that looks like the repository.

``python tools/...`` is run in this process, since importing the frameworks takes longer than most commands; what a
block leaves (files, names of Python) is available to the later blocks of its page.
"""

from __future__ import annotations

import importlib
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from documented_blocks import ROOT, Block
from mmengine.config import Config

import mmhsi  # noqa: F401  as the interpreter of a user has it
from mmhsi.cli import COMMANDS
from mmhsi.utils.command_line import find_config

LINKED = ('tools', 'benchmarks', 'demo', 'mmhsi', 'requirements', 'docs', 'tests')
NAMED = ('train.py', 'test.py')  # tools whose runs need names of their own where several run in one second
_ASSIGNMENT = re.compile(r'[A-Z_]+=.*')
_PYTHON = re.compile(r'(\.venv/bin/)?python(3(\.\d+)?)?')
# The arguments of the scripts that start several processes, before those of the Python tool.
LAUNCHERS = {
    'dist_train.sh': ('config', 'processes'),
    'dist_test.sh': ('config', 'checkpoint', 'processes'),
    'slurm_train.sh': ('partition', 'job', 'config'),
    'slurm_test.sh': ('partition', 'job', 'config', 'checkpoint'),
}


def split_environment(words: list[str]) -> tuple[dict[str, str], list[str]]:
    """Assignments before a command, and the command."""
    count = next((i for i, word in enumerate(words) if not _ASSIGNMENT.fullmatch(word)), len(words))
    return dict(word.split('=', 1) for word in words[:count]), words[count:]


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _search(folder: Path) -> Iterator[None]:
    """A folder from which modules are imported, as Python does with the working directory."""
    saved = list(sys.path)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path[:] = saved


@contextmanager
def _script(path: Path, argv: list[str]) -> Iterator[None]:
    """Command line and import path as a script finds them."""
    saved = sys.argv, list(sys.path)
    given = [entry for entry in os.environ.get('PYTHONPATH', '').split(os.pathsep) if entry]
    sys.argv, sys.path[:0] = [str(path), *argv], [str(path.parent), *given]
    try:
        yield
    finally:
        sys.argv, sys.path[:] = saved


class Page:
    """The blocks of one page, run one after the other.

    Args:
        folder (Path): Empty folder, made to look like the repository. It has to be the working directory.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.names: dict = {'__name__': '__documentation__'}
        self.runs = 0
        self.done: list[str] = []
        shutil.copytree(ROOT / 'configs', folder / 'configs')
        for name in LINKED:
            (folder / name).symlink_to(ROOT / name)

    def do(self, block: Block) -> None:
        """Run, load or check a block; an error names the place of the block."""
        try:
            for command in block.setup:
                self.run(command)
            if block.kind == 'check':
                for command in block.commands():
                    check(command)
            elif block.kind == 'config' or block.language == 'python':
                with _search(self.folder):
                    self._do_python(block)
            elif block.language == 'shell':
                for command in block.commands():
                    self.run(f'{command} {block.options.get("with", "")}' if _is_python(command) else command)
        except (Exception, SystemExit) as error:
            raise AssertionError(f'{block.place}: {type(error).__name__}: {error}') from error
        self.done.append(block.place)

    def _do_python(self, block: Block) -> None:
        if block.kind == 'run':
            exec(compile(block.code, block.place, 'exec'), self.names)
            return
        base = block.options.get('merge')
        path = self.folder / block.options.get('file', '_part_of_config.py')
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.code if base is None else f"_base_ = '{base}'\n{block.code}", encoding='utf-8')
        if base is not None or '_base_ =' in block.code:
            Config.fromfile(path, format_python_code=False)

    def run(self, command: str) -> None:
        """Run a command: a Python script in this process, all else by the shell."""
        environment, words = split_environment(shlex.split(command, comments=True))
        with _environment(environment):
            if not _is_python(command):
                subprocess.run(['bash', '-euc', command], check=True, cwd=self.folder)
                return
            path, argv = ROOT / words[1], words[2:]
            if path.name in NAMED:
                self.runs += 1
                argv += ['--cfg-options', f'experiment_name={self.folder.name}-{self.runs}']
            with _script(path, argv):
                try:
                    runpy.run_path(str(path), run_name='__main__')
                except SystemExit as end:
                    if end.code:
                        raise AssertionError(f'{command}: exit code {end.code}') from end


def _is_python(command: str) -> bool:
    words = split_environment(shlex.split(command, comments=True))[1]
    return len(words) > 1 and bool(_PYTHON.fullmatch(words[0])) and words[1].endswith('.py')


def _parse(script: str, argv: list[str]) -> None:
    """Parse the arguments of a Python tool, and load its config."""
    path = ROOT / script
    assert path.is_file(), f'{script} does not exist'
    with _script(path, argv):
        tool = runpy.run_path(str(path))
        assert not argv or 'parse_args' in tool, f'{script}: the arguments cannot be checked'
        args = tool['parse_args'](argv) if argv else None
    config = getattr(args, 'config', None)
    if config is not None:
        Config.fromfile(ROOT / config, format_python_code=False)


def _check_subcommand(argv: list[str]) -> None:
    """Parse the arguments of a subcommand of ``mmhsi``, and find its config."""
    assert argv and argv[0] in COMMANDS, f'mmhsi has no command {argv[:1]}'
    module = importlib.import_module(COMMANDS[argv[0]][0].partition(':')[0])
    args = module.parse_args(argv[1:])
    if getattr(args, 'config', None) is not None:
        find_config(args.config)


def _check_launcher(script: str, argv: list[str]) -> None:
    path = ROOT / script
    assert os.access(path, os.X_OK), f'{script} is no executable file'
    names = LAUNCHERS[path.name]
    assert len(argv) >= len(names), f'{script}: expected {" ".join(names)}, found {" ".join(argv)}'
    given = dict(zip(names, argv, strict=False))
    for name in ('processes',):
        assert given.get(name, '1').isdigit(), f'{script}: {given[name]} is no number of processes'
    tool = 'train.py' if 'train' in path.name else 'test.py'
    _parse(f'tools/{tool}', [given[name] for name in ('config', 'checkpoint') if name in given] + argv[len(names) :])


def _check_pip(argv: list[str]) -> None:
    assert argv[:1] == ['install'], f'unknown command pip {" ".join(argv)}'
    for option, value in zip(argv, argv[1:], strict=False):
        assert option not in ('-r', '-c') or (ROOT / value).is_file(), f'{value} does not exist'
    for extra in re.findall(r'mmhsi\[(\w+)\]', ' '.join(argv)):
        assert (ROOT / f'requirements/{extra}.txt').is_file(), f'there is no extra {extra!r}'


def check(command: str) -> None:
    """Check a command without running it.

    Raises:
        AssertionError: If a file does not exist, or the command is of no known kind.
        SystemExit: If its arguments are not those of its script.
    """
    words = split_environment(shlex.split(command, comments=True))[1]
    while words and words[0] in ('srun', 'torchrun', 'sudo'):
        words = words[1:]
        while words and words[0].startswith('-'):
            words = words[1:]
        words = words if not words or _PYTHON.fullmatch(words[0]) else ['python', *words]
    name, argv = words[0], words[1:]
    if _is_python(' '.join(map(shlex.quote, words))):
        _parse(argv[0], argv[1:])
    elif name.endswith('.sh'):
        _check_launcher(name, argv)
    elif name == 'make':
        targets = re.findall(r'^([a-z]+):', (ROOT / 'Makefile').read_text(encoding='utf-8'), re.MULTILINE)
        wrong = [word for word in argv if '=' not in word and word not in targets]
        assert not wrong, f'the Makefile has no target {wrong[0]}'
    elif name == 'mmhsi':
        _check_subcommand(argv)
    elif name == 'pip':
        _check_pip(argv)
    elif name == 'uv':
        files = [word for word in argv if word.startswith('requirements/')]
        assert argv[0] in ('pip', 'venv') and all((ROOT / file).is_file() for file in files), command
    elif name == 'sphinx-build':
        assert (ROOT / 'docs/conf.py').is_file()
    elif name in ('git', 'cd', 'sbatch', 'scontrol', 'kill', 'export'):
        assert argv, f'{name} without an argument'
    else:
        raise AssertionError(f'{command!r} is of no kind that can be checked')
