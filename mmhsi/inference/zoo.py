"""The model zoo: the models listed in the metafiles of the configs, by name and alias."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

import mmhsi

if TYPE_CHECKING:
    import torch
    from torch import nn

INDEX = 'model-index.yml'
_MOST_OPENED = 1000  # brackets and lists in lists of a metafile


@dataclass(frozen=True)
class ModelEntry:
    """One model of the zoo.

    Attributes:
        name (str): Its name, that of its config file.
        config (Path): The config file.
        task (str): Folder of the config: 'classification', 'target_detection' ...
        datasets (tuple[str, ...]): Names of its datasets.
        aliases (tuple[str, ...]): Short names.
        weights (str, optional): Address of its weights; None if none are published.
        metrics (dict[str, float]): Results stated in the metafile.
    """

    name: str
    config: Path
    task: str
    datasets: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    weights: str | None = None
    metrics: dict | None = None


def zoo_root() -> Path:
    """The folder with the model index and the configs: the repository, or the installed files of the package.

    Raises:
        FileNotFoundError: If there is none.
    """
    package = Path(mmhsi.__file__).parent
    for root in (package.parent, package / '.mim'):
        if (root / INDEX).is_file() and (root / 'configs').is_dir():
            return root
    raise FileNotFoundError(
        f'{package}: no {INDEX} with configs next to the package or in {package / ".mim"}; install '
        'mmhsi from its repository, or with pip from a wheel'
    )


@lru_cache(maxsize=4)
def read_zoo(root: Path) -> tuple[ModelEntry, ...]:
    """The models listed in the metafiles of an index, in their order.

    Raises:
        ValueError: If a metafile is invalid, or a name or an alias occurs twice.
    """
    listed = _expected(_load(root / INDEX).get('Import'), list, str(root / INDEX), "'Import'")
    models = tuple(model for path in listed for model in _models_of(root, path))
    taken: dict[str, str] = {}
    for model in models:
        for name in (model.name, *model.aliases):
            if taken.setdefault(name.lower(), model.name) != model.name or name in model.aliases and name == model.name:
                raise ValueError(
                    f'{root / INDEX}: the name {name!r} stands for {taken[name.lower()]!r} and for {model.name!r}'
                )
    return models


def _load(path: Path) -> dict:
    try:
        text = path.read_text(encoding='utf-8')
        # the parser in C reads all metafiles in a tenth of the time, but older ones end Python on deep nesting
        nested = sum(map(text.count, ('[', '{', '- -'))) > _MOST_OPENED
        loader = yaml.SafeLoader if nested else getattr(yaml, 'CSafeLoader', yaml.SafeLoader)
        content = yaml.load(text, loader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f'{path}: expected YAML of plain values: {" ".join(str(error).split())}') from None
    return _expected(content, dict, str(path), 'the file')


def _expected(value: Any, kind: type, place: str, what: str) -> Any:
    """The value, if it is of this kind; None stands for an empty list."""
    value = [] if value is None and kind is list else value
    if not isinstance(value, kind):
        raise ValueError(f'{place}: {what} is {type(value).__name__}, expected {kind.__name__}')
    return value


def _names(value: Any, place: str, what: str) -> tuple[str, ...]:
    """One text or several."""
    listed = [value] if isinstance(value, str) else _expected(value, list, place, what)
    return tuple(_expected(item, str, place, what) for item in listed)


def _models_of(root: Path, path: str) -> Iterator[ModelEntry]:
    file = root / _expected(path, str, str(root / INDEX), 'a metafile')
    for number, model in enumerate(_expected(_load(file).get('Models'), list, str(file), "'Models'"), 1):
        place = f'{file}: model {number}'
        missing = [key for key in ('Name', 'Config') if key not in _expected(model, dict, str(file), f'model {number}')]
        if missing:
            raise ValueError(f'{place} has no {missing[0]!r}')
        config = root / _expected(model['Config'], str, place, "'Config'")
        if root / 'configs' not in config.parents or '..' in config.parts:
            raise ValueError(f'{place}: the config {model["Config"]!r} is not in the folder configs')
        results = [
            _expected(result, dict, place, 'a result')
            for result in _expected(model.get('Results'), list, place, "'Results'")
        ]
        metrics = [_expected(result.get('Metrics') or {}, dict, place, "'Metrics'") for result in results]
        weights = _names(model.get('Weights'), place, "'Weights'")
        yield ModelEntry(
            name=_expected(model['Name'], str, place, "'Name'"),
            config=config,
            task=config.parent.name,
            datasets=tuple(
                dict.fromkeys(
                    _expected(result['Dataset'], str, place, "'Dataset'") for result in results if 'Dataset' in result
                )
            ),
            aliases=_names(model.get('Alias'), place, "'Alias'"),
            weights=weights[0] if weights else None,
            metrics={key: value for of_result in metrics for key, value in of_result.items()},
        )


def list_models(pattern: str | None = None, task: str | None = None, pretrained: bool = False) -> list[str]:
    """Names of the models of the zoo.

    Args:
        pattern (str, optional): Only names or aliases that match, with the wildcards * and ?; without a wildcard, those
            that contain it.
        task (str, optional): Only those of a folder of configs, such as 'classification'.
        pretrained (bool): Only those with published weights. Defaults to False.

    Returns:
        list[str]: The names, in the order of the metafiles.

    Raises:
        ValueError: If there is no such task.
    """
    models = read_zoo(zoo_root())
    tasks = dict.fromkeys(model.task for model in models)
    if task is not None and task not in tasks:
        raise ValueError(f'there is no task {task!r}; the zoo has {", ".join(tasks)}')
    if pattern is not None and not set('*?[') & set(pattern):
        pattern = f'*{pattern}*'

    def matches(model: ModelEntry) -> bool:
        return pattern is None or any(fnmatch(name.lower(), pattern.lower()) for name in (model.name, *model.aliases))

    return [
        model.name
        for model in models
        if task in (None, model.task) and matches(model) and (model.weights is not None or not pretrained)
    ]


def find_model(name: str) -> ModelEntry:
    """A model of the zoo by its name or an alias, in upper or lower case.

    Raises:
        ValueError: If there is none; similar names are listed.
    """
    models = read_zoo(zoo_root())
    for model in models:
        if name.lower() in (known.lower() for known in (model.name, *model.aliases)):
            return model
    known = [alias for model in models for alias in (model.name, *model.aliases)]
    near = difflib.get_close_matches(name, known, 3, 0.4)
    hint = f'; similar are {", ".join(near)}' if near else ''
    raise ValueError(
        f'{name!r} is neither a config file nor a model of the zoo{hint}; mmhsi.apis.list_models() names all'
    )


def config_and_weights(model: str, weights: str | None = None) -> tuple[str, str | None]:
    """The config file that a name stands for, and its weights.

    Args:
        model (str): A config file, 'mmhsi::' and the path of one below ``configs/``, or a model of the zoo.
        weights (str, optional): Weights to use instead of the published ones.

    Raises:
        FileNotFoundError: If a package has no such config.
        ValueError: If there is neither a file nor a model of that name.
    """
    if os.path.isfile(model):
        return model, weights
    if '::' in model:
        from mmengine.config import Config

        return str(Config._get_cfg_path(model, '')[0]), weights
    entry = find_model(model)
    return str(entry.config), weights or entry.weights


def get_model(name: str, pretrained: bool | str = False, device: str | torch.device | None = None) -> nn.Module:
    """Build a model of the zoo for inference.

    Args:
        name (str): Its name or an alias.
        pretrained (bool | str): True loads the published weights; an address or a file loads those. Defaults to False:
            the weights stay as they were initialised.
        device (str | torch.device, optional): Defaults to an accelerator if there is one.

    Returns:
        nn.Module: See :func:`mmhsi.apis.init_model`.

    Raises:
        ValueError: If there is no such model, or it has no published weights.
    """
    entry = find_model(name)
    weights = entry.weights if pretrained is True else pretrained or None
    if pretrained is True and weights is None:
        raise ValueError(
            f'{entry.name} has no published weights; train it with tools/train.py {entry.config} and give '
            'its checkpoint'
        )
    from mmhsi.inference.model import init_model

    return init_model(entry.config, weights, device)
