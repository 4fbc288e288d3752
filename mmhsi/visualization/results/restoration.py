"""Files of a restored image: panels, maps of errors, PSNR over the bands, and the cube itself."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from mmhsi.datasets.io import CubeInfo, write_raster
from mmhsi.evaluation import RestorationResult
from mmhsi.visualization.false_colour import select_rgb_bands
from mmhsi.visualization.figure import save_figure
from mmhsi.visualization.restoration import band_psnr_figure, error_panels_figure, panels_figure, stretch_alike
from mmhsi.visualization.results.scene_files import result_folder
from mmhsi.visualization.results.writer import write_scene_result


@write_scene_result.register
def write_restoration(result: RestorationResult, folder: str | Path, scene=None) -> None:
    """Write the pictures of a restored image and its cube.

    ``<name>_restoration.png`` (degraded, restored and, if there is one, clean image in false colour, all in the stretch
    of the clean one, else of the restored one), ``_restored.tif`` (float32, with georeference and wavelengths) if the
    scene is georeferenced, else ``_restored.npy`` (float32 (H, W, C)); with a clean image ``_error.png`` (absolute
    error, mean over the bands, of degraded and restored image on one scale) and ``_band_psnr.png``. Nothing is written
    for an image whose cubes were not kept.

    Args:
        result (RestorationResult): The evaluated image.
        folder (str or Path): Folder to write into; it is made if it is not there.
        scene (Scene, optional): See :func:`write_scene_result`.
    """
    if result.restored is None:
        return
    folder, name = result_folder(folder, result.name)
    bands = result.restored.shape[-1]
    wavelengths = getattr(scene, 'wavelengths', None)
    wavelengths = None if wavelengths is None or len(wavelengths) != bands else wavelengths

    images = dict(input=result.degraded, restored=result.restored)
    scores = dict(input=result.input_scores, restored=result.scores)
    if result.clean is not None:
        images['clean'] = result.clean
    rgb = select_rgb_bands(bands, wavelengths)
    reference = list(images).index('clean' if 'clean' in images else 'restored')
    pictures = stretch_alike([image[..., list(rgb)] for image in images.values()], reference)
    notes = {key: f'PSNR {row["PSNR"]:.2f} dB   SSIM {row["SSIM"]:.4f}   SAM {row["SAM"]:.2f}°'
             for key, row in scores.items() if row}
    channels = ', '.join(f'{channel}: band {band + 1}' if wavelengths is None else
                         f'{channel}: band {band + 1} ({wavelengths[band]:.0f} nm)'
                         for channel, band in zip('RGB', rgb, strict=True))
    save_figure(
        panels_figure(dict(zip(images, pictures, strict=True)), notes, f'{name}: restoration', channels),
        folder / f'{name}_restoration.png')
    if result.clean is not None:
        errors = {key: np.abs(images[key] - result.clean).mean(axis=-1) for key in scores}
        save_figure(
            error_panels_figure(errors, {key: f'mean {error.mean():.4f}' for key, error in errors.items()},
                                f'{name}: absolute error', 'mean over the bands'), folder / f'{name}_error.png')
        save_figure(
            band_psnr_figure(dict(input=result.input_band_psnr, restored=result.band_psnr), wavelengths,
                             f'{name}: PSNR of each band'), folder / f'{name}_band_psnr.png')

    info = _georeference(result, scene)
    if info is None:
        np.save(folder / f'{name}_restored.npy', result.restored.astype(np.float32))
    else:
        write_raster(folder / f'{name}_restored.tif', result.restored.astype(np.float32), like=info,
                     wavelengths=wavelengths)


def _georeference(result: RestorationResult, scene) -> CubeInfo | None:
    """What the scene tells about the place of the image, None if there is no georeference."""
    info = getattr(scene, 'info', None)
    if info is None or info.transform is None or result.area is None:
        return None
    top, left, area_height, area_width = result.area
    height, width = result.restored.shape[:2]
    a, b, c, d, e, f = info.transform
    corner = a * left + b * top + c, d * left + e * top + f
    across, down = area_width / width, area_height / height  # pixels of the scene to one of the image
    return replace(info, height=height, width=width,
                   transform=(a * across, b * down, corner[0], d * across, e * down, corner[1]))
