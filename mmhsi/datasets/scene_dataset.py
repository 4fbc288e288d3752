"""What the datasets over one scene have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from mmhsi.datasets.hsi_dataset import HSIDataset
from mmhsi.datasets.scenes.base_scene import BaseScene
from mmhsi.datasets.scenes.shared_scenes import get_scene
from mmhsi.datasets.transforms.loading import LoadSceneWindow
from mmhsi.datasets.transforms.scene_crop import RandomSceneCrop
from mmhsi.registry import TRANSFORMS


def with_loading(pipeline: Sequence[dict | Callable], pad_mode: str) -> list[dict | Callable]:
    """A pipeline with ``LoadSceneWindow`` in front, or behind the choice of a crop, unless it has one already."""
    steps = [TRANSFORMS.build(step) if isinstance(step, Mapping) else step for step in pipeline]
    if not any(isinstance(step, LoadSceneWindow) for step in steps):
        place = 0
        while place < len(steps) and isinstance(steps[place], RandomSceneCrop):
            place += 1
        steps.insert(place, LoadSceneWindow(pad_mode))
    return steps


def scene_info(scene: BaseScene) -> dict:
    """What every sample tells about its scene."""
    return {'scene': scene, 'scene_name': scene.name, 'scene_shape': (scene.height, scene.width), **scene.sample_meta}


class SceneDataset(HSIDataset):
    """Base of the datasets whose samples are windows of one scene.

    A pipeline without ``LoadSceneWindow`` gets one in front.

    Args:
        scene (dict | BaseScene): The scene; equal configs share one, see
            :func:`mmhsi.datasets.scenes.shared_scenes.get_scene`.
        subset (str): 'train', 'val' or 'test'; 'labelled' for all labelled pixels; 'all' for all valid pixels.
        evaluate_on (str, optional): The subset whose pixels carry their label; elsewhere it is 255. Defaults to
            ``subset``, with ``subset='all'`` to 'test' if the scene has a split, else to 'labelled'.
        pad_mode (str): How a window is filled outside the scene: 'constant' (0), 'symmetric' or 'reflect'.
        pipeline (Sequence[dict | Callable]): Transforms of a sample.
        metainfo (Mapping, optional): Meta information beside 'classes' and 'palette' of the scene.
        **kwargs: See :class:`HSIDataset`. With ``lazy_init`` the scene is prepared when the first sample is needed.

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
        self.scene = get_scene(scene)
        self.subset = subset
        self.evaluate_on = evaluate_on
        info = {'classes': self.scene.classes, 'palette': self.scene.palette, **(metainfo or {})}
        super().__init__(with_loading(pipeline, pad_mode), info, **kwargs)

    @property
    def pad_mode(self) -> str:
        """How windows are filled outside the scene."""
        return next(step for step in self.pipeline.transforms if isinstance(step, LoadSceneWindow)).pad_mode

    def full_init(self) -> None:
        """Check the windows, prepare the scene and list the samples."""
        if not self._fully_initialized:
            self.check_window()
            self.scene.prepare()
            self._targets = self._target_map()
            super().full_init()

    def check_window(self) -> None:
        """Raise a ValueError if the windows do not suit the scene; to be written by the subclass."""
        raise NotImplementedError

    def _target_map(self) -> np.ndarray:
        """Labels of the pixels of ``evaluate_on``, 255 elsewhere; uint8 of shape (H, W)."""
        subset = self.evaluate_on or self.subset
        if subset == 'all':
            subset = 'labelled' if self.scene.split is None else 'test'
        return self.scene.subset_labels(subset)

    def subset_pixels(self) -> np.ndarray:
        """Sorted flat indices of the pixels of the subset, which must not be empty."""
        pixels = self.scene.subset(self.subset)
        if not len(pixels):
            raise ValueError(f'the subset {self.subset!r} of scene {self.scene.name!r} has no pixel')
        return pixels

    def sample_info(self, item: np.ndarray) -> dict:
        """The sample of a row of the data list, with its 'window'; to be written by the subclass."""
        raise NotImplementedError

    def get_data_info(self, idx: int) -> dict:
        """The sample before the pipeline: scene, window, labels and meta information."""
        idx, item = self.item(idx)
        return {**self.sample_info(item), 'sample_idx': idx, **scene_info(self.scene)}
