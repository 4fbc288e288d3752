"""Registries of mmhsi: children of MMEngine's roots in the scope ``mmhsi``.

Each one names the package that holds its components, so a config only needs ``default_scope='mmhsi'``: the package is
imported when the first component is looked up. A component of another OpenMMLab library is used with its scope, e.g.
``type='mmseg.UPerHead'``.
"""

from collections.abc import Mapping
from importlib.util import find_spec

from mmengine import registry as root
from mmengine.config.utils import MODULE2PACKAGE
from mmengine.registry import Registry

_SCOPE = 'mmhsi'
_EXTRAS = {'mmagic': '"mmhsi[restoration-zoo]"'}


class _Child(Registry):
    """A registry that says what to install for a component of a missing toolbox."""

    def get(self, key: str) -> type | None:
        scope = key.partition('.')[0] if isinstance(key, str) and '.' in key else None
        if scope != _SCOPE and scope in MODULE2PACKAGE and find_spec(scope) is None:
            raise ImportError(
                f'{key!r} is a component of {scope}, which is not installed: '
                f'pip install {_EXTRAS.get(scope, MODULE2PACKAGE[scope])}'
            )
        return super().get(key)


def _child(name: str, parent: Registry, *locations: str) -> Registry:
    # without a location, MMEngine would import the whole package
    return _Child(name, parent=parent, scope=_SCOPE, locations=list(locations or [__name__]))


MODELS = _child('model', root.MODELS, 'mmhsi.models')
DATASETS = _child('dataset', root.DATASETS, 'mmhsi.datasets')
DATA_SAMPLERS = _child('data sampler', root.DATA_SAMPLERS, 'mmhsi.datasets')
TRANSFORMS = _child('transform', root.TRANSFORMS, 'mmhsi.datasets')
METRICS = _child('metric', root.METRICS, 'mmhsi.evaluation')
EVALUATORS = _child('evaluator', root.EVALUATOR, 'mmhsi.evaluation')
HOOKS = _child('hook', root.HOOKS, 'mmhsi.engine')
OPTIM_WRAPPER_CONSTRUCTORS = _child('optimizer wrapper constructor', root.OPTIM_WRAPPER_CONSTRUCTORS, 'mmhsi.engine')
PARAM_SCHEDULERS = _child('parameter scheduler', root.PARAM_SCHEDULERS, 'mmhsi.engine')
LOOPS = _child('loop', root.LOOPS, 'mmhsi.engine')
STRATEGIES = _child('strategy', root.STRATEGIES, 'mmhsi.engine')
VISUALIZERS = _child('visualizer', root.VISUALIZERS, 'mmhsi.visualization')
VISBACKENDS = _child('visualizer backend', root.VISBACKENDS, 'mmhsi.visualization')
INFERENCERS = _child('inferencer', root.INFERENCERS, 'mmhsi.inference')
TASK_UTILS = _child('task util', root.TASK_UTILS, 'mmhsi.datasets')

# The task families; MMEngine has no registry for them.
TASKS = Registry('task', scope=_SCOPE, locations=['mmhsi.tasks'])

# Registries without our own components: MMEngine asks each of them for the default scope.
RUNNERS = _child('runner', root.RUNNERS)
RUNNER_CONSTRUCTORS = _child('runner constructor', root.RUNNER_CONSTRUCTORS)
LOG_PROCESSORS = _child('log processor', root.LOG_PROCESSORS)
MODEL_WRAPPERS = _child('model wrapper', root.MODEL_WRAPPERS)
WEIGHT_INITIALIZERS = _child('weight initializer', root.WEIGHT_INITIALIZERS)
OPTIMIZERS = _child('optimizer', root.OPTIMIZERS)
OPTIM_WRAPPERS = _child('optimizer wrapper', root.OPTIM_WRAPPERS, 'mmhsi.engine')


def component_name(config: Mapping | None) -> str:
    """Name of the component that a config describes, without scope and module; '' if there is none.

    The ``type`` is a name, or, in a config of pure Python, a class.
    """
    found = (config or {}).get('type') or ''
    return (found if isinstance(found, str) else found.__name__).rpartition('.')[2]


def register_all_modules(init_default_scope: bool = True) -> None:
    """Import all components, like the function of this name in the sister toolboxes.

    Components that are looked up by name do not need this call.

    Args:
        init_default_scope (bool): Make 'mmhsi' the default scope. Defaults to True.
    """
    for registry in [found for found in globals().values() if isinstance(found, _Child)]:
        registry.import_from_location()
    if init_default_scope:
        root.init_default_scope(_SCOPE)
