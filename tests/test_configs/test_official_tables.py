"""The tables "official behaviour" of the READMEs: every cell is found in the configs."""

import ast
import functools
import inspect
import re
from pathlib import Path

import pytest
from config_runs import ROOT
from mmengine.config import Config

import mmhsi.datasets
import mmhsi.evaluation
import mmhsi.models  # noqa: F401
from mmhsi import registry

READMES = sorted((ROOT / 'configs').glob('*/README.md'))
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
ABSENT = object()


def rows_of(readme: Path) -> list[tuple[str, str, str]]:
    """Cells of the table whose last column is the official behaviour."""
    text = readme.read_text()
    table = re.search(r'^\| switch \|.*official behaviour.*\n\| --- .*\n((?:\|.*\n)+)', text, re.MULTILINE)
    rows = table[1].splitlines() if table else []
    return [tuple(cell.strip() for cell in row.strip('| ').split(' | ')) for row in rows]


def officials(readme: Path) -> list[Path]:
    return sorted(readme.parent.glob('*_official.py'))


CELLS = [(readme, row) for readme in READMES for row in rows_of(readme)]


@functools.cache
def config_of(file: Path) -> Config:
    return Config.fromfile(file)


def leading_values(cell: str) -> list:
    """The literals at the start of a cell, in backticks and separated by commas; calls of ``dict`` are literals."""
    values = []
    while match := re.match(r'`([^`]*)`(, (?=`))?', cell):
        values.append(literal(ast.parse(match[1], mode='eval').body))
        cell = cell[match.end() :]
        if match[2] is None:
            break
    return values


def literal(node: ast.expr):
    if isinstance(node, ast.Call):
        assert node.func.id == 'dict' and not node.args, ast.unparse(node)
        return {keyword.arg: literal(keyword.value) for keyword in node.keywords}
    if isinstance(node, (ast.List, ast.Tuple)):
        return [literal(element) for element in node.elts]
    return ast.literal_eval(node)


def class_default(node: dict, key: str):
    """Default of an argument of the class that a dict of a config names."""
    if 'type' not in node:
        return ABSENT
    for name in ('MODELS', 'DATASETS', 'METRICS', 'TRANSFORMS', 'TASK_UTILS'):
        cls = getattr(registry, name).get(node['type'])
        for base in getattr(cls, '__mro__', ()):
            parameter = inspect.signature(base.__init__).parameters.get(key)
            if parameter is not None:
                return parameter.default
    return ABSENT


def element(sequence, key: str):
    """An element of a list by its number or its type."""
    return sequence[int(key)] if key.isdigit() else next(value for value in sequence if value['type'] == key)


def found_at(config, path: str):
    """The value at a dotted path; that of the class, or None where nothing is named and there is no class."""
    keys = path.split('.')
    for number, key in enumerate(keys):
        if isinstance(config, list | tuple):
            config = element(config, key)
        elif key in config:
            config = config[key]
        elif number == 0 or key == 'init_cfg' or keys[number - 1] == 'test_cfg':
            return None
        elif keys[0] in LOADERS and key == 'drop_last':
            return False
        else:
            return class_default(config, key)
    return config


def agrees(found, wanted) -> bool:
    """Whether a value is the wanted one; a dict may have more keys."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(agrees(found.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(found, list | tuple) and len(found) == len(wanted) and all(map(agrees, found, wanted))
    return type(found) is type(wanted) and found == wanted


def places(config: Config, path: str) -> list[str]:
    """Where a path leads; the scene of a config is that of all its loaders."""
    if not path.startswith('scene.'):
        return [path]
    return [f'{loader}.dataset.{path}' for loader in LOADERS if config.get(loader)]


def applies(config: Path, cell: str) -> bool:
    """Whether a row is about a config: the words in brackets behind its paths stand in the config's name."""
    words = re.search(r'\(([\w ]+)\)$', cell)
    return words is None or set(words[1].split()) <= set(re.split('[_-]', config.stem))


@pytest.mark.parametrize('readme, row', CELLS, ids=[f'{readme.parent.name}: {row[0]}' for readme, row in CELLS])
def test_every_cell_is_found_in_the_configs(readme, row, monkeypatch):
    monkeypatch.delenv('MMHSI_DATA', raising=False)
    switch, default, official = row
    paths = re.findall(r'`([\w.]+)`', switch)
    configs = [path for path in officials(readme) if applies(path, switch)]
    assert paths and configs, f'{readme}: {switch} leads nowhere'
    usual = leading_values(default)
    wanted = usual if official == 'the same' else leading_values(official)
    assert len(usual) == len(wanted) == len(paths), f'{readme}: {switch}: {usual}, {wanted}'
    for file in configs:
        pair = {
            'official': (config_of(file), wanted),
            'default': (config_of(file.with_name(file.name.replace('_official', ''))), usual),
        }
        for kind, (config, values) in pair.items():
            for path, value in zip(paths, values, strict=True):
                value = resolved(value, file)
                for place in places(config, path):
                    found = found_at(config, place)
                    assert agrees(found, value), f'{file.name} ({kind}): {place} is {found!r}, wanted {value!r}'


def resolved(value, file: Path):
    """A value in which CASE is replaced by the test case of a denoising network."""
    if isinstance(value, dict):
        return {key: resolved(inner, file) for key, inner in value.items()}
    case = 'Case5' if 'complex' in file.stem else 'Case1'
    return value.replace('CASE', case) if isinstance(value, str) else value


def test_the_folders_of_all_tasks_have_a_table():
    assert {readme.parent.name for readme in READMES if rows_of(readme)} == {
        'anomaly_detection',
        'change_detection',
        'classification',
        'denoising',
        'multispectral_change_detection',
        'pretrain',
        'super_resolution',
        'target_detection',
        'unmixing',
    }
    assert all(officials(readme) for readme in READMES if rows_of(readme))


def test_a_wrong_cell_is_noticed():
    config = Config(dict(model=dict(type='mmhsi.SpatViT', patch_size=2), train_dataloader=dict(batch_size=3)))
    assert found_at(config, 'model.patch_size') == 2 and found_at(config, 'model.num_points') == 8
    assert found_at(config, 'train_dataloader.drop_last') is False and found_at(config, 'custom_hooks') is None
    assert found_at(config, 'model.surprise') is ABSENT
    assert agrees([dict(a=1, b=2)], leading_values('`[dict(a=1)]`: because')[0])
    assert not agrees([dict(a=1)], [dict(a=2)]) and not agrees(1, True) and not agrees([1], [1, 2])
    assert leading_values('`1`, `(2, 3)`, and `4`') == [1, [2, 3]]
