"""Tests of the command ``mmhsi``: help, wrong arguments and missing files, at once and in a sentence."""

import argparse
import errno
import io
import logging
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mmhsi.cli import COMMANDS, main
from mmhsi.utils.command_line import ExplainedError, import_user_modules, load_config, run_program

ROOT = Path(__file__).resolve().parents[1]
CONFIG = 'configs/classification/hypersigma-tiny_cls_indian-pines.py'


def run(*argv: str) -> subprocess.CompletedProcess:
    """Run the command in a process that may not import torch."""
    code = 'import sys\nsys.modules["torch"] = None\nfrom mmhsi.cli import main\nsys.exit(main(sys.argv[1:]))'
    return subprocess.run(
        [sys.executable, '-c', code, *argv], capture_output=True, text=True, cwd=ROOT, check=False, timeout=60
    )


def test_overview_names_every_command():
    done = run('--help')
    assert done.returncode == 0
    named = [line.split()[0] for line in done.stdout.partition('commands:')[2].splitlines() if line.startswith('  ')]
    assert named[: len(COMMANDS)] == list(COMMANDS)
    assert run('--version').stdout.startswith('mmhsi ')


@pytest.mark.parametrize('name', COMMANDS)
def test_help_shows_examples_and_needs_no_torch(name):
    done = run(name, '--help')
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f'usage: mmhsi {name}') and re.search(rf'^    mmhsi {name}\b', done.stdout, re.M)


def test_wrong_command_and_wrong_argument_are_named():
    done = run('trian')
    assert done.returncode == 2 and "no command 'trian'; did you mean train?" in done.stderr
    done = run('train', CONFIG, '--speed', 'high')
    assert done.returncode == 2 and 'unrecognized arguments: --speed' in done.stderr


@pytest.mark.parametrize(
    'argv, message',
    [
        (['train', 'configs/none.py'], 'configs/none.py: there is no such config file'),
        (['train', 'hypersigma-tiny_cls_indian-pine.py'], 'similar are mmhsi::classification/hypersigma-tiny_cls_'),
        (['train', CONFIG, '--resume', 'none.pth'], 'none.pth: there is no such checkpoint'),
        (['test', CONFIG, 'none.pth'], 'none.pth: there is no such checkpoint'),
        (['export', CONFIG, 'none/none.pth'], 'none/none.pth: there is no such checkpoint, and no folder none'),
        (['predict', 'none.tif', '-w', 'none.pth', '-o', 'out'], 'none.tif: no such file'),
        (['predict', 'setup.py', '-w', 'none.pth', '-o', 'out'], 'none.pth: there is no such checkpoint'),
        (['predict', 'setup.py', '-c', 'hypersigma-tini', '-o', 'out'], 'neither a config file nor a model of the zoo'),
        (['predict', 'setup.py', '-c', 'mmhsi::classification/none.py', '-o', 'out'], 'none.py'),
        (['predict', 'setup.py', '-w', 'setup.py', '-o', 'out', '--cfg-options', 'a=1'], 'give it (-c)'),
        (['baseline', 'configs/none.py'], 'configs/none.py: there is no such config file'),
        (['report', 'none'], 'none: there is no such folder'),
        (['data', 'none'], 'none: there is no such config file'),
        (['models', '--task', 'none'], "there is no task 'none'"),
    ],
)
def test_what_is_missing_is_noticed_before_torch_is_imported(argv, message):
    done = run(*argv)
    assert done.returncode == 2 and message in done.stderr and 'Traceback' not in done.stderr, done.stderr


def test_checkpoints_of_the_folder_are_named(tmp_path):
    (tmp_path / 'epoch_50.pth').touch()
    done = run('test', CONFIG, str(tmp_path / 'epoch_5.pth'))
    assert f'{tmp_path} holds epoch_50.pth' in done.stderr


def test_models_lists_names_and_configs(capsys):
    assert main(['models', 'hypersigma-tiny_cls_indian-pines', '--task', 'classification']) == 0
    assert 'mmhsi::classification/hypersigma-tiny_cls_indian-pines.py' in capsys.readouterr().out
    assert main(['models', 'no-such-model']) == 1


def test_data_is_checked_without_torch(tmp_path):
    np.save(tmp_path / 'cube.npy', np.random.default_rng(0).random((6, 5, 4), np.float32))
    np.save(tmp_path / 'labels.npy', np.repeat(np.arange(3, dtype=np.uint8), 10).reshape(6, 5))
    (tmp_path / 'scene.py').write_text(
        "test_dataloader = dict(dataset=dict(type='WholeSceneDataset', names=['cube'], scene=dict("
        f"type='Scene', data_root={str(tmp_path)!r}, image='{{name}}.npy', labels='labels.npy', "
        "split=dict(type='NumberSplit', train=2, val=1, seed=0))))"
    )
    done = run('data', str(tmp_path / 'scene.py'))
    assert done.returncode == 0 and '2 files, 1 scenes: no problems' in done.stdout, done.stdout + done.stderr


