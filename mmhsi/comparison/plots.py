"""Plots of a comparison: accuracy against the number of labels or a level, and against the size of the networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter

from mmhsi.comparison.statistics import mean_and_std
from mmhsi.comparison.suite import Suite
from mmhsi.comparison.summary import Row, main_score
from mmhsi.visualization.figure import QUIET_COLOUR, TEXT_SIZE, label_powers
from mmhsi.visualization.roc import curve_frame


def label_curves(suite: Suite, table: Mapping[str, Sequence[Row]]) -> dict[str, Figure]:
    """The compared score against the number of training pixels, or the level, of the settings of each curve.

    Args:
        suite (Suite): The suite, whose settings name their ``curve`` and perhaps their ``level`` on it.
        table (Mapping[str, Sequence[Row]]): Rows by setting.

    Returns:
        dict[str, Figure]: Pictures by the name of the curve, of curves with several numbers or levels.
    """
    figures = {}
    curves: dict[str, list[str]] = {}
    for setting in table:
        curve = suite.settings[setting].get('curve')
        if curve is not None:
            curves.setdefault(curve, []).append(setting)
    for curve, settings in curves.items():
        points: dict[str, list[tuple[float, float, float]]] = {}
        for setting in settings:
            for row in table[setting]:
                mean, std = mean_and_std(list(row.values(main_score(suite, setting)).values()))
                level = suite.settings[setting].get('level', row.mean('split', 'train'))
                if level is not None and np.isfinite(mean):
                    points.setdefault(row.contestant, []).append((level, mean, std))
        if len({level for own in points.values() for level, *_ in own}) > 1:
            abscissa = curve if suite.has_levels(curve) else 'training pixels of the scene'
            figures[curve] = _curve_figure(points, main_score(suite, settings[0]), f'{suite.name}: {curve}', abscissa)
    return figures


def size_figure(suite: Suite, setting: str, rows: Sequence[Row]) -> Figure | None:
    """The compared score against the number of parameters; None with fewer than two networks.

    Networks that all have the same number, within five percent, lie side by side instead.

    Args:
        suite (Suite): The suite.
        setting (str): The setting.
        rows (Sequence[Row]): Its rows.
    """
    score = main_score(suite, setting)
    points = {}
    for row in rows:
        mean, std = mean_and_std(list(row.values(score).values()))
        parameters = row.mean('parameters')
        if parameters and np.isfinite(mean):
            points[row.contestant] = [(parameters, mean, std)]
    if len(points) < 2:
        return None
    sizes = [own[0][0] for own in points.values()]
    if max(sizes) > 1.05 * min(sizes):
        return _curve_figure(points, score, f'{suite.name}: {setting}', 'parameters')
    side_by_side = {name: [(place, *own[0][1:])] for place, (name, own) in enumerate(points.items())}
    figure = _curve_figure(side_by_side, score, f'{suite.name}: {setting}', 'networks of one size')
    figure.axes[0].set_xticks([])
    return figure


def _curve_figure(
    points: Mapping[str, Sequence[tuple[float, float, float]]], score: str, title: str, abscissa: str
) -> Figure:
    notes = [f'{own[-1][1]:.4f}' for own in points.values()]
    canvas, (axes,), lines = curve_frame(list(points), notes, title, 'mean and standard deviation over the seeds', 1)
    first = [own[0][0] for own in points.values()]
    for (name, own), line in zip(points.items(), lines, strict=True):
        across, means, stds = np.array(sorted(own)).T
        axes.errorbar(across, means, np.nan_to_num(stds), marker='o', capsize=3, **line)
        if abscissa == 'parameters':  # colours repeat, and points have no line style
            is_right = across[0] ** 2 > min(first) * max(first)  # its name would leave the axes
            axes.annotate(
                name,
                (across[0], means[0]),
                (-5 if is_right else 5, 4),
                textcoords='offset points',
                ha='right' if is_right else 'left',
                fontsize=TEXT_SIZE - 2,
                color=QUIET_COLOUR,
                parse_math=False,
            )
    if all(across > 0 for own in points.values() for across, *_ in own):
        axes.set_xscale('log')
        label_powers(axes.xaxis)
    axes.autoscale(axis='y')
    axes.margins(x=0.08, y=0.08)
    if abscissa != 'parameters':  # few values, best labelled individually
        values = sorted({round(value, 3) for own in points.values() for value, *_ in own})
        axes.set_xticks(values)
        axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(abscissa)
    axes.set_ylabel(score)
    return canvas.figure
