"""Suites of comparisons: contestants, settings and seeds, and the cells that result from them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmhsi.datasets.verification import scenes_of
from mmhsi.utils.run_seed import set_run_seed

_CONTESTANT_KEYS = {'name', 'config', 'method', 'options', 'scene', 'cfg_options', 'settings', 'seeds', 'pretraining'}
BEST_CLASSICAL = 'best classical'
_SETTING_KEYS = {'scene', 'cfg_options', 'scores', 'customary', 'curve', 'level', 'note', 'test_noise'}


@dataclass(frozen=True)
class Cell:
    """One run of a suite: a contestant in a setting with a seed.

    Attributes:
        contestant (str): Name of the contestant.
        setting (str): Name of the setting.
        seed (int): Seed of the run and of the split.
        config (Path): Config file of the network, or of the scene for a classical method.
        method (str, optional): Classical method instead of the network of the config.
        options (Mapping): Arguments of the classical method.
        scene (Mapping): Settings that override those of every scene of the config.
        cfg_options (Mapping): Overrides of the config by dotted names.
        pretraining (Mapping): What is trained first, by part of the network, see :func:`load_suite`; empty for nothing.
        test_noise (Mapping): Noise on the scene of the test, see :func:`load_suite`; empty for none.
    """

    contestant: str
    setting: str
    seed: int
    config: Path
    method: str | None = None
    options: Mapping = field(default_factory=dict)
    scene: Mapping = field(default_factory=dict)
    cfg_options: Mapping = field(default_factory=dict)
    pretraining: Mapping = field(default_factory=dict)
    test_noise: Mapping = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Setting, contestant and seed as a relative path, which is also the folder of the cell."""
        return '/'.join(slug(part) for part in (self.setting, self.contestant, f'seed{self.seed}'))

    def build_config(self) -> Config:
        """The whole config of the cell.

        Returns:
            Config: The config file with all overrides and the seed.

        Raises:
            FileNotFoundError: If the config file does not exist.
        """
        loaded = Config.fromfile(self.config)
        # a run formats its config several times, which takes longer than a small training
        cfg = Config(loaded.to_dict(), filename=str(self.config), format_python_code=False)
        for scene in scenes_of(cfg._cfg_dict):
            for key, value in self.seeded(self.scene).items():
                scene[key] = Config(dict(value=value)).value
        cfg.merge_from_dict(self.seeded(self.cfg_options))
        set_run_seed(cfg, self.seed)
        return cfg

    def pretraining_configs(self) -> dict[str, Config]:
        """The whole configs of what is trained first, by the part of the network that starts from it."""
        configs = {}
        for part, first in self.seeded(self.pretraining).items():
            loaded = Config.fromfile(first['config'])
            configs[part] = Config(loaded.to_dict(), filename=str(first['config']), format_python_code=False)
            configs[part].merge_from_dict(first.get('cfg_options', {}))
            set_run_seed(configs[part], self.seed)
        return configs

    def seeded(self, value: Any) -> Any:
        """A copy of settings with '{seed}' replaced by the seed of the cell."""
        if isinstance(value, Mapping):
            return {key: self.seeded(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(self.seeded(item) for item in value)
        return self.seed if value == '{seed}' else value

    def fingerprint(self, cfg: Config | None = None) -> str:
        """Hash of everything that determines the result: the whole config, the method and its options, and the seed."""
        content = (cfg or self.build_config()).to_dict()
        decided = [content, self.method, dict(self.options), self.seed]
        decided += [cfg.to_dict() for cfg in self.pretraining_configs().values()]
        decided += [dict(self.test_noise)] if self.test_noise else []
        text = json.dumps(decided, sort_keys=True, default=repr)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Suite:
    """A comparison.

    Attributes:
        name (str): Name of the suite, that of its file.
        cells (tuple[Cell, ...]): All runs, setting by setting, seed by seed.
        settings (Mapping[str, Mapping]): The settings by name, see :func:`load_suite`.
        scores (Mapping[str, int]): Decimals of the scores in the tables; tests and plots compare the first one.
        reference (str, optional): Contestant with which all others are compared, or 'best classical' for the best
            classical method of each table; by default the best of each table.
    """

    name: str
    cells: tuple[Cell, ...]
    settings: Mapping[str, Mapping]
    scores: Mapping[str, int]
    reference: str | None = None

    def scores_of(self, setting: str) -> Mapping[str, int]:
        """Decimals of the scores of a setting."""
        return self.settings[setting].get('scores') or self.scores

    def has_levels(self, curve: str) -> bool:
        """Whether settings of a curve name their level on it."""
        return any(options.get('curve') == curve and 'level' in options for options in self.settings.values())

    def select(self, patterns: Sequence[str] = ()) -> list[Cell]:
        """The cells whose name, or 'setting/contestant/seed' as spelled in the suite, matches one of the patterns.

        Args:
            patterns (Sequence[str]): With the wildcards * and ?; a pattern without wildcards matches names that contain
                it.

        Raises:
            ValueError: If a pattern matches no cell.
        """
        if not patterns:
            return list(self.cells)
        chosen = {pattern: [cell for cell in self.cells if _matches(cell, pattern)] for pattern in patterns}
        for pattern, cells in chosen.items():
            if not cells:
                raise ValueError(
                    f'suite {self.name!r}: no cell matches {pattern!r}; there are cells such as {self.cells[0].name}'
                )
        wanted = {cell.name for cells in chosen.values() for cell in cells}
        return [cell for cell in self.cells if cell.name in wanted]


def slug(text: str) -> str:
    """A text as part of a file name: letters, digits, dots and hyphens."""
    return re.sub(r'[^\w.]+', '-', text.replace('%', ' percent')).strip('-').lower()


def load_suite(path: str | Path, seeds: Sequence[int] | None = None) -> Suite:
    """Read a suite.

    A suite is a Python config with

    - ``contestants``: a list of dicts with ``name``; ``config``, the file of a network, relative to the folder of the
      suite; with ``method`` and ``options`` instead a classical method on the test scene of that config; ``settings``,
      the names of the settings it takes part in (default: all); ``seeds`` (default: those of the suite).
      ``pretraining`` names what is trained first in each of its cells, by the part of the network that starts from it:
      ``dict(spatial=dict(config='../pretrain/spat-mae_tiny_indian-pines.py', cfg_options={}))``;
    - ``settings``: dicts by name. ``scores`` override those of the suite for its table; ``customary`` names the setting
      whose advantage over this strict one is the leakage; settings with the same ``curve`` form one line in the plot
      against the number of labels, or against their ``level``, a number, if they have one; ``note`` is printed below
      the table; ``test_noise`` is the config of a noise, such as ``dict(type='GaussianNoise', sigma=20,
      seed='{seed}')``, that is put on the scene when a network has been trained;
    - both may have ``scene``, settings that override those of every scene of the config (first those of the setting),
      and ``cfg_options``, overrides of the config by dotted names. There and in ``options`` the string '{seed}' stands
      for the seed of the cell, which is set for all splits and ``randomness`` anyway;
    - ``scores``: decimals by score, of which the first one is compared; ``seeds``; optionally ``reference``, the
      contestant that the tests compare the others with, or 'best classical'.

    Args:
        path (str | Path): The file.
        seeds (Sequence[int], optional): Seeds of all contestants instead of those of the suite.

    Returns:
        Suite: The comparison.

    Raises:
        FileNotFoundError: If the suite or the config of a contestant does not exist.
        ValueError: If the suite is invalid; the message names what was found.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such suite')
    cfg = Config.fromfile(path).to_dict()
    missing = [key for key in ('contestants', 'settings', 'scores', 'seeds') if not cfg.get(key)]
    if missing:
        raise ValueError(f'{path}: the suite has no {missing[0]!r}')
    settings = cfg['settings']
    for name, setting in settings.items():
        _check_keys(f'{path}: setting {name!r}', setting, _SETTING_KEYS)
        if setting.get('customary') is not None and setting['customary'] not in settings:
            raise ValueError(
                f'{path}: setting {name!r} names {setting["customary"]!r} as the customary one; there are '
                f'{", ".join(settings)}'
            )
    names = [contestant.get('name') for contestant in cfg['contestants']]
    reference = cfg.get('reference')
    if reference not in (None, BEST_CLASSICAL, *names):
        raise ValueError(
            f'{path}: the reference {reference!r} is not a contestant; there are {", ".join(map(str, names))}'
        )
    for contestant in cfg['contestants']:
        _check_contestant(path, contestant, settings)
    cells = tuple(_cells(path, cfg, seeds))
    for index, cell in enumerate(cells):
        if any(cell.name == earlier.name for earlier in cells[:index]):
            raise ValueError(f'{path}: two contestants make the cell {cell.name}')
    return Suite(path.stem, cells, settings, cfg['scores'], reference)


def _cells(path: Path, cfg: dict, seeds: Sequence[int] | None) -> Iterator[Cell]:
    for name, setting in cfg['settings'].items():
        taking_part = [item for item in cfg['contestants'] if name in item.get('settings', cfg['settings'])]
        drawn = [list(seeds or item.get('seeds') or cfg['seeds']) for item in taking_part]
        for seed in dict.fromkeys(seed for own in drawn for seed in own):
            for item, own in zip(taking_part, drawn, strict=True):
                if seed in own:
                    yield Cell(
                        item['name'],
                        name,
                        seed,
                        (path.parent / item['config']).resolve(),
                        item.get('method'),
                        item.get('options', {}),
                        {**setting.get('scene', {}), **item.get('scene', {})},
                        {**setting.get('cfg_options', {}), **item.get('cfg_options', {})},
                        {
                            part: dict(first, config=str((path.parent / first['config']).resolve()))
                            for part, first in item.get('pretraining', {}).items()
                        },
                        setting.get('test_noise', {}),
                    )


def _check_contestant(path: Path, contestant: Mapping, settings: Mapping) -> None:
    where = f'{path}: contestant {contestant.get("name")!r}'
    _check_keys(where, contestant, _CONTESTANT_KEYS)
    missing = [key for key in ('name', 'config') if key not in contestant]
    if missing:
        raise ValueError(f'{where} has no {missing[0]!r}')
    if not (path.parent / contestant['config']).is_file():
        raise FileNotFoundError(f'{where}: no config {path.parent / contestant["config"]}')
    for first in contestant.get('pretraining', {}).values():
        _check_keys(f'{where}: pretraining', first, {'config', 'cfg_options'})
        if not (path.parent / first['config']).is_file():
            raise FileNotFoundError(f'{where}: no config {path.parent / first["config"]} to pre-train')
    unknown = [name for name in contestant.get('settings', ()) if name not in settings]
    if unknown:
        raise ValueError(f'{where} takes part in {unknown[0]!r}; there are {", ".join(settings)}')


def _check_keys(where: str, found: Mapping, known: set[str]) -> None:
    unknown = sorted(set(found) - known)
    if unknown:
        raise ValueError(f'{where} has {unknown[0]!r}, expected some of {", ".join(sorted(known))}')


def _matches(cell: Cell, pattern: str) -> bool:
    pattern = pattern.lower()
    if not set('*?[') & set(pattern):
        pattern = f'*{pattern}*'
    spelled = f'{cell.setting}/{cell.contestant}/seed{cell.seed}'.lower()
    return fnmatch(cell.name, pattern) or fnmatch(spelled, pattern)
