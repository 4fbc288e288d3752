"""Windows of a scene after a filter that neighbouring windows share, computed once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import numpy as np

_ROWS, _COLS = 8, 32  # of the windows that are filtered at once; few rows are kept while all pixels are gone through
_KEPT = 2**28  # bytes of results


class FilteredWindows:
    """A scene that returns filtered windows.

    A filter that is linear and the same everywhere can be applied to an area before the windows are cut out, which
    saves the work that neighbouring windows have in common. Windows of a few scattered pixels are filtered one by one,
    and kept for the next epoch.

    Args:
        scene (BaseScene): The scene; everything except its windows is passed on.
        window_size (int): Side w of the windows.
        filtered (Callable): Maps the values (h, w, C) float32 of an area to those of the windows whose first pixels are
            at each of its places, (h - w + 1, w - w + 1, s, s, C').
        dense (bool): Whether the windows of all pixels are requested, row by row.
    """

    def __init__(self, scene, window_size: int, filtered: Callable[[np.ndarray], np.ndarray], dense: bool) -> None:
        self._scene = scene
        self._size = window_size
        self._filtered = filtered
        self._area = (_ROWS, _COLS) if dense else (1, 1)
        self._results: OrderedDict[tuple, tuple[tuple[int, int], np.ndarray]] = OrderedDict()
        self._bytes = 0

    def __getattr__(self, name: str):
        if name.startswith('__'):  # a copy or a pickle in the making has no scene yet
            raise AttributeError(name)
        return getattr(self._scene, name)

    def window(
        self, top: int, left: int, height: int, width: int, pad_mode: str = 'constant', pad_value: float = 0.0
    ) -> np.ndarray:
        """Filtered values (s, s, C') float32 of the window whose first pixel is (top, left)."""
        rows, cols = self._area
        first = top // rows * rows, left // cols * cols
        key = (*first, pad_mode, pad_value)
        if key not in self._results:
            around = self._size - 1
            # no further beyond the border than the windows of the scene's own pixels, which the padding must reach
            lowest = self._scene.height + around - self._size // 2, self._scene.width + around - self._size // 2
            start = max(first[0], -(self._size // 2)), max(first[1], -(self._size // 2))
            stop = min(first[0] + rows + around, lowest[0]), min(first[1] + cols + around, lowest[1])
            area = self._scene.window(
                *start, stop[0] - start[0], stop[1] - start[1], pad_mode=pad_mode, pad_value=pad_value
            )
            self._keep(key, (start, self._filtered(area)))
        self._results.move_to_end(key)
        start, values = self._results[key]
        return values[top - start[0], left - start[1]].copy()

    def _keep(self, key: tuple, result: tuple[tuple[int, int], np.ndarray]) -> None:
        self._results[key] = result
        self._bytes += result[1].nbytes
        while self._bytes > _KEPT and len(self._results) > 1:
            self._bytes -= self._results.popitem(last=False)[1][1].nbytes
