"""A pair of scenes: one place at two dates, used as one image with twice the bands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mmhsi.datasets.class_info import BLACK_AND_WHITE
from mmhsi.datasets.scenes.base_scene import BaseScene, locate
from mmhsi.datasets.scenes.cube_source import Source
from mmhsi.datasets.scenes.cube_view import CubeView
from mmhsi.datasets.scenes.pair_view import PairView
from mmhsi.datasets.splits.split import Split
from mmhsi.datasets.transforms.spectral import SpectralTransform
from mmhsi.registry import TASK_UTILS

CHANGE_CLASSES = ('unchanged', 'changed')


@TASK_UTILS.register_module()
class PairScene(BaseScene):
    """Two co-registered dates of one place, and what changed between them.

    A window holds the bands of the first date, then those of the second: 2 C' bands, which
    :class:`mmhsi.models.SiameseBackbone` splits. A pixel is valid if it is valid at both dates.

    Args:
        image (Sequence[str | dict | np.ndarray]): The two cubes, each as in :class:`mmhsi.datasets.Scene`. In a config
            it may stand for several pairs, see :func:`mmhsi.datasets.scenes.scene_list.scene_configs`.
        classes (Sequence[str]): Defaults to ('unchanged', 'changed').
        num_bands (int, optional): Number of bands C that each file must have.
        preprocessing (Sequence[dict | SpectralTransform]): Spectral transforms of each date, applied to C bands.
        joint (bool): Whether to fit the preprocessing once to the pixels of both dates together, so that a value has
            the same meaning at both. Otherwise each date is fitted separately, which removes differences of light and
            sensor. Defaults to True.
        palette (Sequence[Sequence[int]]): RGB colours. Defaults to black and white.
        labels, label_codes, split, fit_on, fit_pixels: See :class:`BaseScene`.
        nodata, cache, data_root, name: See :class:`mmhsi.datasets.Scene`; the name is that of the first file.

    Raises:
        FileNotFoundError: If a file is absent.
        ValueError: If there are not two cubes, they differ in size or number of bands, or do not cover the same ground.
    """

    task = 'change_detection'
    several = pairs = True

    def __init__(
        self,
        image: Sequence[Source],
        labels: Source | list[Source] | None = None,
        classes: Sequence[str] = CHANGE_CLASSES,
        palette: Sequence[Sequence[int]] = BLACK_AND_WHITE,
        label_codes: Mapping[str, int | Sequence[int]] | None = None,
        num_bands: int | None = None,
        split: dict | Split | None = None,
        preprocessing: Sequence[dict | SpectralTransform] = (),
        joint: bool = True,
        fit_on: str = 'all',
        fit_pixels: int | None = None,
        nodata: float | None = None,
        cache: bool = True,
        data_root: str | None = None,
        name: str | None = None,
    ):
        if isinstance(image, (list, tuple)):
            image = tuple(locate(source, data_root) for source in image)
        view = PairView(image, preprocessing, joint, num_bands=num_bands, nodata=nodata, cache=cache, name=name)
        super().__init__(view, labels, classes, palette, label_codes, split, fit_on, fit_pixels, data_root)

    @property
    def first(self) -> CubeView:
        """The view of the first date."""
        return self.dates[0]

    @property
    def second(self) -> CubeView:
        """The view of the second date."""
        return self.dates[1]
