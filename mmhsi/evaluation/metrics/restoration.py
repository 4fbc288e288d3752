"""Evaluation of restored images: mean scores over the images, beside those of the degraded ones."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from mmengine.logging import print_log
from prettytable import PrettyTable

from mmhsi.evaluation.metrics.gathered_metric import GatheredMetric
from mmhsi.evaluation.metrics.scene_metric import warn
from mmhsi.evaluation.restoration_result import SCORE_NAMES, RestorationResult
from mmhsi.registry import METRICS
from mmhsi.utils.imresize import imresize


@METRICS.register_module()
class RestorationMetric(GatheredMetric):
    """PSNR, SSIM, SAM, ERGAS, CC and RMSE of restored images, and of the degraded ones as ``input_PSNR`` and so on.

    A score is that of each image, see :class:`~mmhsi.evaluation.RestorationResult`, then the mean over the images.
    Images are told apart by their ``sample_idx`` (or their ``name``) and all processes are gathered whole, so that
    neither the number of processes nor images that a distributed sampler repeats change the result.

    The data samples are those of ``TiledEditModel``, or of mmagic's models: ``output.pred_img``, ``input`` and, unless
    there is no clean image, ``gt_img``, each (C, H, W), with the meta keys that ``PackRestoration`` packs. The input of
    super-resolution is compared after bicubic enlargement, or as ``enlarged`` if the sample has that.

    Values of clean images outside [0, ``data_range``] are reported; PSNR and SSIM are wrong for them. Restored values
    are neither clipped nor refused there.

    Attributes:
        scene_results (dict): The result of each image by name, on the main process, after each evaluation.
        results_detail (dict): ``images``, their number, and ``band_PSNR`` and ``input_band_PSNR``, means over them.

    Args:
        scale (int): Scale factor of super-resolution, 1 for denoising. Defaults to 1.
        data_range (float): Range of the values. Defaults to 1.
        ergas_ratio (float, optional): Ratio of ERGAS. Defaults to the scale, at scale 1 to no such factor. The
            super-resolution of the reference has 4 at all scales.
        skip_zeros (bool): Whether SAM leaves out pixels that are 0 in all bands, as the super-resolution of the
            reference does. Defaults to False.
        keep_images (int): Number of images, the first of the dataset, whose cubes are kept for pictures and files.
            Defaults to 8.
        collect_device, prefix, collect_dir: See :class:`mmengine.evaluator.BaseMetric`.

    Raises:
        ValueError: When a sample lacks what is needed, an image is not of the size of its clean one, or a value is NaN
            or infinite.
    """

    default_prefix = ''

    refine: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, Mapping[str, np.ndarray]]] | None = None
    """What makes of a degraded (h, w, C) and a restored image (H, W, C) another one, and its parts; a hook sets it."""

    def __init__(
        self,
        scale: int = 1,
        data_range: float = 1.0,
        ergas_ratio: float | None = None,
        skip_zeros: bool = False,
        keep_images: int = 8,
        collect_device: str = 'cpu',
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix, collect_dir=collect_dir)
        if scale < 1 or not data_range > 0:
            raise ValueError(f'scale must be at least 1 and data_range positive, found {scale} and {data_range}')
        self.options: dict[str, Any] = dict(
            scale=scale, data_range=data_range, ergas_ratio=ergas_ratio, skip_zeros=skip_zeros
        )
        self.keep_images = keep_images
        self.scene_results: dict[str, RestorationResult] = {}
        self.results_detail: dict = {}

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Score the images of one batch.

        Args:
            data_batch (Any): The input batch; not used.
            data_samples (Sequence[dict]): Predictions as dicts.
        """
        for sample in data_samples:
            missing = [key for key in ('output', 'input', 'name') if key not in sample]
            if missing:
                raise ValueError(
                    f'RestorationMetric: a data sample has no {" and no ".join(missing)}; it holds {sorted(sample)}'
                )
            degraded = _cube(sample['enlarged'] if 'enlarged' in sample else sample['input'])
            if 'enlarged' not in sample and self.options['scale'] > 1:
                degraded = imresize(degraded, self.options['scale'])
            restored, settings = _cube(sample['output']['pred_img']), {}
            clean = _cube(sample['gt_img']) if 'gt_img' in sample else None
            if self.refine is not None:
                restored, parts = self.refine(_cube(sample['input']), restored)
                if clean is not None:
                    settings['parts'] = {part: self._scores(image, clean, degraded) for part, image in parts.items()}
            self.add(
                sample.get('sample_idx'),
                str(sample['name']),
                restored,
                clean,
                degraded,
                settings=settings,
                **{key: sample[key] for key in ('scene_name', 'scale', 'top', 'left') if key in sample},
            )

    def _scores(self, image: np.ndarray, clean: np.ndarray, degraded: np.ndarray) -> dict[str, float]:
        """Scores of a part of a whole."""
        result = RestorationResult.evaluate('part', np.asarray(image, np.float32), clean, degraded, **self.options)
        return {name: float(value) for name, value in result.scores.items() if np.isfinite(value)}

    def add(
        self,
        index: int | None,
        name: str,
        restored: np.ndarray,
        clean: np.ndarray | None,
        degraded: np.ndarray,
        scene_name: str | None = None,
        scale: float | None = None,
        top: int | None = None,
        left: int | None = None,
        settings: dict | None = None,
    ) -> None:
        """Score one image.

        Args:
            index (int, optional): Its number in the dataset.
            name (str): Its name.
            restored (np.ndarray): (H, W, C).
            clean (np.ndarray, optional): (H, W, C).
            degraded (np.ndarray): (H, W, C), of super-resolution enlarged.
            scene_name (str, optional): Name of the scene it was cut from.
            scale (float, optional): Scale of the copy of the scene it was cut from.
            top (int, optional): Its first row there.
            left (int, optional): Its first column there.
            settings (dict, optional): Kept with the result.
        """
        if restored.shape != degraded.shape:
            raise ValueError(
                f'image {name!r}: the restored image has the shape {restored.shape} (rows, columns, '
                f'bands), expected {degraded.shape} at scale {self.options["scale"]}'
            )
        area = None
        if scale == 1 and top is not None and left is not None:  # a part of the scene itself, not of a copy
            pixels = 1 if clean is not None else self.options['scale']  # of an enlarged scene to one of the scene
            area = (int(top), int(left), *(side // pixels for side in restored.shape[:2]))
        result = RestorationResult.evaluate(
            name, restored, clean, degraded, scene_name=scene_name, area=area, settings=settings or {}, **self.options
        )
        kept = len(self.results) if index is None else int(index)
        self.results.append((index, result if kept < self.keep_images else result.without_images()))

    def compute_metrics(self, results: list) -> dict:
        """Mean scores of all images.

        Args:
            results (list): One list of (index, result) per process.

        Returns:
            dict: The metrics.
        """
        images: dict = {}
        for index, result in (record for part in results for record in part):
            images.setdefault(result.name if index is None else int(index), result)
        if not images:
            raise ValueError('RestorationMetric got no image: the evaluated dataset is empty')
        if self._dataset_size is not None and len(images) < self._dataset_size:
            warn(f'only {len(images)} of {self._dataset_size} images of the dataset were restored')
        self.scene_results = {}
        for key in sorted(images, key=lambda key: (isinstance(key, str), key)):
            result = images[key]
            if result.name in self.scene_results:
                result = replace(result, name=f'{result.name}_{key}')
            self.scene_results[result.name] = result
        return self._summarise(list(self.scene_results.values()))

    def _summarise(self, results: list[RestorationResult]) -> dict[str, float]:
        outside = sum(result.outside.get('clean', 0) for result in results)
        if outside:
            names = [result.name for result in results if result.outside.get('clean')]
            warn(
                f'{outside} values of clean images lie outside the declared range of 0 to '
                f'{self.options["data_range"]:g}, for which PSNR and SSIM are wrong; the first of {len(names)} such '
                f'images is {names[0]!r}'
            )
        scored = [result for result in results if result.scores]
        self.results_detail = dict(images=len(scored))
        if not scored:
            warn('there is no clean image: the images are restored but not scored')
            return {}
        perfect = sum(result.perfect_bands for result in scored)
        if perfect:
            warn(f'{perfect} bands are restored without any error; their PSNR is infinite and counts 100 dB')
        band_psnr = [result.band_psnr for result in scored if result.band_psnr is not None]
        input_band_psnr = [result.input_band_psnr for result in scored if result.input_band_psnr is not None]
        if len({len(values) for values in band_psnr}) == 1:
            self.results_detail.update(
                band_PSNR=np.mean(band_psnr, axis=0), input_band_PSNR=np.mean(input_band_psnr, axis=0)
            )
        metrics = {}
        for prefix, attribute in (('', 'scores'), ('input_', 'input_scores')):
            for name in scored[0].scores:
                values = np.array([getattr(result, attribute)[name] for result in scored])
                defined = values[~np.isnan(values)]
                if len(defined) < len(values):
                    warn(
                        f'{prefix}{name} is undefined for {len(values) - len(defined)} of {len(values)} images, which '
                        'are left out of its mean'
                    )
                metrics[prefix + name] = float(defined.mean()) if len(defined) else float('nan')
        self._print(scored, metrics)
        return metrics

    def _print(self, results: list[RestorationResult], metrics: dict[str, float]) -> None:
        names = [name for name in SCORE_NAMES if name in metrics]
        table = PrettyTable(['image', 'state', *names])
        table.align = 'r'
        table.align['image'] = table.align['state'] = 'l'
        rows = [(result.name, result.input_scores, result.scores) for result in results[: self.keep_images]]
        if len(results) > 1:
            means = {name: metrics[name] for name in names}
            rows.append((f'mean of {len(results)}', {name: metrics[f'input_{name}'] for name in names}, means))
        for name, *states in rows:
            for state, scores in zip(('input', 'restored'), states, strict=True):
                table.add_row([name, state, *('-' if np.isnan(scores[key]) else f'{scores[key]:.4f}' for key in names)])
        print_log('restoration:\n' + table.get_string(), logger='current')


def _cube(image: torch.Tensor) -> np.ndarray:
    """(C, H, W) → (H, W, C) float32."""
    return np.ascontiguousarray(torch.as_tensor(image).detach().float().cpu().numpy().transpose(1, 2, 0))
