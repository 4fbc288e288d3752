"""Crops of scenes as clean images for denoising and super-resolution, which the pipeline degrades."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from itertools import product

import numpy as np
from mmengine.logging import print_log
from scipy.ndimage import zoom

from mmhsi.datasets.hsi_dataset import HSIDataset
from mmhsi.datasets.scenes.base_scene import BaseScene
from mmhsi.datasets.scenes.scene import Scene
from mmhsi.datasets.scenes.shared_scenes import get_scenes
from mmhsi.datasets.splits.areas import Area, Areas, check_areas
from mmhsi.registry import DATASETS
from mmhsi.utils.tiling import TileGrid

_SPLINE_REACH = 12  # pixels; more distant ones have less than 1e-6 influence on a cubic spline


@DATASETS.register_module()
class CropDataset(HSIDataset):
    """Square crops on a grid in rectangular areas of a scene or of several, or the whole areas.

    A sample holds 'gt' (h, w, C) float32, the preprocessed values; 'img', a copy of it for the pipeline to degrade;
    'name', which is unique; 'scene_name', 'top' and 'left' (its upper left pixel in the scene), 'area', the rectangle
    (top, left, height, width) it lies in, 'scale', 'ori_shape' (h, w) and 'sample_idx'.

    To fit the preprocessing of the scene to the training areas only, give the scene the split
    ``dict(type='AreaSplit', train=areas, ...)`` and ``fit_on='train'``.

    In training, crops with pixels without data (NaN, nodata) are left out, logged and counted in :attr:`skipped`; with
    ``test_mode`` they are an error.

    Args:
        scene (dict | Scene): The scene or scenes; equal configs share them, see
            :func:`mmhsi.datasets.scenes.shared_scenes.get_scenes`.
        areas (Sequence[Area] | Mapping[str, Sequence[Area]], optional): Rectangles (top, left, height, width) in
            pixels, the same in each scene, or by the name of the scene; a scene that is not named gives no crop.
            Defaults to the whole scenes.
        crop_size (int, optional): Side of a crop in pixels. By default every whole area is one sample.
        stride (int | Sequence[int], optional): Step of the crops in pixels of the scaled copy, one number for all
            scales or one for each. Defaults to ``crop_size``.
        scales (Sequence[float]): Crops are also cut from copies of each area scaled by these factors, resampled with
            cubic splines (``scipy.ndimage.zoom``, bands untouched); 1 is the area itself. Defaults to (1,). Copies
            are kept in memory.
        clean (bool): Whether the scene is clean. False is for a scene that is itself noisy: its samples have no 'gt'.
            Defaults to True.
        pipeline (Sequence[dict | Callable]): Transforms of a sample.
        metainfo (Mapping, optional): Meta information.
        **kwargs: See :class:`HSIDataset`.

    Attributes:
        scenes (tuple[BaseScene, ...]): The scenes.
        scene (BaseScene): The first of them.
        areas (list[Area]): The rectangles of all scenes.
        owners (list[int]): Number of the scene of each.

    Raises:
        ValueError: If an area does not lie inside its scene or is that of an unknown one, a copy is smaller than a
            crop, no crop is left, or a test area holds pixels without data.
    """

    def __init__(
        self,
        scene: dict | Scene,
        areas: Areas | None = None,
        crop_size: int | None = None,
        stride: int | Sequence[int] | None = None,
        scales: Sequence[float] = (1.0,),
        clean: bool = True,
        pipeline: Sequence[dict | Callable] = (),
        metainfo: Mapping | None = None,
        **kwargs,
    ):
        self.scenes = get_scenes(scene)
        self.scene = self.scenes[0]
        self.owners, self.areas = self._areas_of_each(areas)
        self.crop_size = crop_size
        self.scales = tuple(float(scale) for scale in scales)
        if not self.areas or not self.scales or min(self.scales) <= 0:
            raise ValueError(f'crops need areas and positive scales, not {areas!r} and {scales!r}')
        strides = (stride,) * len(self.scales) if stride is None or np.ndim(stride) == 0 else tuple(stride)
        if len(strides) != len(self.scales):
            raise ValueError(
                f'{len(self.scales)} scales and {len(strides)} strides are given, expected one stride or '
                'one for each scale'
            )
        self.strides = tuple(crop_size if step is None else step for step in strides)
        self.clean = clean
        self.skipped = 0
        super().__init__(pipeline, metainfo, **kwargs)

    def _areas_of_each(self, areas: Areas | None) -> tuple[list[int], list[Area]]:
        names = [scene.name for scene in self.scenes]
        unknown = [name for name in areas if name not in names] if isinstance(areas, Mapping) else []
        if unknown:
            raise ValueError(f'areas are given for the scene {unknown[0]!r}; the scenes are {", ".join(names)}')
        owners, found = [], []
        for number, scene in enumerate(self.scenes):
            whole = [(0, 0, scene.height, scene.width)]
            own = whole if areas is None else areas.get(scene.name, ()) if isinstance(areas, Mapping) else areas
            checked = check_areas(own, scene.height, scene.width, f'scene {scene.name!r}')
            owners += [number] * len(checked)
            found += checked
        return owners, found

    def _scene_of(self, area: int) -> BaseScene:
        return self.scenes[self.owners[area]]

    def full_init(self) -> None:
        """Prepare the scenes, create the scaled copies and list the crops."""
        if not self._fully_initialized:
            for scene in self.scenes:
                scene.prepare()
            self._copies = {
                (number, index): zoom(self._scene_of(index).window(*area), (scale, scale, 1), order=3)
                for (number, scale), (index, area) in product(enumerate(self.scales), enumerate(self.areas))
                if scale != 1
            }
            super().full_init()

    def load_data_list(self) -> np.ndarray:
        """Scale, area, row, column, height and width of the crops in their copy of the area, shape (N, 6)."""
        crops, usable = [], []
        for (number, scale), (index, area) in product(enumerate(self.scales), enumerate(self.areas)):
            scene = self._scene_of(index)
            height, width = area[2:] if scale == 1 else self._copies[number, index].shape[:2]
            if self.crop_size is None:
                found = np.array([(0, 0, height, width)])
            else:
                try:
                    grid = TileGrid.sliding(self.crop_size, self.strides[number], layout='inside')
                    corners = grid.positions(height, width)
                except ValueError as error:
                    raise ValueError(f'scene {scene.name!r}, area {area} at scale {scale:g}: {error}') from None
                found = np.insert(corners, 2, [[self.crop_size]] * 2, axis=1)
            usable.append(_usable(scene, area, (height, width), found, scale))
            crops.append(np.insert(found, 0, [[number], [index]], axis=1))
        crops, usable = np.concatenate(crops), np.concatenate(usable)
        crops_of_scene = np.bincount(np.array(self.owners)[crops[:, 1]], minlength=len(self.scenes))
        self._alone = crops_of_scene == 1  # the name of the scene is enough
        self.skipped = len(crops) - np.count_nonzero(usable)
        if self.skipped:
            self._report(crops[~usable])
        return crops[usable].astype(np.int32)

    def _report(self, skipped: np.ndarray) -> None:
        for number, scene in enumerate(self.scenes):
            own = [self.areas[index] for index in skipped[:, 1] if self.owners[index] == number]
            if not own:
                continue
            where = f'{scene.info.path}: {len(own)} crops hold pixels without data (NaN or nodata)'
            if self.test_mode:
                raise ValueError(
                    f'{where}, the first lies in the area {own[0]}; a test needs areas without missing data'
                )
            print_log(f'{where} and are left out', 'current', logging.WARNING)

    def __len__(self) -> int:
        """Number of crops.

        Raises:
            ValueError: If none is left.
        """
        length = super().__len__()
        if not length:
            more = f' and {len(self.scenes) - 1} more' if len(self.scenes) > 1 else ''
            raise ValueError(
                f'scene {self.scene.name!r}{more}: no crop is left, all {self.skipped} hold pixels without data'
            )
        return length

    def get_data_info(self, idx: int) -> dict:
        """The sample before the pipeline."""
        idx, item = self.item(idx)
        number, index, row, col, height, width = (int(value) for value in item)
        area, scale, scene = self.areas[index], self.scales[number], self._scene_of(index)
        if scale == 1:
            crop = scene.window(area[0] + row, area[1] + col, height, width)
        else:
            crop = self._copies[number, index][row : row + height, col : col + width].copy()
        top, left = area[0] + int(row / scale), area[1] + int(col / scale)
        sample = {'gt': crop, 'img': crop.copy()} if self.clean else {'img': crop}
        name = scene.name
        if not self._alone[self.owners[index]]:
            name = f'{name}_{top}_{left}' if scale == 1 else f'{name}_{top}_{left}_x{scale:g}'
        return {
            **sample,
            'name': name,
            'scene_name': scene.name,
            'top': top,
            'left': left,
            'area': area,
            'scale': scale,
            'ori_shape': (height, width),
            'sample_idx': idx,
        }


def _usable(scene: BaseScene, area: Area, size: tuple[int, int], crops: np.ndarray, scale: float) -> np.ndarray:
    """Which crops of a copy with ``size`` pixels come only from valid pixels, bool (N,)."""
    top, left, rows, cols = area
    valid = scene.valid[top : top + rows, left : left + cols]
    if valid.all():
        return np.ones(len(crops), dtype=bool)
    reach = 0 if scale == 1 else _SPLINE_REACH
    # zoom aligns the outermost pixels of both grids
    steps = [(old - 1) / max(new - 1, 1) for old, new in zip((rows, cols), size, strict=True)]
    usable = []
    for row, col, height, width in crops.tolist():
        parts = tuple(
            slice(max(int(start * step) - reach, 0), int(np.ceil((start + length - 1) * step)) + reach + 1)
            for start, length, step in ((row, height, steps[0]), (col, width, steps[1]))
        )
        usable.append(valid[parts].all())
    return np.array(usable)
