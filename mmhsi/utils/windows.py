"""Cutting windows out of an array, padded outside the array."""

from __future__ import annotations

import numpy as np

PAD_MODES = ('constant', 'symmetric', 'reflect', 'append')


def check_pad_mode(pad_mode: str) -> None:
    """Raise a ValueError unless ``pad_mode`` is one of :data:`PAD_MODES`."""
    if pad_mode not in PAD_MODES:
        raise ValueError(f'pad_mode must be one of {PAD_MODES}, not {pad_mode!r}')


def source_indices(start: int, length: int, size: int, pad_mode: str = 'constant') -> np.ndarray:
    """Source indices of a window along an axis.

    Args:
        start (int): First position of the window; may be negative or beyond the axis.
        length (int): Length of the window.
        size (int): Length of the axis.
        pad_mode (str): 'constant' marks outside positions by -1, 'symmetric' mirrors at the border of the first and
            last element (d c b a | a b c d), 'reflect' mirrors at the element itself (d c b | a b c d), both as often
            as needed; 'append' repeats the last elements in their own order (a b c d | c d), and cannot pad before the
            first.

    Returns:
        np.ndarray: int64 indices of shape (length,), within [0, size) or -1.

    Raises:
        ValueError: If ``pad_mode`` is unknown, or 'append' would have to repeat more than the axis holds or to pad
            before it.
    """
    check_pad_mode(pad_mode)
    indices = np.arange(start, start + length)
    if pad_mode == 'constant':
        indices[(indices < 0) | (indices >= size)] = -1
        return indices
    if pad_mode == 'append':
        overhang = start + length - size
        if start < 0:
            raise ValueError(
                f'a window that begins {-start} pixels before an axis cannot be filled with pad_mode "append"'
            )
        if overhang > size:
            raise ValueError(
                f'a window that extends {overhang} pixels beyond an axis of {size} pixels cannot be filled '
                'with pad_mode "append", which repeats each of them once; use a smaller window or another '
                'pad_mode'
            )
        return np.where(indices >= size, indices - overhang, indices)
    # a mirrored axis has this period
    period = 2 * size if pad_mode == 'symmetric' else max(2 * size - 2, 1)
    indices %= period
    return np.minimum(indices, period - indices - (pad_mode == 'symmetric'))


def gather(array: np.ndarray, rows: np.ndarray, cols: np.ndarray, pad_value: float = 0) -> np.ndarray:
    """Take the grid ``rows`` x ``cols`` from an array; -1 stands for ``pad_value``.

    Args:
        array (np.ndarray): Array of shape (H, W) or (H, W, C).
        rows (np.ndarray): int indices of shape (h,).
        cols (np.ndarray): int indices of shape (w,).
        pad_value (float): Value of the positions marked -1.

    Returns:
        np.ndarray: New array of shape (h, w) or (h, w, C).
    """
    window = array[rows[:, None], cols[None, :]]
    window[rows < 0] = pad_value
    window[:, cols < 0] = pad_value
    return window


def crop_window(
    array: np.ndarray, top: int, left: int, height: int, width: int, pad_mode: str = 'constant', pad_value: float = 0
) -> np.ndarray:
    """Copy a window of an image; the window may extend beyond the image.

    Args:
        array (np.ndarray): Image of shape (H, W) or (H, W, C).
        top (int): First row, may be negative.
        left (int): First column, may be negative.
        height (int): Number of rows.
        width (int): Number of columns.
        pad_mode (str): See :func:`source_indices`.
        pad_value (float): Value outside the image with pad_mode 'constant'.

    Returns:
        np.ndarray: New array of shape (height, width) or (height, width, C).
    """
    bottom, right = top + height, left + width
    if top >= 0 and left >= 0 and bottom <= array.shape[0] and right <= array.shape[1]:
        return array[top:bottom, left:right].copy()
    if pad_mode == 'constant':
        window = np.full((height, width, *array.shape[2:]), pad_value, dtype=array.dtype)
        first_row, first_col = max(-top, 0), max(-left, 0)
        part = array[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
        window[first_row : first_row + part.shape[0], first_col : first_col + part.shape[1]] = part
        return window
    return gather(
        array,
        source_indices(top, height, array.shape[0], pad_mode),
        source_indices(left, width, array.shape[1], pad_mode),
        pad_value,
    )


def centred_window(row: int, col: int, size: int) -> tuple[int, int, int, int]:
    """Window (top, left, height, width) of ``size`` x ``size`` pixels with the pixel (row, col) at its centre.

    With an even size the pixel lies at index ``size // 2``, one row and column behind the middle.
    """
    return row - size // 2, col - size // 2, size, size
