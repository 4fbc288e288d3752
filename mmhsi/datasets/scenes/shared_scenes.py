"""One scene object for equal configs, so that datasets share its memory, its split and its fitted preprocessing."""

from __future__ import annotations

from collections.abc import Mapping
from weakref import WeakValueDictionary

from mmhsi.datasets.scenes.base_scene import BaseScene
from mmhsi.datasets.scenes.pool import join_scenes
from mmhsi.datasets.scenes.scene_list import scene_configs
from mmhsi.datasets.transforms.chain import SpectralChain
from mmhsi.registry import TASK_UTILS
from mmhsi.utils.text import listed

_SCENES: WeakValueDictionary = WeakValueDictionary()


def _frozen(value) -> object:
    if isinstance(value, Mapping):
        return tuple(sorted((key, _frozen(item)) for key, item in value.items()))
    if isinstance(value, (list, tuple)):
        return tuple(_frozen(item) for item in value)
    return value if isinstance(value, (str, int, float, bool, type(None))) else id(value)


def get_scene(scene: dict | BaseScene) -> BaseScene:
    """One shared scene for equal configs in this process.

    Training, validation and test datasets of a scene share its memory, its split and its fitted preprocessing this way.
    The scene is released with the last dataset that uses it.

    Args:
        scene (dict | BaseScene): Config of a scene (``type`` defaults to 'Scene'), or a scene, which is returned.

    Returns:
        BaseScene: The scene.

    Raises:
        ValueError: If the config stands for several scenes.
    """
    scenes = get_scenes(scene)
    if len(scenes) > 1:
        names = listed([each.name for each in scenes])
        raise ValueError(f'one scene is expected, but the config stands for {len(scenes)}: {names}')
    return scenes[0]


def get_scenes(scene: dict | BaseScene) -> tuple[BaseScene, ...]:
    """The shared scenes of a config, as :func:`get_scene` gives one.

    Several scenes (see :func:`mmhsi.datasets.scenes.scene_list.scene_configs`) are one set of data: their preprocessing
    is fitted to pixels of all, and a split is drawn over the labelled pixels of all.

    Args:
        scene (dict | BaseScene): Config of one or several scenes, or a scene, for which all of its set are returned.

    Returns:
        tuple[BaseScene, ...]: The scenes.

    Raises:
        ValueError: If scenes of a set differ in bands or classes.
    """
    if isinstance(scene, BaseScene):
        return scene.pool
    config = {'type': 'Scene', **scene}
    key = repr(_frozen(config))
    shared = _SCENES.get(key)
    if shared is None:
        shared = _build(config)
        _SCENES[key] = shared
    return shared.pool


def _build(config: dict) -> BaseScene:
    kind = config['type'] if isinstance(config['type'], type) else TASK_UTILS.get(config['type'])
    if not getattr(kind, 'several', False):
        return TASK_UTILS.build(_one_scene(config))
    configs = scene_configs(config)
    if len(configs) == 1:
        return TASK_UTILS.build(configs[0])
    transforms = SpectralChain(config.get('preprocessing', ())).transforms
    return join_scenes([TASK_UTILS.build({**each, 'preprocessing': transforms}) for each in configs])[0]


def _one_scene(config: Mapping) -> dict:
    """The config of a scene that cannot be one of a set; a folder may stand for its only scene."""
    found = scene_configs({**config, 'labels': None, 'coarse': None})
    if len(found) > 1:
        names = listed([each['name'] for each in found], 3)
        raise ValueError(
            f'{config["type"]}: its endmembers belong to one scene, but the image stands for {len(found)} ({names}); '
            'train on one of them and predict them all, or write a config for each'
        )
    return {**config, 'image': found[0]['image']} if 'image' in config else dict(config)
