"""A sequence of spectral transforms that are fitted, applied, saved and restored together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import numpy as np

from mmhsi.datasets.transforms.spectral import SelectBands, SpectralTransform
from mmhsi.registry import TRANSFORMS
from mmhsi.utils.moments import Block, Blocks


class SpectralChain:
    """Spectral transforms applied one after the other.

    A leading ``SelectBands`` is not applied by the chain: its :attr:`source_bands` tell the reader which bands to read,
    so unused bands are never loaded. All methods except :meth:`bind` take spectra of those bands.

    Args:
        transforms (Sequence[dict | SpectralTransform]): Configs or transforms.

    Raises:
        ValueError: If one of them is not a spectral transform.
    """

    def __init__(self, transforms: Sequence[dict | SpectralTransform]):
        self.transforms = [TRANSFORMS.build(step) if isinstance(step, Mapping) else step for step in transforms]
        for step in self.transforms:
            if not isinstance(step, SpectralTransform):
                raise ValueError(f'{type(step).__name__} is not a spectral transform and cannot preprocess a scene')
        self._selects = bool(self.transforms) and isinstance(self.transforms[0], SelectBands)

    def bind(self, bands: int, wavelengths: np.ndarray | None) -> tuple[int, np.ndarray | None]:
        """Pass the bands of the file to the transforms; returns number and wavelengths (nm) of the resulting bands."""
        for step in self.transforms:
            bands, wavelengths = step.bind(bands, wavelengths)
        return bands, wavelengths

    @property
    def source_bands(self) -> np.ndarray | None:
        """Bands of the file to read, None for all."""
        return self.transforms[0].indices if self._selects else None

    @property
    def names_bands(self) -> bool:
        """Whether it begins with a ``SelectBands`` that selects bands by their number in the file."""
        return self._selects and self.transforms[0].ranges is None

    @property
    def fitted(self) -> bool:
        """Whether the chain can be applied."""
        return all(step.fitted for step in self.transforms)

    def fit(self, pixels: np.ndarray, neighbours: np.ndarray | None = None) -> None:
        """Fit each transform to the output of the previous ones for pixels of shape (N, C).

        Args:
            pixels (np.ndarray): Pixels (N, C).
            neighbours (np.ndarray, optional): bool (N - 1,), True where a pixel and the next one are adjacent in the
                scene; for transforms that estimate noise from neighbours. Defaults to None: all do.
        """
        self.fit_blocks(lambda: [(pixels, neighbours)])

    @property
    def streams(self) -> bool:
        """Whether the memory for fitting does not grow with the number of pixels."""
        return all(step.fitted or step.streams for step in self.transforms[self._selects :])

    def fit_blocks(self, blocks: Blocks) -> None:
        """Fit each transform to the output of the previous ones, in one pass over the blocks of a scene for each."""
        steps = self.transforms[self._selects :]
        for number, step in enumerate(steps):
            if not step.fitted:
                step.fit_blocks(partial(_transformed, blocks, steps[:number]))

    def __call__(self, spectra: np.ndarray) -> np.ndarray:
        """Transform float32 spectra of shape (..., C) to (..., C')."""
        for step in self.transforms[self._selects :]:
            spectra = step(spectra)
        return spectra

    def _prefixes(self) -> list[str]:
        return [f'{index}.{type(step).__name__}.' for index, step in enumerate(self.transforms)]

    def state_dict(self) -> dict[str, np.ndarray]:
        """The fitted state of all transforms, by '<position>.<transform>.<name>'."""
        return {
            prefix + name: value
            for prefix, step in zip(self._prefixes(), self.transforms, strict=True)
            for name, value in step.state_dict().items()
        }

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        """Load the result of :meth:`state_dict`.

        Raises:
            ValueError: If the state belongs to other transforms.
        """
        steps = list(zip(self._prefixes(), self.transforms, strict=True))
        expected = sorted(prefix + name for prefix, step in steps for name in step.state_names)
        if sorted(state) != expected:
            raise ValueError(f'the state of the preprocessing consists of {expected}, but {sorted(state)} is given')
        for prefix, step in steps:
            step.load_state_dict({name: state[prefix + name] for name in step.state_names})


def _transformed(blocks: Blocks, steps: Sequence[SpectralTransform]) -> Iterator[Block]:
    for pixels, neighbours in blocks():
        for step in steps:
            pixels = step(pixels)
        yield pixels, neighbours
