"""Training labels of a detector from the scores of a coarse one."""

from __future__ import annotations

import numpy as np

from mmhsi.datasets.class_info import IGNORE_INDEX


def pseudo_labels(
    scores: np.ndarray, background: float = 0.3, target: float = 0.0015, valid: np.ndarray | None = None
) -> np.ndarray:
    """Use the lowest and the highest scores of a coarse detector as labels, and ignore those in between.

    Of N pixels, the lowest floor(``background`` N) become background and the highest floor(``target`` N) targets
    (HyperSIGMA; the shares are those of its code). Equal scores are sorted in raster order.

    Args:
        scores (np.ndarray): (H, W) scores, larger for targets; NaN where there is none.
        background (float): Share of background pixels, in (0, 1). Defaults to 0.3.
        target (float): Share of target pixels, in (0, 1). Defaults to 0.0015.
        valid (np.ndarray, optional): (H, W) bool, the pixels that hold data. Defaults to all.

    Returns:
        np.ndarray: (H, W) uint8: 0 background, 1 target, 255 neither.

    Raises:
        ValueError: If the shares are out of range, all scores are equal, or no pixel would be background or target.
    """
    if not (0 < background < 1 and 0 < target < 1 and background + target <= 1):
        raise ValueError(
            f'the shares of background and target pixels must be positive and sum up to at most 1, not '
            f'{background} and {target}'
        )
    scores = np.asarray(scores, dtype=np.float64)
    usable = np.isfinite(scores) if valid is None else np.isfinite(scores) & valid
    pixels = np.flatnonzero(usable)
    numbers = int(background * len(pixels)), int(target * len(pixels))
    for name, number, share in zip(('background', 'target'), numbers, (background, target), strict=True):
        if not number:
            raise ValueError(f'a share of {share:g} of {len(pixels)} pixels leaves no {name} pixel: give a larger one')
    values = scores.ravel()[pixels]
    if values.min() == values.max():
        raise ValueError(
            f'all {len(pixels)} coarse scores are {values.min():g}: they do not distinguish targets from background'
        )
    order = np.argsort(values, kind='stable')
    labels = np.full(scores.size, IGNORE_INDEX, dtype=np.uint8)
    labels[pixels[order[: numbers[0]]]] = 0
    labels[pixels[order[-numbers[1] :]]] = 1
    return labels.reshape(scores.shape)
