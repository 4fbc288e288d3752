"""The wheel in a fresh environment, and what is said about installations that cannot work.

The first takes minutes and a package index: it runs where ``MMHSI_TEST_INSTALLATION`` is 1.
"""

import importlib.metadata
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from wheels import build_wheel

ROOT = Path(__file__).resolve().parents[1]
STEPS = """
import glob, runpy, sys
import mmhsi
from mmengine.config import Config

cfg = Config.fromfile('mmhsi::classification/hypersigma-tiny_cls_indian-pines.py')
tools = mmhsi.__path__[0] + '/.mim/tools'

def run(tool, *arguments):
    sys.argv = [tool, *arguments]
    try:
        runpy.run_path(f'{tools}/{tool}', run_name='__main__')
    except SystemExit as end:
        assert not end.code

run('dataset_converters/indian_pines.py')
cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=2, val_interval=10)
cfg.default_hooks.checkpoint.update(interval=2, by_epoch=False, save_best=None)
cfg.param_scheduler = None
cfg.dump('two_iterations.py')
run('train.py', 'two_iterations.py', '--work-dir', 'run')
run('predict.py', 'data/indian_pines/Indian_pines_corrected.mat', '-w', 'run/iter_2.pth', '-o', 'out')
assert not {'mmagic', 'pytest'} & set(sys.modules)
"""


def run(*command, **kwargs) -> str:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, **kwargs)
    assert done.returncode == 0, f'{command}: {done.stdout[-2000:]} {done.stderr[-2000:]}'
    return done.stdout


