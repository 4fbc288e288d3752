"""Products stored as rasters: one file, a pair of detectors, or a file for each band."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mmhsi.datasets.io.base import CubeInfo, CubeReader, Window
from mmhsi.datasets.io.formats import choose_reader
from mmhsi.datasets.io.products.base import ProductReader


@dataclass(frozen=True)
class Layer:
    """One band of a product.

    Args:
        path (str): The file.
        band (int): Its band there, from 0.
        factor (int): Pixels of the product per pixel of the file along an axis. Defaults to 1.
    """

    path: str
    band: int
    factor: int = 1


@dataclass(frozen=True)
class Quality:
    """A quality layer: pixels with one of the codes are invalid."""

    layer: Layer
    codes: tuple[int, ...]
    meaning: str


class RasterProduct(ProductReader):
    """Reads the bands of :attr:`layers` by window. A band on a coarser grid is repeated, not interpolated."""

    layers: tuple[Layer, ...] = ()
    quality: tuple[Quality, ...] = ()

    def __init__(self, *args, **kwargs) -> None:
        self._files: dict[str, CubeReader] = {}
        super().__init__(*args, **kwargs)

    def _file(self, path: str) -> CubeReader:
        if path not in self._files:
            kind, opened = choose_reader(path)
            self._files[path] = kind(opened)
        return self._files[path]

    def _stack(self, layers: Sequence[Layer], quality: Sequence[Quality] = (), **facts) -> CubeInfo:
        """The description of a stack of bands on one grid, from its files and further facts."""
        self.layers, self.quality = tuple(layers), tuple(quality)
        finest = min(self.layers, key=lambda layer: layer.factor)
        main = self._file(finest.path).info
        for layer in (*self.layers, *(item.layer for item in self.quality)):
            info = self._file(layer.path).info
            size = info.height * layer.factor, info.width * layer.factor
            if size != (main.height, main.width) or layer.band >= info.bands:
                raise self._fail(
                    f'{layer.path} has {info.height} x {info.width} pixels and {info.bands} bands, '
                    f'which does not fit the {main.height} x {main.width} pixels of {main.path}'
                )
        types = {self._file(layer.path).info.dtype for layer in self.layers}
        files = dict.fromkeys(
            (self.path, *(layer.path for layer in self.layers), *(item.layer.path for item in self.quality))
        )
        companions = tuple(path for path in files if path != main.path)
        mask = 'quality layers without ' + ', '.join(item.meaning for item in self.quality) if self.quality else None
        facts = dict(dict(nodata=main.nodata, mask=mask, notes=tuple(self._notes), companions=companions), **facts)
        return replace(
            main, format=self.format, bands=len(self.layers), dtype=np.result_type(*types), key=self.view, **facts
        )

    @property
    def blocks(self) -> tuple[int, int, int] | None:
        """Those of the file of the first band."""
        return self._file(self.layers[0].path).blocks

    def _read(self, window: Window, bands: Sequence[int] | None) -> np.ndarray:
        layers = self.layers if bands is None else [self.layers[band] for band in bands]
        block = np.empty((*window[2:], len(layers)), self.info.dtype)
        groups = defaultdict(list)
        for position, layer in enumerate(layers):
            groups[layer.path, layer.factor].append(position)
        for (path, factor), positions in groups.items():
            block[..., positions] = self._part(path, factor, window, [layers[position].band for position in positions])
        return block

    def _part(self, path: str, factor: int, window: Window, bands: list[int]) -> np.ndarray:
        if factor == 1:
            return self._file(path).read(window, bands)
        starts = top, left = window[0] // factor, window[1] // factor
        ends = [-(-(start + length) // factor) for start, length in zip(window[:2], window[2:], strict=True)]
        coarse = self._file(path).read((top, left, ends[0] - top, ends[1] - left), bands)
        rows, columns = (
            np.arange(start, start + length) // factor - first
            for start, length, first in zip(window[:2], window[2:], starts, strict=True)
        )
        return coarse[rows][:, columns]

    def _read_mask(self, window: Window) -> np.ndarray:
        valid = np.ones(window[2:], dtype=bool)
        for item in self.quality:
            codes = self._part(item.layer.path, item.layer.factor, window, [item.layer.band])[..., 0]
            valid &= ~np.isin(codes, item.codes)
        return valid

    def close(self) -> None:
        """Close the files."""
        super().close()
        for reader in self._files.values():
            reader.close()
