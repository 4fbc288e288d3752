"""Base of the datasets of one scene."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from mmengine.logging import print_log

from mmhsi.datasets.hsi_dataset import HSIDataset
from mmhsi.datasets.scenes.base_scene import BaseScene
from mmhsi.datasets.scenes.shared_scenes import get_scenes
from mmhsi.datasets.transforms.loading import LoadSceneWindow
from mmhsi.datasets.transforms.scene_crop import RandomSceneCrop
from mmhsi.registry import TRANSFORMS


def with_loading(pipeline: Sequence[dict | Callable], pad_mode: str) -> list[dict | Callable]:
    """A pipeline with ``LoadSceneWindow`` at its beginning, or after the choice of a crop, unless it already has
    one."""
    steps = [TRANSFORMS.build(step) if isinstance(step, Mapping) else step for step in pipeline]
    if not any(isinstance(step, LoadSceneWindow) for step in steps):
        place = 0
        while place < len(steps) and isinstance(steps[place], RandomSceneCrop):
            place += 1
        steps.insert(place, LoadSceneWindow(pad_mode))
    return steps


def scene_info(scene: BaseScene) -> dict:
    """Information on the scene in every sample."""
    return {'scene': scene, 'scene_name': scene.name, 'scene_shape': (scene.height, scene.width), **scene.sample_meta}


class SceneDataset(HSIDataset):
    """Base of the datasets whose samples are windows of one scene, or of several that are one set of data.

    ``LoadSceneWindow`` is prepended to a pipeline without it. The scenes are numbered through: the flat index of a
    pixel and the row of a tile go on from one scene to the next.

    Args:
        scene (dict | BaseScene): The scene or scenes; equal configs share them, see
            :func:`mmhsi.datasets.scenes.shared_scenes.get_scenes`.
        subset (str): 'train', 'val' or 'test'; 'labelled' for all labelled pixels; 'all' for all valid pixels.
        evaluate_on (str, optional): The subset whose pixels keep their label; it is 255 elsewhere. Defaults to
            ``subset``, with ``subset='all'`` to 'test' if the scene has a split, else to 'labelled'.
        pad_mode (str): Padding of windows outside the scene: 'constant' (0), 'symmetric' or 'reflect'.
        pipeline (Sequence[dict | Callable]): Transforms of a sample.
        metainfo (Mapping, optional): Meta information in addition to 'classes' and 'palette' of the scene.
        **kwargs: See :class:`HSIDataset`. With ``lazy_init`` the scene is prepared when the first sample is needed.

    Attributes:
        scenes (tuple[BaseScene, ...]): The scenes.
        scene (BaseScene): The first of them.

    Raises:
        ValueError: If the subset has no pixel.
    """

    def __init__(
        self,
        scene: dict | BaseScene,
        subset: str = 'train',
        evaluate_on: str | None = None,
        pad_mode: str = 'constant',
        pipeline: Sequence[dict | Callable] = (),
        metainfo: Mapping | None = None,
        **kwargs,
    ):
        self.scenes = get_scenes(scene)
        self.scene = self.scenes[0]
        self.subset = subset
        self.evaluate_on = evaluate_on
        info = {'classes': self.scene.classes, 'palette': self.scene.palette, **(metainfo or {})}
        super().__init__(with_loading(pipeline, pad_mode), info, **kwargs)

    @property
    def pad_mode(self) -> str:
        """Padding mode of windows outside the scene."""
        return next(step for step in self.pipeline.transforms if isinstance(step, LoadSceneWindow)).pad_mode

    def full_init(self) -> None:
        """Check the windows, prepare the scenes and list the samples."""
        if not self._fully_initialized:
            for scene in self.scenes:
                self.check_window(scene)
            for scene in self.scenes:
                scene.prepare()
            self._targets = [self._target_map(scene) for scene in self.scenes]
            sizes = [scene.height * scene.width for scene in self.scenes]
            self._first_pixels = np.cumsum([0, *sizes[:-1]])
            self._first_rows = np.cumsum([0, *(scene.height for scene in self.scenes[:-1])])
            super().full_init()
            self._advise()

    def _advise(self) -> None:
        """Log what would make the windows of scenes that are not in memory faster to read."""
        views = [view for scene in self.scenes if not scene.cached for view in scene.dates]
        for view in views:
            advice = view.advise(*self.get_data_info(0)['window'][2:])
            if advice is not None:
                print_log(advice, 'current', logging.WARNING)

    def check_window(self, scene: BaseScene) -> None:
        """Raise a ValueError if the windows do not suit a scene; to be written by the subclass."""
        raise NotImplementedError

    def scene_samples(self, scene: BaseScene) -> np.ndarray:
        """The rows of the data list of one scene, as if it were the only one; to be written by the subclass."""
        raise NotImplementedError

    def sample_info(self, scene: BaseScene, targets: np.ndarray, item: np.ndarray) -> dict:
        """The sample of a row of :meth:`scene_samples`, with its 'window'; implemented by subclasses.

        Args:
            scene (BaseScene): The scene.
            targets (np.ndarray): Labels (H, W) of its evaluated pixels, 255 elsewhere.
            item (np.ndarray): The row.
        """
        raise NotImplementedError

    def _target_map(self, scene: BaseScene) -> np.ndarray:
        """Labels of the pixels of ``evaluate_on``, 255 elsewhere; uint8 of shape (H, W)."""
        subset = self.evaluate_on or self.subset
        if subset == 'all':
            subset = 'labelled' if scene.split is None else 'test'
        return scene.subset_labels(subset)

    def load_data_list(self) -> np.ndarray:
        """The samples of all scenes, numbered through; there must be one."""
        parts = [self.scene_samples(scene) for scene in self.scenes]
        if not sum(map(len, parts)):
            names = ', '.join(repr(scene.name) for scene in self.scenes[:5])
            raise ValueError(f'the subset {self.subset!r} of scene {names} has no pixel')
        numbered = [
            part + (first if part.ndim == 1 else np.array([row, *[0] * (part.shape[1] - 1)]))
            for part, first, row in zip(parts, self._first_pixels, self._first_rows, strict=True)
        ]
        return np.concatenate(numbered)

    def place(self, item: np.ndarray) -> tuple[int, np.ndarray]:
        """Number of the scene of a row of the data list, and the row as if this scene were the only one."""
        firsts = self._first_pixels if item.ndim == 0 else self._first_rows
        leading = item if item.ndim == 0 else item[0]
        number = int(np.searchsorted(firsts, leading, side='right')) - 1
        own = np.array(item)
        own[() if item.ndim == 0 else 0] -= firsts[number]
        return number, own

    def get_data_info(self, idx: int) -> dict:
        """The sample before the pipeline: scene, window, labels and meta information."""
        idx, item = self.item(idx)
        number, own = self.place(item)
        scene = self.scenes[number]
        return {**self.sample_info(scene, self._targets[number], own), 'sample_idx': idx, **scene_info(scene)}
