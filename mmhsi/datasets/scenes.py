"""A scene: one hyperspectral cube with its labels, split and fitted preprocessing, shared by all its datasets."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from weakref import WeakValueDictionary

import numpy as np
from mmengine.logging import print_log

from mmhsi.datasets.class_info import IGNORE_INDEX, resolve_classes
from mmhsi.datasets.cube_source import CubeSource
from mmhsi.datasets.io import CubeInfo
from mmhsi.datasets.label_maps import merge_label_maps
from mmhsi.datasets.split import SUBSETS, Split
from mmhsi.datasets.transforms.chain import SpectralChain
from mmhsi.registry import TASK_UTILS
from mmhsi.utils.palette import default_palette
from mmhsi.utils.windows import crop_window, gather, source_indices

Source = str | dict | np.ndarray


@TASK_UTILS.register_module()
class Scene:
    """One hyperspectral scene.

    The header of the file is read at once; values, labels, split and the fit of the preprocessing follow when they are
    first needed, or with :meth:`prepare`. With ``cache`` the preprocessed cube is kept in memory and shared by all
    datasets and forked workers. Without it only windows are read, if the format allows, and each is preprocessed when
    it is asked for; then pixels are read block by block to find those without data and to fit the preprocessing.

    Pixels with a NaN, infinite or nodata value in any used band are masked: they are not ``valid``, carry no label, and
    are 0 after the preprocessing. A leading ``SelectBands`` keeps unused bands from masking anything.

    Args:
        image (str | dict | np.ndarray): File of the cube; or a dict of path, key (a name or several candidates) and
            layout ('auto', 'hwc' or 'chw'); or a cube of shape (H, W, C) in memory.
        labels (str | dict | np.ndarray | list, optional): Label map, 0 unlabelled and 1 to K the classes: file, dict of
            path and key, or array of shape (H, W). Several maps are laid over each other.
        classes (Sequence[str] | str, optional): The K class names, or the name of a scene in
            :data:`mmhsi.datasets.class_info.CLASS_INFO`. By default the classes are numbered up to the largest label.
        palette (Sequence[Sequence[int]], optional): K RGB colours. By default those of the named scene, else distinct
            ones.
        num_bands (int, optional): Number of bands that the file must have.
        split (dict | Split, optional): Config of a splitter, or a split.
        preprocessing (Sequence[dict]): Configs of spectral transforms, applied in this order to the whole scene.
        fit_on (str): 'all' fits the preprocessing on all valid pixels, as published protocols do; 'train' on the
            training pixels only, so that no test pixel has any influence. Defaults to 'all'.
        fit_pixels (int): Largest number of pixels to fit on; of a larger number a random sample with a fixed seed is
            taken. Defaults to 500000.
        nodata (float, optional): Value of pixels without data, instead of the one that the file declares.
        cache (bool): Whether the cube is kept in memory. Defaults to True.
        data_root (str, optional): Folder that relative paths of ``image`` and ``labels`` start from.
        name (str, optional): Name of the scene. Defaults to the name of the file without suffix.

    Raises:
        FileNotFoundError: If a file is absent.
        ValueError: If a file does not hold what is expected; the message names file, expectation and finding.
    """

    def __init__(self,
                 image: Source,
                 labels: Source | list[Source] | None = None,
                 classes: Sequence[str] | str | None = None,
                 palette: Sequence[Sequence[int]] | None = None,
                 num_bands: int | None = None,
                 split: dict | Split | None = None,
                 preprocessing: Sequence[dict] = (),
                 fit_on: str = 'all',
                 fit_pixels: int = 500_000,
                 nodata: float | None = None,
                 cache: bool = True,
                 data_root: str | None = None,
                 name: str | None = None):
        if fit_on not in ('all', 'train'):
            raise ValueError(f'fit_on must be "all" or "train", not {fit_on!r}')
        if fit_on == 'train' and split is None:
            raise ValueError('fit_on="train" needs a split')
        self._root = data_root
        self._source = CubeSource(self._located(image), nodata)
        if num_bands not in (None, self.info.bands):
            raise ValueError(f'{self.info.path}: {num_bands} bands are expected, but the file has {self.info.bands}')
        self.name = name or Path(self.info.path).stem
        self.cached = cache or not self.info.windowed
        self._fit_on = fit_on
        self._fit_pixels = fit_pixels
        self._chain = SpectralChain(preprocessing)
        try:
            self.bands, self.wavelengths = self._chain.bind(self.info.bands, self.info.wavelengths)
        except ValueError as error:
            raise ValueError(f'{self.info.path}: {error}') from error
        self._source.select(self._chain.source_bands)
        labels = [] if labels is None else labels
        self._label_sources = [self._located(s) for s in (labels if isinstance(labels, (list, tuple)) else [labels])]
        self._classes, self._palette = resolve_classes(classes, palette)
        self._split_cfg = split
        self._cube = self._valid = self._labels = self._split = None

    def _located(self, source: Source) -> Source:
        if isinstance(source, np.ndarray):
            return source
        source = dict(source) if isinstance(source, Mapping) else {'path': source}
        source['path'] = os.path.join(self._root or '', source['path'])
        return source

    @property
    def info(self) -> CubeInfo:
        """What the file says about its cube, before the preprocessing."""
        return self._source.info

    @property
    def height(self) -> int:
        """Number of rows H."""
        return self.info.height

    @property
    def width(self) -> int:
        """Number of columns W."""
        return self.info.width

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C') with the number of bands after the preprocessing."""
        return self.height, self.width, self.bands

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the K classes; empty without labels and names."""
        if self._classes is None and self._label_sources:
            self._load_labels()
        return self._classes or ()

    @property
    def palette(self) -> tuple[tuple[int, int, int], ...]:
        """RGB colours of the K classes."""
        return self._palette or tuple(map(tuple, default_palette(len(self.classes)).tolist()))

    @property
    def valid(self) -> np.ndarray:
        """Mask of the pixels that hold data, bool (H, W)."""
        if self._valid is None:
            if self.cached and not self._source.always_valid:
                self.prepare()
            else:
                self._set_valid(self._source.scan_valid())
        return self._valid

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
            split = config if isinstance(config, Split) else TASK_UTILS.build(config)(self.labels, self.classes)
            if split.shape != (self.height, self.width):
                raise ValueError(f'{self.info.path}: the split is of a scene of {split.shape[0]} x {split.shape[1]} '
                                 f'pixels, but this one has {self.height} x {self.width}')
            self._split = split
        return self._split

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

    def _load_labels(self) -> None:
        stored = merge_label_maps(self._label_sources, (self.height, self.width), self.info.path,
                                  None if self._classes is None else len(self._classes))
        if self._classes is None and stored.any():
            self._classes = tuple(f'class {label}' for label in range(1, stored.max() + 1))
        masked = (stored > 0) & ~self.valid
        if masked.any():
            print_log(f'{self.info.path}: {np.count_nonzero(masked)} labelled pixels hold no data and count as '
                      'unlabelled', 'current', logging.WARNING)
        self._labels = np.where((stored > 0) & ~masked, stored - 1, IGNORE_INDEX)

    def _set_valid(self, valid: np.ndarray) -> None:
        missing = valid.size - np.count_nonzero(valid)
        if missing == valid.size:
            bands = self._source.empty_bands()
            hint = f'; bands {bands} hold none at all, leave them out with SelectBands' if bands else ''
            raise ValueError(f'{self.info.path}: no pixel holds data in all bands that are used (NaN or nodata '
                             f'{self._source.nodata}){hint}')
        if missing:
            print_log(f'{self.info.path}: {missing} of {valid.size} pixels hold NaN or nodata ({self._source.nodata}) '
                      'and are masked', 'current', logging.WARNING)
        self._valid = valid

    def prepare(self) -> None:
        """Fit the preprocessing and, with ``cache``, load the cube; best called before workers are started."""
        if not self.cached:
            if not self._chain.fitted:
                self._chain.fit(self._source.read_pixels(self._fit_indices()))
            return
        if self._cube is not None:
            return
        raw, valid = self._source.read()
        self._source.close()
        if self._valid is None:
            self._set_valid(valid)
        if not self._chain.fitted:
            indices = self._fit_indices()
            pixels = raw.reshape(-1, raw.shape[-1])
            self._chain.fit(pixels if len(indices) == len(pixels) else pixels[indices])
        cube = np.empty(self.shape, dtype=np.float32)
        for top, rows in self._source.row_blocks():
            part = slice(top, top + rows)
            cube[part] = self._preprocess(raw[part], valid[part])
        self._cube = cube

    def _fit_indices(self) -> np.ndarray:
        indices = self.subset(self._fit_on)
        if len(indices) > self._fit_pixels:
            sample = np.random.RandomState(0).choice(len(indices), self._fit_pixels, replace=False)
            indices = indices[np.sort(sample)]
        return indices

    def _preprocess(self, raw: np.ndarray, valid: np.ndarray) -> np.ndarray:
        values = self._chain(raw)
        return values if valid.all() else np.where(valid[..., None], values, np.float32(0))

    def window(self,
               top: int,
               left: int,
               height: int,
               width: int,
               pad_mode: str = 'constant',
               pad_value: float = 0.) -> np.ndarray:
        """Preprocessed window, which may hang over the border of the scene.

        Args:
            top (int): First row.
            left (int): First column.
            height (int): Number of rows h.
            width (int): Number of columns w.
            pad_mode (str): 'constant', 'symmetric' or 'reflect'.
            pad_value (float): Value outside the scene with pad_mode 'constant'. Defaults to 0.

        Returns:
            np.ndarray: New float32 array of shape (h, w, C').
        """
        self.prepare()
        if self.cached:
            return crop_window(self._cube, top, left, height, width, pad_mode, pad_value)
        rows = source_indices(top, height, self.height, pad_mode)
        cols = source_indices(left, width, self.width, pad_mode)
        used_rows, used_cols = rows[rows >= 0], cols[cols >= 0]
        if not (used_rows.size and used_cols.size):
            return np.full((height, width, self.bands), pad_value, dtype=np.float32)
        first_row, first_col = int(used_rows.min()), int(used_cols.min())
        part = self._preprocess(*self._source.read((first_row, first_col, int(used_rows.max()) - first_row + 1,
                                                    int(used_cols.max()) - first_col + 1)))
        rows[rows >= 0] -= first_row
        cols[cols >= 0] -= first_col
        return gather(part, rows, cols, pad_value)

    def pixels(self, indices: np.ndarray) -> np.ndarray:
        """Preprocessed spectra of single pixels.

        Args:
            indices (np.ndarray): N flat indices ``row * W + col``.

        Returns:
            np.ndarray: float32 array of shape (N, C').
        """
        self.prepare()
        if self.cached:
            return self._cube.reshape(-1, self.bands)[indices]
        return self._preprocess(self._source.read_pixels(indices), self.valid.ravel()[indices])

    def stored_bands(self, bands: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Some bands of the whole scene as stored, before the preprocessing, e.g. for a false-colour picture.

        Args:
            bands (Sequence[int]): n bands of the file, counted from 0.

        Returns:
            tuple[np.ndarray, np.ndarray]: Values of shape (H, W, n) float32, 0 without data, and bool of shape (H, W),
            True where the pixel is valid and holds data in these bands.
        """
        values, valid = self._source.read(bands=bands)
        self._source.close()
        return values, valid & self.valid

    def state_dict(self) -> dict[str, np.ndarray]:
        """The fitted state of all spectral transforms, by '<position>.<transform>.<name>'."""
        self.prepare()
        return self._chain.state_dict()

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        """Use a state fitted before instead of fitting on this scene.

        Args:
            state (Mapping[str, np.ndarray]): What :meth:`state_dict` gave for a scene with the same preprocessing.

        Raises:
            ValueError: If the state is of another preprocessing.
        """
        try:
            self._chain.load_state_dict(state)
        except ValueError as error:
            raise ValueError(f'scene {self.name!r}: {error}') from error
        self._source.select(self._chain.source_bands)
        self._cube = None

    def __deepcopy__(self, memo: dict) -> Scene:
        # A copy of a dataset (get_subset) is to look at the same scene, not at a second cube.
        return self

    def __repr__(self) -> str:
        return f'Scene({self.name!r}, {self.height} x {self.width} pixels, {self.bands} bands)'


_SCENES: WeakValueDictionary = WeakValueDictionary()


def _frozen(value) -> object:
    if isinstance(value, Mapping):
        return tuple(sorted((key, _frozen(item)) for key, item in value.items()))
    if isinstance(value, (list, tuple)):
        return tuple(_frozen(item) for item in value)
    return value if isinstance(value, (str, int, float, bool, type(None))) else id(value)


def get_scene(scene: dict | Scene) -> Scene:
    """One shared scene for equal configs in this process.

    Training, validation and test datasets of a scene share its memory, its split and its fitted preprocessing this
    way. The scene is forgotten with the last dataset that uses it.

    Args:
        scene (dict | Scene): Config of a scene (``type`` defaults to 'Scene'), or a scene, which is returned.

    Returns:
        Scene: The scene.
    """
    if isinstance(scene, Scene):
        return scene
    config = {'type': 'Scene', **scene}
    key = repr(_frozen(config))
    shared = _SCENES.get(key)
    if shared is None:
        shared = TASK_UTILS.build(config)
        _SCENES[key] = shared
    return shared
