"""Input checks of the classical detectors, and conversion between cubes and their valid pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from .parallel import over_cores

_BLOCK = 1024  # pixels, few enough for a core's cache
_SHARES = 16  # parts of a sum, as many as cores are used at most


def valid_mask(cube: np.ndarray, valid: np.ndarray | None, what: str = 'the cube') -> np.ndarray:
    """Check a cube and the mask of its valid pixels.

    Args:
        cube (np.ndarray): Real numbers of shape (H, W, C).
        valid (np.ndarray, optional): bool of shape (H, W). None means all pixels.
        what (str): Name of the cube in messages.

    Returns:
        np.ndarray: bool of shape (H, W).

    Raises:
        ValueError: If a shape is wrong, no pixel is valid, or a valid pixel holds NaN or infinity.
    """
    if cube.ndim != 3 or 0 in cube.shape:
        raise ValueError(f'{what} has the shape {cube.shape}, expected (H, W, C)')
    if cube.dtype.kind not in 'biuf':
        raise ValueError(f'{what} holds values of type {cube.dtype}, expected real numbers')
    valid = np.ones(cube.shape[:2], bool) if valid is None else np.asarray(valid)
    if valid.shape != cube.shape[:2]:
        raise ValueError(
            f'the mask of valid pixels has the shape {valid.shape}, but {what} has '
            f'{cube.shape[0]} x {cube.shape[1]} pixels'
        )
    if valid.dtype != bool:
        raise ValueError(f'the mask of valid pixels is of type {valid.dtype}, expected bool')
    if not valid.any():
        raise ValueError(f'{what} has no valid pixel')
    if cube.dtype.kind == 'f' and not _sum_is_finite(cube):
        broken = valid & ~np.isfinite(cube).all(axis=-1)
        if broken.any():
            row, column = np.argwhere(broken)[0]
            raise ValueError(
                f'{what} holds NaN or infinity in {np.count_nonzero(broken)} pixels, the first at row '
                f'{row}, column {column}; exclude them by the mask of valid pixels'
            )
    return valid


def _sum_is_finite(cube: np.ndarray) -> bool:
    """True only if no value is NaN or infinity; a sum costs a tenth of a check of each value."""
    with np.errstate(over='ignore', invalid='ignore'):
        return bool(np.isfinite(cube.sum()))


def valid_pixels(cube: np.ndarray, valid: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """The spectra of the valid pixels.

    Args:
        cube (np.ndarray): (H, W, C).
        valid (np.ndarray, optional): bool of shape (H, W). None means all pixels.

    Returns:
        tuple[np.ndarray, np.ndarray]: (N, C) in row-major order, of the type of the cube and without a copy if all are
        valid, and the mask of shape (H, W).

    Raises:
        ValueError: As :func:`valid_mask`.
    """
    cube = np.asarray(cube)
    valid = valid_mask(cube, valid)
    return cube.reshape(-1, cube.shape[-1]) if valid.all() else cube[valid], valid


def pixel_parts(count: int) -> Iterator[slice]:
    """Parts of ``count`` pixels, each small enough for a core's cache."""
    for start in range(0, count, _BLOCK):
        yield slice(start, min(start + _BLOCK, count))


def pixel_blocks(pixels: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Go through pixels (N, C) in parts, as new float64 arrays, so that a large scene is never copied whole."""
    for part in pixel_parts(len(pixels)):
        yield part, pixels[part].astype(np.float64)


def scores_by_block(pixels: np.ndarray, score: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Scores (N,) of pixels (N, C), by a function of float64 blocks (n, C) → (n,), on all cores."""
    scores = np.empty(len(pixels))

    def one(part: slice) -> None:
        scores[part] = score(pixels[part].astype(np.float64))

    over_cores(one, pixel_parts(len(pixels)))
    return scores


def sum_by_block(pixels: np.ndarray, summand: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Sum of a function of float64 blocks (n, C) of pixels (N, C), on all cores; the same for any number of cores."""
    shares = np.array_split(np.arange(0, len(pixels), _BLOCK), _SHARES)
    sums: list = [None] * len(shares)

    def one(share: int) -> None:
        for start in shares[share]:
            value = summand(pixels[start : start + _BLOCK].astype(np.float64))
            sums[share] = value if sums[share] is None else sums[share] + value

    over_cores(one, [share for share, starts in enumerate(shares) if len(starts)])
    return sum(value for value in sums if value is not None)


def score_map(scores: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Arrange the scores of the valid pixels as a map.

    Args:
        scores (np.ndarray): (N,) in row-major order.
        valid (np.ndarray): bool of shape (H, W) with N True.

    Returns:
        np.ndarray: float64 of shape (H, W), NaN where not valid.
    """
    result = np.full(valid.shape, np.nan)
    result[valid] = scores
    return result


def checked_target(target: np.ndarray, bands: int) -> np.ndarray:
    """Check a target spectrum.

    Args:
        target (np.ndarray): C values; (1, C) and (C, 1) are accepted too.
        bands (int): Number of bands C of the cube.

    Returns:
        np.ndarray: float64 of shape (C,).

    Raises:
        ValueError: If the number of bands differs, a value is not finite, or all are zero.
    """
    target = np.asarray(target, np.float64)
    if target.size != bands or max(target.shape, default=0) != bands:
        raise ValueError(f'the target spectrum has the shape {target.shape}, but the cube has {bands} bands')
    if not np.isfinite(target).all():
        raise ValueError('the target spectrum holds NaN or infinity')
    if not target.any():
        raise ValueError('the target spectrum is zero in every band')
    return target.reshape(bands)


def checked_windows(inner: int, outer: int, height: int, width: int) -> None:
    """Check the sides of a dual window.

    Args:
        inner (int): Side of the inner window in pixels.
        outer (int): Side of the outer window in pixels.
        height (int): Rows of the scene.
        width (int): Columns of the scene.

    Raises:
        ValueError: If a side is even, the inner window is not smaller than the outer, or the outer is larger than the
            scene.
    """
    if inner < 1 or inner % 2 == 0 or outer % 2 == 0 or inner >= outer:
        raise ValueError(
            f'the windows have the sides {inner} (inner) and {outer} (outer), expected odd numbers of '
            'which the inner is smaller'
        )
    if outer > min(height, width):
        raise ValueError(f'the outer window of {outer} x {outer} pixels is larger than the scene of {height} x {width}')
