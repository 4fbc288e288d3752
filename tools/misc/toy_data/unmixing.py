"""Look-alikes of the scenes of unmixing: mixtures of few materials, with the abundances they are made of."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from .files import save_mat, stored
from .landscape import smooth_spectra

_NOISE = 0.004


def mixed_ground(rng: np.random.Generator, shape: tuple[int, int], materials: int) -> np.ndarray:
    """Abundances (P, H, W) with sum one: smooth patches of nearly one material each, mixed where they meet."""
    heights = gaussian_filter(rng.normal(size=(materials, *shape)), (0, 6, 6), mode='nearest')
    heights *= 6 / heights.std()
    shares = np.exp(heights - heights.max(axis=0))
    return shares / shares.sum(axis=0)


def mixtures(rng: np.random.Generator, abundances: np.ndarray, spectra: np.ndarray) -> np.ndarray:
    """Image (H, W, C) of abundances (P, H, W) of spectra (P, C), with noise."""
    cube = np.moveaxis(abundances, 0, -1) @ spectra
    return np.clip(cube + rng.normal(0, _NOISE, cube.shape), 0, 1)


def by_columns(maps: np.ndarray) -> np.ndarray:
    """Maps (P, H, W) as MATLAB lists them, (P, N), pixels column by column."""
    return maps.transpose(0, 2, 1).reshape(len(maps), -1)


def _cells(*names: str) -> np.ndarray:
    return np.array([[name] for name in names], dtype=object)


def _coarse(values: np.ndarray) -> np.ndarray:
    return np.round(values * 128) / 128  # packs well


def write_urban(folder: Path, rng: np.random.Generator) -> None:
    """One file of the official code: bands first, pixels row by row."""
    shape, spectra = (74, 68), smooth_spectra(rng, 4, 162)
    abundances = mixed_ground(rng, shape, 4)
    cube = stored(mixtures(rng, abundances, spectra), 'float64')
    save_mat(
        folder / 'Urban_188_em4_init.mat',
        img_3d=np.moveaxis(cube, -1, 0),
        endmember=spectra.T,
        abundance=_coarse(abundances).reshape(4, -1),
        init_em=np.clip(spectra.T + rng.normal(0, 0.01, (162, 4)), 0, 1),
    )


def write_samson(folder: Path, rng: np.random.Generator) -> None:
    """A list of pixels column by column, maps as an image, spectra as rows."""
    spectra = smooth_spectra(rng, 3, 156)
    abundances = mixed_ground(rng, (95, 95), 3)
    cube = stored(mixtures(rng, abundances, spectra), 'float64')
    save_mat(
        folder / 'Samson.mat',
        Y=by_columns(np.moveaxis(cube, -1, 0)),
        GT=spectra / spectra.max(axis=1, keepdims=True),
        S_GT=_coarse(np.moveaxis(abundances, 0, -1)),
        lines=np.uint8([[95]]),
        cols=np.uint8([[95]]),
    )


def write_jasper_ridge(folder: Path, rng: np.random.Generator) -> None:
    """Image and reference in a file each; all pixels in lists column by column."""
    spectra = smooth_spectra(rng, 4, 198)
    abundances = mixed_ground(rng, (100, 100), 4)
    cube = stored(mixtures(rng, abundances, spectra), 'uint16')
    save_mat(
        folder / 'jasperRidge2_R198.mat',
        Y=by_columns(np.moveaxis(cube, -1, 0)),
        nRow=np.uint8([[100]]),
        nCol=np.uint8([[100]]),
        nBand=np.uint8([[198]]),
    )
    save_mat(
        folder / 'end4.mat',
        A=by_columns(_coarse(abundances)),
        M=spectra.T,
        nEnd=np.uint8([[4]]),
        cood=_cells('1-tree', '2-water', '3-dirt', '4-road'),
    )


def write_muufl(folder: Path, rng: np.random.Generator) -> None:
    """One file, all as images."""
    spectra = smooth_spectra(rng, 5, 64)
    abundances = mixed_ground(rng, (46, 38), 5)
    cube = stored(mixtures(rng, abundances, spectra), 'float64')
    save_mat(
        folder / 'muffle_dataset_130_90.mat',
        Y=cube,
        label=_coarse(np.moveaxis(abundances, 0, -1)),
        M=spectra.T,
        M1=np.clip(spectra.T + rng.normal(0, 0.01, (64, 5)), 0, 1),
    )


def write_urban_crop(folder: Path, rng: np.random.Generator) -> None:
    """A window of a scene, with the reference of the whole scene."""
    spectra = smooth_spectra(rng, 4, 162)
    abundances = _coarse(mixed_ground(rng, (307, 307), 4))
    window = abundances[:, 223:257, 149:227]
    save_mat(folder / 'subimage_Urban_R162.mat', im=stored(mixtures(rng, window, spectra), 'float64'))
    save_mat(
        folder / '_EndUrban_R162.mat',
        A=by_columns(abundances),
        M=spectra.T,
        nRow=np.uint16([[307]]),
        nCol=np.uint16([[307]]),
        nEnd=np.uint8([[4]]),
        cood=_cells('1-Asphalt Road', '2-Grass', '3-Tree', '4-Roof'),
    )


UNMIXING: dict[str, Callable[[Path, np.random.Generator], None]] = {
    'urban': write_urban,
    'samson': write_samson,
    'jasper_ridge': write_jasper_ridge,
    'muufl': write_muufl,
    'urban_crop': write_urban_crop,
}