@pytest.mark.timeout(3000)
@pytest.mark.skipif(os.environ.get('MMHSI_TEST_INSTALLATION') != '1', reason='MMHSI_TEST_INSTALLATION is not 1')
def test_the_bare_wheel_trains_and_predicts(tmp_path):
    """No lock, no constraint, no extra."""
    wheel = build_wheel(tmp_path)
    uv = [shutil.which('uv', path=os.pathsep.join([str(Path(sys.executable).parent), os.environ['PATH']]))]
    run(*uv, 'venv', '--quiet', '--python', sys.executable, tmp_path / 'env')
    python = tmp_path / 'env' / ('Scripts/python.exe' if os.name == 'nt' else 'bin/python')
    run(*uv, 'pip', 'install', '--quiet', '--python', python, wheel)
    environment = {name: value for name, value in os.environ.items() if name not in ('PYTHONPATH', 'MMHSI_DATA')}
    run(python, '-W', 'ignore', '-c', STEPS, cwd=tmp_path, env={**environment, 'OMP_NUM_THREADS': '1'})
    assert list((tmp_path / 'out').rglob('*_classes.tif'))


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Pretend that packages have other versions; of mmcv the files too."""
    pytest.importorskip('mmengine')

    def install(**versions):
        versions = {name.replace('_', '-'): version for name, version in versions.items()}
        version = importlib.metadata.version

        def found(name):
            if name not in versions:
                return version(name)
            if versions[name] is None:
                raise importlib.metadata.PackageNotFoundError(name)
            return versions[name]

        monkeypatch.setattr(importlib.metadata, 'version', found)
        for name in ('mmcv', 'mmcv-lite'):
            if versions.get(name):
                (tmp_path / 'mmcv').mkdir(exist_ok=True)
                (tmp_path / 'mmcv/__init__.py').touch()
                (tmp_path / 'mmcv/version.py').write_text(f"__version__ = '{versions[name]}'\n")
                monkeypatch.syspath_prepend(tmp_path)
                monkeypatch.delitem(sys.modules, 'mmcv', raising=False)

    return install


def test_an_mmcv_that_mmsegmentation_refuses(installed):
    from mmhsi.installation import check_mmcv

    installed(mmcv_lite='2.2.0', mmcv=None, mmsegmentation='1.2.2', onedl_mmcv=None)
    with pytest.raises(
        ImportError, match='mmcv 2.2.0 is installed, but mmsegmentation 1.2.2 requires .*: pip install '
    ):
        check_mmcv()
    installed(mmcv_lite=None, mmcv='2.3.6', mmsegmentation=None)
    check_mmcv()


def test_two_packages_of_mmcv(installed):
    from mmhsi.installation import check_mmcv

    installed(mmcv_lite='2.1.0', mmcv='2.1.0', mmsegmentation='1.2.2', onedl_mmcv=None)
    with pytest.warns(UserWarning, match='mmcv 2.1.0 and mmcv-lite 2.1.0 are installed .* install one'):
        check_mmcv()


def test_no_mmcv(monkeypatch):
    installation = pytest.importorskip('mmhsi.installation')
    monkeypatch.setitem(sys.modules, 'mmcv', None)
    with pytest.raises(ImportError, match='mmcv is not installed: pip install'):
        installation.check_mmcv()


@pytest.mark.parametrize(
    'torch, torchvision, needs, words',
    [
        ('2.11.0', '0.19.1', ['torch (==2.4.1)'], r'torchvision 0.19.1 is made for torch==2.4.1, but torch 2.11.0 is'),
        (
            '2.11.0',
            '0.29.2',
            ['torch>=2.14.0', 'numpy'],
            'made for torch>=2.14.0.*: pip install --upgrade torch torchvis',
        ),
        (
            '2.11.0+cpu',
            '0.26.0',
            ['torch==2.11.0'],
            r'torch 2.11.0\+cpu is the build without CUDA, but torchvision 0.26.0',
        ),
        ('2.11.0+cpu', '0.26.0+cpu', ['torch==2.11.0'], None),
        ('2.11.0+cu130', '0.26.0', ['torch==2.11.0'], None),
    ],
)
def test_torch_and_torchvision(torch, torchvision, needs, words, installed, monkeypatch, recwarn):
    from mmhsi.installation import check_torchvision

    installed(torch=torch, torchvision=torchvision)
    monkeypatch.setattr(importlib.metadata, 'requires', lambda name: needs)
    monkeypatch.setattr(sys, 'platform', 'linux')
    if words is None:
        check_torchvision()
        assert not recwarn.list
    else:
        with pytest.warns(UserWarning, match=words):
            check_torchvision()


def test_a_python_that_is_too_old_is_named():
    code = 'import sys\nsys.version_info = (3, 10, 13)\nimport mmhsi'
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, cwd=ROOT)
    assert 'ImportError: mmhsi needs Python 3.11 or later' in done.stderr.splitlines()[-1]


def test_a_python_that_is_too_new_is_named(monkeypatch):
    from mmhsi.installation import check_python

    monkeypatch.setattr(sys, 'version_info', (3, 15, 0))
    with pytest.warns(UserWarning, match='tested with Python 3.11 to 3.13, but this is Python 3.15.0: if something'):
        check_python()


def test_this_installation_works(recwarn):
    installation = pytest.importorskip('mmhsi.installation')
    installation.check_installation()
    assert not recwarn.list


def test_a_home_that_cannot_be_written_to(tmp_path):
    """The kernel is compiled into a temporary folder then."""
    pytest.importorskip('mmhsi')
    code = (
        'import torch\nfrom mmhsi.ops import sparse_sampling_attention\nimport mmhsi.models, mmhsi.apis\n'
        'tensors = [torch.rand(1, 2, 16, 4) for _ in range(3)]\n'
        'print(sparse_sampling_attention(*tensors, torch.rand(1, 2, 16, 3, 2), (4, 4)).shape)'
    )
    home = '/proc/nothing' if os.path.isdir('/proc') else '/nonexistent'
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith('XDG_') and name not in ('MMHSI_CACHE', 'MPLCONFIGDIR', 'TORCH_HOME')
    }
    out = run(sys.executable, '-c', code, env={**environment, 'HOME': home, 'PYTHONPATH': str(ROOT)}, cwd=tmp_path)
    assert 'torch.Size([1, 2, 16, 4])' in out
