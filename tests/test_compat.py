"""Tests of the bridges between library versions."""

import importlib.util
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import HistoryBuffer
from mmengine.runner import Runner
from mmengine.utils import digit_version

from mmhsi.compat import allow_training_checkpoints

ROOT = Path(__file__).resolve().parents[1]
TOY = ROOT / 'tests' / 'data' / 'toy_experiment'

# before torch 2.6 MMEngine's files are read by mmhsi.weights.restricted_pickle, and torch.load alone refuses them
needs_allow_list = pytest.mark.skipif(
    digit_version(torch.__version__) < digit_version('2.6'), reason='torch before 2.6 has no allow-list of functions'
)


@pytest.fixture
def allow_list():
    """The list as ``import mmhsi`` leaves it; the loaders of onedl-mmengine, used by other tests, empty it."""
    allow_training_checkpoints()


@pytest.fixture
def toy_config(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(TOY))
    cfg = Config.fromfile(TOY / 'toy_line.py')
    cfg.work_dir = str(tmp_path)
    cfg.experiment_name = tmp_path.name
    cfg.default_scope = 'mmhsi'  # or MMEngine's own would stay behind
    return cfg


@pytest.mark.skipif(not getattr(sys.modules.get('mmcv._ext'), 'is_stand_in', False), reason='mmcv is compiled here')
class TestStandIn:
    def test_operators_import_and_say_what_is_missing(self):
        from mmcv.ops import DeformConv2d, nms  # noqa: F401

        with pytest.raises(RuntimeError, match='operator "nms" is not compiled: mmcv-lite is installed'):
            nms(torch.rand(3, 4), torch.rand(3), 0.5)

    def test_is_found_like_a_module(self):
        assert importlib.util.find_spec('mmcv._ext').name == 'mmcv._ext'
        assert not hasattr(sys.modules['mmcv._ext'], '__path__')


