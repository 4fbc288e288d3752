"""Enlarging images by interpolation, each band alone: the baselines of super-resolution."""

from collections.abc import Callable

import numpy as np
from PIL import Image
from scipy.ndimage import zoom

from mmhsi.utils.imresize import imresize


def enlarge_bicubic(image: np.ndarray, scale: int) -> np.ndarray:
    """Cubic convolution as in MATLAB, see :func:`mmhsi.utils.imresize.imresize`."""
    return imresize(image, scale)


def enlarge_lanczos(image: np.ndarray, scale: int) -> np.ndarray:
    """Lanczos kernel of three lobes, by Pillow in single precision; at the border it is cut and renormalised."""
    size = scale * image.shape[1], scale * image.shape[0]
    bands = [
        Image.fromarray(np.ascontiguousarray(band, np.float32)).resize(size, Image.Resampling.LANCZOS)
        for band in np.moveaxis(image, -1, 0)
    ]
    return np.stack([np.asarray(band) for band in bands], axis=-1).astype(image.dtype)


def enlarge_spline(image: np.ndarray, scale: int) -> np.ndarray:
    """Cubic spline through the centres of the pixels, by SciPy; the image is mirrored at the border of its pixels."""
    # band by band: as a whole, SciPy would fit splines over the bands too, inexactly where there are few
    bands = [zoom(band, scale, order=3, mode='grid-mirror', grid_mode=True) for band in np.moveaxis(image, -1, 0)]
    return np.stack(bands, axis=-1)


def enlarge_nearest(image: np.ndarray, scale: int) -> np.ndarray:
    """Each pixel as a square."""
    return image.repeat(scale, axis=0).repeat(scale, axis=1)


ENLARGEMENTS: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    'bicubic': enlarge_bicubic,
    'lanczos': enlarge_lanczos,
    'spline': enlarge_spline,
    'nearest': enlarge_nearest,
}
"""f(image (H, W, C) of a float type, scale) → (sH, sW, C) of the same type, by name."""
