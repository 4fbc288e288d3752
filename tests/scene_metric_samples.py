"""Predictions of both protocols over one scene, and their evaluation in one process of several."""

import json

import numpy as np
import torch
import torch.distributed as dist
from mmengine.logging import MMLogger

from mmhsi.evaluation import SceneChangeMetric, SceneClassificationMetric, SceneDetectionMetric
from mmhsi.utils.tiling import TileGrid

SHAPE, CLASSES = (14, 11), ('Corn', 'Oats', 'Woods')
DETECTION_CLASSES, CHANGE_CLASSES = ('background', 'target'), ('unchanged', 'changed')


def scene_maps(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A prediction map, and a target map in which half of the pixels are not evaluated."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 3, SHAPE), np.where(rng.random(SHAPE) < 0.5, rng.integers(0, 3, SHAPE), 255)


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
            scene_shape=pred.shape,
        )
        for row, col in np.ndindex(*pred.shape)
    ]


def tile_samples(target: np.ndarray, size: int = 6, overlap: int = 3, seed: int = 0) -> list[dict]:
    """One dict per tile with its own random prediction, as an mmseg ``SegDataSample`` becomes."""
    rng = np.random.default_rng(seed)
    return [
        dict(
            pred_sem_seg=dict(data=torch.from_numpy(rng.integers(0, 3, (1, size, size)))),
            gt_sem_seg=dict(data=torch.from_numpy(target[None, top : top + size, left : left + size])),
            top=int(top),
            left=int(left),
            overlap=overlap,
            scene_name='scene',
            scene_shape=target.shape,
            img_shape=(size, size),
        )
        for top, left in TileGrid(size, overlap).positions(*target.shape)
    ]


def logit_samples(
    target: np.ndarray, size: int = 6, overlap: int = 3, seed: int = 0, name: str = 'scene'
) -> list[dict]:
    """One dict per tile with random logits of two classes, as a detector of mmseg makes them."""
    rng = np.random.default_rng(seed)
    samples = []
    for top, left in TileGrid(size, overlap).positions(*target.shape):
        truth = target[None, top : top + size, left : left + size]
        logits = rng.normal(size=(2, *truth.shape[1:])).astype(np.float32)
        logits[1] += truth[0] == 1
        samples.append(
            dict(
                seg_logits=dict(data=torch.from_numpy(logits)),
                pred_sem_seg=dict(data=torch.from_numpy(logits.argmax(0)[None])),
                gt_sem_seg=dict(data=torch.from_numpy(truth)),
                top=int(top),
                left=int(left),
                overlap=overlap,
                scene_name=name,
                scene_shape=target.shape,
            )
        )
    return samples


def whole_scene_sample(logits: np.ndarray, target: np.ndarray, name: str = 'scene') -> dict:
    """A scene predicted as one tile, from logits (2, H, W)."""
    return dict(
        seg_logits=dict(data=torch.from_numpy(logits)),
        pred_sem_seg=dict(data=torch.from_numpy(logits.argmax(0)[None])),
        gt_sem_seg=dict(data=torch.from_numpy(target[None])),
        top=0,
        left=0,
        overlap=0,
        scene_name=name,
        scene_shape=target.shape,
    )


def binary_target(shape: tuple[int, int] = SHAPE, seed: int = 0) -> np.ndarray:
    """A map of 0 and 1, 255 in the first row."""
    target = (np.random.default_rng(seed).random(shape) < 0.3).astype(np.int64)
    target[0] = 255
    return target


def evaluate(
    samples: list[dict],
    size: int | None = None,
    batch: int = 7,
    metric=SceneClassificationMetric,
    classes: tuple[str, ...] = CLASSES,
    **kwargs,
):
    """Evaluate samples as one process does; returns the scalars and the metric."""
    metric = metric(**kwargs)
    metric.dataset_meta = dict(classes=classes)
    for start in range(0, len(samples), batch):
        metric.process(None, samples[start : start + batch])
    return metric.evaluate(len(samples) if size is None else size), metric


def evaluate_detection(samples: list[dict], size: int | None = None, **kwargs):
    """:func:`evaluate` for detection."""
    return evaluate(samples, size, metric=SceneDetectionMetric, classes=DETECTION_CLASSES, **kwargs)


def evaluate_change(samples: list[dict], size: int | None = None, **kwargs):
    """:func:`evaluate` for change detection."""
    return evaluate(samples, size, metric=SceneChangeMetric, classes=CHANGE_CLASSES, **kwargs)


def process_cases() -> dict:
    """What two processes evaluate: samples, how they are evaluated and the name of the map in the result."""
    pred, target = scene_maps()
    return {
        'windows': (window_samples(pred, target), evaluate, 'prediction'),
        'tiles': (tile_samples(target), evaluate, 'prediction'),
        'detection': (logit_samples(binary_target()), evaluate_detection, 'scores'),
        'change': (window_samples(pred % 2, binary_target()), evaluate_change, 'prediction'),
    }


def evaluate_in_process(rank: int, world_size: int, folder: str) -> None:
    """Evaluate this process's share: windows dealt out in turn with repetitions, tiles in unequal blocks."""
    dist.init_process_group('gloo', init_method=f'file://{folder}/group', rank=rank, world_size=world_size)
    MMLogger.get_instance('test', logger_name='test')
    for name, (samples, run, key) in process_cases().items():
        filled = samples + samples[: -len(samples) % world_size or 3]
        share = filled[rank::world_size]
        if name == 'tiles':
            share = samples[:2] if rank else samples[2:]
        metrics, metric = run(share, len(samples), collect_dir=f'{folder}/{name}')
        with open(f'{folder}/{name}_{rank}.json', 'w') as file:
            json.dump(metrics, file)
        if rank == 0:
            np.save(f'{folder}/{name}.npy', getattr(metric.scene_results['scene'], key))
        else:
            assert not metric.scene_results
    dist.destroy_process_group()
