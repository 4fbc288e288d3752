"""The config stored with a checkpoint or a run: safe parts are built, the rest is left out or refused.

Only the parts that predictions and reports need are used. Every ``type`` in them must be a name in a registry; the
description of a network must not name files or addresses, that of data no addresses and no files that would be
unpickled.
"""

from __future__ import annotations

import importlib
import logging
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import mmengine.registry.registry as mmengine_registry
from mmengine import registry as root
from mmengine.config import Config
from mmengine.config.utils import MODULE2PACKAGE
from mmengine.fileio import handlers
from mmengine.logging import print_log
from mmengine.registry import Registry

from mmhsi.lazy import component as lazy_component

from .checkpoint_file import is_trusted
from .config_text import parse_config_text, refused

SCOPES = ('mmhsi', 'mmengine', 'mmpretrain', 'mmseg', 'mmagic')
"""Libraries whose components a stored config may name; in addition to those that the user has imported."""

_SISTERS = ('mmengine', 'mmcv', 'mmpretrain', 'mmseg', 'mmagic', 'torch', 'torchvision')
# dotted names of the parts that are not used may lead there
_HARMLESS = {*SCOPES, *MODULE2PACKAGE, 'torch'}
_WRAPPERS = ('ConcatDataset', 'RepeatDataset', 'ClassBalancedDataset')  # of MMEngine, around datasets of ours
# these fetch a network from a hub by a name that is not an address
_HUBS = ('HuggingFaceClassifier', 'ClipWrapper', 'ArcFace')
_OWN_TYPES = {'initial_endmembers': ('vca',)}  # types that are not components, by the key of their dict

_NAME = re.compile(r'[\w .,+\-*|=<>%&#@!?~^]*')
_FILE = re.compile(
    r'.*\.(pkl|pickle|ya?ml|json|np[yz]|pth?|pyth|ckpt|bin|safetensors|txt|csv|h5|mat|zip|tar|gz|py)', re.IGNORECASE
)
_UNPICKLED = re.compile(r'.*\.(pkl|pickle|ya?ml|joblib|dill|pth?|pyth|ckpt)', re.IGNORECASE | re.DOTALL)
# of the network, of GDAL's file systems, of descriptions instead of files
_ADDRESS = re.compile(r'.*(://|\0)|/?vsi\w+/|hypersigma:|\s*<', re.DOTALL)
_NOT_KEPT = ('load_from', 'resume', 'launcher', 'work_dir')


@dataclass(frozen=True)
class _Part:
    """What a part of a config may contain: registries for its types, and whether its strings may be paths."""

    registries: tuple[str, ...] = ()
    paths: bool = True


_DATA = _Part(('DATASETS', 'TRANSFORMS', 'TASK_UTILS', 'DATA_SAMPLERS', 'FUNCTIONS', 'COLLATE_FUNCTIONS'))
_EVALUATOR = _Part(('METRICS', 'EVALUATOR', 'EVALUATORS', 'TASK_UTILS', 'TRANSFORMS', 'DATASETS'))
_PARTS = {
    'model': _Part(('MODELS', 'TASK_UTILS', 'WEIGHT_INITIALIZERS', 'BATCH_AUGMENTS'), paths=False),
    **{f'{name}_dataloader': _DATA for name in ('train', 'val', 'test')},
    **{f'{name}_evaluator': _EVALUATOR for name in ('val', 'test')},
    'sensor': _Part(),
}
_PREDICTION = ('model', 'test_dataloader', 'val_dataloader', 'test_evaluator', 'sensor')


