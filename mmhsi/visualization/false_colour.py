"""False-colour pictures of a cube: three bands, stretched between percentiles."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from mmhsi.visualization.figure import image_figure

RGB_WAVELENGTHS = (650.0, 550.0, 450.0)
# Without wavelengths: red, green and blue of a sensor from 400 to 2500 nm, still well spread for one that ends near
# 1000
_RGB_FRACTIONS = (0.25, 0.12, 0.05)
_FEW_BANDS = 40  # as of cameras of visible light, from 400 to 700 nm
_VISIBLE_FRACTIONS = (0.83, 0.5, 0.17)
_TOLERANCE = 60.0
STRETCH_PERCENTILES = (2.0, 98.0)  # shown as 0 and 255


def select_rgb_bands(num_bands: int, wavelengths: Sequence[float] | np.ndarray | None = None) -> tuple[int, int, int]:
    """Choose the bands shown as red, green and blue.

    With wavelengths that cover 650, 550 and 450 nm (a band within 60 nm of each) the nearest bands are taken,
    otherwise fixed fractions of the band axis: those of visible light for up to 40 bands, else those of a sensor from
    400 to 2500 nm. A file without wavelengths can be given some: ``image=dict(path=..., wavelengths=(400, 700))``.

    Args:
        num_bands (int): Number of bands C, at least 1.
        wavelengths (Sequence[float], optional): (C,) centre wavelengths in nm. Defaults to None.

    Returns:
        tuple[int, int, int]: Zero-based bands for red, green and blue.

    Raises:
        ValueError: If there is no band, or the number of wavelengths differs from that of the bands.
    """
    if num_bands < 1:
        raise ValueError('a cube needs at least one band')
    if wavelengths is not None:
        wavelengths = np.asarray(wavelengths, np.float64)
        if wavelengths.shape != (num_bands,):
            raise ValueError(f'{num_bands} bands need as many wavelengths, found shape {wavelengths.shape}')
        distance = np.abs(wavelengths[None] - np.asarray(RGB_WAVELENGTHS)[:, None])
        if (np.nanmin(distance, axis=1, initial=np.inf) <= _TOLERANCE).all():
            return tuple(int(band) for band in np.nanargmin(distance, axis=1))
    if num_bands <= 3:
        return ((0, 0, 0), (1, 0, 0), (2, 1, 0))[num_bands - 1]
    fractions = _VISIBLE_FRACTIONS if num_bands <= _FEW_BANDS else _RGB_FRACTIONS
    red, green, blue = (int(round(fraction * (num_bands - 1))) for fraction in fractions)
    green = max(green, blue + 1)
    return max(red, green + 1), green, blue


def stretch(image: np.ndarray, valid: np.ndarray | None = None) -> np.ndarray:
    """Stretch each channel linearly between the 2nd and 98th percentile of its valid pixels.

    Args:
        image (np.ndarray): (H, W, 3) values.
        valid (np.ndarray, optional): (H, W) bool; False pixels do not count and become black. Pixels that are not
            finite never count. Defaults to None.

    Returns:
        np.ndarray: (H, W, 3) uint8. A constant channel is 0.
    """
    image = np.asarray(image, np.float64)
    usable = np.isfinite(image).all(axis=-1)
    if valid is not None:
        usable &= np.asarray(valid, bool)
    stretched = np.zeros(image.shape, np.uint8)
    if not usable.any():
        return stretched
    pixels = image[usable]
    low, high = np.percentile(pixels, STRETCH_PERCENTILES, axis=0)
    span = np.where(high > low, high - low, np.inf)
    stretched[usable] = np.rint(np.clip((pixels - low) / span, 0.0, 1.0) * 255.0).astype(np.uint8)
    return stretched


def false_colour(
    cube: np.ndarray,
    wavelengths: Sequence[float] | np.ndarray | None = None,
    valid: np.ndarray | None = None,
    bands: tuple[int, int, int] | None = None,
) -> np.ndarray:
    """Render a cube as an RGB picture.

    Args:
        cube (np.ndarray): (H, W, C) values.
        wavelengths (Sequence[float], optional): (C,) centre wavelengths in nm. Defaults to None.
        valid (np.ndarray, optional): (H, W) bool, False for masked pixels, which become black. Defaults to None.
        bands (tuple[int, int, int], optional): Bands for red, green and blue. Defaults to None:
            :func:`select_rgb_bands`.

    Returns:
        np.ndarray: (H, W, 3) uint8 RGB.
    """
    if bands is None:
        bands = select_rgb_bands(cube.shape[-1], wavelengths)
    return stretch(np.asarray(cube)[..., list(bands)], valid)


def false_colour_figure(
    image: np.ndarray,
    title: str = '',
    bands: tuple[int, int, int] | None = None,
    wavelengths: Sequence[float] | np.ndarray | None = None,
) -> Figure:
    """Frame a false-colour picture and name its bands.

    Args:
        image (np.ndarray): (H, W, 3) uint8 RGB.
        title (str): Bold first line. Defaults to ''.
        bands (tuple[int, int, int], optional): Zero-based bands of red, green and blue; displayed counting from 1.
            Defaults to None.
        wavelengths (Sequence[float], optional): (C,) wavelengths in nm, shown where given. Defaults to None.

    Returns:
        Figure: The figure.
    """
    parts = []
    for channel, band in zip('RGB', bands or (), strict=False):
        part = f'{channel}: band {band + 1}'
        parts.append(part if wavelengths is None else f'{part} ({wavelengths[band]:.0f} nm)')
    return image_figure(image, title, ', '.join(parts))
