"""Former names, which work on with a warning: of modules, of functions and classes, of arguments and config keys.

CONTRIBUTING.md has the policy: a name warns for at least one minor release and is removed with the next major one.
"""

import functools
import importlib
import sys
import warnings
from collections.abc import Callable, MutableMapping
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

_ROOMS = {
    'mmhsi.apis.comparison': 'mmhsi.comparison',
    'mmhsi.apis.inference': 'mmhsi.inference',
    'mmhsi.apis.report': 'mmhsi.analysis.report',
}
_MODULES = {
    **{
        f'mmhsi.utils.{name}': f'mmhsi.weights.{name}'
        for name in (
            'checkpoint_file',
            'convert',
            'convert_back',
            'convert_kinds',
            'convert_kinds_low_level',
            'convert_rules',
            'encoder_state',
            'official_checkpoint',
            'official_layout',
            'published',
            'restricted_pickle',
            'safe_loading',
        )
    },
    **{f'mmhsi.apis.{name}': f'mmhsi.inference.{name}' for name in ('inferencer', 'model', 'zoo')},
    **{
        f'mmhsi.apis.{name}': f'mmhsi.analysis.{name}'
        for name in ('complexity', 'sampling_points', 'timing', 'trial_batch')
    },
    'mmhsi.utils.training_log': 'mmhsi.analysis.training_log',
    **{
        f'mmhsi.datasets.{name}': f'mmhsi.datasets.scenes.{name}'
        for name in (
            'band_matching',
            'base_scene',
            'cube_source',
            'detection_scene',
            'label_maps',
            'pair_scene',
            'pseudo_labels',
            'shared_scenes',
            'target_spectrum',
            'unmixing_scene',
            'unmixing_truth',
        )
    },
    'mmhsi.datasets.split': 'mmhsi.datasets.splits.split',
    'mmhsi.datasets.area_split': 'mmhsi.datasets.splits.areas',
    'mmhsi.datasets.centre_split': 'mmhsi.datasets.splits.areas',
    'mmhsi.datasets.limited_split': 'mmhsi.datasets.splits.per_class',
    'mmhsi.datasets.tile_shards.moments': 'mmhsi.utils.moments',
    'mmhsi.visualization.results': 'mmhsi.tasks.results',
}


def new_name(name: str) -> str | None:
    """The current name of a module that was moved; None for any other."""
    for old, new in _ROOMS.items():
        if name == old or name.startswith(f'{old}.'):
            return new + name[len(old) :]
    return _MODULES.get(name)


def warn_of(former: str, now: str, until: str = '2', stacklevel: int = 3) -> None:
    """Warn that a name has another one now.

    Args:
        former (str): The former name.
        now (str): The present one.
        until (str): The version that removes the former name. Defaults to '2'.
        stacklevel (int): As in ``warnings.warn``; 3 is the caller of the function that calls this one. Defaults to 3.
    """
    warnings.warn(
        f'{former} is now {now}; the former name will be removed in version {until}',
        DeprecationWarning,
        stacklevel=stacklevel,
    )


def deprecated(now: str, until: str = '2') -> Callable:
    """Decorator of a function or class that has been renamed: it still works, and warns when it is called.

    Args:
        now (str): Its replacement.
        until (str): The version that removes it. Defaults to '2'.
    """

    def decorate(called: Callable) -> Callable:
        @functools.wraps(called)
        def forward(*args, **kwargs):
            warn_of(called.__qualname__, now, until)
            return called(*args, **kwargs)

        return forward

    return decorate


def renamed_argument(arguments: MutableMapping, former: str, now: str, where: str, until: str = '2') -> None:
    """Give an argument or a config key its present name.

    Args:
        arguments (MutableMapping): Arguments by name (``kwargs``) or a config, changed in place.
        former (str): The former name.
        now (str): The present one.
        where (str): Whose argument it is, for messages.
        until (str): The version that removes the former name. Defaults to '2'.

    Raises:
        ValueError: If both names are given.
    """
    if former not in arguments:
        return
    if now in arguments:
        raise ValueError(f'{where}: {former} is the former name of {now}, and both are given')
    arguments[now] = arguments.pop(former)
    warn_of(f'{former} of {where}', now, until, stacklevel=4)


class _Forwarder(MetaPathFinder, Loader):
    """Imports the module that a former name stands for, with a warning."""

    def find_spec(self, fullname: str, path=None, target=None) -> ModuleSpec | None:
        return None if new_name(fullname) is None else ModuleSpec(fullname, self)

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        name = new_name(module.__name__)
        warn_of(module.__name__, name)
        sys.modules[module.__name__] = importlib.import_module(name)


def keep_former_names() -> None:
    """Make the former names importable; called once when mmhsi is imported."""
    if not any(isinstance(finder, _Forwarder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Forwarder())