def read_stored_config(text: str, source: str, trust: bool = False, parts: tuple[str, ...] = _PREDICTION) -> Config:
    """The config of a checkpoint or of a run, without running it.

    Args:
        text (str): Its text, see :func:`mmhsi.weights.config_text.parse_config_text`.
        source (str): Name of the file, for messages.
        trust (bool): Run it as code instead, whatever it contains. Defaults to False, unless
            :func:`mmhsi.weights.checkpoint_file.is_trusted`.
        parts (tuple[str, ...]): The parts that are needed. Defaults to those of a prediction.

    Returns:
        Config: The parts, ``default_scope``, and the numbers and names at the top.

    Raises:
        ValueError: If something in it could run code or access other files; the message names it and a remedy.
    """
    if trust or is_trusted():
        warnings.warn(f'{source}: the config that it holds is run as code and can do anything', stacklevel=2)
        return Config.fromstring(text, '.py')
    values = parse_config_text(text, source)
    scope = values.get('default_scope') or 'mmhsi'
    if scope not in known_scopes():
        raise refused(source, f'has the default_scope {scope!r}, expected one of {", ".join(known_scopes())}')
    check = _Check(source, scope, values.get('custom_imports'), builds_data='train_dataloader' in parts)
    kept: dict[str, Any] = {'default_scope': scope}
    for name, value in values.items():
        if name in parts:
            kept[name] = check.part(name, value)
        else:
            check.unused(name, value)
            plain = isinstance(value, (bool, int, float)) or isinstance(value, str) and _NAME.fullmatch(value)
            if plain and name not in _NOT_KEPT:
                kept[name] = value
    for name in parts:
        value = kept.get(name)
        if value is not None and not isinstance(value, Mapping) and not name.endswith('_evaluator'):
            raise refused(source, f'has in {name} {type(value).__name__}, expected a dict')
        if name.endswith('_dataloader') and value and not isinstance(value.get('dataset'), Mapping):
            raise refused(source, f'has no dataset in {name}')
    if 'model' not in kept:
        raise refused(source, 'has no model')
    return Config(kept)


def known_scopes() -> list[str]:
    """Scopes of the libraries that a stored config may name, and of what the user has imported."""
    return list(dict.fromkeys([*SCOPES, *root.MODELS.children, *root.DATASETS.children, *root.TRANSFORMS.children]))


def registered_name(name: Any) -> Any:
    """'scope.Component' of a name with its module, 'scope.package.module.Component'.

    Configs in pure Python, whose types are classes, are stored like that.
    """
    if not isinstance(name, str) or name.count('.') < 2:
        return name
    return f'{name.partition(".")[0]}.{name.rpartition(".")[2]}'


def find_component(name: str, registries: tuple[str, ...], default_scope: str) -> tuple[Any, str] | None:
    """Look up a name in the registries: the component and its scope; None if it is not found.

    Unlike MMEngine's look-up, it does not import modules given by the name, only the libraries of :data:`SCOPES`.

    Args:
        name (str): 'Component', which is looked up in the default scope and in MMEngine, or 'scope.Component'.
        registries (tuple[str, ...]): Names of registries, such as 'MODELS'.
        default_scope (str): The default scope.
    """
    scope, dot, component = registered_name(name).partition('.')
    if dot and scope not in known_scopes():
        return None
    scopes = (scope,) if dot else dict.fromkeys((default_scope, 'mmengine'))
    # first the one module that defines the name, then all of each library
    for whole in (False, True):
        for where in scopes:
            for registry in _registries(where, registries):
                if whole:
                    registry.import_from_location()
                found = lazy_component(registry, component if dot else name)
                if found is not None:
                    return found, where
    return None


def _registries(scope: str, names: tuple[str, ...]) -> Iterator[Registry]:
    module = None
    if scope in SCOPES:
        try:
            module = importlib.import_module(f'{scope}.registry')
        except ImportError:
            return  # not installed: none of its components is registered
    for name in names:
        own = getattr(module, name, None)
        parent = getattr(root, name, None)
        if isinstance(own, Registry):
            yield own
        elif isinstance(parent, Registry) and scope in parent.children:
            yield parent.children[scope]


@contextmanager
def registered_names_only() -> Iterator[None]:
    """A context in which MMEngine's registries only return registered components, and its ``load`` does not unpickle.

    Otherwise a registry imports any dotted name that is not registered.
    """

    def refuse_name(name: str):
        raise ValueError(f'{name!r} is not registered')

    class Refusing:
        def load_from_fileobj(self, *args, **kwargs):
            raise ValueError('a file of this format can run code, and a stored config names it')

    look_up = mmengine_registry.get_object_from_string
    formats = {
        name: handlers.file_handlers[name]
        for name in ('pkl', 'pickle', 'yaml', 'yml')
        if name in handlers.file_handlers
    }
    mmengine_registry.get_object_from_string = refuse_name
    handlers.file_handlers.update({name: Refusing() for name in formats})
    try:
        yield
    finally:
        mmengine_registry.get_object_from_string = look_up
        handlers.file_handlers.update(formats)


