"""Look-alikes of the four hyperspectral change detection datasets."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .files import save_mat, stored
from .landscape import field_grid, reflectance, smooth_curves, smooth_spectra, sow

MATERIALS = 5
_SIDE = 6  # pixels of the side of a field


def change_pair(
    rng: np.random.Generator, spectra: np.ndarray, changed: np.ndarray, side: int
) -> tuple[np.ndarray, np.ndarray]:
    """One place at two dates: changed fields have another material, and season and light differ.

    Args:
        rng (np.random.Generator): Source of randomness.
        spectra (np.ndarray): Reflectance of each of the materials, (MATERIALS, C).
        changed (np.ndarray): bool (H, W).
        side (int): Pixels of the side of a field.

    Returns:
        tuple[np.ndarray, np.ndarray]: Reflectances, float64 (H, W, C) each.
    """
    grid = field_grid(changed.shape, side)
    first = sow(rng, grid, dict.fromkeys(range(1, MATERIALS), (grid.max() + 1) // MATERIALS), rest=0)
    steps = rng.integers(1, MATERIALS, grid.max() + 2)
    second = np.where(changed, (first + steps[grid]) % MATERIALS, first)
    season = 0.8 + 0.2 * smooth_curves(rng, 1, spectra.shape[1])
    return reflectance(rng, first, spectra), reflectance(rng, second, spectra * season)


@dataclass(frozen=True)
class ChangeFiles:
    """Two dates and the map of changes, each in a MATLAB file that may be the same for all.

    Args:
        first (tuple[str, str]): File name and key of the first date.
        second (tuple[str, str]): File name and key of the second date.
        labels (tuple[str, str]): File name and key of the map, uint8.
        shape (tuple[int, int, int]): Rows, columns, bands.
        fields (dict[int, int]): Number of fields by their code in the map. Those of ``changed`` changed.
        changed (tuple[int, ...]): Codes that say that a pixel changed.
        rest (int): Code of all other fields. Where 0 is unlabelled, none of these changed.
    """

    first: tuple[str, str]
    second: tuple[str, str]
    labels: tuple[str, str]
    shape: tuple[int, int, int]
    fields: dict[int, int]
    changed: tuple[int, ...]
    rest: int

    def __call__(self, folder: Path, rng: np.random.Generator) -> None:
        """Write the files."""
        labels = sow(rng, field_grid(self.shape[:2], _SIDE), self.fields, self.rest)
        spectra = smooth_spectra(rng, MATERIALS, self.shape[2])
        pair = change_pair(rng, spectra, np.isin(labels, self.changed), _SIDE)
        files: dict[str, dict] = {}
        for (name, key), values in (
            (self.first, stored(pair[0], 'int16')),
            (self.second, stored(pair[1], 'int16')),
            (self.labels, labels.astype(np.uint8)),
        ):
            files.setdefault(name, {})[key] = values
        for name, arrays in files.items():
            save_mat(folder / name, **arrays)


# 500 pixels that changed and 500 that did not are for training: there are more of both.
CHANGE: dict[str, Callable[[Path, np.random.Generator], None]] = {
    'hermiston': ChangeFiles(  # 1 changed, 2 unchanged
        ('Sa1.mat', 'T1'), ('Sa2.mat', 'T2'), ('SaGT.mat', 'GT'), (50, 42, 154), {1: 19}, changed=(1,), rest=2
    ),
    'farmland': ChangeFiles(  # 1 unchanged, 2 and 0 changed
        ('Farm1.mat', 'imgh'),
        ('Farm2.mat', 'imghl'),
        ('GTChina1.mat', 'label'),
        (54, 37, 155),
        {2: 16, 0: 4},
        changed=(2, 0),
        rest=1,
    ),
    'bay_area': ChangeFiles(  # 1 changed, 2 unchanged, 0 unlabelled
        ('BayArea.mat', 'T1'),
        ('BayArea.mat', 'T2'),
        ('BayArea.mat', 'GT'),
        (50, 40, 224),
        {1: 17, 2: 24},
        changed=(1,),
        rest=0,
    ),
    'santa_barbara': ChangeFiles(  # as the Bay Area
        ('Barbara.mat', 'T1'),
        ('Barbara.mat', 'T2'),
        ('Barbara.mat', 'GT'),
        (54, 37, 224),
        {1: 17, 2: 24},
        changed=(1,),
        rest=0,
    ),
}
