"""Settings of a recipe that depend on the scene: determined once, before the runner is built, and written into the
config.

A recommended config holds ``scene``, which all its datasets get, and ``scene_settings``.
:func:`resolve_scene_settings` chooses, for classification among candidates on the labelled pixels of training and
validation, for other tasks by the rules of :mod:`mmhsi.engine.scene_rules`, fills in what depends on the choice
(components, widths, scale, window, numbers of bands and classes), logs it and leaves it in the config as
``chosen_settings``. The config that a run dumps, and that a checkpoint holds, has the numbers.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.registry import init_default_scope

from mmhsi.classical.kernel_ridge import LeaveOneOut, leave_one_out, squared_distances
from mmhsi.datasets.scenes.shared_scenes import get_scenes
from mmhsi.engine.scene_rules import choose_by_rule, fill_in_by_rule, name_scenes
from mmhsi.models.layers.gaussian_means import GaussianMeans
from mmhsi.registry import component_name
from mmhsi.tasks.task import task_name
from mmhsi.weights.checkpoint_file import read_checkpoint
from mmhsi.weights.sharded_checkpoint import is_sharded, read_run

_LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
_EVALUATORS = ('val_evaluator', 'test_evaluator')
_REACH = 2.2  # standard deviations of the widest Gaussian that a window covers on each side
_RMS = 0.37  # of the input of the network: that of Indian Pines, for which its noise and rates were tuned
_PIXELS = 600  # largest number of labelled pixels used for the choice


def resolve_scene_settings(cfg: Config) -> None:
    """Choose the settings that depend on the scene, if a config requests it and has no choice yet.

    With ``load_from`` the choice of that checkpoint is used, to which its weights belong.

    Args:
        cfg (Config): The whole config, changed in place.
    """
    if cfg.get('scene_settings') is None:
        return
    init_default_scope(cfg.get('default_scope', 'mmhsi'))
    for name in (*_LOADERS, *_EVALUATORS):
        node = cfg.get(name)
        node = node and node.get('dataset', node)
        if node is not None and 'scene' in node:
            node.scene = copy.deepcopy(cfg.scene)
    task = task_name(cfg)
    if cfg.get('chosen_settings') is None:
        found = settings_of_checkpoint(cfg.get('load_from'))
        if found is None:
            found = _choose(cfg) if task == 'classification' else choose_by_rule(cfg, task)
        cfg.chosen_settings = found
    if task == 'classification':
        _fill_in(cfg, cfg.chosen_settings)
    else:
        fill_in_by_rule(cfg, task, cfg.chosen_settings)


def settings_of_checkpoint(path: str | None) -> dict | None:
    """The settings that the run of a local checkpoint had chosen; None without any."""
    if path is None or not (Path(path).is_file() or is_sharded(path)):
        return None
    checkpoint = read_run(path) if is_sharded(path) else read_checkpoint(path)
    meta = checkpoint.get('meta') if isinstance(checkpoint, Mapping) else None
    text = (meta or {}).get('cfg')
    chosen = Config.fromstring(text, '.py').get('chosen_settings') if text else None
    return None if chosen is None else dict(chosen)


def rank_settings(
    scene, powers: Sequence[float], widths: Sequence[Sequence[float]], smallest_ratio: float, seed: int = 0
) -> list[tuple[LeaveOneOut, dict]]:
    """Rank powers of the noise fractions and widths of the smoothing by leave-one-out likelihood.

    Args:
        scene (Scene): Labels, split, and a preprocessing that ends with ``MinimumNoiseFraction(power=0.5)`` of all
            components. The labelled pixels are those of all scenes of its set.
        powers (Sequence[float]): Candidates, see :class:`mmhsi.datasets.transforms.MinimumNoiseFraction`.
        widths (Sequence[Sequence[float]]): Candidates, each a sequence of standard deviations in pixels, 0 for none.
        smallest_ratio (float): Components whose variance is less than this many times that of their noise are left out.
        seed (int): Seed of the sample of labelled pixels if there are more than 600. Defaults to 0.

    Returns:
        list[tuple[LeaveOneOut, dict]]: Fit and settings 'components', 'power', 'widths' and 'rms', the root mean square
        of the fractions after each smoothing; best first.
    """
    fractions = scene.transforms[-1]
    scene.prepare()
    count = max(int(np.count_nonzero(fractions.ratio >= smallest_ratio)), 1)
    labels, places = _labelled(scene.pool, seed)
    sigmas = sorted({sigma for each in widths for sigma in each})
    size = window_size(sigmas)
    smooth = GaussianMeans(sigmas, 1)
    windows = (
        owner.window(*(int(start) - size // 2 for start in divmod(place, owner.width)), size, size, 'reflect')[
            ..., :count
        ]
        for owner, place in places
    )
    means = np.concatenate(
        [smooth(torch.from_numpy(window.transpose(2, 0, 1)[None].copy())).numpy() for window in windows]
    ).reshape(len(places), len(sigmas), count)
    ranked = []
    for power in powers:
        scaled = means.transpose(1, 0, 2) * (fractions.ratio[:count] ** (power - 0.5))
        # wider means vary less: each width gets equal weight
        rms = np.sqrt(np.square(scaled).mean(axis=(1, 2)))
        distances = [squared_distances(part, part) for part in scaled / rms[:, None, None]]
        for each in widths:
            fit = leave_one_out(sum(distances[sigmas.index(sigma)] for sigma in each), labels)
            ranked.append(
                (
                    fit,
                    dict(
                        components=count,
                        power=float(power),
                        widths=[float(sigma) for sigma in each],
                        rms=[float(rms[sigmas.index(sigma)]) for sigma in each],
                    ),
                )
            )
    return sorted(ranked, key=lambda entry: entry[0].loss)


def _labelled(pool: Sequence, seed: int) -> tuple[np.ndarray, list[tuple]]:
    """Classes of the labelled pixels of a set, at most 600, and the scene and the flat index of each."""
    found = [np.sort(np.concatenate([scene.split.train, scene.split.val])) for scene in pool]
    owners = np.repeat(np.arange(len(pool)), list(map(len, found)))
    indices, chosen = np.concatenate(found), np.arange(len(owners))
    if len(chosen) > _PIXELS:
        chosen = np.sort(np.random.RandomState(seed).choice(chosen, _PIXELS, replace=False))
    places = [(pool[owner], index) for owner, index in zip(owners[chosen], indices[chosen], strict=True)]
    return np.array([scene.labels.ravel()[index] for scene, index in places]), places


def window_size(widths: Sequence[float]) -> int:
    """Side of the window in pixels that holds the Gaussians: odd, at least 3."""
    return max(2 * int(np.ceil(_REACH * max(widths))) + 1, 3)


def _choose(cfg: Config) -> dict:
    scene_cfg = cfg.scene.to_dict()
    *before, fractions = scene_cfg.get('preprocessing', ())
    if component_name(fractions) != 'MinimumNoiseFraction':
        raise ValueError(
            'scene_settings choose power and smoothing of noise fractions: the preprocessing of the scene '
            f'must end with MinimumNoiseFraction, found {fractions.get("type")}'
        )
    bands = get_scenes({**scene_cfg, 'preprocessing': before})[0].bands
    whole = [*before, {**fractions, 'n_components': bands, 'power': 0.5}]
    pool = get_scenes({**scene_cfg, 'preprocessing': whole})
    ranked = rank_settings(pool[0], **cfg.scene_settings.to_dict())
    best, chosen = ranked[0]
    next_best = ', '.join(
        f'{fit.loss:.3f} with {other["power"]:g} and {_list(other["widths"])}' for fit, other in ranked[1:4]
    )
    labelled = sum(len(scene.split.train) + len(scene.split.val) for scene in pool)
    print_log(
        f'Settings chosen for {name_scenes(pool)}, by the leave-one-out likelihood of '
        f'{labelled} labelled pixels: {chosen["components"]} of {bands} noise fractions to the power '
        f'{chosen["power"]:g}, smoothed by {_list(chosen["widths"])} pixels (loss '
        f'{best.loss:.3f}; next best: {next_best}).',
        'current',
        logging.INFO,
    )
    return dict(chosen, classes=len(pool[0].classes))


def _list(widths: Sequence[float]) -> str:
    return ' and '.join(f'{width:g}' for width in widths)


def _fill_in(cfg: Config, chosen: Mapping) -> None:
    components, widths, classes = int(chosen['components']), tuple(chosen['widths']), int(chosen['classes'])
    for scene in (cfg.scene, *(cfg[name].dataset.scene for name in _LOADERS)):
        scene.preprocessing[-1].update(n_components=components, power=float(chosen['power']))
    for name in _LOADERS:
        cfg[name].dataset.window_size = window_size(widths)
    model = cfg.model
    model.data_preprocessor.num_bands = components
    model.data_preprocessor.smoothing.update(sigmas=widths, scales=tuple(rms / _RMS for rms in chosen['rms']))
    model.backbone.spatial.in_channels = components * len(widths)
    _set_classes(model, classes)
    if 'deep' in model.head:  # the wide path uses the bands themselves
        model.head.in_channels = components * len(widths)


def _set_classes(node, classes: int) -> None:
    if isinstance(node, Mapping):
        if 'num_classes' in node:
            node['num_classes'] = classes
        for value in node.values():
            _set_classes(value, classes)
    elif isinstance(node, (list, tuple)):
        for value in node:
            _set_classes(value, classes)
