"""Bicubic resizing like MATLAB's ``imresize``, with which super-resolution data are made."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array

if TYPE_CHECKING:
    import torch

_SUPPORT = 4.0  # width of the cubic kernel in pixels


def cubic_kernel(distance: np.ndarray) -> np.ndarray:
    r"""Keys' cubic convolution kernel with a = -0.5 (Keys, 1981, equation 15).

    .. math:: k(x) = 1.5|x|^3 - 2.5|x|^2 + 1 \;(|x| \le 1), \quad -0.5|x|^3 + 2.5|x|^2 - 4|x| + 2 \;(1 < |x| \le 2)

    Args:
        distance (np.ndarray): Distances x in pixels.

    Returns:
        np.ndarray: Values of the kernel, 0 beyond 2 pixels.
    """
    x = np.abs(distance)
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x <= 1, near, np.where(x <= 2, far, 0.0))


@lru_cache(maxsize=64)
def bicubic_weights(length: int, new_length: int, scale: float | None = None) -> np.ndarray:
    r"""Matrix that resizes one axis.

    The new pixel j (from 0) is at :math:`u = (j + 1/2) / s - 1/2` in the old axis. When shrinking, the kernel is
    widened to :math:`k(s\,x)`, which prevents aliasing. The weights of a new pixel are divided by their sum; the axis
    is continued beyond its ends by mirroring, the first and last pixel included.

    Args:
        length (int): Pixels of the axis.
        new_length (int): Pixels wanted.
        scale (float, optional): Factor s. Defaults to ``new_length / length``.

    Returns:
        np.ndarray: float64 weights of shape (new_length, length), not writeable; each row sums to one.
    """
    scale = new_length / length if scale is None else scale
    shrinking = min(scale, 1.0)
    width = _SUPPORT / shrinking
    centres = (np.arange(new_length) + 0.5) / scale - 0.5
    pixels = np.floor(centres - width / 2)[:, None].astype(np.int64) + np.arange(math.ceil(width) + 2)
    weights = cubic_kernel(shrinking * (centres[:, None] - pixels))
    weights /= weights.sum(axis=1, keepdims=True)
    mirrored = np.mod(pixels, 2 * length)
    mirrored = np.where(mirrored < length, mirrored, 2 * length - 1 - mirrored)
    matrix = np.zeros((new_length, length))
    np.add.at(matrix, (np.arange(new_length)[:, None], mirrored), weights)
    matrix.flags.writeable = False
    return matrix


@lru_cache(maxsize=8)
def _weights_on(
    length: int, new_length: int, scale: float | None, dtype: torch.dtype, device: torch.device
) -> torch.Tensor:
    """:func:`bicubic_weights` as a tensor, copied to the device once."""
    import torch

    with torch.inference_mode(False):  # a tensor made during a prediction must be usable in a training step
        return torch.tensor(bicubic_weights(length, new_length, scale), dtype=dtype, device=device)


def _resize_first_axis(array: np.ndarray, weights: np.ndarray) -> np.ndarray:
    # few weights of a row are not zero
    resized = csr_array(weights.astype(array.dtype)) @ array.reshape(array.shape[0], -1)
    return resized.reshape(-1, *array.shape[1:])


def imresize(
    image: np.ndarray | torch.Tensor, scale: float | None = None, size: tuple[int, int] | None = None
) -> np.ndarray | torch.Tensor:
    """Resize an image bicubically, like MATLAB's ``imresize`` of a float image; see :func:`bicubic_weights`.

    Plain bicubic interpolation of other libraries has another kernel (a = -0.75), or no widening when shrinking.

    Args:
        image (np.ndarray | torch.Tensor): Floating point image: a NumPy array (H, W) or (H, W, C), or a tensor
            (..., H, W).
        scale (float, optional): Factor of both sides, which are rounded up. Either this or ``size`` is needed.
        size (tuple[int, int], optional): New height and width.

    Returns:
        np.ndarray | torch.Tensor: Resized image of the same kind and dtype; differentiable in a tensor.

    Raises:
        ValueError: If both or none of ``scale`` and ``size`` are given, one is not positive, or the image does not hold
            floating point numbers.
    """
    if (scale is None) == (size is None):
        raise ValueError(f'imresize needs either a scale or a size, found scale {scale} and size {size}')
    is_array = isinstance(image, np.ndarray)
    floating = np.issubdtype(image.dtype, np.floating) if isinstance(image, np.ndarray) else image.is_floating_point()
    if not floating:
        raise ValueError(f'imresize takes floating point images, found {image.dtype}')
    sides = tuple(image.shape[:2] if is_array else image.shape[-2:])
    if scale is not None:
        if scale <= 0:
            raise ValueError(f'the scale must be positive, found {scale}')
        size = tuple(math.ceil(side * scale - 1e-6) for side in sides)  # rounding errors must not add a pixel
    assert size is not None  # without a scale
    if min(size) < 1:
        raise ValueError(f'the new size must be positive, found {tuple(size)}')
    axes = [(side, int(new), scale) for side, new in zip(sides, size, strict=True)]
    if isinstance(image, np.ndarray):
        rows, columns = (bicubic_weights(*axis) for axis in axes)
        resized = _resize_first_axis(image, rows).swapaxes(0, 1)
        return np.ascontiguousarray(_resize_first_axis(resized, columns).swapaxes(0, 1))
    import torch

    # half precision is too coarse even for plain enlargement
    dtype = torch.promote_types(image.dtype, torch.float32)
    with torch.autocast(image.device.type, enabled=False):
        rows, columns = (_weights_on(*axis, dtype, image.device) for axis in axes)
        return (rows @ image.to(dtype) @ columns.T).to(image.dtype)
