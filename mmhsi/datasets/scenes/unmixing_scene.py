"""A scene for unmixing: ground truth for the scores, if there is any, and initial endmembers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mmhsi.datasets.scenes.base_scene import locate
from mmhsi.datasets.scenes.cube_source import Source
from mmhsi.datasets.scenes.scene import Scene
from mmhsi.datasets.scenes.unmixing_truth import read_abundances, read_endmembers, read_names, report_abundances
from mmhsi.registry import TASK_UTILS

_MOST = 5000  # number of pixels for comparing several draws of endmembers


@TASK_UTILS.register_module()
class UnmixingScene(Scene):
    """A scene whose pixels are mixtures of few endmembers.

    Learning needs no ground truth. Known abundances and endmembers are used for the scores only; abundances that are
    negative or do not sum to one give a warning. The preprocessing should preserve linear mixtures and non-negative
    values: a common scale, or a selection of bands.

    Args:
        image (str | dict | np.ndarray): The cube, see :class:`mmhsi.datasets.Scene`.
        abundances (str | dict | np.ndarray, optional): The true abundances: file, dict of the arguments of
            :func:`mmhsi.datasets.scenes.unmixing_truth.read_abundances`, or array (P, H, W).
        endmembers (str | dict | np.ndarray, optional): The true endmembers, of the bands after the preprocessing or of
            all bands of the file: file, dict of the arguments of
            :func:`mmhsi.datasets.scenes.unmixing_truth.read_endmembers`, or array (P, C).
        initial_endmembers (str | dict | np.ndarray, optional): Initial endmembers: 'vca' or
            ``dict(type='vca', seed=0)`` finds them in the preprocessed scene (:func:`mmhsi.classical.vca`); else given
            like ``endmembers``.
        num_endmembers (int, optional): Number P. By default that of the given names, ground truth or initial
            endmembers.
        endmember_names (Sequence[str] | dict, optional): Their names in the order of the truth, or a dict of the
            arguments of :func:`mmhsi.datasets.scenes.unmixing_truth.read_names`. By default they are numbered.
        **kwargs: See :class:`mmhsi.datasets.Scene`.

    Raises:
        FileNotFoundError: If a file is absent.
        ValueError: If there are more endmembers than bands, or the inputs disagree in size, bands or number.
    """

    task = 'unmixing'
    several = False

    def __init__(
        self,
        image: Source,
        *,
        abundances: Source | None = None,
        endmembers: Source | None = None,
        initial_endmembers: Source | None = None,
        num_endmembers: int | None = None,
        endmember_names: Sequence[str] | Mapping | None = None,
        data_root: str | None = None,
        **kwargs,
    ):
        super().__init__(image, data_root=data_root, **kwargs)
        self._abundance_source, self._endmember_source = (
            None if truth is None else locate(truth, data_root) for truth in (abundances, endmembers)
        )
        initial = (
            {'type': 'vca'}
            if isinstance(initial_endmembers, str) and initial_endmembers == 'vca'
            else (initial_endmembers)
        )
        self._initial_computed = isinstance(initial, Mapping) and 'type' in initial
        if self._initial_computed and initial['type'] != 'vca':
            raise ValueError(
                f"scene {self.name!r}: initial endmembers of type {initial['type']!r} are not known, expected 'vca'"
            )
        self._initial_source = initial if initial is None or self._initial_computed else locate(initial, data_root)
        if isinstance(endmember_names, Mapping):
            endmember_names = read_names(**locate(endmember_names, data_root))
        self._names = None if endmember_names is None else tuple(endmember_names)
        self._number = num_endmembers
        self._abundances = self._endmembers = self._initial = None
        if None not in (self._number, self._names) and self._number != len(self._names):
            raise ValueError(
                f'scene {self.name!r}: {self._number} endmembers are expected, but there are '
                f'{len(self._names)} names: {", ".join(self._names)}'
            )
        if (self._number or len(self._names or ())) > self.bands:
            raise ValueError(
                f'{self.info.path}: {self._number or len(self._names)} endmembers are expected in '
                f'{self.bands} bands; more endmembers than bands cannot be distinguished'
            )

    @property
    def num_endmembers(self) -> int:
        """Number P of endmembers.

        Raises:
            ValueError: If no argument defines it.
        """
        if self._number is None:
            given = None if self._initial_computed else self.initial_endmembers
            known = next(
                (
                    len(values)
                    for values in (self._names, self.endmembers, self.abundances, given)
                    if values is not None
                ),
                None,
            )
            if known is None:
                raise ValueError(f'scene {self.name!r}: the number of endmembers is not known, give num_endmembers')
            self._number = known
        return self._number

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the P endmembers."""
        return self._names or tuple(f'endmember {number}' for number in range(1, self.num_endmembers + 1))

    @property
    def abundances(self) -> np.ndarray | None:
        """True abundances, float64 (P, H, W); None if they are not known."""
        if self._abundances is None and self._abundance_source is not None:
            source, shape = self._abundance_source, (self.height, self.width)
            path = 'the array of abundances'
            if isinstance(source, np.ndarray):
                values = source.astype(np.float64)
                if values.ndim != 3 or values.shape[1:] != shape:
                    raise ValueError(
                        f'scene {self.name!r}: the abundances have the shape {values.shape}, expected (P, '
                        f'{shape[0]}, {shape[1]})'
                    )
            else:
                path = source['path']
                values = read_abundances(**source, shape=shape)
            self._check_number(path, 'abundance maps', len(values))
            if not np.isfinite(values).all():
                raise ValueError(f'{path}: {np.count_nonzero(~np.isfinite(values))} abundances are NaN or infinite')
            names = self._names or tuple(f'endmember {number + 1}' for number in range(len(values)))
            report_abundances(path, values[:, self.valid], names)
            self._abundances = values
        return self._abundances

    @property
    def endmembers(self) -> np.ndarray | None:
        """True endmembers, float64 (P, C'); None if they are not known."""
        if self._endmembers is None and self._endmember_source is not None:
            self._endmembers = self._read_spectra(self._endmember_source, 'endmembers')
        return self._endmembers

    @property
    def initial_endmembers(self) -> np.ndarray | None:
        """Initial endmembers, float64 (P, C'); None if there are none."""
        if self._initial is None and self._initial_source is not None:
            if self._initial_computed:
                options = {key: value for key, value in self._initial_source.items() if key not in ('type', '_scope_')}
                self._initial = self.find_endmembers(**options)
            else:
                self._initial = self._read_spectra(self._initial_source, 'initial endmembers')
        return self._initial

    def find_endmembers(self, seed: int = 0, draws: int = 1) -> np.ndarray:
        """Endmembers (P, C') float64 that vertex component analysis finds in the valid pixels.

        Args:
            seed (int): Of its random directions. Defaults to 0.
            draws (int): Number of runs with different seeds; of these, the endmembers are used whose mixtures of shapes
                are nearest to the shapes of the pixels. Defaults to 1.

        Raises:
            ValueError: If the pixels do not span as many dimensions as the endmembers need.
        """
        from mmhsi.classical.unmixing import shape_shares, unit_spectra, vca  # imports much that few need

        pixels = self.pixels(self.subset('all'))
        try:
            if draws == 1:
                return vca(pixels, self.num_endmembers, seed)[0]
            sample = pixels
            if len(pixels) > _MOST:
                sample = pixels[np.random.RandomState(seed).choice(len(pixels), _MOST, replace=False)]
            sample = unit_spectra(sample.astype(np.float64))
            best, smallest = None, np.inf
            for draw in range(draws):
                found = vca(pixels, self.num_endmembers, seed * draws + draw)[0]
                shapes = unit_spectra(found)
                try:
                    error = np.square(shape_shares(sample, found) @ shapes - sample).mean()
                except ValueError:  # two of them have the same shape
                    continue
                if error < smallest:
                    best, smallest = found, error
            return found if best is None else best
        except ValueError as error:
            raise ValueError(f'scene {self.name!r}: {error}') from error

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        """Use a state fitted before; endmembers from the preprocessed scene are determined again."""
        super().load_state_dict(state)
        if self._initial_computed:
            self._initial = None

    def _read_spectra(self, source: dict | np.ndarray, what: str) -> np.ndarray:
        path = f'the array of {what}' if isinstance(source, np.ndarray) else source['path']
        spectra = source.astype(np.float64) if isinstance(source, np.ndarray) else read_endmembers(**source)
        if spectra.ndim != 2 or spectra.shape[1] not in (self.bands, self.info.bands):
            raise ValueError(
                f'{path}: the {what} have {spectra.shape[-1]} bands, expected {self.bands}, as the scene '
                f"{self.name!r} has; their layout is 'columns' (bands, endmembers) or 'rows'"
            )
        if spectra.shape[1] != self.bands:
            used = self.view.used_bands
            if used is None or len(used) != self.bands:
                raise ValueError(
                    f'{path}: the {what} have the {self.info.bands} bands of the file, expected the '
                    f'{self.bands} that the preprocessing makes of them'
                )
            spectra = spectra[:, used]
        self._check_number(path, what, len(spectra))
        if len(spectra) > self.bands:
            raise ValueError(
                f'{path}: there are {len(spectra)} endmembers in {self.bands} bands, which cannot tell '
                'more endmembers than bands apart'
            )
        if not np.isfinite(spectra).all():
            raise ValueError(f'{path}: the {what} hold NaN or infinity')
        return spectra

    def _check_number(self, path: str, what: str, found: int) -> None:
        wanted = self._number or (None if self._names is None else len(self._names))
        if wanted is None and self._endmembers is not None:
            wanted = len(self._endmembers)
        if wanted not in (None, found):
            raise ValueError(
                f'{path}: {found} {what} are found, expected {wanted}, as scene {self.name!r} has endmembers'
            )
