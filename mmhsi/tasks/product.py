"""The product of a scene: rasters, spectra of endmembers and pictures, the same after a test and after a prediction."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import rasterio

from mmhsi import visualization
from mmhsi.datasets.io import CubeInfo, write_raster
from mmhsi.datasets.io.georeference import silent_georeference
from mmhsi.datasets.io.gis import write_companions
from mmhsi.datasets.io.writer import envi_list
from mmhsi.utils.files import part_of_file, put_in_place
from mmhsi.utils.labels import IGNORE_INDEX

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DRIVERS = {'GTiff': '.tif', 'COG': '.tif', 'ENVI': '.img'}
"""Formats of rasters and their suffixes."""
CLASS_LAYERS = ('classes', 'detected')
"""Products that are maps of classes: 1 to K, and 0 where there is no data."""
_RAMP_COLOURS = 9  # of a style; linear in between
PICTURE_SIDE = 1200
"""Largest side of a picture of a scene in pixels; larger scenes are subsampled."""


@dataclass(frozen=True, eq=False)
class Product:
    """The result of a scene before it is written; it exists from the last tile or score to the last file.

    Names of layers: 'classes' and 'detected', maps of classes; 'scores', of the target, of the change, or of each
    class; 'uncertainty', the probability of the predicted class and the entropy; 'abundances'; 'restored', a cube.

    Attributes:
        name (str): Name of the scene.
        task (str): Name of the task.
        info (CubeInfo, optional): What the file says about the scene; None for values that do not come from a file.
        layers (Mapping[str, np.ndarray]): Arrays (L, H, W), possibly memory maps, by the name of the product.
        nodata (Mapping[str, float]): Value of each layer where the scene has no data.
        classes (Sequence[str]): Names of classes or endmembers.
        palette (np.ndarray): Their colours, uint8 (K, 3).
        zoom (int): Pixels of the layers per pixel of the scene along an axis.
        wavelengths (np.ndarray, optional): Centres of the bands of spectra and cubes in nm.
        fwhm (np.ndarray, optional): Their full widths at half maximum in nm.
        endmembers (np.ndarray, optional): Spectra (P, C).
        note (str, optional): Remark on how the rasters were made.
    """

    name: str
    task: str
    info: CubeInfo | None
    layers: Mapping[str, np.ndarray]
    nodata: Mapping[str, float]
    classes: Sequence[str] = ()
    palette: np.ndarray | None = None
    zoom: int = 1
    wavelengths: np.ndarray | None = None
    fwhm: np.ndarray | None = None
    endmembers: np.ndarray | None = None
    note: str | None = None

    @property
    def size(self) -> str:
        """Rows and columns in words."""
        height, width = next(iter(self.layers.values())).shape[1:]
        return f'{height:,} x {width:,} pixels'

    def thinned(self, layer: str) -> np.ndarray:
        """A layer (L, h, w), subsampled for a picture."""
        array = self.layers[layer]
        step = -(-max(array.shape[1:]) // PICTURE_SIDE)
        return np.array(array[:, ::step, ::step])

    def labels(self, layer: str) -> np.ndarray:
        """A map of classes (h, w) from 0, 255 where there is no data, subsampled for a picture."""
        return labels_of(self.thinned(layer)[0])


def labels_of(stored: np.ndarray) -> np.ndarray:
    """Stored classes (1 to K, 0 no data) → classes in memory (0 to K - 1, 255 no data)."""
    return np.where(stored == 0, IGNORE_INDEX, stored - np.uint8(1))


def stored_labels(labels: np.ndarray, valid: np.ndarray | None = None) -> np.ndarray:
    """Classes (H, W) in memory → a layer (1, H, W) of stored classes; 0 where not ``valid``."""
    known = (labels != IGNORE_INDEX) & (True if valid is None else valid)
    return np.where(known, labels.astype(np.uint16) + 1, 0).astype(np.uint8)[None]


def _raster_facts(product: Product, layer: str, count: int) -> dict:
    """Arguments of ``write_raster`` that depend on the kind of layer."""
    if layer in CLASS_LAYERS:
        colours = dict(enumerate([(0, 0, 0), *map(tuple, np.asarray(product.palette).tolist())]))
        return dict(colormap=colours, class_names=dict(enumerate(['no data', *product.classes])), band_names=['class'])
    if layer == 'restored':
        return dict(wavelengths=product.wavelengths, fwhm=product.fwhm)
    if layer == 'uncertainty':
        return dict(band_names=['confidence', 'entropy'])
    if count == 1:
        return dict(band_names=[f'score of {product.classes[-1]}'])
    return dict(band_names=list(product.classes))


def write_product(product: Product, folder: Path, driver: str = 'GTiff', gis: bool = False) -> dict[str, Path]:
    """Write the rasters of a product, ``<scene>_<product>.tif``, and the spectra of its endmembers.

    Args:
        product (Product): The product.
        folder (Path): Folder to write into.
        driver (str): Format of rasters, 'GTiff', 'COG' (cloud-optimised) or 'ENVI'. Defaults to 'GTiff'.
        gis (bool): Whether to write a QGIS style and a STAC item next to each GeoTIFF. Defaults to False.

    Returns:
        dict[str, Path]: The file of each layer; with endmembers ``endmembers`` (.csv) and ``spectral_library`` (.sli
        with .hdr) too.

    Raises:
        OSError: If a file cannot be written.
    """
    files = {}
    for layer, array in product.layers.items():
        files[layer] = folder / f'{product.name}_{layer}{DRIVERS[driver]}'
        write_raster(
            files[layer],
            np.moveaxis(array, 0, -1),
            product.info,
            product.nodata[layer],
            driver=driver,
            zoom=product.zoom,
            note=product.note,
            **_raster_facts(product, layer, len(array)),
        )
        if gis and driver != 'ENVI':
            acquired = None if product.info is None else product.info.acquired
            write_gis_files(files[layer], layer, product.name, product.task, acquired)
    if product.endmembers is not None:
        files.update(_write_endmembers(product, folder))
    return files


def write_gis_files(path: Path, layer: str, name: str, task: str, acquired: str | None) -> list[Path]:
    """Write the style and the STAC item of a raster of a product, see :func:`write_companions`.

    Args:
        path (Path): The raster, a GeoTIFF.
        layer (str): Name of its layer.
        name (str): Name of the scene.
        task (str): Name of the task.
        acquired (str, optional): Time of acquisition of the scene.

    Returns:
        list[Path]: The files.
    """
    from mmhsi.visualization.heat_map import HEAT_MAPS, heat_style  # matplotlib takes a while

    properties = {'mmhsi:scene': name, 'mmhsi:task': task, 'mmhsi:layer': layer}
    if layer in CLASS_LAYERS or layer == 'restored':
        return write_companions(path, acquired, properties)
    with silent_georeference(), rasterio.open(path) as raster:
        descriptions = raster.descriptions
    detected = layer == 'scores' and len(descriptions) == 1
    colours = HEAT_MAPS[heat_style(descriptions[0] or '') if detected else 'confidence']
    ramp = (colours(np.linspace(0, 1, _RAMP_COLOURS))[:, :3] * 255).round().astype(int).tolist()
    return write_companions(path, acquired, properties, ramp, None if detected else (0.0, 1.0))


def _write_endmembers(product: Product, folder: Path) -> dict[str, Path]:
    """A table with a column of wavelengths in nm, or of band numbers, and one for each endmember; and an ENVI spectral
    library."""
    spectra, waves = np.asarray(product.endmembers, np.float64), product.wavelengths
    stem = f'{product.name}_endmembers'
    table, library = folder / f'{stem}.csv', folder / f'{stem}.sli'
    write_table(table, product.classes, spectra, waves)
    part = part_of_file(library)
    spectra.astype('<f4').tofile(part)
    put_in_place(part, library)
    clean = [name.replace(',', ' ').replace('{', '(').replace('}', ')') for name in product.classes]
    lines = [
        'ENVI',
        f'samples = {spectra.shape[1]}',
        f'lines = {spectra.shape[0]}',
        'bands = 1',
        'header offset = 0',
        'file type = ENVI Spectral Library',
        'data type = 4',
        'interleave = bsq',
        'byte order = 0',
        f'spectra names = {envi_list(clean)}',
    ]
    if waves is not None:
        lines += ['wavelength units = Nanometers', f'wavelength = {envi_list(waves.tolist())}']
        if product.fwhm is not None:
            lines.append(f'fwhm = {envi_list(product.fwhm.tolist())}')
    header = library.with_suffix('.hdr')
    part = part_of_file(header)
    part.write_text('\n'.join(lines) + '\n', encoding='utf-8')
    put_in_place(part, header)
    return {'endmembers': table, 'spectral_library': library}


def write_table(path: Path, names: Sequence[str], spectra: np.ndarray, wavelengths: np.ndarray | None = None) -> None:
    """Write spectra (P, C) as a table: wavelength (nm), or band from 1, and a column for each spectrum."""
    part = part_of_file(path)
    with part.open('w', newline='', encoding='utf-8') as stream:
        writer = csv.writer(stream)
        writer.writerow(['band' if wavelengths is None else 'wavelength (nm)', *names])
        first = np.arange(1, spectra.shape[1] + 1) if wavelengths is None else np.asarray(wavelengths)
        writer.writerows([place, *values] for place, values in zip(first.tolist(), spectra.T.tolist(), strict=True))
    put_in_place(part, path)


def write_figures(figures: Mapping[str, Figure], name: str, folder: Path) -> dict[str, Path]:
    """Write pictures as ``<scene>_<picture>.png``; returns their files by '<picture>_picture'."""
    files = {}
    for picture, figure in figures.items():
        files[f'{picture}_picture'] = folder / f'{name}_{picture}.png'
        visualization.save_figure(figure, files[f'{picture}_picture'])
    return files
