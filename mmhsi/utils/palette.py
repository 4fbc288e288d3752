"""Distinct colours for any number of classes."""

from functools import lru_cache

import numpy as np


def default_palette(num_classes: int) -> np.ndarray:
    """Choose colours that are far apart for the eye, for any number of classes.

    Each colour is the one of an RGB grid that is farthest in CIELAB from black and all earlier ones, so a shorter
    palette is the beginning of a longer one. Very dark, very light and greyish colours are left out.

    Args:
        num_classes (int): Number of classes K, at least 0.

    Returns:
        np.ndarray: (K, 3) uint8 RGB, all different.
    """
    return np.array(_ranked_colours()[:num_classes], np.uint8).reshape(num_classes, 3)


@lru_cache(maxsize=1)
def _ranked_colours() -> list[tuple[int, int, int]]:
    from skimage.color import rgb2lab  # slow to import, and most scenes have their own palette

    steps = np.linspace(0, 255, 18).round()
    grid = np.stack(np.meshgrid(steps, steps, steps, indexing='ij'), axis=-1).reshape(-1, 3)
    lab = rgb2lab(grid / 255.0)
    chroma = np.hypot(lab[:, 1], lab[:, 2])
    usable = (lab[:, 0] > 30) & (lab[:, 0] < 93) & (chroma > 30)
    grid, lab = grid[usable], lab[usable]
    # hue separates classes in a map better than lightness does
    lab = lab * [0.7, 1.0, 1.0]
    distance = np.linalg.norm(lab, axis=1)
    ranked: list[tuple[int, int, int]] = []
    for _ in range(256):
        chosen = int(distance.argmax()) if ranked else int(np.linalg.norm(lab - [35, -30, -45], axis=1).argmin())
        red, green, blue = grid[chosen].tolist()
        ranked.append((red, green, blue))
        distance = np.minimum(distance, np.linalg.norm(lab - lab[chosen], axis=1))
    return ranked
