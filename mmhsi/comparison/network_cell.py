"""A cell with a network: training, choice of the best state, test."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from mmengine.config import Config

from mmhsi.comparison.cost import Stopwatch, count_flops, count_parameters
from mmhsi.comparison.records import plain_scores, split_record
from mmhsi.datasets.scenes.noisy_scene import add_noise
from mmhsi.datasets.scenes.scene_lookup import find_scenes
from mmhsi.datasets.splits.split import Split
from mmhsi.engine.distributed import build_runner
from mmhsi.engine.resume import find_latest_checkpoint
from mmhsi.engine.run_checkpoints import load_best
from mmhsi.engine.runner_parts import scene_results
from mmhsi.registry import TRANSFORMS, component_name


def run_network(
    cfg: Config, folder: Path, device: str, pictures: bool = False, test_noise: Mapping | None = None
) -> tuple[dict, dict]:
    """Train a network, load the state with the best validation score, and test it.

    Without a validation the state after the last iteration is tested. Window networks classify only the evaluated
    pixels unless pictures are requested.

    Args:
        cfg (Config): The whole config, which is changed.
        folder (Path): Folder of the run.
        device (str): 'cpu' or an accelerator, for measuring seconds.
        pictures (bool): Whether to write maps and pictures of the whole scene. Defaults to False.
        test_noise (Mapping, optional): Config of a noise that is added to the scenes before the test. Defaults to None.

    Returns:
        tuple[dict, dict]: The record of the run, and the results of its scenes by name.
    """
    _prepare(cfg, folder, pictures)
    runner = build_runner(cfg)
    with Stopwatch(device) as training:
        runner.train()
    split = _split(runner.train_dataloader.dataset)
    parameters = count_parameters(runner.model)
    best = load_best(runner)
    if test_noise:
        for scene in find_scenes(runner.test_loop.dataloader.dataset):
            add_noise(scene, TRANSFORMS.build(test_noise))
    with Stopwatch(device) as testing:
        metrics = runner.test()
    dataset = runner.test_dataloader.dataset
    record = dict(
        scores=plain_scores(metrics),
        split=split_record(split),
        parameters=parameters,
        flops=count_flops(cfg, runner.model),
        samples=len(dataset),
        train_seconds=training.seconds,
        train_wall_seconds=training.wall_seconds,
        test_seconds=testing.seconds,
        test_wall_seconds=testing.wall_seconds,
        tested_state='last' if best is None else Path(best).stem,
    )
    for checkpoint in folder.rglob('*.pth'):  # checkpoints of hundreds of runs would fill the disk
        checkpoint.unlink()
    return record, scene_results(runner)


def pretrain(cfg: Config, part: str, first: Config, folder: Path) -> None:
    """Train the initial state of a part of a network, and let it start from the last state.

    Args:
        cfg (Config): The whole config of the network, in which the part of the backbone gets an ``init_cfg``.
        part (str): Name of the part, e.g. 'spatial'.
        first (Config): The whole config of the pre-training, which is changed.
        folder (Path): Folder of the pre-training.

    Raises:
        ValueError: If it leaves no checkpoint.
    """
    first.work_dir, first.launcher, first.visualizer = str(folder), 'none', dict(type='Visualizer', vis_backends=[])
    first.experiment_name = '_'.join((*folder.parts[-4:], 'run'))
    first.setdefault('default_hooks', {}).pop('preemption', None)
    build_runner(first).train()
    checkpoint = find_latest_checkpoint(folder)
    if checkpoint is None:
        raise ValueError(f'{first.filename}: the pre-training left no checkpoint in {folder}')
    cfg.model.backbone[part].init_cfg = dict(type='Pretrained', checkpoint=checkpoint)


def _prepare(cfg: Config, folder: Path, pictures: bool) -> None:
    cfg.work_dir = str(folder)
    cfg.experiment_name = '_'.join((*folder.parts[-3:], cfg.get('experiment_name') or 'run'))
    cfg.launcher = 'none'
    hooks = cfg.setdefault('default_hooks', {})
    hooks.pop('progress', None)
    hooks.pop('preemption', None)  # the runner of the suite terminates cells without resuming them
    if hooks.get('checkpoint'):
        hooks['checkpoint'].update(interval=-1, save_last=False, save_optimizer=False, save_param_scheduler=False)
        if not cfg.get('val_dataloader'):
            hooks['checkpoint'] = None
    cfg.visualizer = dict(type='Visualizer', vis_backends=[])
    if not pictures:
        hooks.pop('result', None)
        dataset = cfg.test_dataloader.dataset
        if component_name(dataset) == 'WindowDataset' and dataset.get('subset') == 'all' and dataset.get('evaluate_on'):
            dataset.subset = dataset.evaluate_on


def _split(dataset) -> Split | None:
    scenes = find_scenes(dataset)
    return scenes[0].split if len(scenes) == 1 else None


def save_maps(path: Path, results: dict) -> None:
    """Write which evaluated pixels of label maps were classified correctly, for paired tests.

    Args:
        path (Path): File to write, with the arrays 'pixels', flat indices, and 'correct', bool; several scenes are
            concatenated. Nothing is written for results without label maps.
        results (dict): Results by the name of the scene.
    """
    maps = [
        (result.prediction, result.target)
        for result in results.values()
        if getattr(result, 'prediction', None) is not None and getattr(result, 'target', None) is not None
    ]
    if not maps or any(np.asarray(prediction).dtype.kind not in 'ui' for prediction, _ in maps):
        return
    evaluated = [np.flatnonzero(target != 255) for _, target in maps]
    correct = [
        (prediction.ravel() == target.ravel())[pixels]
        for (prediction, target), pixels in zip(maps, evaluated, strict=True)
    ]
    np.savez_compressed(path, pixels=np.concatenate(evaluated), correct=np.concatenate(correct))
