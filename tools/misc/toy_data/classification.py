"""Look-alikes of the classification datasets."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .files import save_hdf5_mat, save_mat, stored
from .landscape import field_grid, reflectance, smooth_spectra, sow


@dataclass(frozen=True)
class ClassificationFiles:
    """A labelled scene: two MATLAB files, labels 0 (unlabelled) and 1 to K as uint8.

    Args:
        cube (tuple[str, str]): File name and key.
        labels (tuple[str, str]): File name and key.
        shape (tuple[int, int, int]): Rows, columns, bands. Rows and columns suit tiles of 128 pixels (145 for Indian
            Pines) in a mirrored scene.
        classes (int): K.
        side (int): Pixels of the side of a field; each class has a field, and so at least side x side pixels.
        dtype (str): Type of the values.
        maps (tuple): File name and key of a training and of a test map, if they are published. A third of each field is
            for training.
        hdf5 (bool): Whether the cube is a file of MATLAB 7.3, which is HDF5 with the axes reversed.
    """

    cube: tuple[str, str]
    labels: tuple[str, str]
    shape: tuple[int, int, int]
    classes: int
    side: int
    dtype: str
    maps: tuple[tuple[str, str], ...] = ()
    hdf5: bool = False

    def __call__(self, folder: Path, rng: np.random.Generator) -> None:
        """Write the files."""
        grid = field_grid(self.shape[:2], self.side)
        fields = dict.fromkeys(range(1, self.classes + 1), 1)
        for label in rng.integers(1, self.classes + 1, (grid.max() + 1 - self.classes) * 2 // 3):
            fields[label] += 1
        labels = sow(rng, grid, fields, rest=0).astype(np.uint8)
        cube = reflectance(rng, labels, smooth_spectra(rng, self.classes + 1, self.shape[2]))
        save = save_hdf5_mat if self.hdf5 else save_mat
        save(folder / self.cube[0], **{self.cube[1]: stored(cube, self.dtype)})
        save_mat(folder / self.labels[0], **{self.labels[1]: labels})
        training = np.arange(self.shape[1]) % self.side < self.side // 3
        for (name, key), chosen in zip(self.maps, (training, ~training), strict=False):
            save_mat(folder / name, **{key: np.where(chosen, labels, 0).astype(np.uint8)})


CLASSIFICATION: dict[str, Callable[[Path, np.random.Generator], None]] = {
    'indian_pines': ClassificationFiles(
        ('Indian_pines_corrected.mat', 'indian_pines_corrected'),
        ('Indian_pines_gt.mat', 'indian_pines_gt'),
        (74, 76, 200),
        16,
        12,
        'uint16',
    ),
    'pavia_university': ClassificationFiles(
        ('PaviaU.mat', 'paviaU'), ('PaviaU_gt.mat', 'paviaU_gt'), (80, 66, 103), 9, 11, 'uint16'
    ),
    'hanchuan': ClassificationFiles(
        ('WHU_Hi_HanChuan.mat', 'WHU_Hi_HanChuan'),
        ('WHU_Hi_HanChuan_gt.mat', 'WHU_Hi_HanChuan_gt'),
        (68, 66, 274),
        16,
        11,
        'float32',
    ),
    'honghu': ClassificationFiles(
        ('WHU_Hi_HongHu.mat', 'WHU_Hi_HongHu'),
        ('WHU_Hi_HongHu_gt.mat', 'WHU_Hi_HongHu_gt'),
        (68, 67, 270),
        22,
        11,
        'float32',
    ),
    'houston': ClassificationFiles(
        ('Houston.mat', 'Houston'),
        ('Houston_GT.mat', 'Houston_GT'),
        (66, 84, 144),
        15,
        12,
        'uint16',
        maps=(('TRLabel.mat', 'TRLabel'), ('TSLabel.mat', 'TSLabel')),
    ),
    'zy1_02d': ClassificationFiles(
        ('ZY_hhk.mat', 'ZY_hhk_0628_data'), ('ZY_hhk_gt.mat', 'data_gt'), (66, 72, 119), 23, 11, 'int16'
    ),
    'xiongan': ClassificationFiles(
        ('Xiongan.mat', 'data'), ('Xiongan_GT.mat', 'gt'), (66, 72, 250), 20, 11, 'uint16', hdf5=True
    ),
}
