"""Prepared images on disk: pairs of degraded and clean images in .mat files, or a store of clean patches."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from mmhsi.datasets.hsi_dataset import HSIDataset
from mmhsi.datasets.io import CubeReadError
from mmhsi.datasets.io.images import read_images
from mmhsi.datasets.patch_store import INDEX, PatchStore
from mmhsi.registry import DATASETS


def natural_key(name: str) -> list:
    """Sort key by which numbers inside a name count as numbers: 'test_2' comes before 'test_10'."""
    return [(0, int(part), '') if part.isdigit() else (1, 0, part.lower()) for part in re.split(r'(\d+)', name) if part]


@DATASETS.register_module()
class PatchDataset(HSIDataset):
    """Images from files in the layouts of published datasets, or of a :class:`~mmhsi.datasets.patch_store.PatchStore`.

    A sample holds an array (h, w, C) float32 for each of ``keys``, 'name' (the file, with the number of the image if
    it holds several), 'scene_name' (the name as well), 'ori_shape' (h, w) of 'img' and 'sample_idx'. Without an
    'img' among the keys, and from a store, 'img' is a copy of 'gt' for the pipeline to degrade.

    Args:
        path (str | Path): Folder of files, which are sorted by the numbers in their names; one file; or a folder that
            ``write_patches`` wrote.
        keys (Mapping[str, str]): Names of the arrays in a file by the names in the sample: 'gt' is clean, 'img'
            degraded, 'enlarged' the bicubically enlarged one of super-resolution. Defaults to
            ``dict(gt='gt', img='input')``.
        layout (str): Axes of the arrays, 'CHW' or 'HWC', or 'NCHW' or 'NHWC' for files of several images, which are
            read once and kept in memory. Defaults to 'CHW'.
        suffix (str): Ending of the files of a folder. Defaults to '.mat'.
        num_bands (int, optional): Number of bands that every array must have.
        size (int | tuple[int, int], optional): Height and width that 'img' must have.
        scale (int): Ratio of the sides of 'gt' and 'enlarged' to those of 'img'. Defaults to 1.
        pipeline (Sequence[dict | Callable]): Transforms of a sample.
        metainfo (Mapping, optional): Meta information.
        **kwargs: See :class:`HSIDataset`.

    Raises:
        FileNotFoundError: If there is no such file or folder, or the folder holds no file.
        ValueError: If a file is damaged, or its arrays are not as expected; the message names the file.
    """

    def __init__(
        self,
        path: str | Path,
        keys: Mapping[str, str] | None = None,
        layout: str = 'CHW',
        suffix: str = '.mat',
        num_bands: int | None = None,
        size: int | tuple[int, int] | None = None,
        scale: int = 1,
        pipeline: Sequence[dict | Callable] = (),
        metainfo: Mapping | None = None,
        **kwargs,
    ):
        self.path = Path(path)
        self.keys = dict(keys or dict(gt='gt', img='input'))
        if not {'gt', 'img'} & set(self.keys):
            raise ValueError(f"keys must name the array 'gt' or 'img' or both, found {', '.join(self.keys)}")
        self.layout = layout
        self.suffix = suffix
        self.num_bands = num_bands
        self.size = None if size is None else tuple(np.broadcast_to(size, 2).tolist())
        self.scale = scale
        self._store, self._files = None, []
        self._kept: dict[int, dict[str, np.ndarray]] = {}
        if (self.path / INDEX).is_file():
            self._store = PatchStore(self.path)
        elif self.path.is_dir():
            self._files = sorted(
                (file for file in self.path.iterdir() if file.name.endswith(suffix)),
                key=lambda file: natural_key(file.name),
            )
        elif self.path.is_file():
            self._files = [self.path]
        if self._store is None and not self._files:
            found = 'the folder holds no such file' if self.path.is_dir() else 'no such file or folder'
            raise FileNotFoundError(
                f'{self.path}: {found}; expected files *{suffix} with the arrays '
                f'{", ".join(self.keys.values())}, or a store of patches'
            )
        super().__init__(pipeline, metainfo, **kwargs)

    def load_data_list(self) -> np.ndarray:
        """File and image number, shape (N, 2)."""
        if self._store is not None:
            return np.stack([np.zeros(len(self._store), np.int64), np.arange(len(self._store))], axis=1)
        counts = [1] * len(self._files)
        if self.layout.startswith('N'):
            for number, file in enumerate(self._files):
                self._kept[number] = read_images(file, self.keys, self.layout)
                counts[number] = len(next(iter(self._kept[number].values())))
        return np.array([(number, image) for number, count in enumerate(counts) for image in range(count)])

    def get_data_info(self, idx: int) -> dict:
        """The sample before the pipeline."""
        idx, (number, image) = self.item(idx)
        if self._store is not None:
            file, name = self._store.path, f'{self.path.name}_{image}'
            sample = {'gt': self._store.read(int(image))}
        else:
            file = self._files[number]
            several = self.layout.startswith('N')
            arrays = self._kept[int(number)] if several else read_images(file, self.keys, self.layout)
            name = f'{file.stem}_{image}' if several else file.stem
            sample = {key: np.array(array[image], np.float32, order='C') for key, array in arrays.items()}
        if 'img' not in sample:
            sample['img'] = sample['gt'].copy()
            self._check(file, sample, 1)
        else:
            self._check(file, sample, self.scale)
        return {**sample, 'name': name, 'scene_name': name, 'ori_shape': sample['img'].shape[:2], 'sample_idx': idx}

    def _check(self, file: Path, sample: dict[str, np.ndarray], scale: int) -> None:
        height, width, bands = sample['img'].shape
        if self.num_bands not in (None, bands):
            raise CubeReadError(
                f'{file}: {self.num_bands} bands are expected, but the images have {bands}; the layout is {self.layout}'
            )
        if self.size not in (None, (height, width)):
            raise CubeReadError(
                f'{file}: images of {self.size[0]} x {self.size[1]} pixels are expected, but this one '
                f'has {height} x {width}'
            )
        for key, array in sample.items():
            wanted = sample['img'].shape if key == 'img' else (scale * height, scale * width, bands)
            if array.shape != wanted:
                raise CubeReadError(
                    f'{file}: {key!r} has the shape {array.shape} (rows, columns, bands), expected '
                    f'{wanted} beside an image of {height} x {width} x {bands} at scale {scale}'
                )
            if not np.isfinite(array).all():
                raise CubeReadError(
                    f'{file}: {np.count_nonzero(~np.isfinite(array))} values of {key!r} are NaN or infinite'
                )
