"""A scene: one hyperspectral cube with its labels, split and fitted preprocessing, shared by all its datasets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mmhsi.datasets.scenes.base_scene import BaseScene, locate
from mmhsi.datasets.scenes.cube_source import Source
from mmhsi.datasets.scenes.cube_view import CubeView
from mmhsi.datasets.splits.split import Split
from mmhsi.datasets.transforms.spectral import SpectralTransform
from mmhsi.registry import TASK_UTILS


@TASK_UTILS.register_module()
class Scene(BaseScene):
    """One hyperspectral scene.

    The header of the file is read at once; values, labels, split and the fit of the preprocessing are loaded when they
    are first needed, or with :meth:`prepare`. With ``cache`` the preprocessed cube is kept in memory and shared by all
    datasets and forked workers. Without it only windows are read, if the format allows, and each is preprocessed on
    demand; pixels are then read block by block to find missing data and to fit the preprocessing.

    Pixels with a NaN, infinite or nodata value in any used band are masked: they are not ``valid``, have no label, and
    are 0 after the preprocessing. A leading ``SelectBands`` keeps unused bands from masking anything.

    Values are physical, with the scale and the offset stated in the file, and bands that it marks as bad are left out,
    unless a leading ``SelectBands`` names bands by number; ``scaled=False`` and ``keep_bad_bands=True`` in the dict of
    ``image`` disable this.

    Args:
        image (str | dict | np.ndarray): File of the cube; or a dict of path, key (a name or several candidates) and
            layout ('auto', 'hwc', 'chw' or 'bil'); or a cube of shape (H, W, C) in memory.
        labels, classes, palette, label_codes, split, fit_on, fit_pixels: See :class:`BaseScene`.
        num_bands (int, optional): Number of bands that the file must have.
        preprocessing (Sequence[dict | SpectralTransform]): Spectral transforms, applied in this order to the whole
            scene.
        nodata (float, optional): Value of pixels without data, instead of the one that the file declares.
        cache (bool): Whether the cube is kept in memory. Defaults to True.
        data_root (str, optional): Folder that relative paths of ``image`` and ``labels`` start from.
        name (str, optional): Name of the scene. Defaults to the name of the file without suffix.

    Raises:
        FileNotFoundError: If a file is absent.
        ValueError: If a file does not hold what is expected; the message names file, expectation and finding.
    """

    task = 'classification'
    several = True

    def __init__(
        self,
        image: Source,
        labels: Source | list[Source] | None = None,
        classes: Sequence[str] | str | None = None,
        palette: Sequence[Sequence[int]] | None = None,
        label_codes: Mapping[str, int | Sequence[int]] | None = None,
        num_bands: int | None = None,
        split: dict | Split | None = None,
        preprocessing: Sequence[dict | SpectralTransform] = (),
        fit_on: str = 'all',
        fit_pixels: int | None = None,
        nodata: float | None = None,
        cache: bool = True,
        data_root: str | None = None,
        name: str | None = None,
    ):
        view = CubeView(locate(image, data_root), preprocessing, num_bands, nodata=nodata, cache=cache, name=name)
        super().__init__(view, labels, classes, palette, label_codes, split, fit_on, fit_pixels, data_root)

    def preprocess_spectra(self, spectra: np.ndarray) -> np.ndarray:
        """Preprocess spectra (..., C) of the bands of the file, e.g. from a library: (..., C')."""
        self.prepare()
        return self.view.preprocess_spectra(spectra)
