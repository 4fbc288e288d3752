"""Transforms of the spectra of single pixels; those with a fitted state learn it from a scene once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmhsi.registry import TRANSFORMS
from mmhsi.utils.moments import BandMoments, Blocks, SpectralMoments

_NOT_NEGATIVE = ('std', 'variance')  # states


class SpectralTransform:
    """Base class of the spectral transforms.

    A transform maps the last axis of a float32 array from C to C' bands. It is called with an array of shape (..., C),
    or, in a pipeline, with a results dict whose 'img' it replaces. :meth:`fit` sets the attributes named in
    ``state_names``; they are saved and restored as a dict of arrays, so that later scenes are transformed with the
    state fitted before.
    """

    state_names: tuple[str, ...] = ()
    uses_neighbours = False  # whether fit also takes which of the pixels are adjacent
    streams = False  # whether a subclass has a fit_blocks whose memory does not grow with the number of pixels

    def __init__(self):
        for name in self.state_names:
            setattr(self, name, None)

    @property
    def fitted(self) -> bool:
        """Whether the transform can be applied; always true without a state."""
        return all(getattr(self, name) is not None for name in self.state_names)

    def bind(self, in_bands: int, wavelengths: np.ndarray | None = None) -> tuple[int, np.ndarray | None]:
        """Tell the transform which bands it will get.

        Args:
            in_bands (int): Number of bands C.
            wavelengths (np.ndarray, optional): Band centres in nm, shape (C,).

        Returns:
            tuple[int, np.ndarray | None]: Number of bands C' and their wavelengths after the transform.

        Raises:
            ValueError: If the transform cannot be applied to such bands.
        """
        return self.out_bands(in_bands), wavelengths

    def out_bands(self, in_bands: int) -> int:
        """Number of bands C' that ``in_bands`` bands become."""
        return in_bands

    def fit(self, pixels: np.ndarray) -> None:
        """Learn the state from pixels of shape (N, C); does nothing without a state."""
        if self.streams:
            self.fit_blocks(lambda: [(pixels, None)])

    def fit_blocks(self, blocks: Blocks) -> None:
        """Learn the state from the blocks of a scene, all of which are joined unless a subclass ``streams``."""
        parts = list(blocks())
        pixels = np.concatenate([part for part, _ in parts])
        if not self.uses_neighbours:
            self.fit(pixels)
            return
        beside = [np.ones(len(part) - 1, bool) if known is None else known for part, known in parts]
        self.fit(pixels, np.concatenate([np.append(known, False) for known in beside])[:-1])

    def fitted_bands(self) -> int | None:
        """Number of bands C that the fitted state is for, None if any number is allowed."""

    def apply(self, spectra: np.ndarray) -> np.ndarray:
        """Transform float32 spectra of shape (..., C); implemented by subclasses."""
        raise NotImplementedError

    def __call__(self, cube: np.ndarray | dict) -> np.ndarray | dict:
        """Transform a cube of shape (..., C), or the 'img' of a results dict.

        Raises:
            ValueError: If the transform is not fitted, or was fitted on another number of bands.
        """
        if isinstance(cube, dict):
            cube['img'] = self(cube['img'])
            return cube
        name = type(self).__name__
        if not self.fitted:
            raise ValueError(f'{name} is not fitted: call fit(pixels) or load_state_dict(state) first')
        needed = self.fitted_bands()
        if needed not in (None, cube.shape[-1]):
            raise ValueError(f'{name} was fitted on {needed} bands, but is applied to {cube.shape[-1]}')
        return self.apply(np.asarray(cube, dtype=np.float32))

    def state_dict(self) -> dict[str, np.ndarray]:
        """The fitted state by name.

        Raises:
            ValueError: If the transform is not fitted.
        """
        if not self.fitted:
            raise ValueError(f'{type(self).__name__} is not fitted and has no state to save')
        return {name: np.asarray(getattr(self, name)) for name in self.state_names}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Load a state from :meth:`state_dict`.

        Raises:
            ValueError: If the names are not those of this transform.
        """
        if set(state) != set(self.state_names):
            raise ValueError(f'the state of {type(self).__name__} is {sorted(self.state_names)}, not {sorted(state)}')
        arrays = {name: np.asarray(value) for name, value in state.items()}
        for name, value in arrays.items():
            if value.dtype.kind not in 'iuf' or not np.isfinite(value).all():
                raise ValueError(
                    f'the state of {type(self).__name__} holds {value.dtype} in {name!r} that is no finite number'
                )
            if name in _NOT_NEGATIVE and (value < 0).any():
                raise ValueError(f'the state of {type(self).__name__} holds a negative number in {name!r}')
        for name, value in arrays.items():
            setattr(self, name, value)

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'


@TRANSFORMS.register_module()
class SelectBands(SpectralTransform):
    """Keeps some of the bands. Give exactly one of the arguments.

    Args:
        bands (Sequence[int | tuple[int, int]], optional): Bands to keep, counted from 0; a pair stands for all bands
            from the first to the last of the pair.
        exclude (Sequence[int | tuple[int, int]], optional): Bands to leave out, e.g. those of water absorption.
        wavelengths (Sequence[tuple[float, float]], optional): Ranges of band centres in nm to keep, ends included. They
            require a file that states its wavelengths.
    """

    state_names = ('indices',)
    streams = True

    def __init__(
        self,
        bands: Sequence[int | tuple[int, int]] | None = None,
        exclude: Sequence[int | tuple[int, int]] | None = None,
        wavelengths: Sequence[tuple[float, float]] | None = None,
    ):
        super().__init__()
        if sum(option is not None for option in (bands, exclude, wavelengths)) != 1:
            raise ValueError('SelectBands takes exactly one of bands, exclude and wavelengths')
        self.bands = self._expand(bands)
        self.exclude = self._expand(exclude)
        self.ranges = wavelengths

    @staticmethod
    def _expand(bands: Sequence[int | tuple[int, int]] | None) -> list[int] | None:
        if bands is None:
            return None
        spans = [(band, band) if np.ndim(band) == 0 else band for band in bands]
        return [band for first, last in spans for band in range(first, last + 1)]

    def bind(self, in_bands: int, wavelengths: np.ndarray | None = None) -> tuple[int, np.ndarray | None]:
        if self.ranges is not None:
            if wavelengths is None:
                raise ValueError('SelectBands is given wavelength ranges, but the wavelengths of the bands are unknown')
            keep = np.zeros(in_bands, dtype=bool)
            for low, high in self.ranges:
                keep |= (wavelengths >= low) & (wavelengths <= high)
            chosen = np.flatnonzero(keep)
        else:
            named = np.asarray(self.exclude if self.bands is None else self.bands, dtype=np.int64)
            outside = named[(named < 0) | (named >= in_bands)]
            if outside.size:
                raise ValueError(f'SelectBands names band {outside[0]}, but there are the bands 0 to {in_bands - 1}')
            chosen = named if self.exclude is None else np.setdiff1d(np.arange(in_bands), named)
        if not chosen.size:
            raise ValueError(f'SelectBands keeps none of the {in_bands} bands')
        self.indices = chosen
        return len(chosen), None if wavelengths is None else wavelengths[chosen]

    def out_bands(self, in_bands: int) -> int:
        return in_bands if self.indices is None else len(self.indices)

    def fit(self, pixels: np.ndarray) -> None:
        if not self.fitted:
            self.bind(pixels.shape[-1])

    def fit_blocks(self, blocks: Blocks) -> None:
        for pixels, _ in blocks():
            self.fit(pixels)
            return

    def __call__(self, cube: np.ndarray | dict) -> np.ndarray | dict:
        if not self.fitted and self.ranges is None:  # band numbers need no wavelengths
            self.bind((cube['img'] if isinstance(cube, dict) else cube).shape[-1])
        return super().__call__(cube)

    def apply(self, spectra: np.ndarray) -> np.ndarray:
        if spectra.shape[-1] <= self.indices.max():
            raise ValueError(
                f'SelectBands takes band {self.indices.max()}, but is applied to {spectra.shape[-1]} bands'
            )
        return spectra[..., self.indices]


@TRANSFORMS.register_module()
class ScaleValues(SpectralTransform):
    """Computes ``factor * x + offset``, e.g. reflectance from stored integers.

    Args:
        factor (float): Defaults to 1.
        offset (float): Defaults to 0.
    """

    def __init__(self, factor: float = 1.0, offset: float = 0.0):
        super().__init__()
        self.factor = np.float32(factor)
        self.offset = np.float32(offset)

    def apply(self, spectra: np.ndarray) -> np.ndarray:
        return spectra * self.factor + self.offset


@TRANSFORMS.register_module()
class Standardize(SpectralTransform):
    """Gives each band mean 0 and standard deviation 1: ``(x - mean) / (std + eps)``.

    Args:
        eps (float): Added to the standard deviation, for constant bands. Defaults to 1e-6.
    """

    state_names = ('mean', 'std')
    streams = True

    def __init__(self, eps: float = 1e-6):
        super().__init__()
        self.eps = eps

    def fit_blocks(self, blocks: Blocks) -> None:
        moments = BandMoments.of(blocks)
        self.mean, self.std = moments.mean, moments.std

    def fitted_bands(self) -> int:
        return len(self.mean)

    def apply(self, spectra: np.ndarray) -> np.ndarray:
        return (spectra - self.mean.astype(np.float32)) / (self.std + self.eps).astype(np.float32)


@TRANSFORMS.register_module()
class MinMaxScale(SpectralTransform):
    """Maps the range of the fitted pixels to [0, 1]: ``(x - min) / (max - min)``.

    Args:
        per_band (bool): Whether each band has its own range instead of one for the whole cube. Defaults to False.
    """

    state_names = ('minimum', 'maximum')
    streams = True

    def __init__(self, per_band: bool = False):
        super().__init__()
        self.per_band = per_band

    def fit_blocks(self, blocks: Blocks) -> None:
        axis = 0 if self.per_band else None
        ends = [(pixels.min(axis=axis), pixels.max(axis=axis)) for pixels, _ in blocks()]
        self.minimum = np.asarray(np.min([low for low, _ in ends], axis=0), dtype=np.float64)
        self.maximum = np.asarray(np.max([high for _, high in ends], axis=0), dtype=np.float64)

    def fitted_bands(self) -> int | None:
        return self.minimum.size if self.per_band else None

    def apply(self, spectra: np.ndarray) -> np.ndarray:
        span = self.maximum - self.minimum
        span = np.where(span > 0, span, 1)  # a constant band becomes 0
        return (spectra - self.minimum.astype(np.float32)) / span.astype(np.float32)


class SpectralComponents(SpectralTransform):
    """Base class for transforms that keep some linear components of the centred spectra.

    A subclass has 'mean' (C,) and 'components' (n, C) in its state, and scales the components in :meth:`scaled`.

    Args:
        n_components (int): Number of components n.
    """

    def __init__(self, n_components: int):
        super().__init__()
        self.n_components = n_components
        self._projection = None

    def scaled(self) -> np.ndarray:
        """The matrix (C, n) that spectra are multiplied by; implemented by subclasses."""
        raise NotImplementedError

    def bind(self, in_bands: int, wavelengths: np.ndarray | None = None) -> tuple[int, None]:
        if not 1 <= self.n_components <= in_bands:
            raise ValueError(f'{type(self).__name__} is to keep {self.n_components} components of {in_bands} bands')
        return self.n_components, None

    def out_bands(self, in_bands: int) -> int:
        return self.n_components

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        super().load_state_dict(state)
        if len(self.components) != self.n_components:
            raise ValueError(
                f'the state of {type(self).__name__} has {len(self.components)} components, but '
                f'{self.n_components} are asked for'
            )
        self._projection = self.scaled().astype(np.float32)

    def fitted_bands(self) -> int:
        return len(self.mean)

    def apply(self, spectra: np.ndarray) -> np.ndarray:
        return (spectra - self.mean.astype(np.float32)) @ self._projection


@TRANSFORMS.register_module()
class SpectralPCA(SpectralComponents):
    """Principal components of the spectra, computed in double precision.

    Args:
        n_components (int): Number of components.
        whiten (bool): Whether each component is scaled to variance 1 over the fitted pixels. Defaults to True.
    """

    state_names = ('mean', 'components', 'variance')
    streams = True

    def __init__(self, n_components: int, whiten: bool = True):
        super().__init__(n_components)
        self.whiten = whiten

    def scaled(self) -> np.ndarray:
        if not self.whiten:
            return self.components.T
        # A component without variance is rounding noise that must not be blown up.
        return self.components.T / np.sqrt(np.maximum(self.variance, np.finfo(np.float64).eps))

    def fit_blocks(self, blocks: Blocks) -> None:
        moments = SpectralMoments.of(blocks)
        self.bind(len(moments.mean))
        needed = max(self.n_components, 2)
        if moments.count < needed:
            raise ValueError(
                f'SpectralPCA needs at least {needed} pixels for {self.n_components} '
                f'components, but {moments.count} are given'
            )
        # the covariance is small (C x C) however many pixels there are, and its eigenvectors are exact
        variance, vectors = np.linalg.eigh(moments.scatter / (moments.count - 1))
        components = vectors.T[: -self.n_components - 1 : -1]
        # as in scikit-learn, the largest value of a component is positive
        largest = np.take_along_axis(components, np.abs(components).argmax(axis=1)[:, None], axis=1)
        variance = np.maximum(variance[: -self.n_components - 1 : -1], 0)
        self.load_state_dict({'mean': moments.mean, 'components': components * np.sign(largest), 'variance': variance})
