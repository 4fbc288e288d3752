"""Contents of the folder of a run: config, log, curves, results."""

from __future__ import annotations

import logging
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config
from mmengine.logging import print_log

from mmhsi.analysis.training_log import TrainingLog, read_log
from mmhsi.utils.files import parse_json
from mmhsi.weights.stored_config import read_stored_config

_PARTS = ('model', 'train_dataloader', 'val_dataloader', 'test_dataloader', 'test_evaluator', 'sensor')
_RECORD = re.compile(r'^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d - [\w.]+ - ([A-Z]+) - (.*)$')


@dataclass(frozen=True)
class Results:
    """The results of a test.

    Attributes:
        folder (Path): The folder.
        name (str): Name of the folder below the results, '' for the network itself; each baseline has its own.
        metrics (dict): 'metrics' of the run and 'scenes' by name, as ``metrics.json`` holds them.
        pictures (list[Path]): The pictures, sorted by name.
    """

    folder: Path
    name: str
    metrics: dict
    pictures: list[Path]

    def pictures_of(self, scene: str) -> list[Path]:
        """The pictures of a scene, without those of other scenes whose names begin with its name."""
        start = scene.replace('/', '_') + '_'
        longer = [
            other.replace('/', '_') + '_'
            for other in self.metrics.get('scenes', {})
            if other != scene and other.replace('/', '_').startswith(start)
        ]
        return [
            path
            for path in self.pictures
            if path.name.startswith(start) and not any(path.name.startswith(other) for other in longer)
        ]


@dataclass(frozen=True)
class RunFolder:
    """Locations of the parts of a run.

    Attributes:
        path (Path): The work dir, or the folder of one of its runs.
        config (Config): The config that was run.
        config_path (Path): Its file.
        log (TrainingLog, optional): Curves of the newest training.
        log_files (list[Path]): Text logs of that training and of the test.
        results (list[Results]): Results of the newest test, those of the network first.
    """

    path: Path
    config: Config
    config_path: Path
    log: TrainingLog | None
    log_files: list[Path]
    results: list[Results]

    @property
    def name(self) -> str:
        """Name of the work dir; the folder of a run is named by its time."""
        path = self.path.resolve()
        return path.parent.name if (path / 'vis_data').is_dir() else path.name

    def environment(self) -> dict[str, str]:
        """Versions and settings from the beginning of the log, by name."""
        found: dict[str, str] = {}
        for path in self.log_files[:1]:
            reading = False
            for line in path.read_text(encoding='utf-8', errors='replace').splitlines():
                if _RECORD.match(line) and found:
                    break
                if line.strip() in ('System environment:', 'Runtime environment:'):
                    reading = True
                elif reading and re.match(r'^ {4}\w', line):
                    name, _, value = line.strip().partition(': ')
                    if not name.endswith('compiling details'):
                        found[name] = value
        return found

    def warnings(self) -> list[tuple[str, str, int]]:
        """Level, text and count of the distinct warnings and errors of the logs."""
        counts: Counter = Counter()
        for path in self.log_files:
            for line in path.read_text(encoding='utf-8', errors='replace').splitlines():
                record = _RECORD.match(line)
                if record and record.group(1) in ('WARNING', 'ERROR', 'CRITICAL'):
                    counts[record.groups()] += 1
        return [(level, text, count) for (level, text), count in counts.items()]


def open_run(path: str | Path, config: str | Path | None = None, trust: bool = False) -> RunFolder:
    """Find the parts of a run.

    Args:
        path (str | Path): A work dir, of which the newest training and the newest test are taken, or the folder
            ``<work_dir>/<time>`` of one run.
        config (str | Path, optional): A config file instead of the one in the folder, which is read as data only.
        trust (bool): Whether the config in the folder is run as a program. Defaults to False.

    Raises:
        FileNotFoundError: If the folder or a config in it does not exist.
        ValueError: If ``metrics.json`` is damaged, or the config in the folder holds more than data.
    """
    path = Path(path)
    if not path.is_dir():
        raise FileNotFoundError(f'{path}: there is no such folder')
    single = (path / 'vis_data').is_dir()
    times = (
        [path]
        if single
        else sorted((entry.parent for entry in path.glob('*/vis_data') if _lies_in(entry, path)), reverse=True)
    )
    tested = next((folder for folder in times if (folder / 'results' / 'metrics.json').is_file()), None)
    trained = next((folder for folder in times if _is_training(folder, path)), None)
    configs = [folder / 'vis_data' / 'config.py' for folder in (tested, trained, *times) if folder is not None]
    configs = [found for found in (*configs, *sorted(path.glob('*.py'))) if found.is_file() and _lies_in(found, path)]
    if config is not None:
        configs = [Path(config)]
    if not configs:
        holds = ', '.join(sorted(entry.name for entry in path.iterdir())[:10]) or 'nothing'
        raise FileNotFoundError(f'{path}: expected a work dir with <time>/vis_data/config.py, it holds {holds}')
    folders = list(dict.fromkeys(folder for folder in (trained, tested, *times[:1]) if folder is not None))
    return RunFolder(
        path,
        Config.fromfile(config)
        if config is not None
        else read_stored_config(configs[0].read_text(encoding='utf-8'), str(configs[0]), trust, _PARTS),
        configs[0],
        read_log(trained) if trained is not None else None,
        [log for folder in folders for log in sorted(folder.glob('*.log')) if _lies_in(log, path)],
        [] if tested is None else _results(tested / 'results'),
    )


def _lies_in(path: Path, folder: Path) -> bool:
    """Whether a file lies in the folder: a link to another place would expose files outside, and a pipe never ends."""
    if path.resolve().is_relative_to(folder.resolve()):
        return path.is_file() or path.is_dir()
    print_log(f'{path} is left out: it is a link to {path.resolve()}', 'current', logging.WARNING)
    return False


def _is_training(folder: Path, run: Path) -> bool:
    scalars = folder / 'vis_data' / 'scalars.json'
    return scalars.is_file() and _lies_in(scalars, run) and '"lr"' in scalars.read_text(encoding='utf-8')


def _results(folder: Path) -> list[Results]:
    found = []
    for path in sorted(folder.rglob('metrics.json'), key=lambda path: (len(path.parts), path)):
        if not _lies_in(path, folder.parent):
            continue
        try:
            metrics = parse_json(path.read_text(encoding='utf-8'))
        except ValueError as error:
            raise ValueError(f'{path}: no JSON ({error})') from error
        if not isinstance(metrics, dict) or not isinstance(metrics.get('scenes', {}), dict):
            raise ValueError(f"{path}: expected an object with 'metrics' and 'scenes'")
        found.append(_results_in(path.parent, folder, metrics))
    if not found:
        return []
    # a baseline may have pictures of the same scenes and its scores in another folder
    scenes = {scene: {} for scene in found[0].metrics.get('scenes', {})}
    for path in sorted({path.parent for path in folder.rglob('*.png')} - {results.folder for results in found}):
        found.append(_results_in(path, folder, dict(scenes=scenes)))
    return found


def _results_in(path: Path, folder: Path, metrics: dict) -> Results:
    name = path.relative_to(folder).as_posix()
    pictures = [picture for picture in sorted(path.glob('*.png')) if _lies_in(picture, folder.parent)]
    return Results(path, '' if name == '.' else name, metrics, pictures)
