"""Pictures that compare a restored scene with its input: noise of each band, bands that changed most."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from mmhsi.classical.denoising import noise_sigmas
from mmhsi.datasets.transforms.units import file_units
from mmhsi.tasks.product import Product
from mmhsi.visualization.restoration import band_curves_figure, panels_figure, stretch_alike

_SIDE = 512  # pixels of the part in the middle of the scene that is shown, so that a large scene is not read completely
_SHOWN = 3
_SMALLEST_SIDE = 16


def beside_the_scene(product: Product, view) -> dict[str, Figure]:
    """``noise`` (noise of each band before and after, by the finest wavelets) and ``changed_bands`` (the three bands
    whose values changed most relative to their spread, before and after in one stretch) of the middle of the scene.

    Args:
        product (Product): With the layer 'restored' (C, H, W) of the size of the scene.
        view (CubeView): The scene.

    Returns:
        dict[str, Figure]: The figures; none where the values cannot be compared: another size, other units, a small
        scene, or one with pixels without data in its middle.
    """
    restored, units = product.layers['restored'], file_units(view.transforms)
    if units is None or product.zoom != 1 or min(view.height, view.width) < _SMALLEST_SIDE:
        return {}
    height, width = min(view.height, _SIDE), min(view.width, _SIDE)
    top, left = (view.height - height) // 2, (view.width - width) // 2
    factor, offset = units
    before = view.window(top, left, height, width) * factor + offset
    after = np.moveaxis(np.asarray(restored[:, top : top + height, left : left + width]), 0, -1).astype(np.float64)
    valid = view.validity(top, left, height, width) & np.isfinite(after).all(axis=-1)
    if before.shape != after.shape or not valid.all():
        return {}
    waves = product.wavelengths
    noise = {name: noise_sigmas(cube) for name, cube in (('before', before), ('after', after))}
    spread = before.std(axis=(0, 1))
    change = np.sqrt(np.square(after - before).mean(axis=(0, 1))) / np.where(spread > 0, spread, np.inf)
    panels, notes = {}, {}
    for band in np.sort(np.argsort(-change, kind='stable')[:_SHOWN]):
        where = f'band {band + 1}' if waves is None else f'band {band + 1} ({waves[band]:.0f} nm)'
        pair = [np.repeat(cube[..., band : band + 1], 3, axis=-1) for cube in (before, after)]
        for (name, sigmas), picture in zip(noise.items(), stretch_alike(pair, 1), strict=True):
            panels[f'{where}, {name}'] = picture
            notes[f'{where}, {name}'] = f'noise {sigmas[band]:.4g}'
    return {
        'noise': band_curves_figure(
            noise,
            [f'median {np.median(sigmas):.4g}' for sigmas in noise.values()],
            None if waves is None else waves.tolist(),
            f'{product.name}: noise of each band',
            'standard deviation by the finest wavelet coefficients',
            'noise',
        ),
        'changed_bands': panels_figure(
            panels, notes, f'{product.name}: bands that changed most', 'each pair in the stretch of the restored band'
        ),
    }
