"""One scene object for equal configs, so that datasets share its memory, its split and its fitted preprocessing."""

from __future__ import annotations

from collections.abc import Mapping
from weakref import WeakValueDictionary

from mmhsi.datasets.scenes.base_scene import BaseScene
from mmhsi.registry import TASK_UTILS

_SCENES: WeakValueDictionary = WeakValueDictionary()


def _frozen(value) -> object:
    if isinstance(value, Mapping):
        return tuple(sorted((key, _frozen(item)) for key, item in value.items()))
    if isinstance(value, (list, tuple)):
        return tuple(_frozen(item) for item in value)
    return value if isinstance(value, (str, int, float, bool, type(None))) else id(value)


def get_scene(scene: dict | BaseScene) -> BaseScene:
    """One shared scene for equal configs in this process.

    Training, validation and test datasets of a scene share its memory, its split and its fitted preprocessing this
    way. The scene is forgotten with the last dataset that uses it.

    Args:
        scene (dict | BaseScene): Config of a scene (``type`` defaults to 'Scene'), or a scene, which is returned.

    Returns:
        BaseScene: The scene.
    """
    if isinstance(scene, BaseScene):
        return scene
    config = {'type': 'Scene', **scene}
    key = repr(_frozen(config))
    shared = _SCENES.get(key)
    if shared is None:
        shared = TASK_UTILS.build(config)
        _SCENES[key] = shared
    return shared
