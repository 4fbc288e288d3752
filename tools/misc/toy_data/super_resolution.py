"""Look-alikes of the super-resolution data of Houston: images that are cut and reduced already, and a crop."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .files import save_mat, stored
from .landscape import field_grid, reflectance, smooth_spectra, sow

BANDS, MATERIALS = 48, 6
_DETAIL = 4  # pixels of detail in one of the small image; at a larger scale they are repeated


def reduced(cube: np.ndarray, scale: int) -> np.ndarray:
    """The mean of each square of ``scale`` pixels, (H, W, C) → (H / scale, W / scale, C)."""
    height, width, bands = cube.shape
    return cube.reshape(height // scale, scale, width // scale, scale, bands).mean(axis=(1, 3))


def repeated(cube: np.ndarray, times: int) -> np.ndarray:
    """Each pixel as a square of ``times`` pixels, (H, W, C) → (times H, times W, C)."""
    return cube.repeat(times, axis=0).repeat(times, axis=1)


@dataclass(frozen=True)
class SuperResolutionFiles:
    """Folders ``trains`` and ``evals`` with a file for each patch, and one file with all test images.

    The small image consists of means and is enlarged by repetition, not bicubically, so that the files compress well.

    Args:
        scale (int): Factor between the images.
        patch (int): Side of a patch in pixels of the small image.
        test (tuple[int, int]): Height and width of a test image in pixels of the small image.
        counts (tuple[int, int, int]): Number of training and validation patches and of test images.
    """

    scale: int
    patch: int
    test: tuple[int, int]
    counts: tuple[int, int, int]

    def __call__(self, folder: Path, rng: np.random.Generator) -> None:
        """Write the files."""
        spectra = smooth_spectra(rng, MATERIALS, BANDS)
        for subset, count in zip(('trains', 'evals'), self.counts, strict=False):
            for number in range(1, count + 1):
                images = self._images(rng, spectra, (self.patch, self.patch))
                save_mat(folder / subset / f'{number:04}.mat', **images)
        tests = [self._images(rng, spectra, self.test) for _ in range(self.counts[2])]
        save_mat(folder / 'houston_test.mat', **{key: np.stack([test[key] for test in tests]) for key in tests[0]})

    def _images(self, rng: np.random.Generator, spectra: np.ndarray, size: tuple[int, int]) -> dict[str, np.ndarray]:
        grid = field_grid(tuple(_DETAIL * side for side in size), 2 * _DETAIL)
        fields = sow(rng, grid, dict.fromkeys(range(1, MATERIALS), (grid.max() + 1) // MATERIALS), rest=0)
        truth = repeated(stored(reflectance(rng, fields, spectra, noise=0.001), 'float32'), self.scale // _DETAIL)
        small = stored(reduced(truth, self.scale), 'float32')
        return dict(gt=truth, ms=small, ms_bicubic=repeated(small, self.scale))


def write_crop(folder: Path, rng: np.random.Generator) -> None:
    """The crop of Houston in one file: 'hyprImg', 128 x 128 pixels."""
    grid = field_grid((128, 128), 9)
    fields = sow(rng, grid, dict.fromkeys(range(1, MATERIALS), (grid.max() + 1) // MATERIALS), rest=0)
    cube = reflectance(rng, fields, smooth_spectra(rng, MATERIALS, BANDS), noise=0.001)
    save_mat(folder / 'houston_dataset.mat', hyprImg=stored(cube, 'uint16'))


SUPER_RESOLUTION: dict[str, Callable[[Path, np.random.Generator], None]] = {
    'houston_x4': SuperResolutionFiles(4, patch=32, test=(36, 24), counts=(2, 1, 2)),
    'houston_x8': SuperResolutionFiles(8, patch=32, test=(16, 16), counts=(1, 1, 1)),
    'houston2018-crop': write_crop,
}
