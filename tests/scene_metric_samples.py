"""Predictions of both protocols over one scene, and their evaluation in one process of several."""

import json

import numpy as np
import torch
import torch.distributed as dist
from mmengine.logging import MMLogger

from mmhsi.evaluation import SceneClassificationMetric
from mmhsi.utils.tiling import tile_positions

SHAPE, CLASSES = (14, 11), ('Corn', 'Oats', 'Woods')


def scene_maps(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A prediction map, and a target map in which half of the pixels are not evaluated."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 3, SHAPE), np.where(rng.random(SHAPE) < .5, rng.integers(0, 3, SHAPE), 255)


def window_samples(pred: np.ndarray, target: np.ndarray, name: str = 'scene') -> list[dict]:
    """One dict per pixel, as an mmpretrain ``DataSample`` becomes."""
    return [
        dict(
            pred_label=torch.tensor([pred[row, col]]),
            pred_score=torch.rand(3),
            gt_label=torch.tensor([target[row, col]]),
            row=int(row),
            col=int(col),
            scene_name=name,
            scene_shape=pred.shape) for row, col in np.ndindex(*pred.shape)
    ]


def tile_samples(target: np.ndarray, size: int = 6, overlap: int = 3, seed: int = 0) -> list[dict]:
    """One dict per tile with its own random prediction, as an mmseg ``SegDataSample`` becomes."""
    rng = np.random.default_rng(seed)
    return [
        dict(
            pred_sem_seg=dict(data=torch.from_numpy(rng.integers(0, 3, (1, size, size)))),
            gt_sem_seg=dict(data=torch.from_numpy(target[None, top:top + size, left:left + size])),
            top=int(top),
            left=int(left),
            overlap=overlap,
            scene_name='scene',
            scene_shape=target.shape,
            img_shape=(size, size)) for top, left in tile_positions(*target.shape, size, overlap)
    ]


def evaluate(samples: list[dict], size: int | None = None, batch: int = 7, **kwargs):
    """Evaluate samples as one process does; returns the metrics and the metric."""
    metric = SceneClassificationMetric(**kwargs)
    metric.dataset_meta = dict(classes=CLASSES)
    for start in range(0, len(samples), batch):
        metric.process(None, samples[start:start + batch])
    return metric.evaluate(len(samples) if size is None else size), metric


def evaluate_in_process(rank: int, world_size: int, folder: str) -> None:
    """Evaluate this process's share: windows dealt out in turn with repetitions, tiles in unequal blocks."""
    dist.init_process_group('gloo', init_method=f'file://{folder}/group', rank=rank, world_size=world_size)
    MMLogger.get_instance('test', logger_name='test')
    pred, target = scene_maps()
    windows, tiles = window_samples(pred, target), tile_samples(target)
    filled = windows + windows[:-len(windows) % world_size or 3]
    parts = dict(windows=filled[rank::world_size], tiles=tiles[:2] if rank else tiles[2:])
    for name, samples in parts.items():
        size = len(windows if name == 'windows' else tiles)
        metrics, metric = evaluate(samples, size, collect_dir=f'{folder}/{name}')
        with open(f'{folder}/{name}_{rank}.json', 'w') as file:
            json.dump(metrics, file)
        if rank == 0:
            np.save(f'{folder}/{name}.npy', metric.scene_results['scene'].prediction)
        else:
            assert not metric.scene_results
    dist.destroy_process_group()
