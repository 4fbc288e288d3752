"""Compatibility with different versions of the libraries that mmhsi uses."""

import functools
import importlib
import importlib.abc
import importlib.machinery
import importlib.metadata
import importlib.util
import logging
import os
import pickle
import re
import sys
import types

from packaging.version import Version

from mmhsi import lazy
from mmhsi.light_imports import (
    after_import,
    leave_the_compiler_out,
    leave_transformers_out,
    let_messages_do_without_torch,
    name_torchvision_only,
    watch,
)

_OPERATORS = 'mmcv._ext'


def _raising(error: type[Exception], message: str, name: str):
    """An attribute of a stand-in: a function that raises; ``message`` has a placeholder for its name."""
    if name.startswith('__'):
        raise AttributeError(name)

    def missing(*args, **kwargs):
        raise error(message.replace('{}', name))

    return missing


def install_mmcv_ops_stand_in() -> bool:
    """Let mmseg, mmpretrain and mmagic import where mmcv's compiled operators are missing.

    mmcv 2.x is published as source code that takes a quarter of an hour to compile; mmcv-lite is the same package
    without the operators. mmseg and mmagic import ``mmcv.ops`` at once, which looks every operator up in ``mmcv._ext``.
    The stand-in answers the look-up with a function that raises when it is called. A compiled mmcv is left alone.

    Returns:
        bool: Whether the stand-in is in place.
    """
    existing = sys.modules.get(_OPERATORS)
    if existing is not None:
        return getattr(existing, 'is_stand_in', False)
    mmcv = importlib.util.find_spec('mmcv')
    # looked up next to mmcv's files, because looking up 'mmcv._ext' itself would import all of mmcv
    if mmcv is None or importlib.machinery.PathFinder.find_spec(_OPERATORS, mmcv.submodule_search_locations):
        return False

    module = types.ModuleType(_OPERATORS, 'Stand-in for the compiled operators of mmcv.')
    module.__spec__ = importlib.machinery.ModuleSpec(_OPERATORS, None)  # find_spec fails on a module without one
    module.__getattr__ = functools.partial(
        _raising,
        RuntimeError,
        'the mmcv operator "{}" is not compiled: mmcv-lite is installed. '
        'Install the full mmcv (pip install mmcv) to use the component that calls it',
    )
    module.is_stand_in = True
    sys.modules[_OPERATORS] = module
    return True


class _PartsOfMmagic(importlib.abc.MetaPathFinder):
    """Finds the parts of mmagic that may fail to import, and gives them a loader that leaves such a part out."""

    packages = ('mmagic.models.editors', 'mmagic.datasets.transforms', 'mmagic.evaluation.metrics')

    def find_spec(self, name, path=None, target=None):
        if name == 'mmagic':
            import numpy as np

            if 'bool8' not in vars(np):  # looking it up warns in numpy 1
                np.bool8 = np.bool_  # mmagic 1.2 was written for numpy 1
        if name.rpartition('.')[0] not in self.packages:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is not None and spec.loader is not None:
            spec.loader = _LeaveOutWhatFails(spec.loader)
        return spec


class _LeaveOutWhatFails(importlib.abc.Loader):
    """Runs a module; if that fails, everything looked up in the module raises when it is called."""

    def __init__(self, loader: importlib.abc.Loader) -> None:
        self.loader = loader

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module) -> None:
        try:
            self.loader.exec_module(module)
        except (ImportError, AttributeError, TypeError) as error:
            from mmengine.logging import print_log

            reason = f'{module.__name__} cannot be imported with the installed libraries ({error})'
            print_log(f'{reason} and is left out', 'current', logging.WARNING)
            module.__getattr__ = functools.partial(_raising, ImportError, f'{{}} cannot be used: {reason}')


def let_mmagic_import() -> None:
    """Let mmagic 1.2, written for the libraries of 2023, import with today's.

    mmagic imports all of its networks at once, and two video and concept models among them use parts of diffusers that
    no longer exist. What fails is left out, with a warning, so that the restoration networks, which need none of this,
    can be used with their scope. Nothing happens until mmagic is imported.
    """
    if not any(isinstance(finder, _PartsOfMmagic) for finder in sys.meta_path):
        sys.meta_path.insert(0, _PartsOfMmagic())


def _folder_of(package: str) -> str:
    """Replacement for ``mmengine.utils.get_installed_path``: the folder that a package is imported from."""
    from mmengine.config.utils import MODULE2PACKAGE

    modules = {distribution: module for module, distribution in MODULE2PACKAGE.items()}
    module = modules.get(package)
    if module is None:  # such as mmcv-full, whose metadata say what is imported
        module = (
            package
            if importlib.util.find_spec(package) is not None
            else (importlib.metadata.distribution(package).read_text('top_level.txt') or package).split()[0]
        )
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise importlib.metadata.PackageNotFoundError(package)
    return os.path.dirname(spec.origin)


def _is_installed(package: str) -> bool:
    """Replacement for ``mmengine.utils.is_installed``."""
    try:
        return bool(_folder_of(package))
    except importlib.metadata.PackageNotFoundError:
        return False


