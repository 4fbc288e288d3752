"""Loading of windows of a scene."""

from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform

from mmhsi.datasets.class_info import IGNORE_INDEX
from mmhsi.registry import TRANSFORMS
from mmhsi.utils.windows import check_pad_mode, crop_window


@TRANSFORMS.register_module()
class LoadSceneWindow(BaseTransform):
    """Cuts the window of a sample from its preprocessed scene.

    Required keys: 'scene' (a :class:`~mmhsi.datasets.scenes.scene.Scene`), 'window' (top, left, height, width), and
    'target_map' ((H, W) labels of the scene) if there is a label for each pixel. Added keys: 'img' (h, w, C) float32,
    'img_shape', 'ori_shape', and 'gt_seg_map' (h, w) with 255 outside the scene. Scene and target map are removed, so
    that later transforms and the collated batch contain only the window.

    Args:
        pad_mode (str): Padding of the part of the window outside the scene: 'constant', 'symmetric' or 'reflect'.
            Defaults to 'constant'.
        pad_value (float): The value outside the scene with pad_mode 'constant'. Defaults to 0.
        jitter (int): For training: the window is moved by up to this many pixels along each axis, while the label of a
            window dataset remains that of the original centre. Defaults to 0.
    """

    def __init__(self, pad_mode: str = 'constant', pad_value: float = 0.0, jitter: int = 0):
        check_pad_mode(pad_mode)
        if jitter < 0:
            raise ValueError(f'jitter must not be negative, found {jitter}')
        self.jitter = jitter
        self.pad_mode = pad_mode
        self.pad_value = pad_value

    def transform(self, results: dict) -> dict:
        """Load 'img' and, with a target map, 'gt_seg_map'."""
        window = results['window']
        if self.jitter:
            shift = np.random.randint(-self.jitter, self.jitter + 1, 2).tolist()
            window = (window[0] + shift[0], window[1] + shift[1], *window[2:])
        results['img'] = self.load(results.pop('scene'), window)
        results['img_shape'] = results['ori_shape'] = results['img'].shape[:2]
        if 'target_map' in results:
            results['gt_seg_map'] = crop_window(results.pop('target_map'), *window, pad_value=IGNORE_INDEX)
            results['seg_fields'] = ['gt_seg_map']
        return results

    def load(self, scene, window: tuple[int, int, int, int]) -> np.ndarray:
        """Values (h, w, C) float32 of a window (top, left, height, width)."""
        return scene.window(*window, pad_mode=self.pad_mode, pad_value=self.pad_value)

    def __repr__(self) -> str:
        return f'{type(self).__name__}(pad_mode={self.pad_mode!r}, pad_value={self.pad_value}, jitter={self.jitter})'
