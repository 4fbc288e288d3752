"""Look-alikes of the three target detection and the three anomaly detection datasets, with their coarse maps."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .files import save_mat, stored
from .landscape import coarse_scores, field_grid, reflectance, scatter_objects, smooth_spectra, sow

_MATERIALS = 4  # of the background


@dataclass(frozen=True)
class DetectionFiles:
    """Cube and truth (uint8, 1 target) in one MATLAB file, scores of a coarse detector in another.

    Args:
        file (str): Name of the file.
        keys (tuple[str, str]): Keys of cube and truth.
        coarse (tuple[str, str]): File name, below ``coarse_det/``, and key of the scores.
        shape (tuple[int, int, int]): Rows, columns, bands; a tile has 32 pixels.
        targets (int): Number of target pixels.
        dtype (str): Type of the values of the cube.
    """

    file: str
    keys: tuple[str, str]
    coarse: tuple[str, str]
    shape: tuple[int, int, int]
    targets: int
    dtype: str

    def __call__(self, folder: Path, rng: np.random.Generator) -> None:
        """Write the files. The targets share one spectrum that the background does not have."""
        grid = field_grid(self.shape[:2], 8)
        fields = dict.fromkeys(range(1, _MATERIALS), (grid.max() + 1) // _MATERIALS)
        targets = scatter_objects(rng, self.shape[:2], self.targets)
        ground = np.where(targets, _MATERIALS, sow(rng, grid, fields, rest=0))
        cube = reflectance(rng, ground, smooth_spectra(rng, _MATERIALS + 1, self.shape[2]))
        arrays = {self.keys[0]: stored(cube, self.dtype), self.keys[1]: targets.astype(np.uint8)}
        save_mat(folder / self.file, **arrays)
        save_mat(folder / 'coarse_det' / self.coarse[0], **{self.coarse[1]: coarse_scores(rng, targets)})


DETECTION: dict[str, Callable[[Path, np.random.Generator], None]] = {
    'mosaic': DetectionFiles(  # size, bands and type of the original are not stated
        'mosaic.mat', ('X', 'TL'), ('Mosaic.mat', 'Mosaic'), (48, 44, 120), 25, 'float64'
    ),
    'aviris': DetectionFiles('aviris.mat', ('X', 'TL'), ('AVIRIS.mat', 'AVIRIS'), (52, 48, 189), 58, 'float64'),
    'renourban': DetectionFiles(  # no file of the original is described: laid out as the other two
        'renourban.mat', ('X', 'TL'), ('Renourban.mat', 'Renourban'), (72, 40, 120), 30, 'float64'
    ),
    'pavia': DetectionFiles(
        'Paiva_108_120_102_43.mat', ('hsi', 'hsi_gt'), ('Pavia_coarse_det_map.mat', 'show'), (54, 60, 102), 43, 'uint16'
    ),
    'cri': DetectionFiles(
        'Nuance_Cri_400_400_46_1254.mat',
        ('hsi', 'hsi_gt'),
        ('Cri_coarse_det_map.mat', 'show'),
        (64, 60, 46),
        32,
        'float64',
    ),
    'viareggio': DetectionFiles(  # no file of the original is described: laid out as the other two
        'viareggio.mat', ('hsi', 'hsi_gt'), ('Viareggio_coarse_det_map.mat', 'show'), (56, 48, 128), 28, 'float64'
    ),
}
