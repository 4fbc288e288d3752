"""The files of a predicted scene: rasters, spectra of endmembers, and pictures."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from mmhsi.datasets.io import CubeInfo
from mmhsi.inference.raster_product import DRIVERS, RasterMeta, write_product
from mmhsi.utils.labels import IGNORE_INDEX
from mmhsi.visualization.abundance_map import abundance_figure
from mmhsi.visualization.class_map import class_map_figure
from mmhsi.visualization.endmember_plot import endmember_figure
from mmhsi.visualization.false_colour import false_colour_figure, select_rgb_bands, stretch
from mmhsi.visualization.figure import save_figure
from mmhsi.visualization.heat_map import heat_map_figure, heat_style
from mmhsi.visualization.palette import UNLABELLED_CHANGE
from mmhsi.visualization.uncertainty import uncertainty_figures
from mmhsi.weights.checkpoint_file import PART_SUFFIX, put_in_place

_PICTURE_SIDE = 1200  # largest side of a picture of a map in pixels; larger scenes are thinned out


@dataclass(frozen=True, eq=False)
class Prediction:
    """A predicted scene before it is written.

    Attributes:
        name (str): Name of the scene.
        family (str): See :class:`mmhsi.inference.plan.Plan`.
        info (CubeInfo): What the file says about the scene.
        layers (Mapping[str, np.ndarray]): Arrays (L, H, W) by name, as :mod:`mmhsi.inference.tasks` keeps them.
        nodata (Mapping[str, float]): Value of each layer where the scene holds no data.
        classes (Sequence[str]): Names of classes or endmembers.
        palette (np.ndarray): Their colours, uint8 (K, 3).
        scale (int): Pixels of the layers per pixel of the scene along an axis.
        wavelengths (np.ndarray, optional): Centres of the bands of the network in nm.
        fwhm (np.ndarray, optional): Their full widths at half maximum in nm.
        endmembers (np.ndarray, optional): Spectra (P, C).
    """

    name: str
    family: str
    info: CubeInfo
    layers: Mapping[str, np.ndarray]
    nodata: Mapping[str, float]
    classes: Sequence[str]
    palette: np.ndarray
    scale: int = 1
    wavelengths: np.ndarray | None = None
    fwhm: np.ndarray | None = None
    endmembers: np.ndarray | None = None


def write_rasters(prediction: Prediction, folder: Path, driver: str = 'GTiff') -> dict[str, Path]:
    """Write a raster for each layer.

    Maps of classes hold 1 to K and 0 where there is no data, with colours and names; of detection and change 2 is the
    target or the change.

    Args:
        prediction (Prediction): The scene.
        folder (Path): Folder to write into.
        driver (str): 'GTiff' or 'ENVI'. Defaults to 'GTiff'.

    Returns:
        dict[str, Path]: The file of each layer.

    Raises:
        OSError: If a file cannot be written.
    """
    files = {}
    for name, array in prediction.layers.items():
        path = folder / f'{prediction.name}_{name}{DRIVERS[driver]}'
        meta = partial(RasterMeta, like=prediction.info, scale=prediction.scale, nodata=prediction.nodata[name])
        if name in ('classes', 'detected'):
            colours = dict(enumerate([(0, 0, 0), *prediction.palette.tolist()]))
            meta = meta(colours=colours, names=dict(enumerate(['no data', *prediction.classes])), band_names=['class'])
        elif name == 'restored':
            meta = meta(wavelengths=prediction.wavelengths, fwhm=prediction.fwhm)
        elif name == 'uncertainty':
            meta = meta(band_names=['confidence', 'entropy'])
        elif len(array) == 1:
            meta = meta(band_names=[f'score of {prediction.classes[-1]}'])
        else:
            meta = meta(band_names=[label.replace(',', ' ') for label in prediction.classes])
        write_product(path, array, meta, driver)
        files[name] = path
    return files


def write_endmembers(prediction: Prediction, folder: Path) -> dict[str, Path]:
    """Write the spectra of the endmembers as a table and as an ENVI spectral library.

    Args:
        prediction (Prediction): The scene.
        folder (Path): Folder to write into.

    Returns:
        dict[str, Path]: ``endmembers`` (.csv: a column of wavelengths in nm or of band numbers, and one for each
        spectrum) and ``spectral_library`` (.sli with .hdr); nothing without endmembers.
    """
    if prediction.endmembers is None:
        return {}
    spectra = np.asarray(prediction.endmembers, np.float64)
    waves, stem = prediction.wavelengths, f'{prediction.name}_endmembers'
    table, library = folder / f'{stem}.csv', folder / f'{stem}.sli'
    part = Path(f'{table}{PART_SUFFIX}')
    with open(part, 'w', newline='', encoding='utf-8') as stream:
        writer = csv.writer(stream)
        writer.writerow(['band' if waves is None else 'wavelength (nm)', *prediction.classes])
        first = np.arange(1, spectra.shape[1] + 1) if waves is None else waves
        writer.writerows([place, *values] for place, values in zip(first.tolist(), spectra.T.tolist(), strict=True))
    put_in_place(part, table)

    part = Path(f'{library}{PART_SUFFIX}')
    spectra.astype('<f4').tofile(part)
    put_in_place(part, library)
    clean = [name.replace(',', ' ').replace('{', '(').replace('}', ')') for name in prediction.classes]
    lines = ['ENVI', f'samples = {spectra.shape[1]}', f'lines = {spectra.shape[0]}', 'bands = 1', 'header offset = 0',
             'file type = ENVI Spectral Library', 'data type = 4', 'interleave = bsq', 'byte order = 0',
             f'spectra names = {{{", ".join(clean)}}}']
    if waves is not None:
        lines += ['wavelength units = Nanometers', f'wavelength = {{{", ".join(map(repr, waves.tolist()))}}}']
        if prediction.fwhm is not None:
            lines.append(f'fwhm = {{{", ".join(map(repr, prediction.fwhm.tolist()))}}}')
    header = library.with_suffix('.hdr')
    part = Path(f'{header}{PART_SUFFIX}')
    part.write_text('\n'.join(lines) + '\n', encoding='utf-8')
    put_in_place(part, header)
    return {'endmembers': table, 'spectral_library': library}


def _thinned(array: np.ndarray) -> np.ndarray:
    step = -(-max(array.shape[1:]) // _PICTURE_SIDE)
    return np.array(array[:, ::step, ::step])


def make_figures(prediction: Prediction, stream) -> dict[str, Figure]:
    """Pictures of a prediction, of large scenes thinned out.

    Args:
        prediction (Prediction): The scene.
        stream (CubeView | PairView): The scene it was made of, for its false colours.

    Returns:
        dict[str, Figure]: ``false_colour``, and a picture for each layer that can be seen.
    """
    name, info = prediction.name, prediction.info
    rgb = select_rgb_bands(info.bands, info.wavelengths)
    values, valid = stream.stored_bands(list(rgb), -(-max(info.height, info.width) // _PICTURE_SIDE))
    figures = {'false_colour': false_colour_figure(stretch(values, valid), f'{name}: false colour', rgb,
                                                   info.wavelengths)}
    pixels = f'{prediction.scale * info.height:,} x {prediction.scale * info.width:,} pixels'
    for layer in ('classes', 'detected'):
        if layer in prediction.layers:
            stored = _thinned(prediction.layers[layer])[0]
            labels = np.where(stored == 0, IGNORE_INDEX, stored - np.uint8(1))
            counts = np.bincount(labels[labels != IGNORE_INDEX], minlength=len(prediction.classes))
            shares = [f'{100 * count / max(counts.sum(), 1):.1f} %' for count in counts]
            background = (0, 0, 0) if prediction.family == 'classification' else UNLABELLED_CHANGE
            figures[layer] = class_map_figure(labels, prediction.classes, prediction.palette, f'{name}: {layer}',
                                              pixels, shares, ignore_label='no data', background=background)
    if 'scores' in prediction.layers and len(prediction.layers['scores']) == 1:
        figures['scores'] = heat_map_figure(_thinned(prediction.layers['scores'])[0], f'{name}: scores', pixels,
                                            heat_style(prediction.classes[-1]))
    if 'uncertainty' in prediction.layers:
        figures.update(uncertainty_figures(*_thinned(prediction.layers['uncertainty']), name, len(prediction.classes)))
    if 'abundances' in prediction.layers:
        figures['abundances'] = abundance_figure(_thinned(prediction.layers['abundances']), names=prediction.classes,
                                                 title=f'{name}: abundances', subtitle=pixels)
        figures['endmembers'] = endmember_figure(prediction.endmembers, names=prediction.classes,
                                                 wavelengths=prediction.wavelengths, title=f'{name}: endmembers')
    if 'restored' in prediction.layers:
        cube, waves = prediction.layers['restored'], prediction.wavelengths
        rgb = select_rgb_bands(len(cube), waves)
        step = -(-max(cube.shape[1:]) // _PICTURE_SIDE)
        picture = np.stack([cube[band, ::step, ::step] for band in rgb], axis=-1)
        figures['restored'] = false_colour_figure(stretch(picture, np.isfinite(picture).all(axis=-1)),
                                                  f'{name}: restored', rgb, waves)
    return figures


def write_figures(figures: Mapping[str, Figure], name: str, folder: Path) -> dict[str, Path]:
    """Write pictures as ``<name>_<picture>.png``; returns their files."""
    files = {}
    for picture, figure in figures.items():
        files[f'{picture}_picture'] = folder / f'{name}_{picture}.png'
        save_figure(figure, files[f'{picture}_picture'])
    return files
