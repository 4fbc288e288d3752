"""Settings of a recommended config that follow from its scene by simple rules, for all tasks except classification."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from mmengine.config import Config
from mmengine.logging import print_log

from mmhsi.classical import fitting_windows
from mmhsi.datasets import get_scene
from mmhsi.datasets.scenes.shared_scenes import get_scenes
from mmhsi.registry import component_name

_ROWS = 10  # of validation and of test, at least, in pixels of the degraded image
_SHARES = 0.55, 0.12  # of the rows for training and for validation; the rest is for the test


def choose_by_rule(cfg: Config, task: str) -> dict:
    """The numbers of a scene that the recommended config of a task depends on, by name.

    Raises:
        ValueError: If the scene lacks what the task needs, or is too small for it.
    """
    settings = _RULES[task][0](cfg)
    listed = ', '.join(f'{name} {value}' for name, value in settings.items())
    scenes = get_scenes({**cfg.scene.to_dict(), 'preprocessing': _selection(cfg), 'split': None, 'fit_on': 'all'})
    print_log(f'Settings that follow from {name_scenes(scenes)}: {listed}.', 'current', logging.INFO)
    return settings


def fill_in_by_rule(cfg: Config, task: str, chosen: Mapping) -> None:
    """Write what :func:`choose_by_rule` found into a config, in place."""
    _RULES[task][1](cfg, chosen)


def name_scenes(scenes: Sequence) -> str:
    """Words for a scene or the scenes of a set."""
    more = f' and {len(scenes) - 1} more' if len(scenes) > 1 else ''
    return f'scene {scenes[0].name!r}{more}'


def _choose_detection(cfg: Config) -> dict:
    if cfg.scene_settings.get('target_spectrum') and cfg.scene.get('target_spectrum') is None:
        raise ValueError(
            'target detection looks for a spectrum: give scene.target_spectrum, dict(path=...) with a file of it, or '
            "dict(select='mean'), which takes the mean of the labelled target pixels"
        )
    scenes = get_scenes({**cfg.scene.to_dict(), 'preprocessing': _selection(cfg)})
    bands = scenes[0].bands  # those of a set have equally many
    chosen = dict(bands=bands, components=min(cfg.scene_settings.components, bands))
    if _windows_missing(cfg.scene.get('coarse')):
        chosen['windows'] = list(fitting_windows([scene.detect('rx') for scene in scenes]))
    return chosen


def _windows_missing(detector: Mapping | str | None) -> bool:
    """Whether a config of CRD leaves its windows open."""
    return isinstance(detector, Mapping) and 'crd' in detector.values() and not {'inner', 'outer'} & set(detector)


def _fill_in_detection(cfg: Config, chosen: Mapping) -> None:
    count = int(chosen['components'])
    selection = _selection(cfg)
    for scene in _scenes(cfg):
        scene.preprocessing[-1].n_components = count
        coarse = scene.get('coarse') or {}
        _fill_in_windows(coarse, chosen)
        if selection and 'preprocessing' in coarse and coarse['preprocessing'][: len(selection)] != selection:
            coarse['preprocessing'] = [*selection, *coarse['preprocessing']]
    for hook in cfg.get('custom_hooks') or ():
        for detector in (hook.get('detectors') or {}).values():
            _fill_in_windows(detector, chosen)
    model = cfg.model
    model.data_preprocessor.num_bands = model.backbone.spatial.in_channels = count
    if 'num_bands' in model.decode_head:
        model.decode_head.num_bands = count


def _fill_in_windows(detector: dict | str, chosen: Mapping) -> None:
    if 'windows' in chosen and _windows_missing(detector):
        detector['inner'], detector['outer'] = map(int, chosen['windows'])


def _choose_change(cfg: Config) -> dict:
    return dict(bands=get_scenes(cfg.scene.to_dict())[0].bands // 2)


def _fill_in_change(cfg: Config, chosen: Mapping) -> None:
    cfg.model.backbone.encoder.spatial.in_channels = int(chosen['bands'])


def _choose_unmixing(cfg: Config) -> dict:
    scene = get_scene(cfg.scene.to_dict())
    return dict(bands=scene.bands, endmembers=scene.num_endmembers)


def _fill_in_unmixing(cfg: Config, chosen: Mapping) -> None:
    bands, count, model = int(chosen['bands']), int(chosen['endmembers']), cfg.model
    model.backbone.spatial.in_channels = model.decoder.num_bands = bands
    model.head.num_endmembers = model.decoder.num_endmembers = count


def _choose_restoration(cfg: Config) -> dict:
    scenes = get_scenes({**cfg.scene.to_dict(), 'preprocessing': _selection(cfg), 'split': None, 'fit_on': 'all'})
    step = int(cfg.scene_settings.get('scale', 1))
    held_out, crop = step * _ROWS, step * int(cfg.model.test_cfg.tile_size)
    sizes = [(scene.height - scene.height % step, scene.width - scene.width % step) for scene in scenes]
    if min(height for height, _ in sizes) < crop + 2 * held_out and len(scenes) > 2:
        rows = _divide_scenes([height for height, _ in sizes])  # too small to be divided, but there are enough
        least = crop
    else:
        rows = [_divide_rows(height, held_out, crop, step) for height, _ in sizes]
        least = crop + 2 * held_out
    for scene, (height, width) in zip(scenes, sizes, strict=True):
        if height < least or width < crop:
            raise ValueError(
                f'{scene.info.path}: the scene of {scene.height} x {scene.width} pixels is too small to be divided '
                f'into training, validation and test, expected at least {crop + 2 * held_out} x {crop}'
                + (f', or of three and more scenes {crop} x {crop}' if len(scenes) > 1 else '')
            )
    each = [dict(width=width, rows=own) for own, (_, width) in zip(rows, sizes, strict=True)]
    alike = all(divided == each[0] for divided in each)
    divided = each[0] if alike else dict(scenes={scene.name: own for scene, own in zip(scenes, each, strict=True)})
    return dict(bands=scenes[0].bands, **divided)


def _divide_rows(height: int, held_out: int, crop: int, step: int) -> list[int]:
    """Rows of a scene for training, validation and test."""
    train, val = (max(int(share * height) // step * step, held_out) for share in _SHARES)
    train = min(max(train, crop), height - 2 * held_out)
    val = min(val, height - train - held_out)
    return [train, val, height - train - val]


def _divide_scenes(heights: Sequence[int]) -> list[list[int]]:
    """The same for whole scenes: all rows of each are for training, validation or test."""
    train, val = (max(round(share * len(heights)), 1) for share in _SHARES)
    train = min(train, len(heights) - val - 1)
    parts = [0] * train + [1] * val + [2] * (len(heights) - train - val)
    return [[height if part == own else 0 for part in range(3)] for height, own in zip(heights, parts, strict=True)]


def _areas(chosen: Mapping) -> dict:
    """The areas for training, validation and test; of scenes that are divided differently by their names."""
    if 'scenes' in chosen:
        each = {name: _areas(divided) for name, divided in chosen['scenes'].items()}
        return {
            part: {name: areas[part] for name, areas in each.items() if areas[part]}
            for part in ('train', 'val', 'test')
        }
    top, areas = 0, {}
    for name, rows in zip(('train', 'val', 'test'), chosen['rows'], strict=True):
        areas[name] = [(top, 0, int(rows), int(chosen['width']))] if rows else []
        top += int(rows)
    return areas


def _fill_in_restoration(cfg: Config, chosen: Mapping) -> None:
    areas, bands = _areas(chosen), int(chosen['bands'])
    for scene in _scenes(cfg):
        scene.split, scene.fit_on = dict(type='AreaSplit', **areas), 'train'
    for name, area in areas.items():
        cfg[f'{name}_dataloader'].dataset.areas = area
    scale = cfg.scene_settings.get('scale')
    if scale is not None:
        _set_scale(cfg, int(scale))
    generator = cfg.model.generator
    generator.backbone.spatial.in_channels = generator.head.num_bands = bands


def _set_scale(cfg: Config, scale: int) -> None:
    cfg.train_dataloader.dataset.crop_size = scale * int(cfg.model.test_cfg.tile_size)
    for name in ('train', 'val', 'test'):
        for step in cfg[f'{name}_dataloader'].dataset.pipeline:
            if 'scale' in step:
                step['scale'] = scale
    cfg.val_evaluator.scale = cfg.test_evaluator.scale = cfg.model.generator.head.scale = scale


def _selection(cfg: Config) -> list:
    """The leading steps of the preprocessing that leave bands out."""
    steps = []
    for step in cfg.scene.get('preprocessing') or ():
        if component_name(step) != 'SelectBands':
            break
        steps.append(step)
    return steps


def _scenes(cfg: Config) -> list:
    found = [cfg.scene]
    for name in ('train', 'val', 'test'):
        loader = cfg.get(f'{name}_dataloader')
        if loader:
            found.append(loader.dataset.scene)
    return found


_RULES: dict[str, tuple[Callable[[Config], dict], Callable[[Config, Mapping], None]]] = {
    'target_detection': (_choose_detection, _fill_in_detection),
    'anomaly_detection': (_choose_detection, _fill_in_detection),
    'change_detection': (_choose_change, _fill_in_change),
    'multispectral_change_detection': (_choose_change, _fill_in_change),
    'unmixing': (_choose_unmixing, _fill_in_unmixing),
    'denoising': (_choose_restoration, _fill_in_restoration),
    'super_resolution': (_choose_restoration, _fill_in_restoration),
}
