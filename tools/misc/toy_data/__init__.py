"""Look-alikes of the public datasets: small made-up scenes in files, keys, types and label codes of the originals."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from mmhsi.utils.progress import progress_bar

from .change import CHANGE
from .classification import CLASSIFICATION
from .denoising import DENOISING
from .detection import DETECTION
from .files import claim_folder
from .oscd import write_oscd
from .products import PRODUCTS, write_product
from .super_resolution import SUPER_RESOLUTION
from .unmixing import UNMIXING

DATASETS: dict[str, Callable[[Path, np.random.Generator], None]] = {
    **CLASSIFICATION,
    **DETECTION,
    **CHANGE,
    **DENOISING,
    **SUPER_RESOLUTION,
    **UNMIXING,
    'oscd': write_oscd,
}
"""Writer of each dataset, by the name of its folder in the data root."""


def make(root: str | Path, names: Sequence[str] | None = None, seed: int = 0) -> list[Path]:
    """Write look-alikes, each into a folder of its name.

    Args:
        root (str | Path): Root of the datasets, for MMHSI_DATA.
        names (Sequence[str], optional): Keys of :data:`DATASETS`. By default all.
        seed (int): Seed. A dataset depends only on it and on its name, not on the other datasets.

    Returns:
        list[Path]: The folders.

    Raises:
        FileExistsError: If a folder holds files that are not of a look-alike.
        ValueError: If a name is unknown.
    """
    names = list(DATASETS) if names is None else names
    unknown = [name for name in names if name not in DATASETS]
    if unknown:
        raise ValueError(f'no look-alike of {unknown[0]!r} can be made; known are {", ".join(DATASETS)}')
    folders = [Path(root) / name for name in names]
    for name, folder in progress_bar(list(zip(names, folders, strict=True)), 'writing', 'datasets', after=2.0):
        claim_folder(folder, name)
        DATASETS[name](folder, np.random.default_rng([seed, *name.encode()]))
    return folders


def make_products(root: str | Path, names: Sequence[str] | None = None, seed: int = 0) -> list[Path]:
    """Write look-alikes of sensor products into ``products/<name>`` below a root.

    Args:
        root (str | Path): Root of the datasets.
        names (Sequence[str], optional): Names of :data:`PRODUCTS`. By default all.
        seed (int): Seed of the scenes.

    Returns:
        list[Path]: The folders or files that a user would open.

    Raises:
        FileExistsError: If a folder holds files that are not of a look-alike.
        ValueError: If a name is unknown.
    """
    paths = []
    for name in progress_bar(list(names or PRODUCTS), 'writing', 'products', after=2.0):
        folder = Path(root) / 'products' / name
        claim_folder(folder, name)
        paths.append(write_product(name, folder, seed))
    return paths


__all__ = ['DATASETS', 'PRODUCTS', 'make', 'make_products', 'write_product']
