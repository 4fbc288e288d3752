"""The result of restoring one image: the cubes, their scores, and those of the degraded image for comparison."""

from dataclasses import dataclass, field, replace

import numpy as np

from mmhsi.evaluation.functional.restoration import band_psnr, restoration_scores, spectral_angle
from mmhsi.utils.files import json_number

SCORE_NAMES = ('PSNR', 'SSIM', 'SSIM_global', 'SAM', 'ERGAS', 'CC', 'RMSE')


@dataclass
class RestorationResult:
    """A restored image and its evaluation.

    A band that is restored perfectly has an infinite PSNR; it counts as 100 dB, and ``perfect_bands`` is the number of
    such bands. ERGAS is undefined (NaN) if the mean of a clean band is 0, CC if all clean bands are constant.

    Attributes:
        name (str): Name of the image.
        scores (dict): ``PSNR`` (dB, mean over the bands), ``SSIM`` (7 x 7 windows), ``SSIM_global`` (the band as one
            window), ``SAM`` (degrees), ``ERGAS``, ``CC``, ``RMSE`` (in units of the data range), and at scale 1
            ``RMSE_255``; empty without a clean image.
        input_scores (dict): Those of the degraded image, enlarged for super-resolution.
        band_psnr (np.ndarray, optional): (C,) PSNR of each band in dB.
        input_band_psnr (np.ndarray, optional): (C,) of the degraded image.
        perfect_bands (int): Number of bands without any error.
        outside (dict): Number of values outside [0, data_range] of the 'clean', 'input' and 'restored' image.
        restored (np.ndarray, optional): (H, W, C); None if it was not kept.
        clean (np.ndarray, optional): (H, W, C); None without a clean image.
        degraded (np.ndarray, optional): (H, W, C), of super-resolution enlarged.
        data_range (float): Range of the values.
        scene_name (str, optional): Name of the scene the image was cut from.
        area (tuple, optional): Its position there, (top, left, height, width) in pixels of the scene; the image may
            have a higher resolution.
        settings (dict): Facts worth keeping with the result.
    """

    name: str
    scores: dict = field(default_factory=dict)
    input_scores: dict = field(default_factory=dict)
    band_psnr: np.ndarray | None = None
    input_band_psnr: np.ndarray | None = None
    perfect_bands: int = 0
    outside: dict = field(default_factory=dict)
    restored: np.ndarray | None = None
    clean: np.ndarray | None = None
    degraded: np.ndarray | None = None
    data_range: float = 1.0
    scene_name: str | None = None
    area: tuple[int, int, int, int] | None = None
    settings: dict = field(default_factory=dict)

    @classmethod
    def evaluate(
        cls,
        name: str,
        restored: np.ndarray,
        clean: np.ndarray | None,
        degraded: np.ndarray,
        scale: int = 1,
        data_range: float = 1.0,
        ergas_ratio: float | None = None,
        skip_zeros: bool = False,
        **kwargs,
    ) -> 'RestorationResult':
        """Score a restored image.

        Args:
            name (str): Name of the image.
            restored (np.ndarray): (H, W, C).
            clean (np.ndarray, optional): (H, W, C); without it there are no scores.
            degraded (np.ndarray): (H, W, C), of super-resolution enlarged.
            scale (int): Scale factor of super-resolution, 1 for denoising. Defaults to 1.
            data_range (float): Range of the values. Defaults to 1.
            ergas_ratio (float, optional): Ratio of ERGAS. Defaults to the scale; at scale 1 there is no such factor.
            skip_zeros (bool): Whether SAM leaves out pixels that are 0 in all bands. Defaults to False.
            **kwargs: ``scene_name``, ``area``, ``settings``.

        Returns:
            RestorationResult: The scored result with all cubes.

        Raises:
            ValueError: If the shapes differ, a value is NaN or infinite, or the range is not positive.
        """
        result = cls(name, restored=restored, clean=clean, degraded=degraded, data_range=data_range, **kwargs)
        images = dict(clean=clean, input=degraded, restored=restored)
        result.outside = {
            key: int(np.count_nonzero((image < 0) | (image > data_range)))
            for key, image in images.items()
            if image is not None
        }
        if clean is None:
            return result
        ratio = (None if scale == 1 else scale) if ergas_ratio is None else ergas_ratio
        try:
            for image, scores, attribute in (
                (restored, result.scores, 'band_psnr'),
                (degraded, result.input_scores, 'input_band_psnr'),
            ):
                scores.update(restoration_scores(image, clean, data_range, ratio))
                if skip_zeros:
                    scores['SAM'] = spectral_angle(image, clean, skip_zeros=True)
                scores['RMSE'] /= data_range
                if scale == 1:
                    scores['RMSE_255'] = 255 * scores['RMSE']
                setattr(result, attribute, band_psnr(image, clean, data_range))
            result.perfect_bands = int(np.isinf(band_psnr(restored, clean, data_range, np.inf)).sum())
        except ValueError as error:
            raise ValueError(f'image {name!r}: {error}') from error
        return result

    def without_images(self) -> 'RestorationResult':
        """A copy without cubes."""
        return replace(self, restored=None, clean=None, degraded=None)

    def summary(self) -> dict:
        """Describe the result in plain Python values, ready for JSON.

        Returns:
            dict: The scores; ``input``, those of the degraded image; ``gain`` in PSNR (dB); ``band_PSNR`` and
            ``input_band_PSNR``, lists over the bands; ``perfect_bands``; ``values_outside_range``; ``settings`` if
            there are any. Undefined scores are None.
        """
        summary: dict = {name: json_number(value) for name, value in self.scores.items()}
        if self.scores:
            assert self.band_psnr is not None and self.input_band_psnr is not None  # they come with the scores
            summary['input'] = {name: json_number(value) for name, value in self.input_scores.items()}
            summary['gain'] = json_number(self.scores['PSNR'] - self.input_scores['PSNR'])
            summary['perfect_bands'] = self.perfect_bands
            summary['band_PSNR'] = [json_number(value) for value in self.band_psnr]
            summary['input_band_PSNR'] = [json_number(value) for value in self.input_band_psnr]
        summary['values_outside_range'] = self.outside
        if self.settings:
            summary['settings'] = self.settings
        return summary
