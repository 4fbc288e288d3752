"""Packages whose contents are imported when they are asked for.

The ``__init__`` of a package of OpenMMLab imports all its modules, so that their components are registered. One
network then costs all networks, and the multimodal models with pandas and transformers on top. Here the ``__init__`` of
a package of mmhsi, mmpretrain or mmseg is read instead of run: it says which module holds a name, and that module alone
is imported when the name is asked for, as an attribute or in a registry. What an ``__init__`` does not tell by its
relative imports is found as ever, by running it.
"""

from __future__ import annotations

import ast
import functools
import importlib
import importlib.util
import re
import sys
from contextlib import suppress
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from threading import RLock
from types import ModuleType
from typing import TYPE_CHECKING, Any

_REGISTERED = re.compile(r'^@\w+\.register_module\(([^)]*)\)\n(?:@[^\n]*\n)*(?:class|def) (\w+)', re.MULTILINE)

if TYPE_CHECKING:
    from mmengine.registry import Registry

_TOOLBOXES = ('mmhsi', 'mmpretrain', 'mmseg')
# the parts of MMEngine that import PyTorch's sharding, and with it sympy
_OF_MMENGINE = (
    'mmengine._strategy',
    'mmengine.model',
    'mmengine.model.wrappers',
    'mmengine.optim',
    'mmengine.optim.optimizer',
)
# its operators import the compiler of PyTorch, which is not needed for its transforms
_ALSO = (*_OF_MMENGINE, 'torchvision')
# modules that register components of MMEngine's own registries under names that no package lists, by the registry
_MORE = {
    'model': 'mmcv.cnn',
    'optimizer': 'mmengine.optim.optimizer.builder',
    'transform': 'mmcv.transforms',
    'weight initializer': 'mmengine.model.weight_init',
}


class LazyPackage(ModuleType):
    """A package whose ``__init__`` has not run yet; afterwards it is an ordinary module."""

    _homes: dict[str, tuple[str, str | None]] = {}
    _stars: list[str] = []

    def home_of(self, name: str) -> tuple[str, str | None] | None:
        """The module that holds a name, and the name there (None for the module itself); None if it is not known."""
        found = self._homes.get(name)
        for package in () if found else self._stars:
            module = importlib.import_module(package)
            found = found or (module.home_of(name) if isinstance(module, LazyPackage) else None)
        return found

    def run(self) -> None:
        """Run the ``__init__``."""
        with self._lock:
            if type(self) is LazyPackage and not self._running:
                object.__setattr__(self, '_running', True)
                try:
                    self.__loader__.exec_module(self)
                finally:
                    object.__setattr__(self, '_running', False)
                self.__class__ = ModuleType
        # an ``__init__`` may register components itself, and those of the parts have not run for the names only
        for name, part in list(sys.modules.items()):
            if name.startswith(f'{self.__name__}.') and isinstance(part, LazyPackage):
                part.run()

    def __getattr__(self, name: str) -> Any:
        home = self.home_of(name)
        if home is not None:
            module = importlib.import_module(home[0])
            value = module if home[1] is None else getattr(module, home[1])
            self.__dict__[name] = value
            return value
        if name.startswith('__') and name not in ('__all__', '__version__'):
            raise AttributeError(f'module {self.__name__!r} has no attribute {name!r}')
        if not self._stars and importlib.util.find_spec(f'{self.__name__}.{name}') is not None:
            return importlib.import_module(f'{self.__name__}.{name}')
        self.run()
        if name in self.__dict__:
            return self.__dict__[name]
        if '__getattr__' in self.__dict__:  # that of the ``__init__``
            return self.__dict__['__getattr__'](name)
        raise AttributeError(f'module {self.__name__!r} has no attribute {name!r}')

    def __setattr__(self, name: str, value: Any) -> None:
        # the import of a module binds it in its package, where a function may have its name
        is_hidden = isinstance(value, ModuleType) and self._homes.get(name, ('', None))[1] is not None
        if not is_hidden:
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        self.run()
        return sorted(self.__dict__)


