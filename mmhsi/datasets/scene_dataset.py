"""What the datasets over one scene have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from mmengine.dataset import BaseDataset

from mmhsi.datasets.class_info import IGNORE_INDEX
from mmhsi.datasets.scenes import Scene, get_scene
from mmhsi.datasets.transforms.loading import LoadSceneWindow
from mmhsi.registry import TRANSFORMS


class SceneDataset(BaseDataset):
    """Base of the datasets whose samples are windows of one scene.

    The list of samples is one integer array, so that a dataset of a whole scene is small and is shared by forked
    workers. A pipeline that does not begin with ``LoadSceneWindow`` gets one in front.

    Args:
        scene (dict | Scene): The scene; equal configs share one, see :func:`mmhsi.datasets.scenes.get_scene`.
        subset (str): 'train', 'val' or 'test'; 'labelled' for all labelled pixels; 'all' for all valid pixels.
        evaluate_on (str, optional): The subset whose pixels carry their label; elsewhere it is 255. Defaults to
            ``subset``, with ``subset='all'`` to 'test' if the scene has a split, else to 'labelled'.
        pad_mode (str): How a window is filled outside the scene: 'constant' (0), 'symmetric' or 'reflect'.
        pipeline (Sequence[dict | Callable]): Transforms of a sample.
        metainfo (Mapping, optional): Meta information beside 'classes' and 'palette' of the scene.
        indices (int | Sequence[int], optional): Use only these samples.
        test_mode (bool): As in :class:`mmengine.dataset.BaseDataset`.
        lazy_init (bool): Whether the scene is prepared only when the first sample is needed.
        max_refetch (int): As in :class:`mmengine.dataset.BaseDataset`.

    Raises:
        ValueError: If the subset has no pixel.
    """

    def __init__(self,
                 scene: dict | Scene,
                 subset: str = 'train',
                 evaluate_on: str | None = None,
                 pad_mode: str = 'constant',
                 pipeline: Sequence[dict | Callable] = (),
                 metainfo: Mapping | None = None,
                 indices: int | Sequence[int] | None = None,
                 test_mode: bool = False,
                 lazy_init: bool = False,
                 max_refetch: int = 1000):
        self.scene = get_scene(scene)
        self.subset = subset
        self.evaluate_on = evaluate_on
        # Built here, so that the transforms of mmhsi are found whatever the default scope is.
        pipeline = [TRANSFORMS.build(step) if isinstance(step, Mapping) else step for step in pipeline]
        if not pipeline or not isinstance(pipeline[0], LoadSceneWindow):
            pipeline.insert(0, LoadSceneWindow(pad_mode))
        info = {'classes': self.scene.classes, 'palette': self.scene.palette, **(metainfo or {})}
        super().__init__(
            metainfo=info,
            indices=indices,
            serialize_data=False,
            pipeline=pipeline,
            test_mode=test_mode,
            lazy_init=lazy_init,
            max_refetch=max_refetch)

    @property
    def pad_mode(self) -> str:
        """How windows are filled outside the scene."""
        return self.pipeline.transforms[0].pad_mode

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
        scene = self.scene
        subset = self.evaluate_on or self.subset
        if subset == 'all':
            subset = 'labelled' if scene.split is None else 'test'
        targets = np.full(scene.height * scene.width, IGNORE_INDEX, dtype=np.uint8)
        pixels = scene.subset(subset)
        targets[pixels] = scene.labels.ravel()[pixels]
        return targets.reshape(scene.height, scene.width)

    def subset_pixels(self) -> np.ndarray:
        """Sorted flat indices of the pixels of the subset, which must not be empty."""
        pixels = self.scene.subset(self.subset)
        if not len(pixels):
            raise ValueError(f'the subset {self.subset!r} of scene {self.scene.name!r} has no pixel')
        return pixels

    def load_data_list(self) -> np.ndarray:
        """Integer array with one row for each sample; to be written by the subclass."""
        raise NotImplementedError

    def sample_info(self, item: np.ndarray) -> dict:
        """The sample of a row of the data list, with its 'window'; to be written by the subclass."""
        raise NotImplementedError

    def get_data_info(self, idx: int) -> dict:
        """The sample before the pipeline: scene, window, labels and meta information."""
        self.full_init()
        idx = int(idx) + (len(self) if idx < 0 else 0)
        info = self.sample_info(self.data_list[idx])
        info['sample_idx'] = idx
        info['scene'] = self.scene
        info['scene_name'] = self.scene.name
        info['scene_shape'] = (self.scene.height, self.scene.width)
        return info