def test_import_is_light_leaves_compiled_operators_alone_and_makes_loading_safe(tmp_path):
    (tmp_path / 'mmcv').mkdir()
    (tmp_path / 'mmcv' / '__init__.py').touch()
    (tmp_path / 'mmcv' / '_ext.py').write_text('nms = "compiled"')
    heavy = {'mmcv', 'mmpretrain', 'mmseg', 'mmagic', 'torchvision', 'rasterio', 'sklearn', 'mmengine.runner'}
    code = (
        f'import sys, mmhsi; print({heavy} & set(sys.modules)); from mmcv._ext import nms; print(nms)\n'
        'from mmengine.runner import CheckpointLoader as loader; print(loader._schemes[""].__module__)'
    )
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join([str(tmp_path), str(ROOT)])}
    done = subprocess.run([sys.executable, '-c', code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ['set()', 'compiled', 'mmhsi.weights.safe_loading']


def test_a_part_of_mmagic_that_fails_is_left_out(tmp_path):
    """A package of that name whose editors look for libraries that are gone, and which uses numpy.bool8."""
    editors = tmp_path / 'mmagic/models/editors'
    for name, text in (
        ('', 'import numpy\nnumpy.bool8'),
        ('models', ''),
        ('models/editors', ''),
        ('models/editors/swinir', 'class SwinIRNet: pass'),
        ('models/editors/vico', 'from .net import Net\nclass ViCo(Net): pass'),
    ):
        (tmp_path / 'mmagic' / name).mkdir(exist_ok=True)
        (tmp_path / 'mmagic' / name / '__init__.py').write_text(text)
    (editors / 'vico/net.py').write_text('from no_such_library import gone\nNet = object')
    (editors / '__init__.py').write_text('from .swinir import SwinIRNet\nfrom .vico import ViCo')
    code = (
        'import mmhsi, sys; assert "mmagic" not in sys.modules; from mmagic.models.editors import SwinIRNet, ViCo\n'
        'print(SwinIRNet().__module__)\ntry:\n    ViCo()\nexcept ImportError as error:\n    print(error)'
    )
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join([str(tmp_path), str(ROOT)])}
    done = subprocess.run([sys.executable, '-c', code], env=environment, capture_output=True, text=True, check=True)
    warned = 'mmagic.models.editors.vico cannot be imported with the installed libraries'
    assert f"{warned} (No module named 'no_such_library') and is left out" in done.stderr + done.stdout
    network, error = done.stdout.strip().splitlines()[-2:]
    assert network == 'mmagic.models.editors.swinir' and error.startswith(f'ViCo cannot be used: {warned}')


@needs_allow_list
@pytest.mark.usefixtures('allow_list')
def test_training_checkpoint_loads_safely_and_resumes(toy_config):
    Runner.from_cfg(toy_config).train()
    path = Path(toy_config.work_dir, 'epoch_1.pth')

    checkpoint = torch.load(path, weights_only=True)
    assert isinstance(checkpoint['message_hub']['log_scalars']['train/loss'], HistoryBuffer)
    fitted = checkpoint['fitted']
    np.testing.assert_array_equal(fitted['mean'], [0, 0.25, 0.5, 0.75, 1])
    assert fitted['bands'].tolist() == [0, 1, 2] and fitted['valid'].tolist() == [True, False]
    assert (fitted['count'], fitted['scale'], fitted['names'].tolist()) == (7, 0.5, ['red', 'nir'])

    toy_config.train_cfg.max_epochs = 3
    toy_config.resume = True
    toy_config.experiment_name += '_resumed'
    runner = Runner.from_cfg(toy_config)
    runner.train()
    assert runner.epoch == 3
    assert len(runner.message_hub.get_scalar('train/loss').data[0]) == 3  # one of the first run and two new ones


@needs_allow_list
@pytest.mark.usefixtures('allow_list')
@pytest.mark.parametrize('core', ['core', '_core'])
def test_arrays_of_either_numpy_generation_load(tmp_path, core):
    path = tmp_path / 'array.pth'
    torch.save({'band': np.arange(4.0), 'gain': np.float64(2)}, path, _use_new_zipfile_serialization=False)
    content = path.read_bytes()
    written = b'numpy._core.multiarray' if b'numpy._core.multiarray' in content else b'numpy.core.multiarray'
    assert written in content
    path.write_bytes(content.replace(written, f'numpy.{core}.multiarray'.encode()))
    loaded = torch.load(path, weights_only=True)
    assert loaded['band'].tolist() == [0, 1, 2, 3] and loaded['gain'] == 2


class Reduced:
    """An object whose pickle is the call of a function, which is what a hostile checkpoint consists of."""

    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call[0], self.call[1:]


@pytest.mark.parametrize(
    'wrap', [lambda item: item, lambda item: np.array([item, 0], dtype=object)], ids=['bare', 'in an array']
)
def test_hostile_checkpoint_is_refused(tmp_path, wrap):
    trace = tmp_path / 'trace'
    path = tmp_path / 'hostile.pth'
    torch.save({'state_dict': {}, 'message_hub': wrap(Reduced(os.system, f'touch {trace}'))}, path)
    with pytest.raises(pickle.UnpicklingError):
        torch.load(path, weights_only=True)
    assert not trace.exists()


@needs_allow_list
@pytest.mark.usefixtures('allow_list')
@pytest.mark.parametrize('owner, name', [(HistoryBuffer, '__init__'), (np.ndarray, 'min')])
def test_checkpoint_may_name_no_attribute_but_statistics(tmp_path, owner, name):
    path = tmp_path / 'hostile.pth'
    torch.save({'message_hub': Reduced(getattr, owner, name)}, path)
    with pytest.raises(pickle.UnpicklingError, match=f"asks for attribute '{name}'"):
        torch.load(path, weights_only=True)


_MAKE_A_LARGE_TENSOR = """
import mmhsi, os, torch
tensor = torch.zeros(2**24)
with open('/proc/self/smaps_rollup') as file:
    print(os.environ['THP_MEM_ALLOC_ENABLE'], *[line.split()[1] for line in file if line.startswith('AnonHugePages')])
"""


@pytest.mark.parametrize('asked', [None, '0'])
def test_large_tensors_lie_on_huge_pages_unless_the_user_says_no(asked):
    switch = Path('/sys/kernel/mm/transparent_hugepage/enabled')
    if not switch.exists() or '[madvise]' not in switch.read_text():
        pytest.skip('huge pages are not granted on request here (transparent_hugepage is not "madvise")')
    environment = {name: value for name, value in os.environ.items() if name != 'THP_MEM_ALLOC_ENABLE'}
    if asked is not None:
        environment['THP_MEM_ALLOC_ENABLE'] = asked
    run = subprocess.run(
        [sys.executable, '-c', _MAKE_A_LARGE_TENSOR], env=environment, capture_output=True, text=True, check=True
    )
    value, kibibytes = run.stdout.split()
    assert value == (asked or '1')
    assert (int(kibibytes) >= 2**15) == (asked is None)  # at least half of the tensor's 64 MiB
