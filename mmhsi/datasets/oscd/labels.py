"""The change map of a city: its location, the meaning of its numbers, and the agreement of its two files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mmhsi.datasets.io import CubeReadError, read_labels

_GREY = 128  # threshold for the picture, whose borders are blurred in some cities


def read_changes(city: str, folder: Path) -> tuple[np.ndarray, dict]:
    """Read the change map of a city.

    The release contains it twice: as a raster ``<city>-cm.tif`` (1 unchanged, 2 changed), and as a picture ``cm.png``
    (black and white, some with grey borders from an editor). The raster is used if it exists, else the picture,
    thresholded at half grey.

    Args:
        city (str): Name of the city, for messages.
        folder (Path): Folder of the map.

    Returns:
        tuple[np.ndarray, dict]: Bool (H, W), True where something changed; and the file, the number of changed and
        unchanged pixels and, if both files exist, the number of pixels in which they differ.

    Raises:
        FileNotFoundError: If there is no map.
        ValueError: If there are several rasters, the values differ from those above, or both files differ in size.
    """
    rasters = sorted(path for path in folder.iterdir() if path.name.lower().endswith(('-cm.tif', '-cm.tiff')))
    picture = folder / 'cm.png'
    if len(rasters) > 1:
        raise ValueError(f'{city}: {folder} holds several change maps, {rasters[0].name} and {rasters[1].name}')
    if not rasters and not picture.is_file():
        raise FileNotFoundError(f'{city}: {folder} holds no change map, neither {city}-cm.tif nor cm.png')
    painted = _read_picture(picture) if picture.is_file() else None
    changed = _read_raster(rasters[0]) if rasters else painted
    record = dict(
        file=str(rasters[0] if rasters else picture),
        changed=int(np.count_nonzero(changed)),
        unchanged=int(np.count_nonzero(~changed)),
    )
    if rasters and painted is not None:
        if painted.shape != changed.shape:
            raise ValueError(
                f'{city}: the change maps differ in size: {rasters[0]} has {changed.shape[0]} x '
                f'{changed.shape[1]} pixels, {picture} {painted.shape[0]} x {painted.shape[1]}'
            )
        record['differing_from_picture'] = int(np.count_nonzero(painted != changed))
    return changed, record


def _read_raster(path: Path) -> np.ndarray:
    labels = read_labels(path)
    found = np.unique(labels)
    if not set(found.tolist()) <= {1, 2}:
        raise CubeReadError(
            f'{path}: the values are {", ".join(map(str, found[:8]))}, expected 1 (unchanged) and 2 (changed)'
        )
    return labels == 2


def _read_picture(path: Path) -> np.ndarray:
    grey = read_labels(path)
    if 0 < grey.max() < _GREY:
        raise CubeReadError(
            f'{path}: the values end at {grey.max()}, expected a picture from 0 (unchanged) to 255 (changed)'
        )
    return grey >= _GREY
