"""Bags of windows of one scene and of their neighbours, for pre-training by contrast across scenes and sensors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from mmpretrain.structures import DataSample

from mmhsi.datasets.hsi_dataset import HSIDataset
from mmhsi.datasets.scenes.scene import Scene
from mmhsi.datasets.scenes.scene_list import fill_name, scene_names
from mmhsi.datasets.scenes.shared_scenes import get_scene
from mmhsi.registry import DATASETS


@DATASETS.register_module()
class NeighbourBagDataset(HSIDataset):
    """Random windows of a scene, each with that of a pixel beside it; a sample is a bag of such pairs.

    Pixels of different scenes differ in too much that is of no interest (sensor, season, light), so that only pixels of
    one scene are contrasted. A sample holds 'inputs', float32 (2 N, C, w, w), first the N windows and then their
    neighbours, and 'data_samples', whose 'group' (2 N,) int64 is equal for windows that belong together: the two of a
    pair and, if the scene has labels, all of one class. The scene of a bag is drawn with a probability that grows with
    the square root of its pixels, twice as large with labels; the pixels of a labelled scene are drawn evenly from its
    classes, those of other scenes from all valid ones.

    Args:
        scene (dict): Config of a scene; '{name}' in its strings is replaced by the name of the scene. Each has a
            preprocessing of its own, and all have the same number of bands after it, such as with
            :class:`mmhsi.datasets.transforms.WavelengthGrid`.
        names (Sequence[str] | str): The names, or a text file with them.
        exclude (Sequence[str]): Names to leave out. Defaults to ().
        window_size (int): Side w of the windows in pixels, odd.
        pairs (int): Number N of pairs. Defaults to 48.
        reach (int): Largest distance of a neighbour along each axis in pixels. Defaults to 1.
        bags (int): Number of bags in an epoch. Defaults to 100.
        use_labels (bool): Whether labels are used. Defaults to True.
        **kwargs: See :class:`HSIDataset`.

    Raises:
        FileNotFoundError: If a file is absent.
        ValueError: If there is no scene, or the scenes differ in the number of bands.
    """

    def __init__(
        self,
        scene: dict,
        names: Sequence[str] | str,
        window_size: int,
        exclude: Sequence[str] = (),
        pairs: int = 48,
        reach: int = 1,
        bags: int = 100,
        use_labels: bool = True,
        **kwargs,
    ):
        self.scenes = [get_scene({'name': name, **fill_name(scene, name)}) for name in scene_names(names, exclude)]
        bands = {scene.bands for scene in self.scenes}
        if len(bands) > 1:
            raise ValueError(f'the scenes have {sorted(bands)} bands after the preprocessing, expected one number')
        self.window_size, self.pairs, self.reach, self.bags = window_size, pairs, reach, bags
        self.use_labels = use_labels
        super().__init__(**kwargs)

    def full_init(self) -> None:
        """Prepare the scenes and list the pixels of each class."""
        if not self._fully_initialized:
            self._pools = [self._pixels(scene) for scene in self.scenes]
            weight = [
                np.sqrt(scene.height * scene.width) * (2 if len(pools) > 1 else 1)
                for scene, pools in zip(self.scenes, self._pools, strict=True)
            ]
            self._shares = np.array(weight) / np.sum(weight)
            super().full_init()

    def _pixels(self, scene: Scene) -> list[np.ndarray]:
        """Flat indices of the pixels of each class; without labels one array of all valid ones."""
        scene.prepare()
        if self.use_labels and scene.has_labels:
            labels = scene.labels.ravel()
            classes = [np.flatnonzero(labels == label) for label in range(len(scene.classes))]
            known = [pixels for pixels in classes if len(pixels)]
            if len(known) > 1:
                return known
        return [np.flatnonzero(scene.valid)]

    def load_data_list(self) -> np.ndarray:
        """Numbers of the bags."""
        return np.arange(self.bags)

    def get_data_info(self, idx: int) -> dict:
        """A bag; its scene and pixels are drawn anew each time."""
        number = np.random.choice(len(self.scenes), p=self._shares)
        scene, pools = self.scenes[number], self._pools[number]
        drawn = np.random.randint(len(pools), size=self.pairs)
        pixels = np.array([np.random.choice(pools[pool]) for pool in drawn])
        rows, cols = np.divmod(pixels, scene.width)
        step = np.random.randint(-self.reach, self.reach + 1, (2, self.pairs))
        places = np.concatenate(
            [
                np.stack([rows, cols]),
                np.clip(np.stack([rows, cols]) + step, 0, [[scene.height - 1], [scene.width - 1]]),
            ],
            axis=1,
        )
        half, size = self.window_size // 2, self.window_size
        windows = np.stack(
            [scene.window(int(row) - half, int(col) - half, size, size, 'reflect') for row, col in places.T]
        )
        sample = DataSample()
        group = drawn if len(pools) > 1 else np.arange(self.pairs)
        sample.set_field(torch.from_numpy(np.tile(group, 2)), 'group')
        return dict(inputs=torch.from_numpy(windows).permute(0, 3, 1, 2).contiguous(), data_samples=sample)
