"""Settings of a conversion to tile shards: how scenes are found, and which bands and tiles are kept."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from mmhsi.datasets.io.base import LAYOUTS
from mmhsi.datasets.transforms.spectral import SelectBands

Bands = Sequence[int | tuple[int, int]]


def _of_scene(value, scene: str):
    """The value of a setting for a scene, if it is given by name patterns."""
    if isinstance(value, Mapping):
        return next((item for pattern, item in value.items() if re.search(pattern, scene)), None)
    return value


@dataclass(frozen=True)
class ShardSettings:
    """Settings of a conversion; shards made with different settings cannot share a folder.

    Args:
        tile_size (int): Side of a tile in pixels. Defaults to 64.
        overlap (int): Smallest overlap of neighbouring tiles in pixels. Defaults to 0.
        suffixes (Sequence[str]): Endings of the files that are scenes, in lower case.
        key (str | Sequence[str], optional): Name of the array in files that hold several, or candidate names.
        layout (str): Axes of the array in a .mat, HDF5 or NumPy file: 'chw' (bands, rows, columns), as the tiles of
            HyperGlobal-450K are published, or 'hwc'. Rasters define their bands. Defaults to 'chw'.
        group (str, optional): Regular expression that is searched in the path of a file below the source folder. Files
            with the same first group are one scene. By default every file is a scene.
        combine (str): Whether the files of a group are 'bands' of one image, or 'tiles' (adjacent images with the same
            bands). Defaults to 'bands'.
        band_order (Sequence[str]): Parts of file names that order the files of a group of 'bands'; files with none of
            them follow, sorted by name.
        bad_bands (Sequence[int | tuple[int, int]] | Mapping[str, Sequence]): Bands to leave out, counted from 0; a pair
            stands for all bands from the first to the last of the pair. A mapping gives the bands by a regular
            expression that is searched in the name of the scene.
        drop_constant_bands (bool): Whether to leave out bands without data in a scene, or with the same value in all
            pixels with data. Defaults to True.
        wavelengths (str | Sequence[float] | Mapping, optional): Band centres in nm for scenes that state none, for all
            bands of the source, or a text file with one number per line. A mapping as for ``bad_bands``.
        nodata (float, optional): Value of pixels without data, instead of the one that a file declares.
        zero_is_nodata (bool): Whether a pixel that is 0 in all kept bands counts as nodata. Defaults to True.
        max_nodata (float): Largest share of pixels of a tile without data in some kept band. Defaults to 0.05.
        saturated_value (float, optional): Values of at least this count as saturated. Defaults to the largest value of
            an integer type; other types are then not tested.
        saturated_bands (float): A pixel counts as saturated from this share of saturated bands on, as over clouds.
            Defaults to 0.25.
        max_saturated (float): Largest share of saturated pixels of a tile. Defaults to 0.1.
        stripe_contrast (float): Strength of stripes, as a share of the contrast (standard deviation) of the tile, above
            which a band counts as striped. Defaults to 0.3.
        max_striped (float): Largest share of striped bands of a tile. Defaults to 0.2.

    Raises:
        ValueError: If a setting is outside its range.
        FileNotFoundError: If a file of wavelengths does not exist.
    """

    tile_size: int = 64
    overlap: int = 0
    suffixes: Sequence[str] = ('.tif', '.tiff', '.geotiff', '.vrt', '.hdr', '.mat', '.h5', '.npy', '.npz')
    key: str | Sequence[str] | None = None
    layout: str = 'chw'
    group: str | None = None
    combine: str = 'bands'
    band_order: Sequence[str] = ()
    bad_bands: Bands | Mapping[str, Bands] = ()
    drop_constant_bands: bool = True
    wavelengths: str | Sequence[float] | Mapping[str, str | Sequence[float]] | None = None
    nodata: float | None = None
    zero_is_nodata: bool = True
    max_nodata: float = 0.05
    saturated_value: float | None = None
    saturated_bands: float = 0.25
    max_saturated: float = 0.1
    stripe_contrast: float = 0.3
    max_striped: float = 0.2

    def __post_init__(self):
        if self.tile_size < 1 or not 0 <= self.overlap < self.tile_size:
            raise ValueError(
                f'tile_size must be positive and overlap between 0 and tile_size - 1, not '
                f'{self.tile_size} and {self.overlap}'
            )
        if self.combine not in ('bands', 'tiles'):
            raise ValueError(f"combine must be 'bands' or 'tiles', not {self.combine!r}")
        if self.layout not in LAYOUTS:
            raise ValueError(f'layout must be one of {LAYOUTS}, not {self.layout!r}')
        for name in ('max_nodata', 'saturated_bands', 'max_saturated', 'max_striped'):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f'{name} is a share and must lie in [0, 1], not {getattr(self, name)}')
        if self.group is not None and re.compile(self.group).groups < 1:
            raise ValueError(f'the pattern group={self.group!r} has no group in parentheses that names the scene')
        stated = self.wavelengths.values() if isinstance(self.wavelengths, Mapping) else [self.wavelengths]
        for path in stated:
            if isinstance(path, str) and not Path(path).is_file():
                raise FileNotFoundError(f'{path}: no such file of wavelengths')

    @classmethod
    def from_config(cls, config: Mapping) -> ShardSettings:
        """Settings of a config file.

        Raises:
            ValueError: If the config contains an unknown setting.
        """
        names = {field.name for field in fields(cls)}
        unknown = sorted(set(config) - names)
        if unknown:
            raise ValueError(
                f'{unknown[0]!r} is not a setting of the conversion; expected one of {", ".join(sorted(names))}'
            )
        return cls(**config)

    def as_dict(self) -> dict:
        """Plain values, as read back from JSON."""
        return json.loads(json.dumps(asdict(self)))

    def difference(self, other: Mapping) -> str | None:
        """Name of the first setting that differs from ``other``, a result of :meth:`as_dict`."""
        for name, value in self.as_dict().items():
            if json.dumps(value) != json.dumps(other.get(name)):  # as text, in which NaN equals NaN
                return name
        return None

    def kept_bands(self, scene: str, bands: int) -> np.ndarray:
        """Bands of a scene that are not listed as bad.

        Args:
            scene (str): Name of the scene.
            bands (int): Number of its bands.

        Returns:
            np.ndarray: int64 indices, ascending.
        """
        selection = SelectBands(exclude=_of_scene(self.bad_bands, scene) or ())
        selection.bind(bands)
        return selection.indices

    def stated_wavelengths(self, scene: str, bands: int) -> np.ndarray | None:
        """Wavelengths in nm of a scene from the settings, float64 (bands,); None if not given.

        Raises:
            ValueError: If there is not one for each band.
        """
        stated = _of_scene(self.wavelengths, scene)
        if stated is None:
            return None
        values = np.loadtxt(stated, ndmin=1) if isinstance(stated, str) else np.asarray(stated, dtype=np.float64)
        if values.shape != (bands,):
            raise ValueError(f'the settings state {values.size} wavelengths for scene {scene!r} of {bands} bands')
        return values
