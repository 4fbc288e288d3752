"""Sensor products as downloaded, recognised by their content: a folder or a file, one module for each family.

A product is opened by :func:`open_product`; the products of a folder of scenes are listed by :func:`products_in`.
"""

from __future__ import annotations

import os

from mmhsi.datasets.io.errors import CubeReadError, explained
from mmhsi.datasets.io.hdf5 import open_hdf5
from mmhsi.datasets.io.products.ahsi import AHSIReader
from mmhsi.datasets.io.products.aviris import AVIRISReader
from mmhsi.datasets.io.products.aviris_netcdf import AVIRISNetCDFReader
from mmhsi.datasets.io.products.base import ProductReader
from mmhsi.datasets.io.products.cameras import CameraReader
from mmhsi.datasets.io.products.desis import DESISReader
from mmhsi.datasets.io.products.emit import EMITReader
from mmhsi.datasets.io.products.enmap import EnMAPReader
from mmhsi.datasets.io.products.hyperion import HyperionReader
from mmhsi.datasets.io.products.neon import NEONReader
from mmhsi.datasets.io.products.prisma import PRISMAReader
from mmhsi.datasets.io.products.sentinel2 import Sentinel2Reader
from mmhsi.datasets.io.products.tanager import TanagerReader
from mmhsi.datasets.io.variables import Key

PRODUCTS: tuple[type[ProductReader], ...] = (
    EnMAPReader,
    DESISReader,
    HyperionReader,
    Sentinel2Reader,
    AHSIReader,
    PRISMAReader,
    EMITReader,
    TanagerReader,
    NEONReader,
    AVIRISNetCDFReader,
    AVIRISReader,
    CameraReader,
)
"""The readers, in the order in which they are tried."""

_CAPTURE = 'capture'  # Specim's programs store the images in a subfolder
_DEEPEST, _MOST_FOLDERS = 4, 200  # levels and folders that are searched for a product


def _product_of(path: str) -> tuple[type[ProductReader], str] | None:
    for reader in PRODUCTS:
        entry = reader.entry(path)
        if entry is not None:
            return reader, entry
    return None


def products_in(folder: str | os.PathLike) -> tuple[dict[str, str], set[str]]:
    """The products in a folder, without its subfolders.

    Args:
        folder (str | os.PathLike): The folder.

    Returns:
        tuple[dict[str, str], set[str]]: Titles of the products by the path to open, and the names of all files in the
        folder that belong to a product, so that they are not treated as separate scenes.
    """
    folder = os.fspath(folder)
    names = sorted(name for name in os.listdir(folder) if os.path.isfile(os.path.join(folder, name)))
    owners = {name: found for name in names if (found := _product_of(os.path.join(folder, name)))}
    entries = {entry: reader for reader, entry in owners.values()}
    claimed = set(owners)
    for entry, reader in entries.items():
        claimed.update(name for name in names if reader.claims(entry, name))
    return {entry: reader.title(entry) for entry, reader in entries.items()}, claimed


def entries_below(folder: str | os.PathLike) -> list[str]:
    """The products that a folder is: those in it, or in its folder 'capture'."""
    below = os.path.join(folder, _CAPTURE)
    return list(products_in(folder)[0]) or (list(products_in(below)[0]) if os.path.isdir(below) else [])


def products_below(folder: str | os.PathLike) -> list[str]:
    """The products that a folder is, else those of the folders in it, as orders are unpacked: several levels deep."""
    folder = os.fspath(folder)
    found: list[str] = []
    for visited, (place, folders, _) in enumerate(os.walk(folder)):
        entries = entries_below(place)
        found += entries
        if entries or len(os.path.relpath(place, folder).split(os.sep)) >= _DEEPEST:
            folders[:] = []
        folders[:] = sorted(name for name in folders if not name.startswith('.'))
        if visited >= _MOST_FOLDERS:
            break
    return found


def product_around(path: str | os.PathLike) -> str | None:
    """The entry of the product whose folder a file lies in, although it does not hold the values; None for others."""
    path = os.path.abspath(path)
    folder, name = os.path.split(path)
    for entry in products_in(folder)[0]:
        reader = _product_of(entry)
        if reader is not None and reader[0].claims(entry, name):
            return entry
    for _ in range(_DEEPEST):
        folder = os.path.dirname(folder)
        if folder.upper().endswith('.SAFE'):
            return next(iter(products_in(folder)[0]), None)
    return None


def product_title(path: str | os.PathLike) -> str | None:
    """Name of the product that a file belongs to, from its folder or its files; None for other files."""
    found = _product_of(os.fspath(path)) if os.path.isfile(path) else None
    return None if found is None else found[0].title(found[1])


def _named_by(path: str, key: Key) -> bool:
    """Whether a key names an array of an HDF5 file, so that the array is meant and not the product."""
    keys = [key] if isinstance(key, str) else list(key or ())
    if not keys:
        return False
    try:
        with explained(path), open_hdf5(path) as file:
            return any(name in file for name in keys)
    except CubeReadError:
        return False


def open_product(path: str, key: Key = None) -> ProductReader | None:
    """Open a file or a folder as a sensor product.

    Args:
        path (str): A folder of a product, its entry, or the file with its values.
        key (str | Sequence[str], optional): A view of the product. An HDF5 file is not treated as a product if the key
            names one of its arrays.

    Returns:
        ProductReader | None: The reader; None for a file that does not belong to a product.

    Raises:
        CubeReadError: If a folder holds no product, or several.
    """
    if not os.path.isdir(path):
        found = _product_of(path)
        if found is None or found[0].one_file and _named_by(path, key):
            return None
    else:
        entries = products_below(path)
        if not entries:
            raise CubeReadError(f'{path}: this is a folder, but not of a known sensor product; expected a file')
        if len(entries) > 1:
            listed = ', '.join(map(os.path.basename, entries[:5]))
            raise CubeReadError(f'{path}: the folder holds {len(entries)} products, name one: {listed}')
        found = _product_of(entries[0])
        assert found is not None  # as it was listed
    return found[0](found[1], key)


__all__ = [
    'PRODUCTS',
    'ProductReader',
    'entries_below',
    'open_product',
    'product_around',
    'product_title',
    'products_below',
    'products_in',
]