def let_configs_be_found_by_package() -> None:
    """Let ``mmhsi::`` stand for the package's configs, in ``_base_``, ``Config.fromfile`` and ``mmengine.hub``.

    MMEngine has a list of known packages, and its ``fromfile`` accepts only files. It looks for a package in the folder
    of its metadata, using pkg_resources: later releases of setuptools lack it, a package installed with
    ``pip install -e`` is elsewhere, and one from another distribution has another name.
    """
    from mmengine.config import Config
    from mmengine.config.utils import MODULE2PACKAGE

    if MODULE2PACKAGE.get('mmhsi'):
        return
    MODULE2PACKAGE['mmhsi'] = 'mmhsi'
    read = Config.fromfile

    @functools.wraps(read)
    def fromfile(filename, *args, **kwargs):
        is_named = re.match(r'\w+::', str(filename))
        return read(Config._get_cfg_path(str(filename), '')[0] if is_named else filename, *args, **kwargs)

    Config.fromfile = staticmethod(fromfile)
    for name in ('mmengine.utils.package_utils', 'mmengine.utils', 'mmengine.config.config', 'mmengine.hub.hub'):
        if name in sys.modules:
            sys.modules[name].get_installed_path = _folder_of
            sys.modules[name].is_installed = _is_installed


def _get_history_statistic(owner: type, name: str):
    """Replacement for ``getattr`` in checkpoints, which allows only the statistics of a ``HistoryBuffer``."""
    from mmengine.logging import HistoryBuffer

    if owner is not HistoryBuffer or name not in ('min', 'max', 'current', 'mean'):
        raise pickle.UnpicklingError(f'the checkpoint asks for attribute {name!r} of {owner!r}, which is not allowed')
    return getattr(owner, name)


def allow_training_checkpoints() -> None:
    """Let ``torch.load(weights_only=True)`` read the training checkpoints of MMEngine.

    Since torch 2.6 only tensors and plain containers are unpickled by default. A checkpoint of MMEngine also holds the
    logged scalars as ``HistoryBuffer``, which in turn holds NumPy arrays and names its own methods. These few classes
    carry data and run no code; allow-listing them keeps the safe loader on, so that a hostile pickle is still refused.
    Object arrays, which can hold anything, stay refused.
    """
    import torch

    if Version(torch.__version__) >= Version('2.6'):
        torch.serialization.add_safe_globals(training_checkpoint_globals())


def training_checkpoint_globals() -> list:
    """What an MMEngine checkpoint contains besides tensors and plain containers: objects, or (object, name)."""
    import numpy as np
    from mmengine.logging import HistoryBuffer

    dtypes = {type(np.dtype(code)) for code in np.typecodes['All'] if code not in 'OV'}
    rebuild_array, rebuild_scalar = np.empty(0).__reduce__()[0], np.float64(0).__reduce__()[0]
    # numpy 1 and numpy 2 write these two functions under different names; the file may come from either
    functions = [
        (function, f'numpy.{core}.multiarray.{name}')
        for core in ('core', '_core')
        for name, function in (('_reconstruct', rebuild_array), ('scalar', rebuild_scalar))
    ]
    functions.append((_get_history_statistic, 'builtins.getattr'))
    return [HistoryBuffer, np.ndarray, np.dtype, *dtypes, *functions]


def ask_for_huge_pages() -> None:
    """Let torch place CPU tensors of 2 MiB and more on huge pages, where Linux grants them.

    PyTorch allocates and frees the memory of every large tensor each time, and with 4 KiB pages a step of a large
    network spends much of its time on page faults and look-ups (``THP_MEM_ALLOC_ENABLE=0`` before
    ``benchmarks/bench_ssa_networks.py hypersigma`` shows how much). The variable must be set before the first tensor is
    created; a value set by the user is kept.
    """
    os.environ.setdefault('THP_MEM_ALLOC_ENABLE', '1')


def guard_checkpoint_loading() -> None:
    """Make MMEngine's loaders of checkpoints refuse code: now, or as soon as they are imported.

    Importing them here would import most of MMEngine.
    """
    after_import('mmengine.runner.checkpoint', functools.partial(importlib.import_module, 'mmhsi.weights.safe_loading'))


def _prepare_mmengine() -> None:
    let_messages_do_without_torch()
    let_configs_be_found_by_package()
    lazy.look_up_lazily()


def _prepare_torch() -> None:
    allow_training_checkpoints()
    leave_the_compiler_out()


def apply() -> None:
    """Apply all bridges; called once when mmhsi is imported.

    Nothing here imports MMEngine or torch: what concerns them waits until they are imported.
    """
    if watch not in sys.meta_path:
        sys.meta_path.insert(0, watch)
    ask_for_huge_pages()
    install_mmcv_ops_stand_in()
    let_mmagic_import()
    after_import('mmengine', _prepare_mmengine)
    lazy.import_what_is_asked_for()
    after_import('torch', _prepare_torch)
    leave_transformers_out()
    after_import('mmengine.utils.dl_utils.collect_env', name_torchvision_only)
    guard_checkpoint_loading()
