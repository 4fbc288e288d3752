"""The content of a page about a scene: its compressed spectra, its maps, the mean spectra of its classes."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmhsi.utils.labels import IGNORE_INDEX
from mmhsi.visualization.false_colour import select_rgb_bands, stretch

MAX_VALUES = 4_000_000
_MOST_BANDS = 96
_LEVELS = 255  # of a value; 0 marks a pixel without data
_PERCENTILES = (0.1, 99.9)  # of a band that the levels span


def scene_data(
    view,
    maps: Mapping[str, np.ndarray] | None = None,
    classes: Sequence[str] = (),
    palette: Sequence[Sequence[int]] = (),
    rgb: Sequence[int] | None = None,
    max_values: int = MAX_VALUES,
) -> dict[str, Any]:
    """Describe a scene as JSON of limited size.

    Bands are thinned out evenly to at most 96, then rows and columns by one step until at most ``max_values`` values
    are left. Each band is stored in 255 levels between two percentiles of its values; values beyond them get the last
    level.

    Args:
        view (CubeView | BaseScene): The scene; for two dates, the first is shown.
        maps (Mapping[str, np.ndarray], optional): Labels (H, W), classes from 0, 255 without a class, by title.
        classes (Sequence[str]): Names of the K classes.
        palette (Sequence[Sequence[int]]): K RGB colours.
        rgb (Sequence[int], optional): Bands shown as red, green and blue, counted from 0. Defaults to those of
            :func:`mmhsi.visualization.false_colour.select_rgb_bands`.
        max_values (int): Largest number of values of the cube. Defaults to 4000000.

    Returns:
        dict: ``height``, ``width``, ``step``; ``file_bands``, their number in the file; ``bands`` (their numbers,
        from 1), ``wavelengths`` (nm, or None),
        ``low`` and ``high`` (of the levels), ``cube`` (levels, band after band), ``picture`` (RGB), ``maps`` by title
        (these three as base64 of bytes), ``classes``, ``palette``, ``means`` (K spectra by the first of the maps that
        holds a class, None for one without a pixel), ``rgb`` (from 1).
    """
    first = view.dates[0]
    info = first.info
    chosen = np.unique(np.linspace(0, info.bands - 1, min(info.bands, _MOST_BANDS)).round().astype(int))
    step = 1
    while -(-info.height // step) * -(-info.width // step) * len(chosen) > max_values:
        step += 1
    values, valid = first.stored_bands(chosen.tolist(), step)
    bands = tuple(rgb) if rgb is not None else select_rgb_bands(info.bands, info.wavelengths)
    picture = stretch(*first.stored_bands(bands, step))
    low, high = _limits(values, valid)
    span = np.where(high > low, high - low, 1)
    levels = 1 + np.clip((values - low) / span, 0, 1) * (_LEVELS - 1)
    levels = np.where(valid[..., None], np.rint(levels), 0).astype(np.uint8)
    thinned = {title: np.asarray(array)[::step, ::step].astype(np.uint8) for title, array in (maps or {}).items()}
    return dict(
        height=int(values.shape[0]),
        width=int(values.shape[1]),
        step=step,
        file_bands=info.bands,
        bands=(chosen + 1).tolist(),
        wavelengths=None if info.wavelengths is None else np.round(info.wavelengths[chosen], 2).tolist(),
        low=_short(low),
        high=_short(high),
        cube=_packed(np.moveaxis(levels, -1, 0)),
        picture=_packed(picture),
        rgb=[int(band) + 1 for band in bands],
        maps={title: _packed(array) for title, array in thinned.items()},
        classes=list(map(str, classes)),
        palette=[[int(channel) for channel in colour] for colour in palette],
        means=_means(values, valid, list(thinned.values()), len(classes)),
    )


def _limits(values: np.ndarray, valid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if not valid.any():
        return np.zeros(values.shape[-1]), np.ones(values.shape[-1])
    return tuple(np.percentile(values[valid].astype(np.float64), _PERCENTILES, axis=0))


def _means(values: np.ndarray, valid: np.ndarray, maps: Sequence[np.ndarray], classes: int) -> list:
    means: list = []
    for label in range(classes):
        inside = next((found for labels in maps if (found := (labels == label) & valid).any()), None)
        means.append(None if inside is None else _short(values[inside].mean(axis=0, dtype=np.float64)))
    return means


def _short(values: np.ndarray) -> list[float]:
    return [float(f'{value:.6g}') for value in values]


def _packed(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode('ascii')


def shifted_labels(labels: np.ndarray) -> np.ndarray:
    """Labels of a file, 0 for none and classes from 1, as classes from 0 with 255 for none."""
    return np.where(labels > 0, labels - 1, IGNORE_INDEX).astype(np.uint8)
