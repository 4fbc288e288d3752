"""Storing the split and the fitted preprocessing of a scene with the experiment and its checkpoints."""

from pathlib import Path

import numpy as np
import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import BaseLoop

from mmhsi.datasets.scenes.scene_lookup import loop_scenes
from mmhsi.registry import HOOKS


@HOOKS.register_module()
class SceneStateHook(Hook):
    """Save the fitted preprocessing of a scene, and apply it unchanged with the model that was trained on it.

    - ``split.npz`` and ``fitted_transforms.npz`` are written into the log folder of the run (``work_dir/<time>``) when
      training, validation or testing begins, that is, after a checkpoint was loaded. The files of further scenes, and
      of all scenes of a set, begin with their names.
    - Every checkpoint holds ``checkpoint['mmhsi']`` with ``scene_name`` and ``transforms``, the fitted state as plain
      tensors, so that it loads with ``weights_only=True``. For several training scenes there is also ``scenes``, the
      state by scene name; ``transforms`` is that of the first.
    - The state of a loaded checkpoint is passed to the scenes of all built loops; a scene of the same name gets its
      own, any other that of the first training scene. Scenes that appear later, such as the test scene after a
      training, get the state of the training when their loop begins.

    A training that starts from weights (``load_from`` without ``resume``) fits to its own data instead, because it is
    often another scene.

    Args:
        reuse_on_finetune (bool): Whether a training that starts from weights uses the state of the checkpoint, which is
            suitable for a scene of the same sensor. Defaults to False.

    Raises:
        ValueError: If the state of a checkpoint does not fit a scene, e.g. because the numbers of bands differ.
    """

    priority = 'VERY_HIGH'

    def __init__(self, reuse_on_finetune: bool = False) -> None:
        self.reuse_on_finetune = reuse_on_finetune
        self._record: dict | None = None
        self._holders: list = []
        self._saved: dict[int, tuple] = {}

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Pass the state of a checkpoint to the scenes.

        Args:
            runner (Runner): The runner.
            checkpoint (dict): The loaded checkpoint.
        """
        record = checkpoint.get('mmhsi')
        if record is None:
            runner.logger.info('The checkpoint holds no fitted transforms; each scene fits its own to its data.')
            return
        if self._is_finetuning(runner) and not self.reuse_on_finetune:
            runner.logger.info(
                f'The training starts from weights of scene {record["scene_name"]!r}, but its '
                'transforms are fitted to its own data.'
            )
            return
        self._record = record
        self._holders, self._saved = [], {}
        self._hand_over(runner, loop_scenes(runner._train_loop, runner._val_loop, runner._test_loop))

    def before_train(self, runner) -> None:
        """Take the training scenes as the source of the state, unless a checkpoint gave it, and save it."""
        scenes = loop_scenes(runner._train_loop)
        if self._record is None and scenes:
            self._record = _record(scenes)
            self._holders = scenes
        self._hand_over(runner, loop_scenes(runner._train_loop, runner._val_loop))
        self._save(runner, loop_scenes(runner._train_loop, runner._val_loop))

    def before_val(self, runner) -> None:
        """Pass the state to a validation scene that has none, and save it."""
        self._hand_over(runner, loop_scenes(runner._val_loop))
        self._save(runner, loop_scenes(runner._val_loop))

    def before_test(self, runner) -> None:
        """Pass the state to a test scene that has none, and save it."""
        self._hand_over(runner, loop_scenes(runner._test_loop))
        self._save(runner, loop_scenes(runner._test_loop))

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Add the state of the training scenes.

        Args:
            runner (Runner): The runner.
            checkpoint (dict): The checkpoint to be saved.
        """
        scenes = loop_scenes(runner._train_loop)
        if scenes:
            checkpoint['mmhsi'] = _record(scenes)

    @staticmethod
    def _is_finetuning(runner) -> bool:
        # runner.train() builds the loop before it loads; runner.test() and runner.val() leave it a config
        return isinstance(runner._train_loop, BaseLoop) and not runner._resume and runner._train_loop.iter == 0

    def _hand_over(self, runner, scenes: list) -> None:
        if self._record is None:
            return
        for scene in scenes:
            if any(scene is holder for holder in self._holders):
                continue
            origin = self._record['scene_name']
            transforms = self._record['transforms']
            if scene.name in self._record.get('scenes', {}):
                origin, transforms = scene.name, self._record['scenes'][scene.name]
            try:
                scene.load_state_dict({name: value.cpu().numpy() for name, value in transforms.items()})
                scene.window(0, 0, 1, 1)
            except ValueError as error:
                raise ValueError(
                    f'the transforms fitted to scene {origin!r}, with which the model was trained, do not fit scene '
                    f'{scene.name!r} of {scene.info.bands} bands: '
                    f'{error}'
                ) from error
            self._holders.append(scene)
            if transforms:
                runner.logger.info(f'Scene {scene.name!r} uses the transforms that were fitted to scene {origin!r}.')

    def _save(self, runner, scenes: list) -> None:
        if not is_main_process():
            return
        for scene in scenes:
            if id(scene) in self._saved:
                continue
            taken = [prefix for _, prefix in self._saved.values()]
            prefix = f'{scene.name}_' if taken or len(scene.pool) > 1 else ''
            number = 2
            while prefix in taken:
                prefix, number = f'{scene.name}_{number}_', number + 1
            self._saved[id(scene)] = (scene, prefix)  # the reference prevents the id from being reused
            folder = Path(runner.log_dir)
            folder.mkdir(parents=True, exist_ok=True)
            if scene.split is not None:
                scene.split.save(folder / f'{prefix}split.npz')
            state = scene.state_dict()
            if state:
                np.savez_compressed(folder / f'{prefix}fitted_transforms.npz', **state)


def _record(scenes: list) -> dict:
    record = {'scene_name': scenes[0].name, 'transforms': _tensors(scenes[0])}
    if len(scenes) > 1:
        record['scenes'] = {scene.name: _tensors(scene) for scene in scenes}
    for name in ('wavelengths', 'fwhm'):  # nm, for matching the bands of another scene
        values = getattr(scenes[0].info, name)
        if values is not None:
            record[name] = torch.from_numpy(np.array(values))
    return record


def _tensors(scene) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(np.array(value)) for name, value in scene.state_dict().items()}
