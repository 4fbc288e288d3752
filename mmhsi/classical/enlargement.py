"""Enlarging images band by band with interpolation: the baselines of super-resolution."""

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image
from scipy.ndimage import zoom

from mmhsi.utils.imresize import imresize


def enlarge_bicubic(image: np.ndarray, scale: int) -> np.ndarray:
    """Cubic convolution as in MATLAB, see :func:`mmhsi.utils.imresize.imresize`."""
    return imresize(image, scale)


def enlarge_lanczos(image: np.ndarray, scale: int) -> np.ndarray:
    """Lanczos kernel of three lobes, by Pillow in single precision; at the border it is truncated and renormalised."""
    size = scale * image.shape[1], scale * image.shape[0]
    bands = [
        Image.fromarray(np.ascontiguousarray(band, np.float32)).resize(size, Image.Resampling.LANCZOS)
        for band in np.moveaxis(image, -1, 0)
    ]
    return np.stack([np.asarray(band) for band in bands], axis=-1).astype(image.dtype)


def enlarge_spline(image: np.ndarray, scale: int) -> np.ndarray:
    """Cubic spline through the pixel centres, by SciPy; the image is mirrored at its pixel borders."""
    # band by band: otherwise SciPy would fit splines across the bands too, inexactly if there are few
    bands = [zoom(band, scale, order=3, mode='grid-mirror', grid_mode=True) for band in np.moveaxis(image, -1, 0)]
    return np.stack(bands, axis=-1)


def enlarge_nearest(image: np.ndarray, scale: int) -> np.ndarray:
    """Repeat each pixel as a square."""
    return image.repeat(scale, axis=0).repeat(scale, axis=1)


def fit_enlargement(
    pairs: Sequence[tuple[np.ndarray, np.ndarray]], scale: int, reach: int = 3, ridge: float = 1e-4
) -> np.ndarray:
    """Kernels that enlarge images best in the mean square, one for each place within a pixel, the same for all bands.

    Linear regression of each large pixel on the small ones around it, as the linear step of RAISR (Romano, Isidoro,
    Milanfar, IEEE Trans. Comput. Imaging 3(1), 2017) without its classes of patches. It learns the blur of the
    reduction.

    Args:
        pairs (Sequence[tuple[np.ndarray, np.ndarray]]): Small images (h, w, C) and large ones (s h, s w, C).
        scale (int): s.
        reach (int): Pixels on each side of the middle one. Defaults to 3.
        ridge (float): Ridge of the regression, in shares of the mean square of the patches. Defaults to 1e-4.

    Returns:
        np.ndarray: (s, s, 2 reach + 1, 2 reach + 1), each with sum 1.
    """
    side = 2 * reach + 1
    gram, right = np.zeros((side**2, side**2)), np.zeros((side**2, scale**2))
    for small, large in pairs:
        for band in range(small.shape[-1]):
            patches = _patches(small[..., band].astype(np.float64), reach)
            centre = patches.mean(axis=1, keepdims=True)
            phases = large[..., band].reshape(small.shape[0], scale, small.shape[1], scale).transpose(0, 2, 1, 3)
            gram += (patches - centre).T @ (patches - centre)
            right += (patches - centre).T @ (phases.reshape(len(patches), -1) - centre)
    gram += ridge * np.trace(gram) / side**2 * np.eye(side**2)
    kernels = np.linalg.solve(gram, right).T
    kernels += (1 - kernels.sum(axis=1, keepdims=True)) / side**2  # the mean of a patch stays
    return kernels.reshape(scale, scale, side, side)


def enlarge_by_kernels(image: np.ndarray, scale: int, kernels: np.ndarray) -> np.ndarray:
    """Enlarge (h, w, C) by the kernels of :func:`fit_enlargement`; the image is mirrored at its border."""
    height, width, bands = image.shape
    reach = kernels.shape[-1] // 2
    flat = np.reshape(kernels, (scale**2, -1)).T
    result = np.empty((height * scale, width * scale, bands), image.dtype)
    for band in range(bands):
        phases = (_patches(image[..., band].astype(np.float64), reach) @ flat).reshape(height, width, scale, scale)
        result[..., band] = phases.transpose(0, 2, 1, 3).reshape(height * scale, width * scale)
    return result


def _patches(image: np.ndarray, reach: int) -> np.ndarray:
    side = 2 * reach + 1
    padded = np.pad(image, reach, mode='symmetric')
    return np.lib.stride_tricks.sliding_window_view(padded, (side, side)).reshape(image.size, side**2)


ENLARGEMENTS: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    'bicubic': enlarge_bicubic,
    'lanczos': enlarge_lanczos,
    'spline': enlarge_spline,
    'nearest': enlarge_nearest,
}
"""f(image (H, W, C) of a float type, scale) → (sH, sW, C) of the same type, by name."""
