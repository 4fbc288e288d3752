"""Former names of modules, which can still be imported: each leads to the module that now holds its content."""

import importlib
import sys
import warnings
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


class _Forwarder(MetaPathFinder, Loader):
    """Imports the module that a former name stands for, with a warning."""

    def find_spec(self, fullname: str, path=None, target=None) -> ModuleSpec | None:
        return None if new_name(fullname) is None else ModuleSpec(fullname, self)

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        name = new_name(module.__name__)
        warnings.warn(
            f'{module.__name__} is {name} now; the former name goes with version 2', DeprecationWarning, stacklevel=2
        )
        sys.modules[module.__name__] = importlib.import_module(name)


def keep_former_names() -> None:
    """Make the former names importable; called once when mmhsi is imported."""
    if not any(isinstance(finder, _Forwarder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Forwarder())