def test_module_runs_as_the_command():
    done = subprocess.run(
        [sys.executable, '-m', 'mmhsi.cli', '--version'], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.startswith('mmhsi ')


@pytest.mark.skipif(sys.platform == 'win32', reason='pipes without a reader are told otherwise on Windows')
def test_a_reader_that_ends_early_is_no_error():
    process = subprocess.Popen(
        [sys.executable, '-m', 'mmhsi.cli', 'models'], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    process.stdout.close()
    assert process.wait(timeout=60) == 141 and process.stderr.read() == ''
    process.stderr.close()


@pytest.mark.skipif(sys.platform == 'win32', reason='a shell of POSIX closes the output')
def test_closed_output_is_no_error():
    command = f'{shlex.quote(sys.executable)} -m mmhsi.cli models >&-'
    process = subprocess.run(command, shell=True, stderr=subprocess.PIPE, text=True, timeout=60)
    assert process.returncode == 0 and process.stderr == ''


def test_names_that_the_output_cannot_show_are_no_error():
    command = [sys.executable, '-m', 'mmhsi.cli', 'train', 'π.py']
    environment = {**os.environ, 'PYTHONIOENCODING': 'ascii', 'PYTHONUTF8': '0'}
    process = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert r'\u03c0' in process.stdout + process.stderr and 'Traceback' not in process.stderr


def test_an_interruption_is_one_line(monkeypatch, capsys):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr('mmhsi.cli.models.main', interrupted)
    assert main(['models']) == 130
    assert capsys.readouterr().err == 'mmhsi models: interrupted\n'


@pytest.mark.skipif(not os.path.exists('/dev/full'), reason='the system has no /dev/full')
@pytest.mark.parametrize(
    'command, unbuffered, message',
    [
        ('-m mmhsi.cli --help', '', 'mmhsi: error: .*does not fit'),
        ('-m mmhsi.cli models', '', 'mmhsi models: error: .*does not fit'),
        ('-m mmhsi.cli models', '1', 'mmhsi models: error: .*does not fit'),
        ('-m mmhsi.cli models --help', '', 'mmhsi models: error: the output cannot be written'),
        ('tools/dataset_converters/oscd.py --help', '', 'oscd.py: error: the output cannot be written'),
    ],
)
def test_a_full_disk_behind_the_output_is_one_line(command, unbuffered, message):
    process = subprocess.run(
        f'{shlex.quote(sys.executable)} {command} >/dev/full',
        shell=True,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        cwd=ROOT,
        env={**os.environ, 'PYTHONUNBUFFERED': unbuffered},
    )
    assert process.returncode == 2
    assert re.fullmatch(message, process.stderr.strip())


@pytest.mark.parametrize(
    'content, message',
    [
        (None, 'there is no such module; it must be installed, or lie in a folder that PYTHONPATH names'),
        ('raise KeyError("x")', r"the module cannot be imported: KeyError: 'x' \(.*users_module.py, line 1\)"),
        ('import sys\nsys.exit()', r'the module cannot be imported: SystemExit:  \(.*users_module.py, line 2\)'),
        ('import absent_too', "the module cannot be imported: ModuleNotFoundError: No module named 'absent_too'"),
        ('x = ', r'the module cannot be imported: SyntaxError: invalid syntax \(users_module.py, line 1\)'),
    ],
)
def test_modules_of_the_user_that_fail_are_named(tmp_path, monkeypatch, content, message):
    if content is not None:
        (tmp_path / 'users_module.py').write_text(content)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, 'users_module', raising=False)
    with pytest.raises(ImportError, match=f'^--custom-imports users_module: {message}'):
        import_user_modules(['users_module'])


@pytest.mark.parametrize(
    'content, message',
    [
        ('x = = 1', 'the config cannot be read: SyntaxError: invalid syntax'),
        ('x = 1 / 0', r'the config cannot be read: ZeroDivisionError: division by zero \(.*config.py, line 1\)'),
        ("_base_ = 'config.py'", 'the config cannot be read: a file names itself as its _base_'),
        (
            "custom_imports = dict(imports=['absent_module'])",
            'the config cannot be read: ImportError: Failed to import',
        ),
        ('import sys\nsys.exit(3)', 'the config cannot be read: SystemExit: 3'),
        ('a = 1', '--cfg-options do not fit the config: '),
    ],
)
def test_a_config_that_cannot_be_read_is_one_sentence(tmp_path, content, message):
    path = tmp_path / 'config.py'
    path.write_text(content)
    with pytest.raises(ExplainedError, match=f'config.py: {message}'):
        load_config(argparse.Namespace(config=str(path), cfg_options={'a.b': 1}))


def test_an_explained_error_needs_no_traceback(capsys):
    def fail():
        raise ExplainedError('a.py: what is wrong')

    assert run_program(fail, 'mmhsi train', before_networks=True) == 2
    assert capsys.readouterr().err == 'mmhsi train: error: a.py: what is wrong\n'


class FullDisk(io.StringIO):
    def flush(self):
        raise OSError(errno.ENOSPC, 'No space left on device')


def test_a_log_that_cannot_be_written_is_one_line(capsys, monkeypatch):
    monkeypatch.setattr(logging.Handler, 'handleError', logging.Handler.handleError)
    logger = logging.Logger('full')
    logger.addHandler(logging.StreamHandler(FullDisk()))
    assert run_program(lambda: [logger.warning('a line') for _ in range(3)], 'mmhsi train') == 0
    said = capsys.readouterr().err
    assert said.count('the log cannot be written: [Errno 28]') == 1 and 'Traceback' not in said
