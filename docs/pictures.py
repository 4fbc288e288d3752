"""Draw the pictures on the first page of the documentation: python docs/pictures.py [NAME ...]

``data`` holds the scenes: ``tools/dataset_converters/indian_pines.py`` writes the first, ``implant_targets.py`` (as in
``demo/anomaly_detection.py``) the one with anomalies, and ``oscd.py`` the two dates of Pisa.
"""

import argparse
import os
from pathlib import Path

import numpy as np
from PIL import Image

from mmhsi.classical import crd, fcls, isfa, low_rank, vca
from mmhsi.datasets.io import open_cube
from mmhsi.visualization.false_colour import false_colour
from mmhsi.visualization.heat_map import colour_scores
from mmhsi.visualization.unmixing import colour_values

DATA = Path(os.environ.get('MMHSI_DATA', 'data'))
HEIGHT, GAP, LARGEST = 260, 8, 150_000  # pixels, pixels, bytes


def read(path: str, key: str | None = None) -> np.ndarray:
    """A cube (H, W, C) float64."""
    with open_cube(DATA / path, key) as cube:
        return cube.read().astype(np.float64)


def components(cube: np.ndarray, number: int) -> np.ndarray:
    """The first principal components, whitened (H, W, number)."""
    pixels = cube.reshape(-1, cube.shape[-1])
    pixels = pixels - pixels.mean(axis=0)
    left, _, _ = np.linalg.svd(pixels, full_matrices=False)
    return left[:, :number].reshape(*cube.shape[:2], number) * np.sqrt(len(pixels))


def anomalies() -> list[np.ndarray]:
    """False colour, and the scores of the collaborative representation detector."""
    cube = read('indian_pines_implanted/scene.mat', 'data')
    scores = crd(components(cube, 20), inner=5, outer=11)
    return [false_colour(cube), colour_scores(scores, 'anomaly')]


def abundances() -> list[np.ndarray]:
    """Shares of two of six endmembers of Indian Pines, by vertex component analysis and least squares."""
    cube = read('indian_pines/Indian_pines_corrected.mat')
    pixels = cube.reshape(-1, cube.shape[-1])
    shares = fcls(pixels, vca(pixels, 6, seed=0)[0]).reshape(*cube.shape[:2], 6)
    largest = np.argsort(shares.mean(axis=(0, 1)))[::-1][:2]
    return [colour_values(shares[..., index], (0.0, 1.0)) for index in largest]


def denoised() -> list[np.ndarray]:
    """A noisy band of Indian Pines before and after a low-rank approximation."""
    cube = read('indian_pines/Indian_pines_corrected.mat')
    bands = [values[..., 0] for values in (cube, low_rank(cube))]
    low, high = np.percentile(bands[1], (1, 99))
    return [np.repeat(np.uint8(np.clip((band - low) / (high - low), 0, 1) * 255)[..., None], 3, 2) for band in bands]


def changes() -> list[np.ndarray]:
    """Pisa at the second date, and the intensity of change by iterative slow feature analysis."""
    first, second = (read(f'oscd/pisa/imgs_{date}_rect/ms_data.npy') for date in (1, 2))
    part = np.s_[150:550, 200:600]
    first, second = first[part], second[part]
    return [false_colour(second, bands=(3, 2, 1)), colour_scores(isfa(first, second), 'anomaly')]


def write(name: str, panels: list[np.ndarray]) -> Path:
    """Panels side by side as a PNG of at most ``LARGEST`` bytes."""
    strips = []
    for panel in panels:
        height, width = panel.shape[:2]
        image = Image.fromarray(np.ascontiguousarray(panel, np.uint8))
        size = round(width * HEIGHT / height), HEIGHT
        strips.append(np.asarray(image.resize(size, Image.NEAREST if height < HEIGHT else Image.LANCZOS)))
        strips.append(np.full((HEIGHT, GAP, 3), 255, np.uint8))
    path = Path(__file__).parent / 'images' / f'{name}.png'
    Image.fromarray(np.concatenate(strips[:-1], axis=1)).quantize(96).save(path, optimize=True)
    if path.stat().st_size > LARGEST:
        raise ValueError(f'{path}: {path.stat().st_size} bytes, expected at most {LARGEST}')
    return path


PICTURES = dict(anomalies=anomalies, abundances=abundances, denoised=denoised, changes=changes)


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('names', nargs='*', metavar='NAME', help=f'{", ".join(PICTURES)} (default: all)')
    args = parser.parse_args(argv)
    unknown = [name for name in args.names if name not in PICTURES]
    if unknown:
        parser.error(f'there is no picture {unknown[0]!r}, expected {", ".join(PICTURES)}')
    return args


def main(argv: list[str] | None = None) -> None:
    for name in parse_args(argv).names or PICTURES:
        print(write(name, PICTURES[name]()))


if __name__ == '__main__':
    main()
