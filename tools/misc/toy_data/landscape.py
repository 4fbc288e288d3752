"""Synthetic ground: materials with smooth spectra, in fields, with small objects and changes."""

import numpy as np
from scipy.ndimage import gaussian_filter, gaussian_filter1d

_FAMILIES = 4  # of materials that resemble each other, as crops do


def smooth_curves(rng: np.random.Generator, count: int, bands: int) -> np.ndarray:
    """Curves (count, bands) from 0 to 1 that rise and fall a few times over the bands."""
    curves = gaussian_filter1d(rng.normal(size=(count, bands)), max(bands / 16, 1), axis=1, mode='nearest')
    curves -= curves.min(axis=1, keepdims=True)
    return curves / curves.max(axis=1, keepdims=True)


def smooth_spectra(rng: np.random.Generator, count: int, bands: int) -> np.ndarray:
    """Reflectance spectra (count, bands), smooth over the bands, 0.05 to 0.7; each fourth one is of the same family."""
    members = np.arange(count) % _FAMILIES
    shapes = 0.85 * smooth_curves(rng, _FAMILIES, bands)[members] + 0.15 * smooth_curves(rng, count, bands)
    low, height = rng.uniform(0.05, 0.15, _FAMILIES), rng.uniform(0.3, 0.5, _FAMILIES)
    return low[members, None] + height[members, None] * shapes


def field_grid(shape: tuple[int, int], side: int) -> np.ndarray:
    """Number of the square field that a pixel lies in, (H, W), -1 for the strips where no whole field fits."""
    rows, cols = (np.arange(length) // side for length in shape)
    high, wide = (length // side for length in shape)
    inside = (rows < high)[:, None] & (cols < wide)
    return np.where(inside, rows[:, None] * wide + cols, -1)


def sow(rng: np.random.Generator, grid: np.ndarray, counts: dict[int, int], rest: int) -> np.ndarray:
    """Assign values to whole fields at random.

    Args:
        rng (np.random.Generator): Source of the draw.
        grid (np.ndarray): Field of each pixel as :func:`field_grid` gives it, (H, W).
        counts (dict[int, int]): Number of fields of each value.
        rest (int): Value of all other fields and of the strips.

    Returns:
        np.ndarray: int64 (H, W).

    Raises:
        ValueError: If there are fewer fields than requested.
    """
    fields, wanted = int(grid.max()) + 1, sum(counts.values())
    if wanted > fields:
        raise ValueError(f'{wanted} fields are asked for, but the scene has {fields}')
    values = np.full(fields + 1, rest, dtype=np.int64)  # the last one is for the strips, -1
    values[rng.permutation(fields)[:wanted]] = np.repeat(list(counts), list(counts.values()))
    return values[grid]


def scatter_objects(rng: np.random.Generator, shape: tuple[int, int], pixels: int, size: int = 5) -> np.ndarray:
    """Mask (H, W) bool with exactly ``pixels`` set, in round objects of up to ``size`` pixels that do not touch."""
    reach = int(np.ceil(np.sqrt(size / np.pi))) + 1
    offsets = np.mgrid[-reach : reach + 1, -reach : reach + 1].reshape(2, -1).T
    offsets = offsets[np.argsort((offsets**2).sum(1), kind='stable')]
    cell = 2 * reach + 2
    wide = shape[1] // cell
    objects = -(-pixels // size)
    if objects > shape[0] // cell * wide:
        raise ValueError(f'{objects} objects of {size} pixels do not fit into {shape[0]} x {shape[1]} pixels')
    mask = np.zeros(shape, dtype=bool)
    for number, place in enumerate(rng.permutation(shape[0] // cell * wide)[:objects]):
        centre = np.array(divmod(int(place), wide)) * cell + reach + rng.integers(0, 2, 2)
        rows, cols = (centre + offsets[: min(size, pixels - number * size)]).T
        mask[rows, cols] = True
    return mask


def reflectance(rng: np.random.Generator, ground: np.ndarray, spectra: np.ndarray, noise: float = 0.004) -> np.ndarray:
    """Image of a ground: neighbouring materials mix, their state and the light vary, and each value is noisy.

    Args:
        rng (np.random.Generator): Source of variation, light and noise.
        ground (np.ndarray): Material of each pixel, (H, W).
        spectra (np.ndarray): Reflectance of each material, (M, C).
        noise (float): Standard deviation of the noise. Defaults to 0.004.

    Returns:
        np.ndarray: float64 (H, W, C), 0 to 1.
    """
    shares = gaussian_filter(np.eye(len(spectra))[ground], (0.5, 0.5, 0), mode='nearest')
    states = gaussian_filter(rng.normal(size=(*ground.shape, 3)), (1.5, 1.5, 0))
    states *= 0.03 / states.std()
    light = gaussian_filter(rng.normal(size=ground.shape), min(ground.shape) / 6)
    light = 1 + 0.1 * light / np.abs(light).max()
    cube = (shares @ spectra + states @ (2 * smooth_curves(rng, 3, spectra.shape[1]) - 1)) * light[..., None]
    return np.clip(cube + rng.normal(0, noise, cube.shape), 0, 1)


def coarse_scores(rng: np.random.Generator, mask: np.ndarray) -> np.ndarray:
    """Possible output of a coarse detector: the truth, blurred and noisy; float64 (H, W), 0 to 1."""
    blurred = gaussian_filter(mask.astype(np.float64), 0.6)
    scores = blurred / blurred.max() + np.abs(rng.normal(0, 0.2, mask.shape))
    return (scores - scores.min()) / np.ptp(scores)