class _Loader:
    """Reads the ``__init__`` of a package instead of running it."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> LazyPackage:
        return LazyPackage(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        module.__spec__.loader = module.__loader__ = self._loader
        body = ast.parse(self._loader.get_source(name)).body
        homes, stars = _homes(name, body)
        module.__dict__.update(_homes=homes, _stars=stars, _running=False, _lock=RLock())
        if name in _TOOLBOXES:  # it checks the versions of other libraries
            checks = [node for node in body if not (isinstance(node, ast.ImportFrom) and node.level)]
            try:
                exec(compile(ast.Module(checks, []), module.__file__, 'exec'), module.__dict__)
            except NameError:  # of what a relative import brings
                module.run()


def _homes(package: str, body: list[ast.stmt]) -> tuple[dict[str, tuple[str, str | None]], list[str]]:
    """Origins of the names that are imported at the top of a package, and its ``import *``."""
    homes, stars, own = {}, [], set()
    for node in body:
        if not isinstance(node, ast.ImportFrom) or (not node.level and not (node.module or '').startswith('mmhsi.')):
            names = [found for found in ast.walk(node) if isinstance(found, ast.Name)]
            own.update(found.id for found in names if isinstance(found.ctx, ast.Store))
            own.add(getattr(node, 'name', ''))
            continue
        source = importlib.util.resolve_name('.' * node.level + (node.module or ''), package)
        for alias in node.names:
            if alias.name == '*':
                stars.append(source)
            elif node.module is None:
                homes[alias.asname or alias.name] = (f'{source}.{alias.name}', None)
            else:
                homes[alias.asname or alias.name] = (source, alias.name)
    return {name: home for name, home in homes.items() if name not in own}, stars


class _Finder(MetaPathFinder):
    def find_spec(self, fullname: str, path=None, target=None) -> ModuleSpec | None:
        toolbox, _, rest = fullname.partition('.')
        if (toolbox not in _TOOLBOXES and fullname not in _ALSO) or fullname == 'mmhsi':
            return None
        spec = PathFinder.find_spec(fullname, path)
        if spec is None or spec.loader is None or spec.submodule_search_locations is None:
            return None
        spec.loader = _Loader(spec.loader)
        return spec


def component(registry: Registry, name: str, parents: bool = False) -> Any:
    """A component that a registry holds, for which only the module that defines it is imported.

    Args:
        registry (Registry): The registry.
        name (str): Name of the component, without scope.
        parents (bool): Ask the parents of the registry too. Defaults to False.

    Returns:
        The class or function; None if the packages do not register it there. Then
        ``registry.import_from_location()`` runs the packages.
    """
    found = registry._module_dict.get(name)
    if found is not None:
        return found
    for package in _packages(registry):
        if isinstance(package, LazyPackage):
            home = package.home_of(name)
            while home is not None:  # a package may take it from another package
                module = importlib.import_module(home[0])
                home = module.home_of(home[1]) if isinstance(module, LazyPackage) and home[1] else None
            told = None if name in registry._module_dict else _registered_in(package.__name__).get(name)
            if told is not None:
                with suppress(ImportError):  # of what the package itself leaves out
                    importlib.import_module(told)
    found = registry._module_dict.get(name)
    if found is None and parents and registry.parent is not None:
        return component(registry.parent, name, parents)
    if found is None and registry.scope == 'mmengine' and registry.name in _MORE:
        importlib.import_module(_MORE[registry.name])
        found = registry._module_dict.get(name)
    if found is None and registry.scope == 'mmengine':  # some components of mmhsi are registered there
        told = (_registered_in(package).get(name) for package in ('mmhsi.engine', 'mmhsi.models'))
        for module in filter(None, told):
            importlib.import_module(module)
        found = registry._module_dict.get(name)
    return found


@functools.lru_cache(maxsize=64)
def _registered_in(package: str) -> dict[str, str]:
    """Modules of a package by the names under which they register components, as their text says.

    An ``__init__`` need not import a component by its name, and a component can have another name than its class.
    """
    spec = importlib.util.find_spec(package)
    modules = {}
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        for path in sorted(Path(folder).rglob('*.py')):
            parts = path.relative_to(folder).with_suffix('').parts
            if 'multimodal' in parts:  # mmpretrain has placeholders for them where its extra is not installed
                continue
            for arguments, name in _REGISTERED.findall(path.read_text(encoding='utf-8')):
                names = re.findall(r"""['"](\w+)['"]""", arguments) or [name]
                modules.update(dict.fromkeys(names, '.'.join([package, *parts]).removesuffix('.__init__')))
    return modules


def _packages(registry: Registry) -> list[ModuleType]:
    """The packages where the components of a registry are, lazy ones and others; MMEngine's as far as imported."""
    if registry.scope == 'mmengine':
        return [sys.modules[name] for name in _OF_MMENGINE if name in sys.modules]
    return [importlib.import_module(name) for name in registry._locations if name.partition('.')[0] in _TOOLBOXES]


def _look_up(registry: Registry, key: str) -> Any:
    from mmengine.registry import registry as mmengine_registry

    scope, name = registry.split_scope_key(key)
    if scope in _TOOLBOXES and '.' in name:  # with its module, as the types of a config of pure Python are dumped
        return mmengine_registry.get_object_from_string(key)
    if scope is None or scope == registry.scope:
        return component(registry, name, parents=scope is None)
    if scope not in _TOOLBOXES:
        return None
    try:
        importlib.import_module(f'{scope}.registry')
    except ImportError:
        return None
    holder = registry.children.get(scope) or registry._get_root_registry().children.get(scope)
    return None if holder is None else component(holder, name)


def _run_packages(registry: Registry) -> None:
    for package in _packages(registry):
        if isinstance(package, LazyPackage):
            package.run()


def import_what_is_asked_for() -> None:
    """Make the packages lazy from now on; called once when mmhsi is imported."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def look_up_lazily() -> None:
    """Let MMEngine's registries ask the lazy packages; called once when MMEngine is imported."""
    from mmengine.registry import Registry

    get, import_from_location = Registry.get, Registry.import_from_location

    @functools.wraps(get)
    def get_lazily(self, key):
        found = _look_up(self, key) if isinstance(key, str) else None
        found = get(self, key) if found is None else found
        if found is None:
            _run_packages(self._get_root_registry())
            found = get(self, key)
        return found

    @functools.wraps(import_from_location)
    def import_all(self):
        import_from_location(self)
        if self.scope != 'mmengine':
            _run_packages(self)

    Registry.get, Registry.import_from_location = get_lazily, import_all
