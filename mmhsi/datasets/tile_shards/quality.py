"""Selection of bands and tiles that are fit for training."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy.ndimage import median_filter

from mmhsi.datasets.tile_shards.settings import ShardSettings

_NEIGHBOURHOOD = 5


def missing_values(values: np.ndarray, nodata: float | None) -> np.ndarray:
    """Mask of values that are nodata, NaN or infinite; bool of the shape of ``values``."""
    missing = ~np.isfinite(values) if values.dtype.kind == 'f' else np.zeros(values.shape, dtype=bool)
    if nodata is not None:
        missing |= values == nodata
    return missing


def varying_bands(blocks: Iterable[np.ndarray], nodata: float | None, zero_is_nodata: bool) -> np.ndarray:
    """Mask of bands with at least two different values in the pixels with data.

    It is false for a band without any data and for a constant one (such as the uncalibrated bands of Hyperion, which
    are 0).

    Args:
        blocks (Iterable[np.ndarray]): Parts of a scene, each of shape (..., C).
        nodata (float, optional): Value of pixels without data.
        zero_is_nodata (bool): Whether a pixel of zeros counts as nodata.

    Returns:
        np.ndarray: bool of shape (C,).
    """
    lowest, highest = np.inf, -np.inf
    for block in blocks:
        pixels = block.reshape(-1, block.shape[-1])
        missing = missing_values(pixels, nodata)
        if zero_is_nodata:
            missing[~pixels.any(axis=1)] = True
        limits = np.finfo(pixels.dtype) if pixels.dtype.kind == 'f' else np.iinfo(pixels.dtype)
        lowest = np.minimum(lowest, np.where(missing, pixels.dtype.type(limits.max), pixels).min(axis=0))
        highest = np.maximum(highest, np.where(missing, pixels.dtype.type(limits.min), pixels).max(axis=0))
    return highest > lowest


def pixels_without_data(tile: np.ndarray, nodata: float | None, zero_is_nodata: bool) -> np.ndarray:
    """Mask of pixels without data in some band or, with ``zero_is_nodata``, with 0 in all bands.

    Args:
        tile (np.ndarray): Values of shape (h, w, C).
        nodata (float, optional): Value of pixels without data.
        zero_is_nodata (bool): Whether a pixel of zeros counts as nodata.

    Returns:
        np.ndarray: bool of shape (h, w).
    """
    missing = missing_values(tile, nodata).any(axis=-1)
    return missing | ~tile.any(axis=-1) if zero_is_nodata else missing


def saturated_share(tile: np.ndarray, valid: np.ndarray, settings: ShardSettings) -> float:
    """Share of pixels with data that are saturated in at least ``settings.saturated_bands`` of the bands."""
    value = settings.saturated_value
    if value is None:
        if tile.dtype.kind not in 'iu':
            return 0.0
        value = np.iinfo(tile.dtype).max
    if tile.max() < value:
        return 0.0
    bright = (tile[valid] >= value).mean(axis=-1)
    # a share of 0 must not mark every pixel as saturated
    return float(((bright >= settings.saturated_bands) & (bright > 0)).mean())


def striped_share(tile: np.ndarray, valid: np.ndarray, contrast: float) -> float:
    r"""Share of bands with stripes along the columns or the rows.

    With the mean :math:`m_j` of column j, stripes are the part that a median over five columns removes,
    :math:`r_j = m_j - \mathrm{med}(m_{j-2}, ..., m_{j+2})`; borders of fields, which are steps, are kept by the median.
    A band is striped if the root mean square of :math:`r_j` is more than ``contrast`` times the standard deviation of
    the band. Rows are treated likewise. Uncorrelated noise gives about 0.1 in tiles of 64 pixels.

    Args:
        tile (np.ndarray): Values of shape (h, w, C).
        valid (np.ndarray): Pixels with data, bool of shape (h, w).
        contrast (float): The threshold.

    Returns:
        float: The share.
    """
    values = tile.astype(np.float32)
    if not valid.all():
        values[~valid] = values[valid].mean(axis=0)
    limit = contrast * values.std(axis=(0, 1))
    striped = np.zeros(tile.shape[-1], dtype=bool)
    for axis in (0, 1):
        profile = values.mean(axis=axis)
        rough = profile - median_filter(profile, size=(_NEIGHBOURHOOD, 1), mode='nearest')
        striped |= (np.sqrt(np.mean(rough**2, axis=0)) > limit) & (limit > 0)
    return float(striped.mean())


def judge_tile(tile: np.ndarray, nodata: float | None, settings: ShardSettings) -> tuple[str | None, np.ndarray]:
    """Decide whether a tile is kept.

    Args:
        tile (np.ndarray): Values of the kept bands, (h, w, C).
        nodata (float, optional): Value of pixels without data.
        settings (ShardSettings): The thresholds.

    Returns:
        tuple[str | None, np.ndarray]: The reason for skipping it: 'nodata', 'saturated' or 'striped', None if it is
        kept; and the mask of pixels with data, bool (h, w).
    """
    valid = ~pixels_without_data(tile, nodata, settings.zero_is_nodata)
    if 1 - valid.mean() > settings.max_nodata or not valid.any():
        return 'nodata', valid
    if saturated_share(tile, valid, settings) > settings.max_saturated:
        return 'saturated', valid
    if striped_share(tile, valid, settings.stripe_contrast) > settings.max_striped:
        return 'striped', valid
    return None, valid