class _Check:
    """Refuses content that is not allowed in a stored config."""

    def __init__(self, source: str, scope: str, custom_imports: Any, builds_data: bool):
        self.source = source
        self.scope = scope
        self.builds_data = builds_data
        self.hint = ''
        imports = custom_imports.get('imports') if isinstance(custom_imports, Mapping) else custom_imports
        if imports:
            names = ', '.join(map(str, imports if isinstance(imports, (list, tuple)) else [imports]))
            self.hint = f'; it asks to import {names}, which only you can do (--custom-imports, or import in Python)'

    def part(self, name: str, value: Any) -> Any:
        """Check a part that is used, and remove the addresses of initial weights."""
        return self._walk(value, (name,), _PARTS[name], strict=not _PARTS[name].paths)

    def unused(self, name: str, value: Any) -> None:
        """Refuse a config that names code even in an unused part: no training writes such a config."""
        if isinstance(value, Mapping):
            for key, item in value.items():
                if (
                    key == 'type'
                    and isinstance(item, str)
                    and '.' in item
                    and item.split('.')[0] not in _HARMLESS
                    and (item.split('.')[0] not in known_scopes())
                ):
                    raise self._error((name,), f'{key}={item!r}, which is not a component of a registry{self.hint}')
                self.unused(f'{name}.{key}', item)
        elif isinstance(value, (list, tuple)):
            for item in value:
                self.unused(name, item)

    def _walk(self, value: Any, place: tuple, part: _Part, strict: bool) -> Any:
        if isinstance(value, Mapping):
            return self._dict(value, place, part, strict)
        if isinstance(value, (list, tuple)):
            return type(value)(self._walk(item, place, part, strict) for item in value)
        if isinstance(value, str):
            self._string(value, place, strict)
        return value

    def _dict(self, value: Mapping, place: tuple, part: _Part, strict: bool) -> dict:
        if 'type' in value and value['type'] not in _OWN_TYPES.get(place[-1], ()):
            strict = self._type(value['type'], place, part) or strict
        kept = {}
        for key, item in value.items():
            if key == '_delete_':  # a marker for dicts of base files, which some dumps still contain
                continue
            if key == '_scope_' and item not in known_scopes():
                raise self._error(place, f'_scope_={item!r}, expected one of {", ".join(known_scopes())}')
            if not part.paths and isinstance(key, str):
                if key == 'init_cfg' and _names_weights(item):
                    print_log(
                        f'{".".join(place)}: initial weights are not loaded, those of {self.source} follow',
                        'current',
                        logging.DEBUG,
                    )
                    continue
                if key == 'pretrained':
                    item = None if isinstance(item, str) else item and False
                elif isinstance(item, str) and 'pretrained' in key or key == 'trust_remote_code':
                    raise self._error((*place, key), f'the value {item!r}, which would fetch a network from elsewhere')
            if key != 'type':
                item = self._walk(item, (*place, key), part, strict)
            kept[key] = registered_name(item) if key == 'type' else item
        return kept

    def _type(self, name: Any, place: tuple, part: _Part) -> bool:
        """Refuse an invalid or forbidden type; returns whether it belongs to another library."""
        found = find_component(name, part.registries, self.scope) if isinstance(name, str) else None
        if found is None:
            scopes = ', '.join(known_scopes())
            raise self._error(place, f'type={name!r}, which no registry of {scopes} holds{self.hint}')
        (found, scope), component = found, name.rpartition('.')[2]
        package = getattr(found, '__module__', '').split('.')[0]
        sister = package != 'mmhsi' and not {package, scope}.isdisjoint(_SISTERS) and component not in _WRAPPERS
        if package not in _SISTERS and scope == 'mmengine':
            sister = False  # of the user, who registered it there
        if component in _HUBS and sister:
            raise self._error(place, f'type={name!r}, which fetches a network from elsewhere')
        if (
            self.builds_data
            and sister
            and any(found is registry.module_dict.get(component) for registry in _registries(scope, ('DATASETS',)))
        ):
            raise self._error(
                place, f'type={name!r}: only datasets of mmhsi are used, since others may unpickle the files they name'
            )
        return sister

    def _string(self, value: str, place: tuple, strict: bool) -> None:
        if _ADDRESS.match(value):
            raise self._error(place, f'the address {_short(value)}')
        if strict and (not _NAME.fullmatch(value) or _FILE.fullmatch(value) or os.path.isfile(value)):
            raise self._error(place, f'{_short(value)}, where no file is named and nothing but a name is expected')
        if _UNPICKLED.fullmatch(value):
            raise self._error(place, f'the file {_short(value)}, which is unpickled where it is read')

    def _error(self, place: tuple, finding: str) -> ValueError:
        return refused(self.source, f'has in {".".join(map(str, place))} {finding}')


def _names_weights(init: Any) -> bool:
    return any(
        isinstance(item, Mapping) and 'checkpoint' in item
        for item in (init if isinstance(init, (list, tuple)) else [init])
    )


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f'{text[:57]}...')
