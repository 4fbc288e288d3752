"""Curves of detectors: detection rate against false-alarm rate, and both against the threshold."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from mmhsi.visualization.figure import (
    MARGIN,
    QUIET_COLOUR,
    TITLE_SIZE,
    Canvas,
    header_height,
    label_powers,
    quiet_axes,
    text_width,
    write_header,
)
from mmhsi.visualization.palette import line_styles

_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 760, 620, 96, 72
_LINE, _SWATCH = 34, 40


def roc_points(
    false_alarm_rate: np.ndarray, detection_rate: np.ndarray, lowest: float, per_segment: int = 8
) -> tuple[np.ndarray, np.ndarray]:
    """Points to draw an ROC curve on a logarithmic axis.

    The curve is straight between its points, but a logarithmic axis bends it, so segments are subdivided. Corners are
    kept, other points are dropped.

    Args:
        false_alarm_rate (np.ndarray): (N,) ascending from 0 to 1.
        detection_rate (np.ndarray): (N,) ascending.
        lowest (float): Left end of the axis, above 0; points to the left of it are drawn there.
        per_segment (int): Number of parts of a segment. Defaults to 8.

    Returns:
        tuple[np.ndarray, np.ndarray]: False-alarm rates, at least ``lowest``, and detection rates.
    """
    false_alarms, detections = np.asarray(false_alarm_rate), np.asarray(detection_rate)
    steps, rises = np.diff(false_alarms), np.diff(detections)
    corner = np.ones(len(false_alarms), bool)
    corner[1:-1] = np.abs(steps[:-1] * rises[1:] - steps[1:] * rises[:-1]) > 1e-15
    false_alarms, detections = false_alarms[corner], detections[corner]

    start, end = np.maximum(false_alarms[:-1], lowest), np.maximum(false_alarms[1:], lowest)
    parts = np.linspace(0, 1, per_segment, endpoint=False)
    across = start[:, None] * (end / start)[:, None] ** parts
    width = np.diff(false_alarms)
    # a vertical segment has no width: its parts are evenly spaced
    share = np.where(
        width[:, None] > 0, (across - false_alarms[:-1, None]) / np.where(width > 0, width, 1.0)[:, None], parts
    )
    along = detections[:-1, None] + np.clip(share, 0.0, 1.0) * np.diff(detections)[:, None]
    return (np.append(across, np.maximum(false_alarms[-1], lowest)), np.append(along, detections[-1]))


def roc_figure(results: Mapping, title: str = '', subtitle: str = '') -> Figure:
    """Compare the ROC curves of several methods, with a logarithmic axis of the false-alarm rate.

    The axis starts at the power of ten below the false-alarm rate of a single pixel.

    Args:
        results (Mapping[str, DetectionResult]): Results by the name of the method. Those without curves are named
            without a line.
        title (str): Bold first line. Defaults to ''.
        subtitle (str): Second line. Defaults to ''.

    Returns:
        Figure: The figure; the legend gives the AUC of each method.

    Raises:
        ValueError: If there is no result.
    """
    notes = [f'AUC {result.metrics["AUC"]:.4f}' if result.metrics else 'undefined' for result in results.values()]
    canvas, (axes,), lines = curve_frame(list(results), notes, title, subtitle, 1)
    known = [result.curves for result in results.values() if result.curves is not None]
    most = max((curves.num_background for curves in known), default=1000)
    lowest = 10.0 ** -max(
        1, len(str(most - 1))
    )  # from the digits, since the logarithm of a power of ten may be rounded
    for result, line in zip(results.values(), lines, strict=True):
        if result.curves is not None:
            points = roc_points(
                np.append(0.0, result.curves.false_alarm_rate), np.append(0.0, result.curves.detection_rate), lowest
            )
            axes.plot(*points, **line)
    axes.set_xscale('log')
    label_powers(axes.xaxis)
    axes.set_xlim(lowest, 1)
    axes.set_xlabel('false-alarm rate')
    axes.set_ylabel('detection rate')
    return canvas.figure


def threshold_figure(results: Mapping, title: str = '', subtitle: str = '') -> Figure:
    """Compare detection and false-alarm rate against the threshold: the side views of the 3-D ROC curve.

    Args:
        results (Mapping[str, DetectionResult]): As in :func:`roc_figure`.
        title (str): Bold first line. Defaults to ''.
        subtitle (str): Second line. Defaults to ''.

    Returns:
        Figure: The figure; the legend gives the areas under both curves.

    Raises:
        ValueError: If there is no result.
    """
    notes = [
        f'{result.metrics["AUC_Pd_tau"]:.4f} and {result.metrics["AUC_Pf_tau"]:.4f}' if result.metrics else 'undefined'
        for result in results.values()
    ]
    canvas, panels, lines = curve_frame(list(results), notes, title, subtitle, 2)
    grid = np.linspace(0, 1, 2001)
    for result, line in zip(results.values(), lines, strict=True):
        if result.curves is not None:
            thresholds = result.curves.thresholds[::-1]
            for axes, rate in zip(panels, (result.curves.detection_rate, result.curves.false_alarm_rate), strict=True):
                axes.plot(grid, np.interp(grid, thresholds, rate[::-1]), **line)
    for axes, label in zip(panels, ('detection rate', 'false-alarm rate'), strict=True):
        axes.set_xlim(0, 1)
        axes.set_xlabel('threshold on the scaled score')
        axes.set_ylabel(label)
    return canvas.figure


def curve_frame(
    names: list[str], notes: list[str], title: str, subtitle: str, panels: int
) -> tuple[Canvas, list, list]:
    """Canvas with titled axes and the legend to the right; the style of each line."""
    if not names:
        raise ValueError('there is no result to draw')
    lines = line_styles(len(names), 1.8)
    head = header_height(title, subtitle)
    label_width = max(text_width(name) for name in names)
    legend = _SWATCH + 12 + label_width + 24 + max(text_width(note) for note in notes)
    across = panels * (_LEFT + _WIDTH) + MARGIN
    down = max(_HEIGHT + _BOTTOM, _LINE * len(names))
    canvas = Canvas(
        2 * MARGIN + max(across + legend, text_width(title, TITLE_SIZE, 'bold'), text_width(subtitle)),
        2 * MARGIN + head + down,
    )
    write_header(canvas, title, subtitle)
    top = MARGIN + head
    all_axes = [canvas.axes(MARGIN + _LEFT + index * (_LEFT + _WIDTH), top, _WIDTH, _HEIGHT) for index in range(panels)]
    for axes in all_axes:
        axes.set_ylim(0, 1.005)
        quiet_axes(axes)
    left = MARGIN + across
    for index, (name, note, line) in enumerate(zip(names, notes, lines, strict=True)):
        middle = top + (index + 0.5) * _LINE
        sample = canvas.axes(left, middle - 5, _SWATCH, 10)
        sample.plot([0, 1], [0, 0], **line)
        sample.set_axis_off()
        canvas.text(left + _SWATCH + 12, middle, name)
        canvas.text(left + legend, middle, note, colour=QUIET_COLOUR, ha='right')
    return canvas, all_axes, lines
