"""Base of the scene metrics: one map for each scene from the predictions of all its windows or tiles."""

import logging
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from mmengine.logging import print_log

from mmhsi.evaluation.functional.scene_maps import merge_tiles, overlay_labels, place_pixels
from mmhsi.evaluation.metrics.gathered_metric import GatheredMetric
from mmhsi.utils.labels import IGNORE_INDEX
from mmhsi.utils.tiling import BLENDS, TileGrid


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


class SceneMetric(GatheredMetric):
    """Assemble one map per scene and evaluate it.

    Two kinds of samples are understood:

    - windows (mmpretrain ``DataSample``): ``pred_label`` and, if the pixel is evaluated, ``gt_label``; meta keys
      ``row``, ``col``, ``scene_name``, ``scene_shape``;
    - tiles (mmseg ``SegDataSample``): ``pred_sem_seg`` and ``gt_sem_seg``, 255 where a pixel is not evaluated; meta
      keys ``top``, ``left``, ``scene_name``, ``scene_shape`` and, unless the metric sets it, ``overlap``. Tiles are
      blended by :class:`mmhsi.utils.tiling.TileGrid`. A whole scene is a tile at row 0 and column 0.

    Predictions are placed by position and all results of all processes are gathered, so neither the order of the
    samples, nor the number of processes, nor repeated samples of a distributed sampler change the result. If repeated
    samples disagree (rounding on different devices), the smaller value is kept and a warning gives the number of such
    values.

    A subclass defines what a tile predicts (:meth:`read_tile`), how a scene is evaluated (:meth:`evaluate_scene`) and
    what the metrics are (:meth:`summarise`).

    Attributes:
        scene_results (dict): The result of each scene by name, on the main process, after each evaluation.
        results_detail (dict): Details beyond the scalar metrics, after each evaluation.

    Args:
        overlap (int, optional): Overlap of the tiles in pixels. Defaults to None: the data samples tell.
        stitch (str): How overlapping tiles are blended, see :class:`mmhsi.utils.tiling.TileGrid`. Defaults to
            'overwrite', the only one that suits labels.
        collect_device (str): 'cpu' or 'gpu', where the processes exchange results. Defaults to 'cpu'.
        prefix (str, optional): Prefix of the metric names. Defaults to None.
        collect_dir (str, optional): Folder shared by the processes for the exchange. Defaults to None.

    Raises:
        ValueError: If a sample lacks a required entry, a label is out of range, two samples contradict each other about
            the ground truth, or an evaluated pixel has no prediction.
    """

    default_prefix = ''
    tile_key, windows_allowed, values = 'pred_sem_seg', True, 'labels'

    def __init__(
        self,
        overlap: int | None = None,
        stitch: str = 'overwrite',
        collect_device: str = 'cpu',
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix, collect_dir=collect_dir)
        known = ('overwrite',) if self.values == 'labels' else BLENDS
        if stitch not in known:
            raise ValueError(f'stitch must be one of {known}, found {stitch!r}')
        self.overlap = overlap
        self.blend = stitch
        self.scene_results: dict = {}
        self.results_detail: dict = {}

    @abstractmethod
    def evaluate_scene(self, name: str, prediction: np.ndarray, target: np.ndarray) -> Any:
        """Evaluate the map of a scene.

        Args:
            name (str): Name of the scene.
            prediction (np.ndarray): The map: (H, W) labels, 255 where there is none, or (H, W, K) values, NaN where
                there is none.
            target (np.ndarray): (H, W) uint8 labels, 255 where nothing is evaluated.

        Returns:
            Any: The result, kept in ``scene_results``.
        """

    @abstractmethod
    def summarise(self) -> dict[str, float]:
        """The metrics of all ``scene_results`` together; sets ``results_detail`` and logs."""

    def read_tile(self, scene: str, sample: dict) -> np.ndarray:
        """What a tile predicts: (h, w) uint8 labels, or (h, w, K) values."""
        return self.labels(scene, 'predicted labels', torch.as_tensor(sample['pred_sem_seg']['data']).squeeze(0))

    def read_windows(self, scene: str, samples: list[dict]) -> np.ndarray:
        """What N windows predict: (N,) uint8 labels, or (N, K) values for :meth:`place`."""
        labels = [torch.as_tensor(sample['pred_label']).reshape(-1) for sample in samples]
        _require_single(scene, 'pred_label', labels)
        return self.labels(scene, 'predicted labels', torch.cat(labels))

    def place(
        self, rows: np.ndarray, cols: np.ndarray, values: np.ndarray, shape: tuple[int, int]
    ) -> tuple[np.ndarray, int]:
        """The map of a scene from the predictions of its windows, and the number of them that disagree with it."""
        return place_pixels(rows, cols, values, shape)

    def stitch(self, tiles: dict, shape: tuple[int, int], overlap: int) -> np.ndarray:
        """The map of a scene from the predictions of its tiles by (top, left)."""
        first = next(iter(tiles.values()))
        empty = np.nan if first.dtype.kind == 'f' else IGNORE_INDEX
        return TileGrid(first.shape[:2], overlap, self.blend).stitch(tiles.values(), tiles, shape, empty)

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep the predictions and positions of one batch.

        Args:
            data_batch (Any): The input batch; not used.
            data_samples (Sequence[dict]): Predictions as dicts, of either kind.
        """
        windows: dict[str, list[dict]] = {}
        for sample in data_samples:
            _require_finite(sample)
            if self.tile_key in sample:
                self.results.append(self._read_tile(sample))
            elif self.windows_allowed and 'pred_label' in sample:
                _require(sample, 'scene_name', 'scene_shape', 'row', 'col')
                windows.setdefault(sample['scene_name'], []).append(sample)
            else:
                wanted = f'neither pred_label nor {self.tile_key}' if self.windows_allowed else f'no {self.tile_key}'
                raise ValueError(
                    f'{type(self).__name__}: a data sample of scene {sample.get("scene_name")!r} has '
                    f'{wanted}; it holds {sorted(sample)}'
                )
        for samples in windows.values():
            self.results.append(self._read_windows(samples))

    def _read_windows(self, samples: list[dict]) -> _Windows:
        name, shape = _scene(samples[0])
        if any(_scene(sample)[1] != shape for sample in samples):
            raise ValueError(f'scene {name}: its windows have different scene shapes')
        not_evaluated = torch.tensor([IGNORE_INDEX])
        pred = self.read_windows(name, samples)
        target = [torch.as_tensor(sample.get('gt_label', not_evaluated)).reshape(-1) for sample in samples]
        _require_single(name, 'gt_label', target)
        return _Windows(
            name,
            shape,
            np.array([int(sample['row']) for sample in samples]),
            np.array([int(sample['col']) for sample in samples]),
            pred,
            self.labels(name, 'ground truth labels', torch.cat([label.cpu() for label in target])),
        )

    def _read_tile(self, sample: dict) -> _Tile:
        _require(sample, 'scene_name', 'scene_shape', 'top', 'left')
        name, shape = _scene(sample)
        pred = self.read_tile(name, sample)
        if 'gt_sem_seg' in sample:
            target = self.labels(name, 'ground truth labels', torch.as_tensor(sample['gt_sem_seg']['data']).squeeze(0))
        else:
            target = np.full(pred.shape[:2], IGNORE_INDEX, np.uint8)
        top, left = int(sample['top']), int(sample['left'])
        if pred.shape[:2] != target.shape:
            raise ValueError(
                f'scene {name}: the tile at row {top}, column {left} has a prediction of '
                f'{pred.shape[:2]} and a ground truth of {target.shape} pixels'
            )
        overlap = sample.get('overlap')
        return _Tile(name, shape, top, left, pred, target, None if overlap is None else int(overlap))

    def labels(self, scene: str, what: str, labels: torch.Tensor) -> np.ndarray:
        """Labels as uint8, checked before the conversion so that they cannot wrap around."""
        labels = labels.cpu().numpy()
        classes = self.classes()
        wrong = (labels < 0) | (labels >= len(classes))
        if what.startswith('ground'):
            wrong &= labels != IGNORE_INDEX
        if wrong.any():
            raise ValueError(
                f'scene {scene}: {what} must lie in 0 .. {len(classes) - 1} ({len(classes)} classes), '
                f'found {labels[wrong][0]}'
            )
        return labels.astype(np.uint8)

    def classes(self) -> tuple[str, ...]:
        """The class names of the dataset."""
        classes = (self.dataset_meta or {}).get('classes')
        if not classes:
            raise ValueError(f"{type(self).__name__} needs the class names: the dataset's metainfo has no 'classes'")
        if len(classes) > IGNORE_INDEX:
            raise ValueError(f'at most {IGNORE_INDEX} classes are supported, found {len(classes)}')
        return tuple(classes)

    @property
    def palette(self):
        """The colours of the classes; None if the dataset has none."""
        return (self.dataset_meta or {}).get('palette')

    def compute_metrics(self, results: list) -> dict:
        """Assemble the maps and evaluate them.

        Args:
            results (list): One list of batch records per process.

        Returns:
            dict: The metrics.
        """
        by_scene: dict[str, list] = {}
        for record in (record for part in results for record in part):
            by_scene.setdefault(record.scene, []).append(record)
        if not by_scene:
            raise ValueError(f'{type(self).__name__} got no prediction: the evaluated dataset is empty')

        self.scene_results, num_samples = {}, 0
        for name in sorted(by_scene):
            prediction, target, distinct = self._assemble(name, by_scene[name])
            num_samples += distinct
            self.scene_results[name] = self.evaluate_scene(name, prediction, target)
        if self._dataset_size is not None and num_samples < self._dataset_size:
            warn(f'only {num_samples} of {self._dataset_size} samples of the dataset have a prediction')
        return self.summarise()

    def _assemble(self, name: str, records: list) -> tuple[np.ndarray, np.ndarray, int]:
        """Prediction map, target map and number of distinct samples of one scene."""
        if len({(type(record), record.shape) for record in records}) > 1:
            raise ValueError(f'scene {name}: its samples differ in scene_shape or mix windows and tiles')
        shape = records[0].shape
        if isinstance(records[0], _Windows):
            rows, cols, pred, target = (
                np.concatenate([getattr(record, key) for record in records])
                for key in ('rows', 'cols', 'pred', 'target')
            )
            prediction, conflicts = self.place(rows, cols, pred, shape)
            target, contradictions = place_pixels(rows, cols, target, shape)
            distinct = len(np.unique(rows * shape[1] + cols))
        else:
            tops, lefts = [record.top for record in records], [record.left for record in records]
            tiles, conflicts = merge_tiles([record.pred for record in records], tops, lefts)
            targets, contradictions = merge_tiles([record.target for record in records], tops, lefts)
            prediction = self.stitch(tiles, shape, self._tile_overlap(name, records, len(tiles)))
            target, more = overlay_labels(targets, shape)
            contradictions += more
            distinct = len(tiles)
        if contradictions:
            raise ValueError(
                f'scene {name}: its samples contradict each other about the ground truth of {contradictions} pixels'
            )
        if conflicts:
            warn(f'scene {name}: {conflicts} {self.values} of repeated samples differ; the smaller one is kept')
        return prediction, target, distinct

    def _tile_overlap(self, name: str, records: list[_Tile], num_tiles: int) -> int:
        if self.overlap is not None:
            return self.overlap
        overlaps = {record.overlap for record in records}
        if overlaps == {None} and num_tiles == 1:
            return 0
        if None in overlaps or len(overlaps) > 1:
            raise ValueError(
                f'scene {name}: the overlap of its tiles is not known (meta key overlap: '
                f'{sorted(map(str, overlaps))}); set {type(self).__name__}(overlap=...) to the value '
                'of the tile dataset'
            )
        (overlap,) = overlaps
        assert overlap is not None
        return overlap


def warn(message: str) -> None:
    """Log a warning."""
    print_log(message, logger='current', level=logging.WARNING)


def _require(sample: dict, *keys: str) -> None:
    missing = [key for key in keys if key not in sample]
    if missing:
        raise ValueError(
            f'a data sample lacks the meta keys {missing}: name them in meta_keys of the transform that '
            'packs the inputs'
        )


def _require_finite(sample: dict) -> None:
    """Otherwise, a network that outputs NaN would assign the first class to every pixel."""
    for key in ('pred_score', 'seg_logits'):
        values = sample.get(key)
        values = values['data'] if isinstance(values, dict) else values
        wrong = 0 if values is None else int((~torch.as_tensor(values).isfinite()).sum())
        if wrong:
            place = ', '.join(f'{name} {int(sample[name])}' for name in ('row', 'col', 'top', 'left') if name in sample)
            raise ValueError(
                f'scene {sample.get("scene_name")}: {wrong} of {torch.as_tensor(values).numel()} {key} '
                f'are NaN or infinite in the sample at {place or "an unknown place"}'
            )


def _require_single(scene: str, what: str, labels: list[torch.Tensor]) -> None:
    if any(len(label) != 1 for label in labels):
        raise ValueError(
            f'scene {scene}: every window has one {what}, found {sorted({len(label) for label in labels})} values'
        )


def _scene(sample: dict) -> tuple[str, tuple[int, int]]:
    return str(sample['scene_name']), (int(sample['scene_shape'][0]), int(sample['scene_shape'][1]))
