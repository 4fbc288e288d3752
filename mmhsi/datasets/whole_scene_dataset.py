"""Several scenes: each sample is a whole scene, or a random crop of it for training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from mmhsi.datasets.hsi_dataset import HSIDataset
from mmhsi.datasets.scene_dataset import scene_info, with_loading
from mmhsi.datasets.scenes.base_scene import BaseScene
from mmhsi.datasets.scenes.pool import fit_together
from mmhsi.datasets.scenes.scene_list import fill_name, scene_names
from mmhsi.datasets.scenes.shared_scenes import get_scene
from mmhsi.datasets.transforms.chain import SpectralChain
from mmhsi.registry import DATASETS


@DATASETS.register_module()
class WholeSceneDataset(HSIDataset):
    """Scenes of one kind, e.g. the cities of a change detection benchmark; one sample for each scene.

    The spectral preprocessing is fitted once to pixels of all scenes of the dataset, which share it.

    A sample holds 'img' (H, W, C), 'gt_seg_map' (H, W) uint8 with 255 where nothing is evaluated, 'top' and 'left' 0,
    'overlap' 0, 'window', 'sample_idx', 'scene_name', 'scene_shape', 'img_shape' and 'ori_shape'. For training,
    ``RandomSceneCrop`` comes first in the pipeline, so that only the crop is read.

    Args:
        scene (dict): Config of a scene; '{name}' in its strings is replaced by the name of the scene.
        names (Sequence[str] | str): The names, or a text file with them.
        exclude (Sequence[str]): Names to leave out, e.g. those kept for validation. Defaults to ().
        subset (str): The pixels that keep their label, see :meth:`BaseScene.subset`. Defaults to 'labelled'.
        pad_mode (str): Padding of crops outside a scene. Defaults to 'constant'.
        fit_pixels (int): Largest number of pixels of all scenes to fit on. Defaults to 500000.
        pipeline (Sequence[dict | Callable]): Transforms of a sample.
        metainfo (Mapping, optional): Meta information in addition to 'classes' and 'palette'.
        **kwargs: See :class:`HSIDataset`.

    Raises:
        FileNotFoundError: If a file is absent.
        ValueError: If a scene does not hold what is expected, or the scenes differ in bands or classes.
    """

    def __init__(
        self,
        scene: dict,
        names: Sequence[str] | str,
        exclude: Sequence[str] = (),
        subset: str = 'labelled',
        pad_mode: str = 'constant',
        fit_pixels: int = 500_000,
        pipeline: Sequence[dict | Callable] = (),
        metainfo: Mapping | None = None,
        **kwargs,
    ):
        self.subset = subset
        self.fit_pixels = fit_pixels
        shared = SpectralChain(scene.get('preprocessing', ())).transforms
        self.scenes = []
        for name in scene_names(names, exclude):
            filled = {key: fill_name(value, name) for key, value in scene.items() if key != 'preprocessing'}
            self.scenes.append(get_scene({'name': name, **filled, 'preprocessing': shared}))
        first = self.scenes[0]
        for other in self.scenes[1:]:
            if (other.bands, other.classes) != (first.bands, first.classes):
                raise ValueError(
                    f'scene {other.name!r} has {other.bands} bands and the classes {other.classes}, but '
                    f'{first.name!r} has {first.bands} and {first.classes}'
                )
        info = {'classes': first.classes, 'palette': first.palette, **(metainfo or {})}
        super().__init__(with_loading(pipeline, pad_mode), info, **kwargs)

    def full_init(self) -> None:
        """Fit the preprocessing on all scenes and prepare them."""
        if not self._fully_initialized:
            if not all(scene.fitted for scene in self.scenes):
                fit_together(self.scenes, self.fit_pixels)
            for scene in self.scenes:
                scene.prepare()
            super().full_init()

    def load_data_list(self) -> np.ndarray:
        """Numbers of the scenes."""
        return np.arange(len(self.scenes))

    def get_data_info(self, idx: int) -> dict:
        """The sample before the pipeline: scene, window, labels and meta information."""
        idx, item = self.item(idx)
        scene: BaseScene = self.scenes[int(item)]
        return {
            'window': (0, 0, scene.height, scene.width),
            'target_map': scene.subset_labels(self.subset),
            'top': 0,
            'left': 0,
            'overlap': 0,
            'sample_idx': idx,
            **scene_info(scene),
        }
