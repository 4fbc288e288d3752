"""Checks before the first iteration: whether the model fits its scenes, and whether the split allows meaningful
scores."""

from __future__ import annotations

import numpy as np
from mmengine.hooks import Hook

from mmhsi.datasets.scenes.scene_lookup import loop_scenes
from mmhsi.datasets.transforms import RandomBands, RandomBandWindow
from mmhsi.engine.runner_parts import bare_model
from mmhsi.registry import HOOKS
from mmhsi.utils.input_size import fixed_input_size
from mmhsi.utils.text import listed
from mmhsi.weights.finite import require_finite

_HEADS = ('head', 'decode_head')
_SIZES = ('window_size', 'tile_size')


@HOOKS.register_module()
class ExperimentCheckHook(Hook):
    """Refuse a model whose classes, bands or window differ from those of its scenes; the message names both config
    keys.

    Splits are checked too: a warning names classes with few or no test pixels and splits without validation pixels,
    with the consequences for the scores.

    Raises:
        ValueError: If model and scenes disagree.
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner) -> None:
        """Check the training and the validation."""
        self._check(runner, 'train', runner._train_loop)
        self._check(runner, 'val', runner._val_loop)
        for scene in loop_scenes(runner._train_loop):
            _report_split(scene, runner)

    def before_test(self, runner) -> None:
        """Check the test, and the weights that were loaded."""
        model = bare_model(runner)
        require_finite(model, str(getattr(runner, '_load_from', None) or runner.work_dir))
        self._check(runner, 'test', runner._test_loop)

    def _check(self, runner, part: str, loop) -> None:
        model = bare_model(runner)
        datasets = _wrapped(getattr(getattr(loop, 'dataloader', None), 'dataset', None))
        drawn = _drawn_bands(datasets)
        for scene in loop_scenes(loop):
            _check_classes(model, scene, part)
            _check_bands(model, scene, part, drawn)
        for dataset in datasets:
            _check_window(model, dataset, part)


def _check_classes(model, scene, part: str) -> None:
    for name in _HEADS:
        count = getattr(getattr(model, name, None), 'num_classes', None)
        if isinstance(count, int) and count > 0 and scene.classes and count != len(scene.classes):
            raise ValueError(
                f'model.{name}.num_classes is {count}, but {part}_dataloader.dataset.scene.classes of '
                f'scene {scene.name!r} has {len(scene.classes)} classes'
            )
    count = getattr(getattr(model, 'decoder', None), 'num_endmembers', None)
    wanted = getattr(scene, 'num_endmembers', None)
    if None not in (count, wanted) and count != wanted:
        raise ValueError(
            f'model.decoder.num_endmembers is {count}, but '
            f'{part}_dataloader.dataset.scene.num_endmembers of scene {scene.name!r} is {wanted}'
        )


def _wrapped(dataset) -> list:
    """A dataset and those that it wraps, one in the other."""
    found = []
    while dataset is not None:
        found.append(dataset)
        dataset = getattr(dataset, 'dataset', None)
    return found


def _drawn_bands(datasets: list) -> int | None:
    """Number of bands that a pipeline of datasets draws for each sample; None if they keep all."""
    for dataset in datasets:
        for step in getattr(getattr(dataset, 'pipeline', None), 'transforms', ()):
            if isinstance(step, (RandomBands, RandomBandWindow)):
                return step.num_bands
    return None


def _check_bands(model, scene, part: str, drawn: int | None) -> None:
    expected = getattr(getattr(model, 'data_preprocessor', None), 'num_bands', None)
    if expected is None or expected == (scene.bands if drawn is None else drawn):
        return
    if drawn is not None:
        raise ValueError(
            f'model.data_preprocessor.num_bands is {expected}, but the pipeline of {part}_dataloader.dataset draws '
            f'{drawn} bands'
        )
    raise ValueError(
        f'model.data_preprocessor.num_bands is {expected}, but scene {scene.name!r} of '
        f'{part}_dataloader.dataset.scene has {scene.bands} bands after its preprocessing'
    )


def _check_window(model, dataset, part: str) -> None:
    if getattr(getattr(model, 'data_preprocessor', None), 'smooth', None) is not None:
        return  # it changes the size of its windows
    size = fixed_input_size(model)
    for name in _SIZES:
        side = getattr(dataset, name, None)
        if size is None or side is None or getattr(model, 'test_cfg', None) and part != 'train':
            continue
        if tuple(np.broadcast_to(side, 2).tolist()) != size and getattr(dataset, 'scene', None) is not None:
            raise ValueError(
                f'the img_size in model is {size[0]} x {size[1]} pixels, the only size that it accepts, but '
                f'{part}_dataloader.dataset.{name} is {side}'
            )


def _report_split(scene, runner) -> None:
    split, count = scene.split, len(scene.classes)
    if split is None or not count or scene.task == 'unmixing':
        return
    labels = scene.labels.ravel()
    if not len(split.val) and runner._val_loop is None:
        runner.logger.warning(
            f'Scene {scene.name!r}: the split has no validation pixels, so no best state can be chosen; the last one '
            'is '
            'tested.'
        )
    tested, trained = (np.bincount(labels[pixels], minlength=256)[:count] for pixels in (split.test, split.train))
    for what, counts, text in (
        ('no training pixel', trained == 0, 'the network never learns them, and every test pixel of them is wrong'),
        ('no test pixel', (tested == 0) & (trained > 0), 'they are left out of AA'),
        ('a single test pixel', tested == 1, 'their recall is 0 or 1, and each pixel changes AA by a full class share'),
    ):
        names = [name for name, found in zip(scene.classes, counts, strict=True) if found]
        if names and len(split.test):
            runner.logger.warning(
                f'Scene {scene.name!r}: {len(names)} of {len(scene.classes)} classes have {what} ({listed(names)}): '
                f'{text}.'
            )
