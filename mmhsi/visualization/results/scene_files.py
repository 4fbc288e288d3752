"""The files that results of all tasks have: false colour, ground truth and label maps."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmhsi.datasets.io import write_raster
from mmhsi.datasets.transforms.spectral import SelectBands
from mmhsi.utils.labels import IGNORE_INDEX
from mmhsi.visualization.class_map import class_map_figure
from mmhsi.visualization.false_colour import false_colour_figure, select_rgb_bands, stretch
from mmhsi.visualization.figure import save_figure
from mmhsi.visualization.palette import UNLABELLED
from mmhsi.visualization.spectra import class_spectra, spectra_figure


def result_folder(folder: str | Path, name: str) -> tuple[Path, str]:
    """The folder, which is made if it is not there, and the beginning of the file names of a scene."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return folder, name.replace('/', '_')


def scene_info(scene):
    """What a scene tells about its file, for the georeference; None without a scene."""
    return None if scene is None else scene.info


def write_false_colour(folder: Path, name: str, scene) -> np.ndarray | None:
    """Write the false-colour picture of a scene, of a pair one for each date in the same stretch.

    Args:
        folder (Path): Folder to write into.
        name (str): Beginning of the file names.
        scene (Scene | PairScene, optional): The scene; without it nothing is written.

    Returns:
        np.ndarray | None: (H, W, 3) uint8 picture of the scene or of its first date.
    """
    if scene is None:
        return None
    dates = scene.dates
    bands = select_rgb_bands(scene.info.bands, scene.info.wavelengths)
    values, valid = zip(*(date.stored_bands(bands) for date in dates), strict=True)
    pictures = np.split(stretch(np.concatenate(values), np.concatenate(valid)), len(dates))
    for index, (date, picture) in enumerate(zip(dates, pictures, strict=True), 1):
        title, suffix = (f'{name}: false colour', '') if len(dates) == 1 else (
            f'{name}: false colour, date {index}', f'_{index}')
        save_figure(
            false_colour_figure(picture, title, bands, date.info.wavelengths),
            folder / f'{name}_false_colour{suffix}.png')
    return pictures[0]


def write_ground_truth(folder: Path, name: str, target: np.ndarray, classes: Sequence[str], palette: Sequence,
                       scene=None, background: tuple[int, int, int] = UNLABELLED) -> None:
    """Write the picture of all labels of a scene; without the scene, of the evaluated pixels.

    Args:
        folder (Path): Folder to write into.
        name (str): Beginning of the file names.
        target (np.ndarray): (H, W) classes of the evaluated pixels, 255 elsewhere.
        classes (Sequence[str]): The K class names.
        palette (Sequence): K RGB colours.
        scene (Scene, optional): The scene, for its ``labels``.
        background (tuple[int, int, int]): Colour of unlabelled pixels. Defaults to black.
    """
    labels = target if scene is None else scene.labels
    counts = np.bincount(labels[labels != IGNORE_INDEX], minlength=len(classes))
    save_figure(
        class_map_figure(labels, classes, palette, f'{name}: ground truth', f'{counts.sum():,} labelled pixels',
                         [f'{count:,}' for count in counts], background=background),
        folder / f'{name}_ground_truth.png')


def write_spectra(folder: Path, name: str, classes: Sequence[str], palette: Sequence, scene=None,
                  most: int = 2000) -> None:
    """Write the picture of the mean spectra of the classes, as stored in the file.

    Args:
        folder (Path): Folder to write into.
        name (str): Beginning of the file names.
        classes (Sequence[str]): The K class names.
        palette (Sequence): K RGB colours.
        scene (Scene, optional): The scene; without it, or without labels, nothing is written.
        most (int): Pixels of a class that are read at most, drawn by a fixed seed. Defaults to 2000.
    """
    if scene is None or not hasattr(scene, 'raw_pixels'):
        return
    labels = scene.labels.ravel()
    drawn = [np.flatnonzero(labels == index) for index in range(len(classes))]
    counts = [len(pixels) for pixels in drawn]
    if not any(counts):
        return
    random = np.random.RandomState(0)
    drawn = [pixels if len(pixels) <= most else random.choice(pixels, most, replace=False) for pixels in drawn]
    pixels = np.sort(np.concatenate(drawn))
    spectra, wavelengths = scene.raw_pixels(pixels), scene.info.wavelengths
    first = scene.transforms[0] if scene.transforms else None
    if wavelengths is not None and isinstance(first, SelectBands):
        wavelengths = wavelengths[first.indices]
    save_figure(
        spectra_figure(*class_spectra(spectra, labels[pixels], len(classes)), classes, wavelengths, palette,
                       f'{name}: spectra', 'mean and standard deviation of each class, values of the file',
                       [f'{count:,} pixels' for count in counts]), folder / f'{name}_spectra.png')


def write_label_map(folder: Path, stem: str, labels: np.ndarray, palette: Sequence, scene=None) -> None:
    """Write a label map as .npy (classes from 0, 255 for none) and .tif (from 1, 0 no data, with a colour table).

    Args:
        folder (Path): Folder to write into.
        stem (str): File name without suffix.
        labels (np.ndarray): (H, W) uint8 classes 0 .. K - 1, 255 where there is none.
        palette (Sequence): K RGB colours.
        scene (Scene, optional): The scene, for its georeference.
    """
    np.save(folder / f'{stem}.npy', labels)
    stored = np.where(labels == IGNORE_INDEX, 0, labels.astype(np.uint16) + 1).astype(np.uint8)
    colours = {0: (0, 0, 0), **{index: tuple(colour) for index, colour in enumerate(np.asarray(palette).tolist(), 1)}}
    write_raster(folder / f'{stem}.tif', stored, like=scene_info(scene), nodata=0, colormap=colours,
                 band_names=['class'])


def mask_invalid(values: np.ndarray, scene, fill: float) -> np.ndarray:
    """A copy of a map with ``fill`` where the scene holds no data; without a scene the map itself."""
    return values if scene is None else np.where(scene.valid, values, np.asarray(fill, values.dtype))
