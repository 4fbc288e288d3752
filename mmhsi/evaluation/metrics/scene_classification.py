"""Evaluation of a classified scene: one map from the predictions of all windows or tiles, and its scores."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_world_size
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from prettytable import PrettyTable

from mmhsi.evaluation.functional.classification import classification_scores
from mmhsi.evaluation.functional.scene_maps import merge_tiles, overlay_labels, place_pixels, stitch_labels
from mmhsi.evaluation.scene_result import IGNORE_INDEX, SceneResult
from mmhsi.registry import METRICS


@dataclass(frozen=True)
class _Windows:
    scene: str
    shape: tuple[int, int]
    rows: np.ndarray
    cols: np.ndarray
    pred: np.ndarray
    target: np.ndarray


@dataclass(frozen=True)
class _Tile:
    scene: str
    shape: tuple[int, int]
    top: int
    left: int
    pred: np.ndarray
    target: np.ndarray
    overlap: int | None


@METRICS.register_module()
class SceneClassificationMetric(BaseMetric):
    """Assemble one label map per scene and compute OA, AA and kappa over its evaluated pixels.

    Both classification protocols are understood:

    - windows (mmpretrain ``DataSample``): ``pred_label`` and, where the pixel is evaluated, ``gt_label``; meta keys
      ``row``, ``col``, ``scene_name``, ``scene_shape``;
    - tiles (mmseg ``SegDataSample``): ``pred_sem_seg`` and ``gt_sem_seg``, 255 where a pixel is not evaluated; meta
      keys ``top``, ``left``, ``scene_name``, ``scene_shape`` and, unless the metric is told, ``overlap``. Tiles are
      stitched by :func:`mmhsi.utils.tiling.stitch_tiles`.

    Labels are placed by position and all processes are gathered whole, so neither the order of the samples, nor the
    number of processes, nor samples that a distributed sampler repeats change the result. Where repeated samples
    disagree (rounding on different devices) the smaller label is kept and a warning tells how many.

    The returned scalars are fractions, as in the reference implementation: ``OA`` and ``AA`` in 0 .. 1, ``kappa`` at
    most 1. With several scenes they come from the pooled confusion matrix. A table of the classes is logged.

    Attributes:
        scene_results (dict[str, SceneResult]): The maps and scores of each scene, on the main process, after each
            evaluation.
        results_detail (dict): The pooled scores with ``classes`` and ``confusion_matrix``, after each evaluation.

    Args:
        overlap (int, optional): Overlap in pixels with which the tiles were cut. Defaults to None: the data samples
            tell.
        aa (str): 'recall' for the usual average accuracy, or 'precision' as the window protocol of the reference
            implementation reports it. Defaults to 'recall'.
        collect_device (str): 'cpu' or 'gpu', where the processes exchange results. Defaults to 'cpu'.
        prefix (str, optional): Prefix of the metric names. Defaults to None.
        collect_dir (str, optional): Folder shared by the processes for the exchange. Defaults to None.

    Raises:
        ValueError: When a sample lacks what its protocol needs, a label is out of range, two samples contradict each
            other about the ground truth, or an evaluated pixel has no prediction.
    """

    default_prefix = ''

    def __init__(self,
                 overlap: int | None = None,
                 aa: str = 'recall',
                 collect_device: str = 'cpu',
                 prefix: str | None = None,
                 collect_dir: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix, collect_dir=collect_dir)
        if aa not in ('recall', 'precision'):
            raise ValueError(f"aa must be 'recall' or 'precision', found {aa!r}")
        self.overlap = overlap
        self.aa = aa
        self.scene_results: dict[str, SceneResult] = {}
        self.results_detail: dict = {}
        self._dataset_size: int | None = None

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep the labels and positions of one batch.

        Args:
            data_batch (Any): The input batch; not used.
            data_samples (Sequence[dict]): Predictions as dicts, of either protocol.
        """
        windows: dict[str, list[dict]] = {}
        for sample in data_samples:
            if 'pred_sem_seg' in sample:
                self.results.append(self._read_tile(sample))
            elif 'pred_label' in sample:
                _require(sample, 'scene_name', 'scene_shape', 'row', 'col')
                windows.setdefault(sample['scene_name'], []).append(sample)
            else:
                raise ValueError(f'a data sample of scene {sample.get("scene_name")!r} has neither pred_label nor '
                                 f'pred_sem_seg; it holds {sorted(sample)}')
        for samples in windows.values():
            self.results.append(self._read_windows(samples))

    def _read_windows(self, samples: list[dict]) -> _Windows:
        name, shape = _scene(samples[0])
        if any(_scene(sample)[1] != shape for sample in samples):
            raise ValueError(f'scene {name}: its windows tell different scene shapes')
        not_evaluated = torch.tensor([IGNORE_INDEX])
        pred = [torch.as_tensor(sample['pred_label']).reshape(-1) for sample in samples]
        target = [torch.as_tensor(sample.get('gt_label', not_evaluated)).reshape(-1) for sample in samples]
        for what, labels in (('pred_label', pred), ('gt_label', target)):
            if any(len(label) != 1 for label in labels):
                raise ValueError(f'scene {name}: every window has one {what}, found '
                                 f'{sorted({len(label) for label in labels})} values')
        return _Windows(name, shape, np.array([int(sample['row']) for sample in samples]),
                        np.array([int(sample['col']) for sample in samples]),
                        self._labels(name, 'predicted labels', torch.cat(pred)),
                        self._labels(name, 'ground truth labels', torch.cat([label.cpu() for label in target])))

    def _read_tile(self, sample: dict) -> _Tile:
        _require(sample, 'scene_name', 'scene_shape', 'top', 'left')
        name, shape = _scene(sample)
        pred = self._labels(name, 'predicted labels', torch.as_tensor(sample['pred_sem_seg']['data']).squeeze(0))
        if 'gt_sem_seg' in sample:
            target = self._labels(name, 'ground truth labels',
                                  torch.as_tensor(sample['gt_sem_seg']['data']).squeeze(0))
        else:
            target = np.full_like(pred, IGNORE_INDEX)
        top, left = int(sample['top']), int(sample['left'])
        if pred.shape != target.shape:
            raise ValueError(f'scene {name}: the tile at row {top}, column {left} has a prediction of {pred.shape} and '
                             f'a ground truth of {target.shape} pixels')
        overlap = sample.get('overlap')
        return _Tile(name, shape, top, left, pred, target, None if overlap is None else int(overlap))

    def _labels(self, scene: str, what: str, labels: torch.Tensor) -> np.ndarray:
        """Labels as uint8, checked before the conversion could wrap them round."""
        labels = labels.cpu().numpy()
        classes = self._classes()
        wrong = (labels < 0) | (labels >= len(classes))
        if what.startswith('ground'):
            wrong &= labels != IGNORE_INDEX
        if wrong.any():
            raise ValueError(f'scene {scene}: {what} must lie in 0 .. {len(classes) - 1} ({len(classes)} classes), '
                             f'found {labels[wrong][0]}')
        return labels.astype(np.uint8)

    def _classes(self) -> tuple[str, ...]:
        classes = (self.dataset_meta or {}).get('classes')
        if not classes:
            raise ValueError("SceneClassificationMetric needs the class names: the dataset's metainfo has no 'classes'")
        if len(classes) > IGNORE_INDEX:
            raise ValueError(f'at most {IGNORE_INDEX} classes are supported, found {len(classes)}')
        return tuple(classes)

    def evaluate(self, size: int) -> dict:
        """Gather all processes and score.

        Args:
            size (int): Number of samples in the dataset.

        Returns:
            dict: The metrics, on every process.
        """
        self._dataset_size = size
        # One part per process: MMEngine would otherwise cut the gathered list to `size` entries, which is right only
        # for samplers that deal out the dataset in turn.
        self.results = [list(self.results)]
        return super().evaluate(get_world_size())

    def compute_metrics(self, results: list) -> dict:
        """Assemble the maps and score them.

        Args:
            results (list): One list of batch records per process.

        Returns:
            dict: ``OA``, ``AA`` and ``kappa``.
        """
        records = [record for part in results for record in part]
        if not records:
            raise ValueError('SceneClassificationMetric got no prediction: the evaluated dataset is empty')
        classes = self._classes()
        by_scene: dict[str, list] = {}
        for record in records:
            by_scene.setdefault(record.scene, []).append(record)

        self.scene_results, num_samples = {}, 0
        for name in sorted(by_scene):
            prediction, target, distinct = self._assemble(name, by_scene[name])
            num_samples += distinct
            self.scene_results[name] = SceneResult.evaluate(
                name, prediction, target, classes, (self.dataset_meta or {}).get('palette'), self.aa)
        if self._dataset_size is not None and num_samples < self._dataset_size:
            _warn(f'only {num_samples} of {self._dataset_size} samples of the dataset have a prediction')

        matrix = sum(result.matrix for result in self.scene_results.values())
        scores = classification_scores(matrix, self.aa)
        self.results_detail = dict(scores, classes=classes, confusion_matrix=matrix)
        if matrix.sum() == 0:
            _warn('no pixel was evaluated: there is a map but OA, AA and kappa are undefined')
        self._log_table(scores, classes)
        return {key: scores[key] for key in ('OA', 'AA', 'kappa')}

    def _assemble(self, name: str, records: list) -> tuple[np.ndarray, np.ndarray, int]:
        """Prediction map, target map and number of distinct samples of one scene."""
        if len({(type(record), record.shape) for record in records}) > 1:
            raise ValueError(f'scene {name}: its samples differ in scene_shape or mix windows and tiles')
        shape = records[0].shape
        if isinstance(records[0], _Windows):
            rows, cols, pred, target = (
                np.concatenate([getattr(record, key) for record in records])
                for key in ('rows', 'cols', 'pred', 'target'))
            prediction, conflicts = place_pixels(rows, cols, pred, shape)
            target, contradictions = place_pixels(rows, cols, target, shape)
            distinct = np.count_nonzero(prediction != IGNORE_INDEX)
        else:
            tops, lefts = [record.top for record in records], [record.left for record in records]
            tiles, conflicts = merge_tiles([record.pred for record in records], tops, lefts)
            targets, contradictions = merge_tiles([record.target for record in records], tops, lefts)
            prediction = stitch_labels(tiles, shape, self._tile_overlap(name, records, len(tiles)))
            target, more = overlay_labels(targets, shape)
            contradictions += more
            distinct = len(tiles)
        if contradictions:
            raise ValueError(f'scene {name}: its samples contradict each other about the ground truth of '
                             f'{contradictions} pixels')
        if conflicts:
            _warn(f'scene {name}: {conflicts} labels of repeated samples differ; the smaller label is kept')
        return prediction, target, distinct

    def _tile_overlap(self, name: str, records: list[_Tile], num_tiles: int) -> int:
        if self.overlap is not None:
            return self.overlap
        overlaps = {record.overlap for record in records}
        if overlaps == {None} and num_tiles == 1:
            return 0
        if None in overlaps or len(overlaps) > 1:
            raise ValueError(f'scene {name}: the overlap of its tiles is not known (meta key overlap: '
                             f'{sorted(map(str, overlaps))}); set SceneClassificationMetric(overlap=...) to the value '
                             'of the tile dataset')
        return overlaps.pop()

    def _log_table(self, scores: dict, classes: Sequence[str]) -> None:
        table = PrettyTable(['Class', 'Pixels', 'Recall', 'Precision', 'F1'])
        table.align = 'r'
        table.align['Class'] = 'l'
        for index, label in enumerate(classes):
            table.add_row([label, scores['support'][index]] +
                          [_percent(scores[key][index]) for key in ('recall', 'precision', 'f1')])
        print_log('per-class results (%):\n' + table.get_string(), logger='current')
        if len(self.scene_results) > 1:
            for name, result in self.scene_results.items():
                figures = ', '.join(f'{key} {result.scores[key]:.4f}' for key in ('OA', 'AA', 'kappa'))
                print_log(f'scene {name}: {figures}', logger='current')


def _require(sample: dict, *keys: str) -> None:
    missing = [key for key in keys if key not in sample]
    if missing:
        raise ValueError(f'a data sample lacks the meta keys {missing}: name them in meta_keys of the transform that '
                         'packs the inputs')


def _scene(sample: dict) -> tuple[str, tuple[int, int]]:
    return str(sample['scene_name']), (int(sample['scene_shape'][0]), int(sample['scene_shape'][1]))


def _percent(value: float) -> str:
    return '-' if np.isnan(value) else f'{100 * value:.2f}'


def _warn(message: str) -> None:
    print_log(message, logger='current', level=logging.WARNING)
