"""Base of the readers of sensor products: finding a product, its views, and small parsers."""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from rasterio.crs import CRS

from mmhsi.datasets.io.base import CubeReader
from mmhsi.datasets.io.errors import CubeReadError, explained
from mmhsi.datasets.io.variables import Key


class ProductReader(CubeReader):
    """Base of the readers of sensor products.

    A product consists of one or more files. One of them is its entry (the metadata file, or the file with the values),
    and a reader is created with its path. A key chooses one of the ``views``; any other key is ignored and named in the
    notes, since the key of a config names arrays of other files.

    Args:
        path (str): The entry.
        key (str | Sequence[str], optional): A view, or candidates. Defaults to the first of :attr:`views`.
        layout (str): Ignored: a product defines its axes.
        ndim (int): 3.
    """

    views: tuple[str, ...] = ()
    """The choices of a key; the first is the default."""
    one_file = False
    """Whether the values are arrays in the entry that a key can name."""

    def __init__(self, path: str, key: Key = None, layout: str = 'auto', ndim: int = 3) -> None:
        keys = [key] if isinstance(key, str) else list(key or ())
        known = [name for name in keys if name in self.views]
        self.view = known[0] if known else (*self.views, None)[0]
        self._notes = []
        if keys and not known:
            views = f'; it has the views {", ".join(map(repr, self.views))}' if self.views else ''
            self._notes.append(f'the key {keys[0]!r} has no meaning for this product{views}')
        with explained(path):  # invalid metadata can fail in many ways
            super().__init__(path, key, layout, ndim)

    @classmethod
    def entry(cls, path: str) -> str | None:
        """The entry of the product whose entry or image a file is; None if it does not belong to such a product."""
        raise NotImplementedError

    @classmethod
    def claims(cls, entry: str, name: str) -> bool:
        """Whether a file in the folder of the entry belongs to the product, judging by its name."""
        return name == os.path.basename(entry)

    @classmethod
    def title(cls, entry: str) -> str:
        """Name of the product. Defaults to that of the entry without suffix."""
        return os.path.splitext(os.path.basename(entry))[0]

    @property
    def folder(self) -> str:
        """Folder of the entry."""
        return os.path.dirname(self.path)

    def _note_absent(self, layer: str, consequence: str) -> None:
        """Say in the notes that a quality layer that such products have is not in the folder."""
        self._notes.append(f'{layer}, which such products have, is not there: {consequence}')

    def _fail(self, sentence: str) -> CubeReadError:
        return CubeReadError(f'{self.path}: {sentence}')


def starts_with(path: str, *beginnings: bytes, within: int = 2048) -> bool:
    """Whether one of the texts occurs near the beginning of a file; False if it cannot be read."""
    try:
        with open(path, 'rb') as stream:
            head = stream.read(within)
    except OSError:
        return False
    return any(text in head for text in beginnings)


def sibling(folder: str, name: str) -> str | None:
    """The file of a folder with a name in upper or lower case, given the name; None if there is none."""
    path = os.path.join(folder, name)
    if os.path.isfile(path):
        return path
    parent, wanted = os.path.split(path)
    others = sorted(os.listdir(parent or '.')) if os.path.isdir(parent or '.') else []
    found = [other for other in others if other.lower() == wanted.lower()]
    return os.path.join(parent, found[0]) if found else None


def read_xml(path: str) -> ElementTree.Element:
    """Root of an XML file, with tags stripped of namespaces.

    Raises:
        CubeReadError: If it is not XML.
    """
    with explained(path):
        root = ElementTree.parse(path).getroot()
    for element in root.iter():
        element.tag = str(element.tag).rpartition('}')[2]
    return root


def numbers(path: str, root: ElementTree.Element, tag: str, bands: int) -> np.ndarray:
    """One number for each band from a tag, float64 (bands,).

    Raises:
        CubeReadError: If the number of values is wrong, or one is not a number.
    """
    found = [(element.text or '').strip() for element in root.iter(tag)]
    try:
        values = np.array([float(text) for text in found])
    except ValueError:
        raise CubeReadError(f'{path}: <{tag}> is no number in every band') from None
    if len(values) != bands:
        raise CubeReadError(f'{path}: {len(values)} values of <{tag}>, expected one for each of the {bands} bands')
    return values


def first_text(root: ElementTree.Element, *tags: str) -> str | None:
    """Text of the first of the tags that exists and is not empty."""
    for tag in tags:
        text = root.findtext(f'.//{tag}')
        if text and text.strip():
            return text.strip()
    return None


def as_text(value: Any) -> str | None:
    """An attribute of an HDF5 file as text: bytes, text, or an array of one of them; None if there is none."""
    if value is None:
        return None
    value = np.asarray(value).ravel()
    if not value.size:
        return None
    return value[0].decode('utf-8', 'replace') if isinstance(value[0], bytes) else str(value[0])


def iso_time(text: str | None) -> str | None:
    """Convert a time as written in products (2020-05-24T10:37:04Z, 20200524T103704, 2020-05-24 10:37:04.5) to ISO
    8601."""
    match = re.search(r'(\d{4})-?(\d{2})-?(\d{2})(?:[T _]?(\d{2}):?(\d{2}):?(\d{2}(?:\.\d+)?))?', text or '')
    if not match:
        return None
    year, month, day, hour, minute, second = match.groups()
    try:
        datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0))
    except ValueError:
        return None
    return f'{year}-{month}-{day}' + (f'T{hour}:{minute}:{second}' if hour else '')


def wkt(reference: int | str) -> str:
    """A reference system given by its EPSG code or any text that GDAL knows, as WKT."""
    return (CRS.from_epsg(reference) if isinstance(reference, int) else CRS.from_user_input(reference)).to_wkt()


def affine(geotransform: Sequence[float]) -> tuple[float, ...]:
    """GDAL's order of a geotransform (x, width, rotation, y, rotation, -height) as ``CubeInfo.transform``."""
    x, a, b, y, d, e = (float(value) for value in geotransform)
    return a, b, x, d, e, y


def join_detectors(wavelengths: Iterable[np.ndarray]) -> list[np.ndarray]:
    """Choose the bands of each detector and their order so that the joined spectrum is ascending.

    Where detectors overlap, the bands of the earlier one are kept. Bands without a wavelength (0) were not acquired.

    Args:
        wavelengths (Iterable[np.ndarray]): Band centres of each detector, starting with the shortest wavelengths.

    Returns:
        list[np.ndarray]: Indices into the bands of each detector.
    """
    kept, last = [], 0.0
    for centres in wavelengths:
        order = np.argsort(centres, kind='stable')
        order = order[centres[order] > last]
        kept.append(order)
        last = max(last, float(centres[order].max(initial=0)))
    return kept
