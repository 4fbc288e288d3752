"""A scene for target and anomaly detection: ground truth for the scores, pseudo-labels for training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mmhsi.datasets.class_info import BLACK_AND_WHITE, IGNORE_INDEX
from mmhsi.datasets.io import read_map
from mmhsi.datasets.scenes.base_scene import locate
from mmhsi.datasets.scenes.cube_source import Source
from mmhsi.datasets.scenes.pool import join_scenes
from mmhsi.datasets.scenes.pseudo_labels import pseudo_labels
from mmhsi.datasets.scenes.scene import Scene
from mmhsi.datasets.scenes.target_spectrum import read_target_spectrum, select_target_spectrum
from mmhsi.datasets.transforms.chain import SpectralChain
from mmhsi.registry import TASK_UTILS

PSEUDO = 'pseudo'
"""Name of the subset of pixels that have a pseudo-label."""


@TASK_UTILS.register_module()
class DetectionScene(Scene):
    """A scene with rare targets or anomalies, detected without labels: a coarse detector labels the training pixels.

    The subset 'pseudo' contains the pixels with a pseudo-label, see
    :func:`mmhsi.datasets.scenes.pseudo_labels.pseudo_labels`. The ground truth is used for the scores only, except that
    a target spectrum may be taken from it, as is common.

    Args:
        image (str | dict | np.ndarray): The cube; see :class:`mmhsi.datasets.Scene`.
        classes (Sequence[str]): Names of background and target. Defaults to ('background', 'target').
        palette (Sequence[Sequence[int]]): RGB colours. Defaults to black and white.
        label_codes (Mapping[str, int | Sequence[int]], optional): Values of the classes in the ground truth. Defaults
            to 0 for the background and 1 for the target, so that no pixel is unlabelled.
        coarse (str | dict | np.ndarray, optional): Scores of a coarse detector, larger for targets: file, dict of path
            and key, or array (H, W); or ``dict(detector='cem', ...)``, which runs one of :mod:`mmhsi.classical` with
            these options on the preprocessed scene, or, with ``preprocessing=[...]`` among them, on the scene with this
            preprocessing instead of its own.
        pseudo_shares (Mapping[str, float]): Shares ``background`` and ``target`` of the pixels that get a pseudo-label.
            Defaults to 0.3 and 0.0015.
        target_spectrum (Mapping, optional): For target detection, ``dict(select=..., distance=...)`` takes it from the
            pixels of the ground truth (see :func:`mmhsi.datasets.scenes.target_spectrum.select_target_spectrum`);
            ``dict(path=..., name=..., scale=...)`` reads it from a file (see
            :func:`mmhsi.datasets.scenes.target_spectrum.read_target_spectrum`). Defaults to None: no target spectrum.
        **kwargs: See :class:`mmhsi.datasets.Scene`.

    Raises:
        FileNotFoundError: If a file is absent.
        ValueError: If there are not two classes, the coarse map has another size than the scene, or there is no target
            pixel to take the spectrum from.
    """

    task = 'target_detection'

    @classmethod
    def task_of(cls, config: Mapping) -> str:
        """Target detection with a target spectrum, else anomaly detection."""
        return 'anomaly_detection' if config.get('target_spectrum') is None else cls.task

    def __init__(
        self,
        image: Source,
        *,
        classes: Sequence[str] = ('background', 'target'),
        palette: Sequence[Sequence[int]] = BLACK_AND_WHITE,
        label_codes: Mapping[str, int | Sequence[int]] | None = None,
        coarse: Source | None = None,
        pseudo_shares: Mapping[str, float] | None = None,
        target_spectrum: Mapping | None = None,
        data_root: str | None = None,
        **kwargs,
    ):
        if len(classes) != 2:
            raise ValueError(f'detection has the classes background and target, found {len(classes)} classes')
        codes = {name: code for code, name in enumerate(classes)} if label_codes is None else label_codes
        super().__init__(image, classes=classes, palette=palette, label_codes=codes, data_root=data_root, **kwargs)
        self._settings = dict(
            kwargs,
            image=image,
            classes=classes,
            label_codes=codes,
            data_root=data_root,
            target_spectrum=target_spectrum,
        )
        self._coarse_computed = isinstance(coarse, Mapping) and 'detector' in coarse
        self._coarse_source = coarse if coarse is None or self._coarse_computed else locate(coarse, data_root)
        self._pseudo_shares = dict(pseudo_shares or {})
        self._spectrum_source = target_spectrum
        if target_spectrum is not None and 'path' in target_spectrum:
            self._spectrum_source = locate(target_spectrum, data_root)
        self._coarse = self._pseudo = self._spectrum = None
        self.task = self.task_of(self._settings)

    @property
    def coarse(self) -> np.ndarray:
        """Scores of the coarse detector, float64 (H, W); NaN where the scene holds no data."""
        if self._coarse is None:
            self._coarse = np.where(self.valid, self._coarse_scores(), np.nan)
        return self._coarse

    def coarse_options(self, detector: str) -> dict:
        """Options that the coarse detector has in this scene; empty if it is not this one."""
        if not self._coarse_computed or self._coarse_source['detector'] != detector:
            return {}
        return {key: value for key, value in self._coarse_source.items() if key not in ('detector', 'preprocessing')}

    @property
    def target_spectrum(self) -> np.ndarray | None:
        """The target spectrum after the preprocessing, float32 (C',), None for anomaly detection."""
        if self._spectrum is None and self._spectrum_source is not None:
            self._spectrum = self._find_spectrum().astype(np.float32)
        return self._spectrum

    @property
    def raw_target_spectrum(self) -> np.ndarray | None:
        """The target spectrum before the preprocessing, for the bands that are read, float64; None without one."""
        if self._spectrum_source is None:
            return None
        source = dict(self._spectrum_source)
        if 'path' in source:
            values = read_target_spectrum(bands=self.info.bands, wavelengths=self.info.wavelengths, **source)
            used = self.view.used_bands
            return np.asarray(values if used is None else values[used], np.float64)
        return np.asarray(select_target_spectrum(self._target_spectra(raw=True), **source), np.float64)

    @property
    def spectrum_from_labels(self) -> bool:
        """Whether the target spectrum is that of labelled pixels of the scene itself."""
        return self._spectrum_source is not None and 'path' not in self._spectrum_source

    @property
    def sample_meta(self) -> dict:
        """The target spectrum, if there is one."""
        return {} if self._spectrum_source is None else {'target_spectrum': self.target_spectrum}

    def subset(self, name: str) -> np.ndarray:
        """Flat indices of a subset: 'pseudo', or as in :meth:`BaseScene.subset`."""
        return np.flatnonzero(self._pseudo_map() != IGNORE_INDEX) if name == PSEUDO else super().subset(name)

    def subset_labels(self, name: str) -> np.ndarray:
        """Labels of a subset, for 'pseudo' the pseudo-labels, 255 elsewhere; uint8 (H, W)."""
        return self._pseudo_map() if name == PSEUDO else super().subset_labels(name)

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        """Use a state fitted before; results from the preprocessed scene are computed again."""
        super().load_state_dict(state)
        self._spectrum = None
        if self._coarse_computed:
            self._coarse = self._pseudo = None

    def _pseudo_map(self) -> np.ndarray:
        if self._pseudo is None:
            try:
                self._pseudo = pseudo_labels(self.coarse, **self._pseudo_shares, valid=self.valid)
            except ValueError as error:
                raise ValueError(f'scene {self.name!r}: {error}') from error
        return self._pseudo

    def _coarse_scores(self) -> np.ndarray:
        source = self._coarse_source
        if source is None:
            raise ValueError(f'scene {self.name!r} has no coarse map to take pseudo-labels from: give coarse=...')
        if isinstance(source, np.ndarray):
            if source.shape != (self.height, self.width):
                size = ' x '.join(map(str, source.shape))
                raise ValueError(
                    f'scene {self.name!r}: the coarse map has {size} pixels, expected {self.height} x {self.width}'
                )
            return source.astype(np.float64)
        if self._coarse_computed:
            detector = source['detector']
            options = self.coarse_options(detector)
            if 'preprocessing' not in source:
                return self.detect(detector, **options)
            transforms = SpectralChain(source['preprocessing']).transforms
            twins = join_scenes(
                [DetectionScene(**{**scene._settings, 'preprocessing': transforms}) for scene in self.pool]
            )
            return twins[self.pool.index(self)].detect(detector, **options)
        return read_map(source['path'], source.get('key'), (self.height, self.width), self.info)

    def detect(self, detector: str, **options) -> np.ndarray:
        """Scores of a classical detector on the preprocessed scene.

        Args:
            detector (str): A key of :data:`mmhsi.classical.TARGET_DETECTORS`,
                :data:`mmhsi.classical.LEARNT_TARGET_DETECTORS`, :data:`mmhsi.classical.ANOMALY_DETECTORS` or
                :data:`mmhsi.classical.LEARNT_DETECTORS`.
            **options: Its options.

        Returns:
            np.ndarray: (H, W) float64, larger for targets, NaN where the scene holds no data.

        Raises:
            ValueError: If there is no such detector, or a target detector has no target spectrum.
        """
        from mmhsi.classical import (
            ANOMALY_DETECTORS,
            LEARNT_DETECTORS,
            LEARNT_TARGET_DETECTORS,
            TARGET_DETECTORS,
        )  # slow to import and rarely needed

        anomaly_detectors = ANOMALY_DETECTORS | LEARNT_DETECTORS
        target_detectors = TARGET_DETECTORS | LEARNT_TARGET_DETECTORS
        cube = self.window(0, 0, self.height, self.width)
        if detector in anomaly_detectors:
            return anomaly_detectors[detector](cube, valid=self.valid, **options)
        if detector not in target_detectors:
            raise ValueError(
                f'unknown detector {detector!r}; target detectors are {", ".join(target_detectors)}, '
                f'anomaly detectors {", ".join(anomaly_detectors)}'
            )
        if self.target_spectrum is None:
            raise ValueError(
                f'{detector!r} needs a target spectrum, which scene {self.name!r} does not have: give '
                'target_spectrum=dict(select="mean") or a file'
            )
        return target_detectors[detector](cube, self.target_spectrum, valid=self.valid, **options)

    def _find_spectrum(self) -> np.ndarray:
        source = dict(self._spectrum_source)
        if 'path' in source:
            values = read_target_spectrum(bands=self.info.bands, wavelengths=self.info.wavelengths, **source)
            return self.preprocess_spectra(values)
        return select_target_spectrum(self._target_spectra(raw=False), **source)

    def _target_spectra(self, raw: bool) -> np.ndarray:
        """Spectra of the target pixels in the ground truth, of all scenes of the set."""
        spectra = [
            scene.raw_pixels(pixels) if raw else scene.pixels(pixels)
            for scene in self.pool
            if len(pixels := np.flatnonzero(scene.labels == 1))
        ]
        if not spectra:
            raise ValueError(f'{self.info.path}: the ground truth has no target pixel to take the target spectrum from')
        return np.concatenate(spectra)
