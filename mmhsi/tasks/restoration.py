"""Base of denoising and super-resolution: a restored cube."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from mmengine.logging import print_log

from mmhsi import visualization
from mmhsi.classical import noise_sigmas
from mmhsi.datasets.io import CubeInfo
from mmhsi.datasets.transforms.units import file_units
from mmhsi.evaluation import RestorationResult
from mmhsi.tasks.product import Product
from mmhsi.tasks.restoration_stage import RestorationStage
from mmhsi.tasks.strips import strips
from mmhsi.tasks.task import NETWORK, Layer, Task

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mmengine.config import Config
    from torch import nn

    from mmhsi.tasks.networks import Network
    from mmhsi.tasks.restorers import ImageTest

_VALUES, _MARGIN = 20_000_000, 24  # of a strip that is restored at a time, and rows around it


class RestorationTask(Task):
    """Restored cubes, in the units of the file if the preprocessing can be undone."""

    result = RestorationResult
    degrades = True
    score = 'PSNR', True
    restorers: ClassVar[Mapping[str, Callable]]
    """Classical methods by name, see :func:`mmhsi.tasks.restorers.evaluate_restorer`."""
    _stage: RestorationStage | None = None

    def network(self, model: nn.Module, windows: bool, meta: Mapping | None = None) -> Network:
        from mmhsi.tasks.networks import Restored  # with torch

        return Restored(model)

    def prepare(self, cfg, meta: Mapping, network: Network, view) -> None:
        self._units = file_units(view.transforms)
        self.layers = {'restored': Layer(network.outputs)}
        if self._stage is not None:
            self.layers[NETWORK] = Layer(network.outputs)

    def use_record(self, record: Mapping | None, name: str) -> None:
        """The ``restoration_mean`` of the record, see :class:`mmhsi.engine.hooks.RestorationMeanHook`."""
        chosen = (record or {}).get('restoration_mean')
        self._stage = None if chosen is None else RestorationStage.from_record(chosen)

    def last_stage(self, view, stored: Mapping[str, np.ndarray]) -> Iterator[tuple[slice, dict[str, np.ndarray]]]:
        """The mean of network and classical methods, strip by strip."""
        if self._stage is None:
            return
        scale = self._stage.scale
        for strip in strips(view, _MARGIN, _VALUES):
            rows = slice(scale * strip.top, scale * (strip.top + strip.height))
            restored = np.moveaxis(np.asarray(stored[NETWORK][:, rows]), 0, -1)
            known = np.isfinite(restored).all(axis=-1, keepdims=True)
            joined, _ = self._stage(strip.values, np.where(known, restored, 0))
            if scale == 1:
                print_log(_noise_before_and_after(strip.values, joined), 'current')
            inner = slice(scale * strip.inner.start, scale * strip.inner.stop)
            joined = np.moveaxis(np.where(known, joined, np.nan)[inner], -1, 0)
            counted = slice(scale * strip.rows.start, scale * strip.rows.stop)
            yield counted, {'restored': _in_file_units(joined, self._units)}

    def finish(self, values: np.ndarray) -> dict[str, np.ndarray]:
        if self._stage is not None:
            return {NETWORK: values}
        return {'restored': _in_file_units(values, self._units)}

    def arrays(self, stored: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """'restored' (H, W, C)."""
        return {'restored': np.moveaxis(stored['restored'], 0, -1)}

    def product(self, name: str, view, stored: Mapping[str, np.ndarray], zoom: int = 1) -> Product:
        return _with_wavelengths(super().product(name, view, stored, zoom), view)

    def product_of_result(self, result: RestorationResult, scene=None) -> Product | None:
        if result.restored is None:
            return None
        units = None if scene is None else file_units(scene.transforms)
        restored = _in_file_units(np.moveaxis(result.restored, -1, 0).astype(np.float32), units)
        product = Product(result.name, self.name, _place(result, scene), {'restored': restored}, {'restored': np.nan})
        return _with_wavelengths(product, scene)

    def figures(self, product: Product) -> dict[str, Figure]:
        cube, waves = product.layers['restored'], product.wavelengths
        rgb = visualization.select_rgb_bands(len(cube), waves)
        picture = np.moveaxis(replace(product, layers={'restored': cube[list(rgb)]}).thinned('restored'), 0, -1)
        return {
            'restored': visualization.false_colour_figure(
                visualization.stretch(picture, np.isfinite(picture).all(axis=-1)),
                f'{product.name}: restored',
                rgb,
                waves,
            )
        }

    def figures_beside(self, product: Product, view) -> dict[str, Figure]:
        """Noise of each band before and after, and the bands that changed most, of a scene of its own size."""
        from mmhsi.tasks.restoration_pictures import beside_the_scene  # with the wavelets

        return beside_the_scene(product, view)

    def result_figures(self, result: RestorationResult, product: Product, scene=None) -> dict[str, Figure]:
        """``restoration`` (degraded, restored and, if there is one, clean image in false colour, all with the stretch
        of the clean one, else of the restored one); with a clean image ``error`` (absolute error, mean over the bands,
        of degraded and restored image on one scale) and ``band_psnr``."""
        name, waves = product.name, product.wavelengths
        assert result.restored is not None and result.degraded is not None  # there are figures only of kept images
        bands = result.restored.shape[-1]
        images = dict(input=result.degraded, restored=result.restored)
        scores = dict(input=result.input_scores, restored=result.scores)
        if result.clean is not None:
            images['clean'] = result.clean
        rgb = visualization.select_rgb_bands(bands, waves)
        reference = list(images).index('clean' if 'clean' in images else 'restored')
        pictures = visualization.stretch_alike([image[..., list(rgb)] for image in images.values()], reference)
        notes = {
            key: f'PSNR {row["PSNR"]:.2f} dB   SSIM {row["SSIM"]:.4f}   SAM {row["SAM"]:.2f}°'
            for key, row in scores.items()
            if row
        }
        channels = ', '.join(
            f'{channel}: band {band + 1}' if waves is None else f'{channel}: band {band + 1} ({waves[band]:.0f} nm)'
            for channel, band in zip('RGB', rgb, strict=True)
        )
        figures = {
            'restoration': visualization.panels_figure(
                dict(zip(images, pictures, strict=True)), notes, f'{name}: restoration', channels
            )
        }
        if result.clean is not None:
            errors = {key: np.abs(images[key] - result.clean).mean(axis=-1) for key in scores}
            figures['error'] = visualization.error_panels_figure(
                errors,
                {key: f'mean {error.mean():.4f}' for key, error in errors.items()},
                f'{name}: absolute error',
                'mean over the bands',
            )
            assert result.band_psnr is not None and result.input_band_psnr is not None  # because there is a clean image
            curves = dict(input=result.input_band_psnr, restored=result.band_psnr)
            figures['band_psnr'] = visualization.band_psnr_figure(curves, waves, f'{name}: PSNR of each band')
        return figures

    def classical_test(self, cfg: Config) -> ImageTest:
        """The images of the test of a config."""
        from mmhsi.tasks.restorers import ImageTest  # with torch

        return ImageTest(self, cfg)


def _noise_before_and_after(image: np.ndarray, restored: np.ndarray) -> str:
    """A sentence on the noise estimated in the bands of an image (H, W, C) and of its restoration."""
    if min(image.shape[:2]) < 8:
        return 'the image is too small for an estimate of its noise'
    before, after = noise_sigmas(image), noise_sigmas(restored)
    worst = int(before.argmax())
    alone = np.count_nonzero(np.abs(restored - image).max(axis=(0, 1)) < 0.1 * np.maximum(before, 1e-6))
    return (
        f'noise of the bands, estimated in values of the preprocessed scene: median {np.median(before):.4f} before, '
        f'{np.median(after):.4f} after; most in band {worst}, {before[worst]:.4f} before, {after[worst]:.4f} after; '
        f'{alone} of {len(before)} bands are left as they are'
    )


def _in_file_units(values: np.ndarray, units: tuple | None) -> np.ndarray:
    """Values (C, ...) in the units of the file."""
    if units is None:
        return values
    factor, offset = (np.reshape(part, (-1, 1, 1)).astype(np.float32) for part in units)
    return values * factor + offset


def _with_wavelengths(product: Product, view: Any) -> Product:
    """The product with the wavelengths and widths of the scene, if it has as many bands."""
    waves, info = getattr(view, 'wavelengths', None), getattr(view, 'info', None)
    if waves is None or info is None or len(waves) != len(product.layers['restored']):
        return product
    same = info.fwhm is not None and np.array_equal(waves, info.wavelengths)
    return replace(product, wavelengths=waves, fwhm=info.fwhm if same else None)


def _place(result: RestorationResult, scene) -> CubeInfo | None:
    """The georeference of the image from its scene; None if there is none."""
    info = getattr(scene, 'info', None)
    if info is None or info.transform is None or result.area is None or result.restored is None:
        return None
    top, left, area_height, area_width = result.area
    height, width = result.restored.shape[:2]
    a, b, c, d, e, f = info.transform
    corner = a * left + b * top + c, d * left + e * top + f
    across, down = area_width / width, area_height / height  # pixels of the scene to one of the image
    return replace(
        info,
        height=height,
        width=width,
        gcps=None,
        rpcs=None,
        transform=(a * across, b * down, corner[0], d * across, e * down, corner[1]),
    )
