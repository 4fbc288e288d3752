"""Datasets of hyperspectral scenes: readers, scenes, splits, transforms, and windows and tiles of a scene."""

from mmhsi.datasets.class_info import CLASS_INFO, IGNORE_INDEX, ClassInfo, get_class_info
from mmhsi.datasets.crop_dataset import CropDataset
from mmhsi.datasets.eight_poses import EightPoses
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
from mmhsi.datasets.neighbour_bags import NeighbourBagDataset
from mmhsi.datasets.patch_dataset import PatchDataset
from mmhsi.datasets.patch_store import PatchStore, write_patches
from mmhsi.datasets.pretrain_tiles import HSITileDataset, UnlabelledTileDataset
from mmhsi.datasets.scene_dataset import SceneDataset
from mmhsi.datasets.scenes.detection_scene import DetectionScene
from mmhsi.datasets.scenes.pair_scene import PairScene
from mmhsi.datasets.scenes.scene import Scene
from mmhsi.datasets.scenes.shared_scenes import get_scene, get_scenes
from mmhsi.datasets.scenes.unmixing_scene import UnmixingScene
from mmhsi.datasets.splits.areas import AreaSplit, BlockSplit, CentreSplit
from mmhsi.datasets.splits.fields import FieldSplit
from mmhsi.datasets.splits.per_class import LimitedSplit, NumberSplit, RatioSplit
from mmhsi.datasets.splits.pooled import SceneSplit
from mmhsi.datasets.splits.split import Split
from mmhsi.datasets.splits.stored import FileSplit, MapSplit
from mmhsi.datasets.tile_dataset import TileDataset
from mmhsi.datasets.transforms import *  # noqa: F403
from mmhsi.datasets.transforms import __all__ as _transforms
from mmhsi.datasets.whole_scene_dataset import WholeSceneDataset
from mmhsi.datasets.window_dataset import WindowDataset

__all__ = [
    'AreaSplit',
    'BlockSplit',
    'CLASS_INFO',
    'CentreSplit',
    'ClassInfo',
    'CropDataset',
    'CubeInfo',
    'CubeReadError',
    'CubeReader',
    'DetectionScene',
    'EightPoses',
    'FieldSplit',
    'FileSplit',
    'HSITileDataset',
    'IGNORE_INDEX',
    'LimitedSplit',
    'MapSplit',
    'NeighbourBagDataset',
    'NumberSplit',
    'PairScene',
    'PatchDataset',
    'PatchStore',
    'RatioSplit',
    'Scene',
    'SceneDataset',
    'SceneSplit',
    'SpectralLibrary',
    'Spectrum',
    'Split',
    'TileDataset',
    'UnlabelledTileDataset',
    'UnmixingScene',
    'WholeSceneDataset',
    'WindowDataset',
    'get_class_info',
    'get_scene',
    'get_scenes',
    'open_cube',
    'read_cube',
    'read_labels',
    'read_spectra',
    'resample_spectrum',
    'write_patches',
    'write_raster',
    *_transforms,
]
