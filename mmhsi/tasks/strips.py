"""A scene in strips of rows, for computations on the whole scene; a small scene is a single strip."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np

_VALUES = 100_000_000  # of a strip with its margins, unless the margins themselves have more
_MARGIN = 64  # additional rows on each side of a strip


class Strip:
    """Rows of a view, with the interface of a scene that the last stages use.

    Args:
        view (CubeView | PairView): The scene.
        top (int): First row, including the margin.
        height (int): Number of rows, including the margins.
        inner (slice): The rows that count, from ``top`` on.
    """

    split = None

    def __init__(self, view, top: int, height: int, inner: slice) -> None:
        self.view, self.top, self.height, self.inner = view, top, height, inner
        self.width = view.width

    @property
    def rows(self) -> slice:
        """The rows of the scene that count."""
        return slice(self.top + self.inner.start, self.top + self.inner.stop)

    @cached_property
    def values(self) -> np.ndarray:
        """Preprocessed values (h, w, C')."""
        return self.view.window(self.top, 0, self.height, self.width)

    @cached_property
    def raw(self) -> np.ndarray:
        """Values (h, w, C) before the preprocessing, 0 where there is no data."""
        return np.where(self.valid[..., None], self.view.raw_window(self.top, 0, self.height, self.width), 0)

    @cached_property
    def valid(self) -> np.ndarray:
        """Which pixels (h, w) hold data."""
        _ = self.values  # makes the mask free
        return self.view.validity(self.top, 0, self.height, self.width)

    def subset(self, name: str) -> np.ndarray:
        """Flat indices of the valid pixels."""
        return np.flatnonzero(self.valid)

    def raw_pixels(self, indices: np.ndarray) -> np.ndarray:
        """Raw spectra (N, C) of flat indices."""
        return self.raw.reshape(-1, self.raw.shape[-1])[indices]


def strips(view, margin: int = _MARGIN, values: int = _VALUES) -> Iterator[Strip]:
    """Cut a view into strips that overlap by margins; the rows that count cover it once.

    Args:
        view (CubeView | PairView): The scene.
        margin (int): Additional rows on each side of a strip. Defaults to 64.
        values (int): Largest number of values of a strip, before or after the preprocessing. Defaults to 10^8.
    """
    height, width = view.height, view.width
    rows = values // (width * max(view.bands, view.raw_bands * len(view.dates)))
    if height <= rows:
        yield Strip(view, 0, height, slice(0, height))
        return
    step = max(rows - 2 * margin, margin, 1)
    for first in range(0, height, step):
        last = min(first + step, height)
        top, bottom = max(first - margin, 0), min(last + margin, height)
        yield Strip(view, top, bottom - top, slice(first - top, last - top))
