"""Writing the page of a report."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.figure import Figure

import mmhsi
from mmhsi.analysis.report.facts import describe_data, describe_network
from mmhsi.analysis.report.looks import looks
from mmhsi.analysis.report.run_folder import Results, RunFolder, open_run
from mmhsi.analysis.scene_page.page import page_globals
from mmhsi.analysis.training_log import default_keys
from mmhsi.utils.files import write_text
from mmhsi.visualization.figure import DPI
from mmhsi.visualization.training_curves import training_curves_figure
from mmhsi.weights.stored_config import registered_names_only

CAPTIONS = {
    'false_colour': 'False-colour composite',
    'false_colour_1': 'False-colour composite, first date',
    'false_colour_2': 'False-colour composite, second date',
    'ground_truth': 'Ground truth: all labelled pixels',
    'classes': 'Prediction',
    'change': 'Changes: found, missed and false alarms',
    'error': 'Errors',
    'confidence': 'Probability of the predicted class',
    'entropy': 'Uncertainty: entropy of the class probabilities, 1 where all classes are equally likely',
    'scores': 'Scores of the detector',
    'roc': 'ROC curve',
    'roc_threshold': 'Detection rate and false-alarm rate over the threshold',
    'confusion_matrix': 'Confusion matrix',
    'abundances': 'Abundances: estimate, truth and difference',
    'endmembers': 'Endmember spectra',
    'reconstruction': 'Spectral angle between each pixel and its mixture',
    'restoration': 'Degraded, restored and clean image',
    'band_psnr': 'PSNR of each band',
    'spectra': 'Mean spectra of the classes, one standard deviation shaded',
}
"""Captions of the pictures of results, by the end of their names, in the order of the report."""

_MATRIX_LIMIT = 40  # classes of a confusion matrix that is still written as a table


def make_report(
    work_dir: str | Path,
    out: str | Path | None = None,
    max_scenes: int = 20,
    complexity: bool = True,
    config: str | Path | None = None,
    trust: bool = False,
) -> Path:
    """Write a self-contained HTML report of a run.

    Args:
        work_dir (str | Path): See :func:`mmhsi.analysis.report.run_folder.open_run`.
        out (str | Path, optional): File to write. Defaults to ``report.html`` in ``work_dir``.
        max_scenes (int): Number of scenes of a test whose pictures are shown; the scores of all scenes are shown.
            Defaults to 20.
        complexity (bool): Whether to count parameters and operations of the network, which is built and run once for
            that. Defaults to True.
        config (str | Path, optional): A config file instead of the one in the folder.
        trust (bool): Whether the config in the folder may be run as code. Defaults to False: it is read as data.

    Returns:
        Path: The written file.

    Raises:
        FileNotFoundError: If the folder holds no run.
        ValueError: If a file of the run is damaged, or ``max_scenes`` is negative.
        OSError: If the file cannot be written.
    """
    if max_scenes < 0:
        raise ValueError(f'max_scenes must not be negative, found {max_scenes}')
    run = open_run(work_dir, config, trust)
    out = Path(work_dir) / 'report.html' if out is None else Path(out)
    environment = Environment(
        loader=PackageLoader('mmhsi.analysis.report', '.'),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=_number, count=_count)
    guard = nullcontext() if config is not None or trust else registered_names_only()
    try:
        with guard:
            data = describe_data(run.config)
            network = describe_network(run.config) if complexity else dict(missing='the network was not counted')
        page = _render(environment, run, data, network, max_scenes)
    except (OSError, ValueError, ImportError, MemoryError):
        raise
    except Exception as error:  # a folder of unknown origin can hold anything
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(
            f'{run.path}: the config, the log or the scores of this run are damaged: {type(error).__name__}: {reason}'
        ) from error
    out.parent.mkdir(parents=True, exist_ok=True)
    write_text(out, page)
    return out


def _render(environment: Environment, run: RunFolder, data: Mapping, network: Mapping, max_scenes: int) -> str:
    return environment.get_template('report.html.j2').render(
        run=run,
        version=mmhsi.__version__,
        made=datetime.now().strftime('%Y-%m-%d %H:%M'),
        curves=_curves(run),
        results=[_describe_results(results, max_scenes) for results in run.results],
        data=data,
        looks=looks(data['built'], run),
        script=page_globals()['script'],
        style=page_globals()['style'],
        network=network,
        environment=run.environment(),
        warnings=run.warnings(),
        config=run.config_path.read_text(encoding='utf-8'),
    )


def _number(value: Any) -> str:
    """A formatted score: four decimals, integers with thin-space groups, a dash for an undefined one."""
    if value is None:
        return '–'
    if isinstance(value, (bool, str)):
        return str(value)
    if isinstance(value, int):
        return f'{value:,}'
    if isinstance(value, float):
        return f'{value:.4f}' if abs(value) >= 1e-3 or value == 0 else f'{value:.2e}'
    return ', '.join(map(_number, value)) if isinstance(value, Sequence) else str(value)


def _count(value: int) -> str:
    """A large number with an SI prefix."""
    for size, prefix in ((1e12, 'T'), (1e9, 'G'), (1e6, 'M'), (1e3, 'k')):
        if value >= size:
            return f'{value / size:.3f} {prefix}'
    return str(value)


def _data_uri(content: bytes) -> str:
    return f'data:image/png;base64,{base64.b64encode(content).decode("ascii")}'


def _figure_uri(figure: Figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=DPI, format='png')
    return _data_uri(buffer.getvalue())


def _curves(run: RunFolder) -> dict | None:
    """Picture of the training, its alternative text, and the last and best values of each key."""
    if run.log is None:
        return None
    curves = {key: run.log.curve(key) for key in default_keys([run.log])}
    if not curves:
        return None
    rows = [
        (key, len(values), values[0], values[-1], values.min(), values.max()) for key, (_, values) in curves.items()
    ]
    alt = 'Curves of ' + '; '.join(f'{key} from {first:.4g} to {last:.4g}' for key, _, first, last, *_ in rows)
    return dict(
        uri=_figure_uri(training_curves_figure({'training': curves}, run.log.unit)),
        alt=alt,
        unit=run.log.unit,
        rows=[(key, count, *map(float, numbers)) for key, count, *numbers in rows],
    )


def _describe_results(results: Results, max_scenes: int) -> dict:
    scenes = results.metrics.get('scenes', {})
    return dict(
        name=results.name,
        folder=results.folder.name,
        metrics=results.metrics.get('metrics', {}),
        scenes=[
            _describe_scene(results, name, scene, index < max_scenes)
            for index, (name, scene) in enumerate(scenes.items())
        ],
        left_out=max(len(scenes) - max_scenes, 0),
    )


def _describe_scene(results: Results, name: str, scene: Mapping, shown: bool) -> dict:
    """Scores, tables and pictures of a scene, whatever its task."""
    facts: dict[str, Any] = {}
    tables, matrix = [], None
    for key, value in scene.items():
        if key == 'confusion_matrix':
            matrix = value
        elif isinstance(value, Mapping):
            facts.update(
                {
                    f'{key}: {inner}': content
                    for inner, content in value.items()
                    if not isinstance(content, (Mapping, list)) or len(content) <= 4
                }
            )
        elif isinstance(value, list) and value and all(isinstance(row, Mapping) for row in value):
            tables.append(_table(key, value))
        elif not isinstance(value, list) or len(value) <= 4:
            facts[key] = value
    classes = [str(row.get('name')) for row in scene.get('classes', ())]
    if matrix is not None and (len(matrix) > _MATRIX_LIMIT or len(matrix) != len(classes)):
        matrix = None
    return dict(
        name=name,
        facts=facts,
        tables=tables,
        matrix=matrix,
        classes=classes,
        pictures=_pictures(results, name, scene) if shown else [],
    )


def _table(name: str, rows: Sequence[Mapping]) -> dict:
    columns = [
        key
        for key in dict.fromkeys(key for row in rows for key in row)
        if not any(isinstance(row.get(key), (list, Mapping)) for row in rows)
    ]
    columns.sort(key=lambda key: key != 'name')
    return dict(name=name, columns=columns, rows=[[row.get(key) for key in columns] for row in rows])


def _pictures(results: Results, scene: str, scores: Mapping) -> list[dict]:
    order = list(CAPTIONS)
    pictures = []
    for path in results.pictures_of(scene):
        kind = path.stem.removeprefix(scene.replace('/', '_') + '_')
        caption = CAPTIONS.get(kind, kind.replace('_', ' ').capitalize())
        numbers = ', '.join([f'{key} {value:.4f}' for key, value in scores.items() if isinstance(value, float)][:3])
        pictures.append(
            dict(
                kind=kind,
                caption=caption,
                uri=_data_uri(path.read_bytes()),
                alt=f'{caption}; scene {scene}' + (f'; {numbers}' if numbers else ''),
            )
        )
    return sorted(
        pictures,
        key=lambda picture: (order.index(picture['kind']) if picture['kind'] in order else len(order), picture['kind']),
    )
