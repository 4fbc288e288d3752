"""Write the dataset file and the config, and read them back."""

from __future__ import annotations

import textwrap
from pathlib import Path

from mmengine.config import Config

from mmhsi.analysis.init_scene.plan import Plan, Request, identifier
from mmhsi.analysis.init_scene.plans import make_plan
from mmhsi.analysis.init_scene.recipes import config_text

_WIDTH = 120


def init_scene(request: Request, folder: Path, overwrite: bool = False) -> tuple[Plan, Path, Path]:
    """Inspect the files and write the dataset file and the config; see :func:`make_plan` and :func:`write_files`."""
    plan = make_plan(request)
    return plan, *write_files(plan, request.task, folder, overwrite, request.scale)


def write_files(plan: Plan, task: str, folder: Path, overwrite: bool = False, scale: int = 2) -> tuple[Path, Path]:
    """Write both files and check that the config can be read.

    Args:
        plan (Plan): The plan for the scene.
        task (str): Name of the task.
        folder (Path): Output folder.
        overwrite (bool): Whether files of these names are replaced. Defaults to False.
        scale (int): Factor of super-resolution. Defaults to 2.

    Returns:
        tuple[Path, Path]: The dataset file and the config.

    Raises:
        FileExistsError: If one of them already exists.
    """
    stem = identifier(plan.name)
    dataset, config = folder / f'{stem}_{task}_scene.py', folder / f'{stem}_{task}.py'
    for path in (dataset, config, *(folder / name for name in plan.files)):
        if path.exists() and not overwrite:
            raise FileExistsError(f'{path}: the file exists already; --overwrite replaces it')
    folder.mkdir(parents=True, exist_ok=True)
    dataset.write_text(dataset_text(plan, f'{stem}_scene'), encoding='utf-8')
    config.write_text(_config_file(plan, task, f'{stem}_scene', dataset.name, scale), encoding='utf-8')
    for name, content in plan.files.items():
        (folder / name).write_text(content, encoding='utf-8')
    Config.fromfile(config)
    return dataset, config


def dataset_text(plan: Plan, variable: str) -> str:
    """The dataset file: the scene, and the numbers that the config takes from it."""
    lines = [f'# The scene {plan.name!r}: what its files hold, as far as looking at them tells. Correct what is wrong.']
    for dictionary, entries in ((variable, plan.scene), (variable.replace('_scene', '_numbers'), plan.numbers)):
        if entries:
            lines.append(f'{dictionary} = dict(')
            for name, value, reason in entries:
                lines += _entry(f'{name}={_text(value)},', reason, '    ')
            lines.append(')')
    return '\n'.join([*lines, ''])


def _text(value: object) -> str:
    """A value as a config writes it: dicts of plain names as ``dict(...)``."""
    if isinstance(value, dict) and all(isinstance(key, str) and key.isidentifier() for key in value):
        return f'dict({", ".join(f"{key}={_text(item)}" for key, item in value.items())})'
    if isinstance(value, dict):
        return '{' + ', '.join(f'{key!r}: {_text(item)}' for key, item in value.items()) + '}'
    if isinstance(value, (list, tuple)):
        inner = ', '.join(map(_text, value))
        return f'[{inner}]' if isinstance(value, list) else f'({inner},)' if len(value) == 1 else f'({inner})'
    if isinstance(value, Path):  # a file in the output folder
        return repr(str(value))
    if isinstance(value, float) and value != value:
        return "float('nan')"
    return repr(value)


def _entry(text: str, reason: str, indent: str) -> list[str]:
    """A line with its reason as a trailing comment, or above it if it would be too long."""
    if len(indent) + len(text) + len(reason) + 4 <= _WIDTH:
        return [f'{indent}{text}  # {reason}']
    comments = textwrap.wrap(reason, _WIDTH - len(indent) - 2, break_long_words=False)
    return [*(f'{indent}# {comment}' for comment in comments), indent + text]


def _config_file(plan: Plan, task: str, variable: str, dataset: str, scale: int) -> str:
    """The config: the recommended one of the task with this scene."""
    numbers = variable.replace('_scene', '_numbers')
    base, text = config_text(task, variable, numbers, plan.places, bool(plan.left_out), scale)
    return (
        f'# {task.replace("_", " ").capitalize()} of the scene {plan.name!r} with the settings of\n'
        f'# {base}, which says what they are for. Whatever is to differ from them is\n'
        '# written here.\n'
        f"_base_ = [\n    '{dataset}',\n    '{base}',\n]\n{text}"
    )
