"""Standardise tiles of several sensors with precomputed statistics."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mmhsi.datasets.transforms.spectral import Standardize
from mmhsi.registry import TRANSFORMS
from mmhsi.utils.files import parse_json


@TRANSFORMS.register_module()
class StandardizeTile:
    """Gives each band mean 0 and standard deviation 1 over all tiles of its sensor, see :class:`Standardize`.

    The statistics are chosen by 'bands', the numbers of the bands in their source, so it may come before or after a
    band window; after it there is less to compute.

    Args:
        statistics (str | Path): The file ``statistics.json`` written by
            ``tools/dataset_converters/hyperglobal.py --statistics``.
        eps (float): Added to the standard deviation. Defaults to 1e-6.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If a tile comes from a sensor that is not in it.
    """

    def __init__(self, statistics: str | Path, eps: float = 1e-6):
        if not Path(statistics).is_file():
            raise FileNotFoundError(f'{statistics}: no such file of statistics')
        self.path = str(statistics)
        self.eps = eps
        sensors = parse_json(Path(statistics).read_text(encoding='utf-8'))['sensors']
        self._sensors = {
            sensor['source_bands']: {name: np.array(sensor[name], dtype=np.float64) for name in ('mean', 'std')}
            for sensor in sensors
        }

    def __call__(self, results: dict) -> dict:
        """Standardise 'img' of shape (h, w, C) by 'bands' and 'source_bands'."""
        sensor = self._sensors.get(results['source_bands'])
        if sensor is None or np.isnan(sensor['mean'][results['bands']]).any():
            raise ValueError(
                f'{self.path}: no statistics of the bands {results["bands"][0]} to {results["bands"][-1]} '
                f'of a source of {results["source_bands"]} bands'
            )
        standardize = Standardize(self.eps)
        standardize.load_state_dict({name: values[results['bands']] for name, values in sensor.items()})
        return standardize(results)

    def __repr__(self) -> str:
        return f'{type(self).__name__}(statistics={self.path!r}, eps={self.eps})'
