"""Base of all kinds of scenes: a view of its values, labels, classes, a split, and the pixels of its subsets."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence

import numpy as np
from mmengine.logging import print_log

from mmhsi.datasets.class_info import IGNORE_INDEX, resolve_classes
from mmhsi.datasets.io import CubeInfo
from mmhsi.datasets.scenes.cube_source import Extent, Source, require_real
from mmhsi.datasets.scenes.cube_view import CubeView
from mmhsi.datasets.scenes.label_maps import merge_label_maps, names_in_files, resolve_codes
from mmhsi.datasets.scenes.pair_view import PairView
from mmhsi.datasets.scenes.pool import SAMPLE, fit_together, split_together
from mmhsi.datasets.splits.split import SUBSETS, Split
from mmhsi.datasets.transforms.spectral import SpectralTransform
from mmhsi.registry import TASK_UTILS
from mmhsi.utils.palette import default_palette

_RUN = 64  # length of runs of neighbours drawn for fitting


def locate(source: Source, root: str | None) -> Source:
    """A source as a dict, with a relative path resolved from ``root``; arrays are returned unchanged.

    Raises:
        TypeError: If it is neither a path, a dict nor an array.
        ValueError: If the array does not hold real numbers.
    """
    if isinstance(source, np.ndarray):
        require_real(source)
        return source
    if not isinstance(source, (str, os.PathLike, Mapping)):
        several = (
            '; several scenes are given to a dataset of windows or tiles' if isinstance(source, (list, tuple)) else ''
        )
        raise TypeError(f'expected a path, a dict with a path or an array, found {type(source).__name__}{several}')
    source = dict(source) if isinstance(source, Mapping) else {'path': source}
    source['path'] = os.path.join(root or '', source['path'])
    return source


class BaseScene(Extent):
    """Labels, classes and split of a scene, over a view of its values.

    Args:
        view (CubeView | PairView): The values.
        labels (str | dict | np.ndarray | list, optional): Label map, 0 unlabelled and 1 to K the classes: file, dict of
            path, key, ignore (values that mean unlabelled, e.g. 255) and codes (``label_codes`` of this file), or array
            of shape (H, W). Several maps are overlaid. A map with a georeference must match the ground of the cube.
        classes (Sequence[str] | str, optional): The K class names, or the name of a scene in
            :data:`mmhsi.datasets.class_info.CLASS_INFO`. By default those that the file of the labels names, else
            numbered, up to the largest label.
        palette (Sequence[Sequence[int]], optional): K RGB colours. By default those of the named scene, else distinct
            ones.
        label_codes (Mapping[str, int | Sequence[int]], optional): The values of each class in the label map, by class
            name, if they are not 1 to K, e.g. ``dict(unchanged=2, changed=1)``. 0 is unlabelled unless it is named.
            Without ``classes`` its keys are the classes, in their order.
        split (dict | Split, optional): Config of a splitter, or a split.
        fit_on (str): 'all' fits the preprocessing on all valid pixels, as published protocols do; 'train' on the
            training pixels only, 'unevaluated' on all valid pixels but those of validation and test, so that test
            pixels have no influence; the latter is suitable for few labels, which do not determine many components.
            Defaults to 'all'.
        fit_pixels (int, optional): Largest number of pixels to fit on; from a larger number, runs of up to 64
            neighbours are drawn with a fixed seed. Defaults to None: all, block by block, and 500000 where a transform
            needs them in memory together, as percentiles do.
        data_root (str, optional): Folder that relative paths start from.

    Attributes:
        task (str): Name of the task of scenes of this class, see :mod:`mmhsi.tasks`; a subclass inherits it.
        view (CubeView | PairView): The values.
        pool (tuple[BaseScene, ...]): The scenes of one set of data that this one belongs to, by default only itself;
            see :func:`mmhsi.datasets.scenes.pool.join_scenes`.
    """

    task: str
    several = False
    """Whether the config of a scene of this class may stand for several, which are one set of data."""
    pairs = False
    """Whether the image of a scene of this class is a pair of dates."""

    @classmethod
    def task_of(cls, config: Mapping) -> str:
        """Name of the task of a scene with this config."""
        return cls.task

    def __init__(
        self,
        view: CubeView | PairView,
        labels: Source | list[Source] | None = None,
        classes: Sequence[str] | str | None = None,
        palette: Sequence[Sequence[int]] | None = None,
        label_codes: Mapping[str, int | Sequence[int]] | None = None,
        split: dict | Split | None = None,
        fit_on: str = 'all',
        fit_pixels: int | None = None,
        data_root: str | None = None,
    ):
        if fit_on not in ('all', 'train', 'unevaluated'):
            raise ValueError(f'fit_on must be "all", "train" or "unevaluated", not {fit_on!r}')
        if fit_on != 'all' and split is None:
            raise ValueError(f'fit_on="{fit_on}" needs a split')
        self.view = view
        self.name = view.name
        sources = [] if labels is None else labels if isinstance(labels, (list, tuple)) else [labels]
        self._label_sources = [locate(source, data_root) for source in sources]
        if classes is None and label_codes is not None:
            classes = tuple(label_codes)
        self._classes, self._palette = resolve_classes(classes, palette)
        self._found_classes: tuple[str, ...] = ()
        self._codes = None if label_codes is None else resolve_codes(label_codes, self._classes)
        self._split_cfg = split
        self._fit_on = fit_on
        self._fit_pixels = fit_pixels
        self._labels = self._split = None
        self.pool: tuple[BaseScene, ...] = (self,)

    @property
    def info(self) -> CubeInfo:
        """Description of the cube in the file, before the preprocessing; for a pair that of the first date."""
        return self.view.info

    @property
    def bands(self) -> int:
        """Number of bands after the preprocessing, of both dates together."""
        return self.view.bands

    @property
    def wavelengths(self) -> np.ndarray | None:
        """Centres of the bands after the preprocessing in nm, (bands,), if they are known."""
        return self.view.wavelengths

    @property
    def dates(self) -> tuple[CubeView, ...]:
        """The views of the dates, one or two."""
        return self.view.dates

    @property
    def cached(self) -> bool:
        """Whether the preprocessed values are kept in memory."""
        return self.view.cached

    @property
    def transforms(self) -> list[SpectralTransform]:
        """The spectral transforms of the preprocessing, which another scene can share."""
        return self.view.transforms

    @property
    def valid(self) -> np.ndarray:
        """Mask of the valid pixels, bool (H, W)."""
        return self.view.valid

    @property
    def fitted(self) -> bool:
        """Whether the preprocessing is fitted."""
        return self.view.fitted

    def prepare(self) -> None:
        """Fit the preprocessing and load cached data into memory; best called before workers are started."""
        if not self.fitted and len(self.pool) > 1:
            fit_together(self.pool, self._fit_pixels)
        elif not self.fitted:
            self.view.load()
            if self._fit_pixels is None and self.view.streams:
                self.view.fit_on(self.fit_mask())
            else:
                self.view.fit_at(self.fit_indices())
        self.view.prepare()

    def window(
        self, top: int, left: int, height: int, width: int, pad_mode: str = 'constant', pad_value: float = 0.0
    ) -> np.ndarray:
        """Preprocessed window (h, w, C') float32, which may extend beyond the border of the scene; see
        :meth:`mmhsi.datasets.scenes.cube_view.CubeView.window`."""
        self.prepare()
        return self.view.window(top, left, height, width, pad_mode, pad_value)

    def pixels(self, indices: np.ndarray) -> np.ndarray:
        """Preprocessed spectra (N, C') float32 of flat indices ``row * W + col``."""
        self.prepare()
        return self.view.pixels(indices)

    def raw_pixels(self, indices: np.ndarray) -> np.ndarray:
        """Spectra (N, C) float32 of flat indices before the preprocessing, of a pair (N, 2 C) of both dates."""
        return self.view.raw_pixels(indices)

    def stored_bands(self, bands: Sequence[int], step: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Some bands of the file, see :meth:`mmhsi.datasets.scenes.cube_view.CubeView.stored_bands`; invalid pixels
        count as missing data."""
        values, valid = self.view.stored_bands(bands, step)
        return values, valid & self.valid[::step, ::step]

    def state_dict(self) -> dict[str, np.ndarray]:
        """The fitted state of all spectral transforms, by '<position>.<transform>.<name>'; for a pair with separate
        fits the names begin with the date."""
        self.prepare()
        return self.view.state_dict()

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        """Use an existing fitted state instead of fitting to this scene.

        Raises:
            ValueError: If the state belongs to another preprocessing.
        """
        self.view.load_state_dict(state)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C') with the number of bands after the preprocessing."""
        return self.height, self.width, self.bands

    @property
    def sample_meta(self) -> dict:
        """Meta information that every sample of this scene carries besides its position; none by default."""
        return {}

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the K classes; empty without labels and names."""
        if self._classes is None and self._label_sources:
            for scene in self.pool:
                _ = scene.labels  # finds names
            most = max((scene._found_classes for scene in self.pool), key=len)
            for scene in self.pool:
                scene._classes = most
        return self._classes or ()

    @property
    def palette(self) -> tuple[tuple[int, int, int], ...]:
        """RGB colours of the K classes."""
        return self._palette or tuple(map(tuple, default_palette(len(self.classes)).tolist()))

    @property
    def has_labels(self) -> bool:
        """Whether the scene has a label map."""
        return bool(self._label_sources)

    @property
    def labels(self) -> np.ndarray:
        """Labels of shape (H, W) int64: classes 0 to K - 1, 255 where unlabelled or masked."""
        if self._labels is None:
            self._load_labels()
        return self._labels

    @property
    def split(self) -> Split | None:
        """Training, validation and test pixels; None if the scene has no split."""
        if self._split is None and self._split_cfg is not None:
            config = self._split_cfg
            if len(self.pool) > 1 and self._split_is_shared:
                split_together(self.pool, config)
                return self._split
            split = config if isinstance(config, Split) else TASK_UTILS.build(config)(self.labels, self.classes)
            if split.shape != (self.height, self.width):
                raise ValueError(
                    f'{self.info.path}: the split is of a scene of {split.shape[0]} x {split.shape[1]} '
                    f'pixels, but this one has {self.height} x {self.width}'
                )
            self._split = split
        return self._split

    @property
    def _split_is_shared(self) -> bool:
        return isinstance(self._split_cfg, Mapping) and all(scene._split_cfg == self._split_cfg for scene in self.pool)

    def subset(self, name: str) -> np.ndarray:
        """Sorted flat indices of the pixels of a subset.

        Args:
            name (str): 'train', 'val' or 'test'; 'labelled' for all labelled pixels; 'all' for all valid ones.

        Returns:
            np.ndarray: int64 indices of shape (N,).
        """
        if name == 'all':
            return np.flatnonzero(self.valid)
        if name == 'labelled':
            return np.flatnonzero(self.labels != IGNORE_INDEX)
        if name not in SUBSETS:
            raise ValueError(f'a subset is one of {(*SUBSETS, "labelled", "all")}, not {name!r}')
        if self.split is None:
            raise ValueError(f'scene {self.name!r} has no split, so it has no subset {name!r}')
        return getattr(self.split, name)

    def subset_labels(self, name: str) -> np.ndarray:
        """Labels of the pixels of a subset, 255 elsewhere; uint8 of shape (H, W)."""
        targets = np.full(self.height * self.width, IGNORE_INDEX, dtype=np.uint8)
        pixels = self.subset(name)
        targets[pixels] = self.labels.ravel()[pixels]
        return targets.reshape(self.height, self.width)

    def fit_mask(self) -> np.ndarray:
        """Which pixels the preprocessing is fitted on where their number does not matter, bool (H, W)."""
        if self._fit_on in ('all', 'unevaluated'):
            chosen = self.valid.copy()
            if self._fit_on == 'unevaluated':
                chosen.ravel()[np.concatenate([self.split.val, self.split.test])] = False
            return chosen
        chosen = np.zeros(self.valid.shape, bool)
        chosen.ravel()[self.subset(self._fit_on)] = True
        return chosen & self.valid  # a split by areas ignores missing data

    def fit_indices(self, limit: int | None = None) -> np.ndarray:
        """Sorted flat indices of the pixels that the preprocessing is fitted on, at most ``limit``
        (``fit_pixels``, or 500000)."""
        limit = self._fit_pixels or SAMPLE if limit is None else limit
        indices = np.flatnonzero(self.fit_mask())
        if (
            len(indices) > limit
        ):  # runs of neighbours reveal the noise, but many of them are needed to represent the scene
            run = int(np.clip(limit // 100, 1, _RUN))
            starts = np.random.RandomState(0).choice(len(indices) // run, limit // run, replace=False) * run
            indices = indices[(np.sort(starts)[:, None] + np.arange(run)).ravel()]
        return indices

    def _load_labels(self) -> None:
        stored = merge_label_maps(
            self._label_sources,
            self.info,
            None if self._classes is None else len(self._classes),
            self._codes,
            self._classes,
        )
        if self._classes is None and stored.any():
            paths = [source['path'] for source in self._label_sources if isinstance(source, Mapping)]
            self._found_classes = names_in_files(paths, int(stored.max()))  # other scenes of the set may have more
        masked = (stored > 0) & ~self.valid
        if masked.any():
            print_log(
                f'{self.info.path}: {np.count_nonzero(masked)} labelled pixels hold no data and count as unlabelled',
                'current',
                logging.WARNING,
            )
        self._labels = np.where((stored > 0) & ~masked, stored - 1, IGNORE_INDEX)

    def __deepcopy__(self, memo: dict) -> BaseScene:
        # A copy of a dataset (get_subset) shares the scene instead of loading a second cube.
        return self

    def __repr__(self) -> str:
        return f'{type(self).__name__}({self.name!r}, {self.height} x {self.width} pixels, {self.bands} bands)'
