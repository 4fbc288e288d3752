"""A hyperspectral pair with known changes, made of one real scene: Indian Pines, and a second date of it."""

from pathlib import Path

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter, gaussian_filter1d, label
from tensorly.datasets import load_indian_pines

_SMALLEST_FIELD = 30  # pixels


def second_date(
    cube: np.ndarray, classes: np.ndarray, share: float = 0.35, snr: float = 30.0, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Make a second date of a scene: different crops on some fields, different light, independent noise.

    - Fields are the connected regions of a class. Whole fields, drawn at random until they hold the share of the
      labelled pixels, change: they are covered with a piece of a field of another class, mirrored where it is too
      small, so that neighbouring pixels stay neighbours and the texture is a real one.
    - Light: a factor that varies smoothly over the scene (0.8 to 1.1), a gain that varies smoothly over the bands (0.85
      to 1.15), and an offset that falls from 5 % of the mean radiance to 0 over the bands, as path radiance does.
    - Noise: Gaussian, in each band the mean over the signal-to-noise ratio.

    Args:
        cube (np.ndarray): First date, (H, W, C), positive.
        classes (np.ndarray): Ground truth, (H, W), 0 unlabelled.
        share (float): Share of the labelled pixels that change. Defaults to 0.35.
        snr (float): Ratio of the mean of a band to the standard deviation of its noise. Defaults to 30.
        seed (int): Seed of all random choices. Defaults to 0.

    Returns:
        tuple[np.ndarray, np.ndarray]: Second date, float32 (H, W, C), and bool (H, W), True where it has changed.
    """
    rng = np.random.default_rng(seed)
    height, width, bands = cube.shape
    fields, crops = _fields(classes)
    second, changed = cube.astype(np.float64), np.zeros(classes.shape, bool)
    for field in rng.permutation(list(crops)):
        if changed.sum() >= share * np.count_nonzero(classes):
            break
        donor = rng.choice([other for other in crops if crops[other] != crops[field]])
        place = fields == field
        second[place] = cube[_cover(place, fields == donor)]
        changed |= place

    light = _between(gaussian_filter(rng.normal(size=(height, width)), height / 8), 0.8, 1.1)
    gain = _between(gaussian_filter1d(rng.normal(size=bands), bands / 10), 0.85, 1.15)
    mean = cube.mean(axis=(0, 1))
    offset = 0.05 * mean.mean() * np.linspace(1, 0, bands)
    second = second * light[..., None] * gain + offset + rng.normal(size=cube.shape) * mean / snr
    return second.astype(np.float32), changed


def write_pair(folder: Path, seed: int = 0) -> None:
    """Write 'first.npy', 'second.npy' and 'labels.npy' (1 changed, 2 unchanged; every pixel) into a folder."""
    scene = load_indian_pines()
    cube, classes = np.asarray(scene.tensor, np.float32), np.asarray(scene.ticks[0])
    second, changed = second_date(cube, classes, seed=seed)
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in (('first', cube), ('second', second), ('labels', np.where(changed, 1, 2))):
        np.save(folder / f'{name}.npy', array)


def _fields(classes: np.ndarray) -> tuple[np.ndarray, dict[int, int]]:
    """Number of the field of each pixel, 0 for none, and the class of each field that is large enough."""
    fields, crops = np.zeros(classes.shape, np.int64), {}
    for crop in np.unique(classes[classes > 0]):
        regions, count = label(classes == crop)
        for region in range(1, count + 1):
            place = regions == region
            if np.count_nonzero(place) >= _SMALLEST_FIELD:
                crops[len(crops) + 1] = int(crop)
                fields[place] = len(crops)
    return fields, crops


def _cover(place: np.ndarray, donor: np.ndarray) -> tuple[np.ndarray, ...]:
    """Pixels of the donor field that cover the pixels of a place: its bounding box laid out in mirrored copies."""
    corners = [np.argwhere(mask).min(axis=0) for mask in (place, donor)]
    sizes = np.argwhere(donor).max(axis=0) - corners[1] + 1
    offsets = (np.argwhere(place) - corners[0]) % (2 * sizes)
    rows, cols = (np.where(offsets < sizes, offsets, 2 * sizes - 1 - offsets) + corners[1]).T
    # where the box misses the field, its nearest pixel is used
    nearest = distance_transform_edt(~donor, return_distances=False, return_indices=True)
    return tuple(axis[rows, cols] for axis in nearest)


def _between(values: np.ndarray, low: float, high: float) -> np.ndarray:
    return low + (high - low) * (values - values.min()) / np.ptp(values)
