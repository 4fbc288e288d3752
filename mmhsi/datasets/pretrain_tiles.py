"""Unlabelled tiles for pre-training: from shards, from files with one tile each, or from scenes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from mmhsi.datasets.hsi_dataset import HSIDataset
from mmhsi.datasets.io import CubeReadError
from mmhsi.datasets.sample_seeds import seed_sample
from mmhsi.datasets.scenes.scene import Scene
from mmhsi.datasets.scenes.shared_scenes import get_scenes
from mmhsi.datasets.skipped import SkippedSamples
from mmhsi.datasets.tile_shards.index import INDEX, SHARDS
from mmhsi.datasets.tile_shards.stores import FileTileStore, ShardStore
from mmhsi.registry import DATASETS
from mmhsi.utils.tiling import TileGrid


class UnlabelledDataset(HSIDataset):
    """Base of the unlabelled datasets: seeds each sample and replaces unusable ones.

    The pipeline gets 'img' (h, w, C), which it must not change in place, 'bands' ((C,) int, their numbers in the
    source), 'source_bands', 'wavelengths' ((C,) nm, if known), 'origin' (dict of scene, row and col of the upper left
    pixel), 'img_shape', 'ori_shape' and 'sample_idx'.

    An unusable sample is replaced by a random one, with ``test_mode`` by the next one; at most ``max_refetch`` samples
    are tried.
    """

    def read_tile(self, item: int | np.ndarray) -> dict | None:
        """The sample of a row of the data list before the pipeline, None if it cannot be read; implemented by
        subclasses."""
        raise NotImplementedError

    def get_data_info(self, idx: int) -> dict | None:
        """The sample before the pipeline, None if it cannot be read."""
        idx, item = self.item(idx)
        sample = self.read_tile(item)
        if sample is not None:
            sample['sample_idx'] = idx
            sample['img_shape'] = sample['ori_shape'] = sample['img'].shape[:2]
        return sample

    def prepare_data(self, idx: int) -> dict | None:
        """The sample after the pipeline, None if it cannot be used."""
        sample = self.get_data_info(idx)
        if sample is None:
            return None
        sample = self.pipeline(sample)
        if sample is None:
            self.rejected(self.data_list[idx])
        elif isinstance(sample.get('img'), np.ndarray) and not sample['img'].flags.writeable:
            sample['img'] = np.array(sample['img'])  # no transform has made a copy of the memory map
        return sample

    def rejected(self, item: int | np.ndarray) -> None:
        """Called with the row of the data list of a sample that a transform rejected."""

    def __getitem__(self, idx: int) -> dict:
        """A sample, or another one if it cannot be used.

        Raises:
            ValueError: If no sample can be used.
        """
        self.full_init()
        seed_sample(idx)
        for _ in range(self.max_refetch + 1):
            sample = self.prepare_data(idx)
            if sample is not None:
                return sample
            idx = (idx + 1) % len(self) if self.test_mode else self._rand_another()
        raise ValueError(
            f'none of {self.max_refetch + 1} tiles could be used: they cannot be read, or the pipeline rejects them'
        )


@DATASETS.register_module()
class HSITileDataset(UnlabelledDataset):
    """Tiles from a folder written by ``tools/dataset_converters/hyperglobal.py``, or from published .mat files.

    A folder with an index of shards is memory-mapped: a tile is a view of its file, and only the parts used by the
    pipeline are loaded, e.g. the bands of ``RandomBandWindow``. In any other folder every file with the suffix
    ``suffix``, including subfolders, is one tile, and is read completely. Pixels without data are 0.

    A tile that cannot be read is logged with the name of its file, counted in :attr:`skipped`, and replaced by another
    one. Missing or truncated shards are found at the start.

    Args:
        data_root (str | Path): The folder.
        pipeline (Sequence[dict | Callable]): Transforms of a sample.
        ann_file (str): Text file with the scenes (of shards) or files to use, one per line, e.g. to leave some out for
            validation; a relative path starts from ``data_root``. Defaults to all.
        key (str | Sequence[str], optional): Name of the array in files that are not shards. Defaults to 'img'.
        layout (str): Its axes, 'chw' or 'hwc'. Defaults to 'chw'.
        suffix (str): Ending of these files. Defaults to '.mat'.
        tile_size (int, optional): Required side of tiles in such files; None accepts any. Defaults to 64.
        max_open (int): Largest number of shards that a process keeps open. Defaults to 64.
        max_corrupt (float): Fraction of unreadable tiles above which the dataset stops. Defaults to 0.1.
        **kwargs: See :class:`UnlabelledDataset`.

    Raises:
        FileNotFoundError: If the folder does not exist.
        ValueError: If the folder holds no tile, or more than ``max_corrupt`` of them cannot be read.
    """

    def __init__(
        self,
        data_root: str | Path,
        pipeline: Sequence[dict | Callable] = (),
        ann_file: str = '',
        key: str | Sequence[str] | None = 'img',
        layout: str = 'chw',
        suffix: str = '.mat',
        tile_size: int | None = 64,
        max_open: int = 64,
        max_corrupt: float = 0.1,
        **kwargs,
    ):
        root = Path(data_root)
        names = None
        if ann_file:
            with open(root / ann_file, encoding='utf-8') as stream:
                names = [line.strip() for line in stream if line.strip()]
        if (root / INDEX).is_file():
            self.store = ShardStore(root, names, max_open)
        elif (root / SHARDS).is_dir():
            raise FileNotFoundError(
                f'{root}: the shards have no index yet; run tools/dataset_converters/hyperglobal.py {root} --merge'
            )
        else:
            self.store = FileTileStore(root, names, key, layout, suffix, tile_size)
        self._skipped = SkippedSamples(len(self.store), max_corrupt, str(root))
        super().__init__(pipeline, **kwargs)

    @property
    def skipped(self) -> int:
        """Number of different tiles that could not be used so far, in all workers."""
        return self._skipped.count

    def load_data_list(self) -> np.ndarray:
        """Numbers of the tiles in complete shards."""
        usable = np.ones(len(self.store), dtype=bool)
        for indices, sentence in self.store.damaged():
            self._skipped.corrupt(indices, sentence)
            usable[indices] = False
        if not usable.any():
            raise ValueError(f'{self.store.root}: there is no tile')
        return np.flatnonzero(usable)

    def read_tile(self, item: int) -> dict | None:
        """A tile of the store, None if it is damaged."""
        if self._skipped.is_corrupt(item):
            return None
        try:
            return self.store.read(int(item))
        except CubeReadError as error:
            self._skipped.corrupt(int(item), str(error))
            return None

    def rejected(self, item: int) -> None:
        """Count a tile that a transform rejected."""
        self._skipped.rejected(int(item), self.store.name(int(item)))

    def georeference(self, idx: int) -> tuple[str | None, tuple[float, ...] | None]:
        """Coordinate reference system (WKT) and affine map (a, b, c, d, e, f) of a sample, None where unknown."""
        self.full_init()
        return self.store.georeference(int(self.data_list[idx]))


@DATASETS.register_module()
class UnlabelledTileDataset(UnlabelledDataset):
    """Tiles of scenes; their labels are ignored.

    Args:
        scene (dict | Scene | Sequence[dict | Scene]): One scene or several; 'img' holds its preprocessed values.
        tile_size (int): Side of a tile in pixels. Defaults to 64.
        overlap (int): Smallest overlap of neighbouring tiles in pixels. Defaults to 0.
        max_nodata (float): Tiles with a larger share of pixels without data are left out. Defaults to 0.05.
        pipeline (Sequence[dict | Callable]): Transforms of a sample.
        **kwargs: See :class:`UnlabelledDataset`.

    Raises:
        ValueError: If a scene is smaller than a tile, or no tile is left.
    """

    def __init__(
        self,
        scene: dict | Scene | Sequence[dict | Scene],
        tile_size: int = 64,
        overlap: int = 0,
        max_nodata: float = 0.05,
        pipeline: Sequence[dict | Callable] = (),
        **kwargs,
    ):
        listed = [scene] if isinstance(scene, (Mapping, Scene)) else scene
        self.scenes = [each for item in listed for each in (get_scenes(item) if isinstance(item, Mapping) else (item,))]
        self.tile_size = tile_size
        self.overlap = overlap
        self.max_nodata = max_nodata
        self.skipped = 0
        super().__init__(pipeline, **kwargs)

    def load_data_list(self) -> np.ndarray:
        """Scene, row and column of the tiles, shape (N, 3)."""
        size = self.tile_size
        tiles = []
        self.skipped = 0
        for number, scene in enumerate(self.scenes):
            if min(scene.height, scene.width) < size:
                raise ValueError(
                    f'scene {scene.name!r} of {scene.height} x {scene.width} pixels is smaller than a '
                    f'tile of {size} x {size}'
                )
            scene.prepare()
            for top, left in TileGrid(size, self.overlap).positions(scene.height, scene.width).tolist():
                if 1 - scene.valid[top : top + size, left : left + size].mean() <= self.max_nodata:
                    tiles.append((number, top, left))
                else:
                    self.skipped += 1
        if not tiles:
            raise ValueError(
                f'no tile is left: in all {self.skipped}, more than the share of {self.max_nodata:g} of the pixels '
                'holds no data'
            )
        return np.array(tiles, dtype=np.int32)

    def read_tile(self, item: np.ndarray) -> dict:
        """A tile of a scene."""
        number, row, col = (int(value) for value in item)
        scene = self.scenes[number]
        sample = {
            'img': scene.window(row, col, self.tile_size, self.tile_size),
            'bands': np.arange(scene.bands, dtype=np.int32),
            'source_bands': scene.bands,
            'origin': {'scene': scene.name, 'row': row, 'col': col},
        }
        if scene.wavelengths is not None:
            sample['wavelengths'] = scene.wavelengths
        return sample
