"""Keep slow libraries from being imported where nothing uses them: PyTorch's compiler, transformers, torchvision."""

import functools
import importlib
import importlib.abc
import importlib.machinery
import importlib.metadata
import importlib.util
import sys
import types
import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager

from mmhsi import lazy


class Watch(importlib.abc.MetaPathFinder):
    """Runs the imports of some modules inside a context; a module that is already imported does not count."""

    def __init__(self) -> None:
        self.waiting: dict[str, Callable[[], AbstractContextManager]] = {}

    def find_spec(self, name: str, path=None, target=None):
        """Find a module that is waited for, as Python would, and watch its execution."""
        context = self.waiting.get(name)
        if context is None:
            return None
        others = [finder for finder in sys.meta_path if finder is not self and hasattr(finder, 'find_spec')]
        found = (finder.find_spec(name, path, target) for finder in others)
        spec = next((spec for spec in found if spec is not None), None)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module):
                self.waiting.pop(name, None)  # not before: some only check whether the module is loaded
                with context():
                    execute(module)

            spec.loader.exec_module = exec_module
        return spec


watch = Watch()


def after_import(module: str, function: Callable[[], None]) -> None:
    """Call a function now, or as soon as the module is imported."""

    @contextmanager
    def context():
        yield
        function()

    if sys.modules.get(module) is not None:
        function()
    else:
        watch.waiting[module] = context


_not_disabled: weakref.WeakSet = weakref.WeakSet()


def leave_the_compiler_out() -> None:
    """Keep PyTorch from importing its compiler where nothing is compiled.

    Some functions of PyTorch, such as those of optimizers and of custom operators, exclude themselves from compilation
    when they are first called, and import ``torch._dynamo`` with sympy for it: 4 s of processor time at the start of
    every training. Until somebody else imports it, nothing is compiled, and they are called as they are.
    """
    import torch

    disable = getattr(torch._compile, '_disable_dynamo', None)
    if disable is None or 'torch._dynamo' in sys.modules:
        return

    @functools.wraps(disable)
    def disable_later(fn=None, *args, **kwargs):
        if fn is not None and 'torch._dynamo' not in sys.modules:
            _call_as_it_is(fn)
        return disable(fn, *args, **kwargs)

    torch._compile._disable_dynamo = torch._disable_dynamo = disable_later
    # torch 2.4 does not import this module, which imports sympy; imported later, it finds the new function
    checkpoint = sys.modules.get('torch.utils.checkpoint')
    for value in (*vars(torch.optim.Optimizer).values(), *(vars(checkpoint).values() if checkpoint else ())):
        if getattr(getattr(value, '__code__', None), 'co_filename', '') == disable.__code__.co_filename:
            _call_as_it_is(value.__wrapped__)
    for kind in vars(torch.optim).values():
        step = vars(kind).get('step') if isinstance(kind, type) else None
        if getattr(getattr(step, '__code__', None), 'co_name', '') == '_use_grad':
            kind.step = _step_without_the_compiler(step)
    after_import('torch._dynamo', _exclude_from_compilation)
    after_import('torchvision.ops', _run_torchvision)


def _step_without_the_compiler(step: Callable) -> Callable:
    """The step of an optimizer, which asks the compiler to skip it only if there is one."""

    @functools.wraps(step)
    def step_as_it_is(self, *args, **kwargs):
        if 'torch._dynamo' in sys.modules:
            return step(self, *args, **kwargs)
        import torch

        with torch.set_grad_enabled(self.defaults['differentiable']):
            return step.__wrapped__(self, *args, **kwargs)

    return step_as_it_is


def _run_torchvision() -> None:
    """Run the ``__init__`` of a lazy torchvision once its operators are imported: it registers their shapes."""
    package = sys.modules.get('torchvision')
    if isinstance(package, lazy.LazyPackage):
        package.run()


def _call_as_it_is(function: Callable) -> None:
    function.__dynamo_disable = function  # where the wrapper keeps what it calls
    _not_disabled.add(function)


def _exclude_from_compilation() -> None:
    for function in list(_not_disabled):
        del function.__dynamo_disable
    _not_disabled.clear()


@contextmanager
def _without_transformers():
    """A stand-in for transformers with what MMEngine uses of it, which is imported when it is built."""

    def adafactor(*args, **kwargs):
        return importlib.import_module('transformers').Adafactor(*args, **kwargs)

    if importlib.util.find_spec('transformers') is None:
        yield
        return
    with _standing_in('transformers', Adafactor=adafactor):
        yield


@contextmanager
def _standing_in(name: str, **contents):
    """A module with these contents instead of one that is not imported yet."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = stand_in = types.ModuleType(name)
    stand_in.__spec__ = importlib.machinery.ModuleSpec(name, None)
    vars(stand_in).update(contents)
    try:
        yield
    finally:
        if sys.modules.get(name) is stand_in:
            del sys.modules[name]


def leave_transformers_out() -> None:
    """Keep MMEngine's optimizers from importing transformers for its Adafactor until one is built."""
    if 'mmengine.optim.optimizer.builder' not in sys.modules:
        watch.waiting['mmengine.optim.optimizer.builder'] = _without_transformers


def name_torchvision_only() -> None:
    """Let MMEngine's list of versions state that of torchvision without its import, which imports the compiler."""
    module = sys.modules['mmengine.utils.dl_utils.collect_env']
    collect = module.collect_env

    @functools.wraps(collect)
    def collect_env(*args, **kwargs):
        try:
            version = importlib.metadata.version('torchvision')
        except importlib.metadata.PackageNotFoundError:
            return collect(*args, **kwargs)
        with _standing_in('torchvision', __version__=version):
            return collect(*args, **kwargs)

    module.collect_env = collect_env


def let_messages_do_without_torch() -> None:
    """Keep MMEngine's logger from importing torch to ask which process of a distributed run this is.

    Without torch there is none. The functions of the logger that ask have this answer for a machine without torch.
    """
    logger = sys.modules['mmengine.logging.logger']
    for name, alone in (('_get_rank', 0), ('_get_world_size', 1), ('_get_device_id', 0)):
        ask = getattr(logger, name, None)
        if ask is not None:
            setattr(logger, name, functools.partial(_ask_torch_if_there, ask, alone))


def _ask_torch_if_there(ask: Callable[[], int], alone: int) -> int:
    return alone if sys.modules.get('torch') is None else ask()
