"""Datasets of hyperspectral scenes: readers, scenes, splits, transforms, and the windows and tiles cut from a scene."""

from mmhsi.datasets.class_info import CLASS_INFO, IGNORE_INDEX, ClassInfo, get_class_info
from mmhsi.datasets.detection_scene import DetectionScene
from mmhsi.datasets.io import (
    CubeInfo,
    CubeReader,
    CubeReadError,
    SpectralLibrary,
    Spectrum,
    open_cube,
    read_cube,
    read_labels,
    read_spectra,
    resample_spectrum,
    write_raster,
)
from mmhsi.datasets.pair_scene import PairScene
from mmhsi.datasets.pretrain_tiles import HSITileDataset, UnlabelledTileDataset
from mmhsi.datasets.scene_dataset import SceneDataset
from mmhsi.datasets.scenes import Scene
from mmhsi.datasets.shared_scenes import get_scene
from mmhsi.datasets.splits import BlockSplit, FileSplit, MapSplit, NumberSplit, RatioSplit, Split
from mmhsi.datasets.tile_dataset import TileDataset
from mmhsi.datasets.transforms import *  # noqa: F403
from mmhsi.datasets.transforms import __all__ as _transforms
from mmhsi.datasets.whole_scene_dataset import WholeSceneDataset
from mmhsi.datasets.window_dataset import WindowDataset

__all__ = [
    'BlockSplit', 'CLASS_INFO', 'ClassInfo', 'CubeInfo', 'CubeReadError', 'CubeReader', 'DetectionScene', 'FileSplit',
    'HSITileDataset', 'IGNORE_INDEX', 'MapSplit', 'NumberSplit', 'PairScene', 'RatioSplit', 'Scene', 'SceneDataset',
    'SpectralLibrary', 'Spectrum', 'Split', 'TileDataset', 'UnlabelledTileDataset', 'WholeSceneDataset',
    'WindowDataset', 'get_class_info', 'get_scene', 'open_cube', 'read_cube', 'read_labels', 'read_spectra',
    'resample_spectrum', 'write_raster', *_transforms
]
