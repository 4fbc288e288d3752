"""Convert preprocessed values back to the units of the file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmhsi.datasets.transforms.percentile import PercentileScale
from mmhsi.datasets.transforms.spectral import MinMaxScale, ScaleValues, SelectBands, SpectralTransform, Standardize


def file_units(transforms: Sequence[SpectralTransform]) -> tuple[np.ndarray | float, np.ndarray | float] | None:
    """Factor and offset that convert preprocessed values back to those of the file, for affine preprocessing.

    Values clipped by ``PercentileScale`` stay clipped.

    Args:
        transforms (Sequence[SpectralTransform]): The fitted transforms of a scene.

    Returns:
        tuple | None: Factor and offset, numbers or (C,); None if a transform mixes bands (PCA) or is not known.
    """
    factor, offset = np.float64(1), np.float64(0)  # of the way there
    for step in transforms:
        if isinstance(step, SelectBands):
            factor, offset = (values[step.indices] if np.ndim(values) else values for values in (factor, offset))
            continue
        if isinstance(step, ScaleValues):
            scale, shift = float(step.factor), float(step.offset)
        elif isinstance(step, Standardize):
            scale = 1 / (step.std + step.eps)
            shift = -step.mean * scale
        elif isinstance(step, MinMaxScale):
            span = step.maximum - step.minimum
            scale = 1 / np.where(span > 0, span, 1)
            shift = -step.minimum * scale
        elif isinstance(step, PercentileScale):
            scale = 1 / (step.upper - step.lower + step.eps)
            shift = -step.lower * scale
        else:
            return None
        factor, offset = factor * scale, offset * scale + shift
    return 1 / factor, -offset / factor
