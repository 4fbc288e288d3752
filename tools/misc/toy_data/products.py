"""Look-alikes of sensor products: the files, names and metadata of each family around a small made-up scene."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from .landscape import field_grid, reflectance, smooth_spectra
from .product_arrays import write_aviris3, write_aviris5, write_emit, write_neon, write_prisma, write_tanager
from .product_envi import write_aviris_classic, write_aviris_ng, write_headwall, write_hyspex, write_specim
from .product_images import write_ahsi, write_desis, write_enmap, write_hyperion, write_sentinel2

SHAPE = 24, 18
"""Rows and columns of a look-alike."""


def scene(rng: np.random.Generator, wavelengths: np.ndarray, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """Reflectance (H, W, C) of fields of six materials at these wavelengths in nm, 0.02 to 0.9."""
    ground = field_grid(shape, 6) % 6
    grid = np.linspace(350, 2550, 221)
    spectra = np.stack([np.interp(wavelengths, grid, curve) for curve in smooth_spectra(rng, 6, len(grid))])
    return np.clip(reflectance(rng, np.maximum(ground, 0), spectra), 0.02, 0.9)


PRODUCTS: dict[str, Callable] = {
    'enmap_l1c': lambda folder, rng: write_enmap(folder, scene, rng, 'L1C'),
    'enmap_l2a': lambda folder, rng: write_enmap(folder, scene, rng, 'L2A'),
    'desis_l2a': lambda folder, rng: write_desis(folder, scene, rng),
    'hyperion_l1t': lambda folder, rng: write_hyperion(folder, scene, rng),
    'ahsi_gf5': lambda folder, rng: write_ahsi(folder, scene, rng, 'GF5B'),
    'ahsi_zy1': lambda folder, rng: write_ahsi(folder, scene, rng, 'ZY1E'),
    'aviris_classic': lambda folder, rng: write_aviris_classic(folder, scene, rng),
    'aviris_ng': lambda folder, rng: write_aviris_ng(folder, scene, rng),
    'aviris_3': lambda folder, rng: write_aviris3(folder, scene, rng),
    'aviris_5': lambda folder, rng: write_aviris5(folder, scene, rng),
    'prisma_l1': lambda folder, rng: write_prisma(folder, scene, rng, 'L1'),
    'prisma_l2d': lambda folder, rng: write_prisma(folder, scene, rng, 'L2D'),
    'emit_l2a': lambda folder, rng: write_emit(folder, scene, rng),
    'neon': lambda folder, rng: write_neon(folder, scene, rng),
    'tanager_basic': lambda folder, rng: write_tanager(folder, scene, rng, ortho=False),
    'tanager_ortho': lambda folder, rng: write_tanager(folder, scene, rng, ortho=True),
    'sentinel2_l1c': lambda folder, rng: write_sentinel2(folder, scene, rng, 'L1C'),
    'sentinel2_l2a': lambda folder, rng: write_sentinel2(folder, scene, rng, 'L2A'),
    'specim': lambda folder, rng: write_specim(folder, scene, rng),
    'hyspex': lambda folder, rng: write_hyspex(folder, scene, rng),
    'headwall': lambda folder, rng: write_headwall(folder, scene, rng),
}
"""Writer of each product into a folder, which returns the path that a user would open."""


def write_product(name: str, folder: str | Path, seed: int = 0) -> Path:
    """Write the look-alike of a product.

    Args:
        name (str): Name in :data:`PRODUCTS`.
        folder (str | Path): Folder to write to, which is created.
        seed (int): Seed of the scene. Defaults to 0.

    Returns:
        Path: The folder or file that a user would open.

    Raises:
        ValueError: If the name is unknown.
    """
    if name not in PRODUCTS:
        raise ValueError(f'no look-alike of {name!r} can be made; known are {", ".join(PRODUCTS)}')
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return PRODUCTS[name](folder, np.random.default_rng([seed, *name.encode()]))
