"""The scalars that a training of MMEngine logs: reading them, and curves over epochs or iterations."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mmhsi.utils.files import parse_json

FILE_NAME = 'scalars.json'
_COUNTERS = ('epoch', 'iter', 'step')
_LARGEST_COUNT = 2**53
_BOOKKEEPING = ('time', 'data_time', 'memory', 'base_lr', 'eta')


@dataclass(frozen=True)
class TrainingLog:
    """The entries of a log.

    Attributes:
        path (Path): The file.
        training (list[dict]): Numbers of training iterations, by key; 'step' counts iterations.
        validation (list[dict]): Scores of validations; 'step' counts epochs, or iterations.
    """

    path: Path
    training: list[dict] = field(default_factory=list)
    validation: list[dict] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Folder of the run and its time, e.g. 'hypersigma-tiny/20260102_030405'."""
        parts = [part for part in self.path.resolve().parts[:-1] if part != 'vis_data']
        return '/'.join(parts[-2:])

    @property
    def iterations_per_epoch(self) -> int | None:
        """Iterations of an epoch; None for a run without epochs."""
        shares = [row['iter'] / row['epoch'] for row in self.training if row.get('epoch') and row.get('iter')]
        return math.ceil(max(shares)) if shares else None

    @property
    def unit(self) -> str:
        """Unit of the x-axis of curves, 'epoch' or 'iteration'."""
        return 'iteration' if self.iterations_per_epoch is None else 'epoch'

    def keys(self) -> dict[str, list[str]]:
        """Keys of 'training' and of 'validation', in order of appearance."""
        return {
            part: list(dict.fromkeys(key for row in getattr(self, part) for key in row if key not in _COUNTERS))
            for part in ('training', 'validation')
        }

    def curve(self, key: str) -> tuple[np.ndarray, np.ndarray]:
        """A key over epochs or iterations.

        Args:
            key (str): The key; a key of both training and validation is taken from the validation, except 'time' and
                'data_time', which are taken from the training.

        Returns:
            tuple[np.ndarray, np.ndarray]: Ascending positions (N,) and values (N,). A repeated position, as after an
            interruption, has its last value.

        Raises:
            ValueError: If no line has the key.
        """
        keys = self.keys()
        part = 'validation' if key in keys['validation'] and key not in ('time', 'data_time') else 'training'
        if key not in keys[part]:
            raise ValueError(
                f'{self.path}: there is no key {key!r}; the log holds '
                + '; '.join(f'of {name}: {", ".join(found) or "nothing"}' for name, found in keys.items())
            )
        per_epoch = self.iterations_per_epoch if part == 'training' else None
        points = {row['step'] / (per_epoch or 1): row[key] for row in getattr(self, part) if key in row}
        places = np.array(sorted(points), float)
        return places, np.array([points[place] for place in places], float)

    def epoch_times(self) -> dict[int, np.ndarray]:
        """Seconds of the logged iterations of each epoch; a run without epochs is one epoch.

        Raises:
            ValueError: If no line has a time.
        """
        times: dict[int, list] = {}
        for row in self.training:
            if 'time' in row:
                times.setdefault(row.get('epoch', 1), []).append(row['time'])
        if not times:
            raise ValueError(f"{self.path}: no line of the training has the key 'time'")
        return {epoch: np.array(seconds) for epoch, seconds in sorted(times.items())}


def find_log(path: str | Path) -> Path:
    """Find the file of a log.

    Args:
        path (str | Path): The file itself, the folder of a run (``<work_dir>/<time>``), or a work dir, of which the
            newest training is used.

    Raises:
        FileNotFoundError: If there is none.
    """
    path = Path(path)
    if path.is_file():
        return path
    if not path.is_dir():
        raise FileNotFoundError(f'{path}: there is no such file or folder')
    candidates = [
        path / FILE_NAME,
        path / 'vis_data' / FILE_NAME,
        *sorted(path.glob(f'*/vis_data/{FILE_NAME}'), reverse=True),
    ]
    found = [candidate for candidate in candidates if candidate.is_file()]
    if not found:
        holds = ', '.join(sorted(entry.name for entry in path.iterdir())[:10]) or 'nothing'
        raise FileNotFoundError(
            f'{path}: expected {FILE_NAME}, vis_data/{FILE_NAME} or <time>/vis_data/{FILE_NAME} of '
            f'a training, the folder holds {holds}'
        )
    # a test leaves a log too
    return next((candidate for candidate in found if '"iter"' in candidate.read_text(encoding='utf-8')), found[0])


def read_log(path: str | Path) -> TrainingLog:
    """Read a log.

    Args:
        path (str | Path): See :func:`find_log`.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If a line is no JSON object, or the file holds no line.
    """
    path = find_log(path)
    log = TrainingLog(path)
    lines = path.read_text(encoding='utf-8').splitlines()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = parse_json(line)
        except ValueError as error:
            if number == len(lines):
                break  # the run is still writing, or was killed
            raise ValueError(f'{path}: line {number} is no JSON ({error})') from error
        if not isinstance(row, dict):
            raise ValueError(f'{path}: line {number} is not an object of keys and numbers, found {line[:40]!r}')
        numbers = _numbers(row, f'{path}: line {number}')
        if numbers.get('step') is not None:
            (log.training if 'iter' in numbers or 'lr' in numbers else log.validation).append(numbers)
    if not log.training and not log.validation:
        raise ValueError(f'{path}: no line has the step of a training or validation')
    return log


def _numbers(row: dict, place: str) -> dict:
    """The numbers of a line."""
    numbers = {
        key: value for key, value in row.items() if isinstance(value, (int, float)) and not isinstance(value, bool)
    }
    for key, value in numbers.items():
        if key in _COUNTERS and not (0 <= value <= _LARGEST_COUNT and value == int(value)):  # NaN neither
            raise ValueError(f'{place}: {key} is {value:.6g}, expected a count')
        if isinstance(value, int) and abs(value) > sys.float_info.max:
            raise ValueError(f'{place}: {key} is larger than any number that is computed with')
    return numbers


def default_keys(logs: Sequence[TrainingLog]) -> list[str]:
    """The keys to plot by default: the loss and the validation scores; else everything except times and memory."""
    keys = [key for log in logs for key in log.keys()['training'] if key == 'loss']
    keys += [key for log in logs for key in log.keys()['validation'] if key not in _BOOKKEEPING]
    keys = keys or [key for log in logs for key in log.keys()['training'] if key not in _BOOKKEEPING]
    return list(dict.fromkeys(keys))
