"""What the predictions of each family of tasks become: the layers that are kept of a scene."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, softmax

from mmhsi.evaluation.functional.classification import class_uncertainty
from mmhsi.utils.labels import IGNORE_INDEX


@dataclass(frozen=True)
class Layer:
    """An array (L, H, W) that is kept of a prediction.

    Attributes:
        count (int): Number L of its bands.
        dtype (str): Type of its values.
        nodata (float): Value where the scene holds no data.
    """

    count: int
    dtype: str = 'float32'
    nodata: float = np.nan


class Task:
    """How the joined values of a network become layers.

    Attributes:
        name (str): The family.
        layers (dict[str, Layer]): What is kept, by name.
    """

    name = ''

    def __init__(self):
        self.layers: dict[str, Layer] = {}

    def finish(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """Joined values (L, h, w) of the network → an array (L', h, w) for each layer, valid pixels only counting."""
        raise NotImplementedError

    def arrays(self, stored: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What a user gets of the layers."""
        return {name: array[0] if len(array) == 1 else array for name, array in stored.items()}


class ClassTask(Task):
    """Class maps: classification and change detection.

    The layer 'classes' holds 1 to K and 0 where there is no data; 'scores' the probabilities, of two classes that of
    the second alone; 'uncertainty' the largest probability and the normalised entropy, see
    :func:`mmhsi.evaluation.functional.classification.class_uncertainty`.

    Args:
        name (str): 'classification' or 'change_detection'.
        classes (Sequence[str]): The K class names.
        scores (bool): Whether the probabilities are kept.
        logits (bool): Whether the values are logits, not probabilities.
        uncertainty (bool): Whether the uncertainty is kept.
    """

    def __init__(self, name: str, classes: Sequence[str], scores: bool = False, logits: bool = False,
                 uncertainty: bool = False):
        super().__init__()
        self.name = name
        self.classes = tuple(classes)
        self._logits = logits
        self.layers = {'classes': Layer(1, 'uint8', 0)}
        if scores:
            self.layers['scores'] = Layer(1 if len(self.classes) == 2 else len(self.classes))
        if uncertainty:
            self.layers['uncertainty'] = Layer(2)

    def finish(self, values: np.ndarray) -> dict[str, np.ndarray]:
        layers = {'classes': values.argmax(axis=0)[None].astype(np.uint8) + np.uint8(1)}
        probabilities = softmax(values, axis=0) if self._logits and len(self.layers) > 1 else values
        if 'scores' in self.layers:
            layers['scores'] = probabilities[1:] if len(values) == 2 else probabilities
        if 'uncertainty' in self.layers:
            layers['uncertainty'] = np.stack(class_uncertainty(probabilities))
        return layers

    def arrays(self, stored: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """'classes' counts from 0, with 255 where there is no data."""
        arrays = super().arrays(stored)
        arrays['classes'] = np.where(arrays['classes'] == 0, IGNORE_INDEX, arrays['classes'] - np.uint8(1))
        return arrays


class DetectionTask(Task):
    """Scores of targets or anomalies, and the binary map.

    The layer 'scores' is as :class:`mmhsi.evaluation.metrics.SceneDetectionMetric` takes it; 'detected' holds 2 for
    targets, 1 for background and 0 where there is no data.

    Args:
        classes (Sequence[str]): Names of background and target.
        score (str): 'probability', 'margin' or 'logit'.
        threshold (float, optional): Score above which a pixel is detected. Defaults to None: where the logit of the
            target is the larger one.
    """

    name = 'detection'

    def __init__(self, classes: Sequence[str], score: str = 'probability', threshold: float | None = None):
        super().__init__()
        self.classes = tuple(classes)
        self._score = score
        self._threshold = threshold
        self.layers = {'scores': Layer(1), 'detected': Layer(1, 'uint8', 0)}

    def finish(self, values: np.ndarray) -> dict[str, np.ndarray]:
        margin = values[1] - values[0]
        scores = expit(margin) if self._score == 'probability' else margin if self._score == 'margin' else values[1]
        detected = margin > 0 if self._threshold is None else scores > self._threshold
        return {'scores': scores[None].astype(np.float32), 'detected': detected[None].astype(np.uint8) + np.uint8(1)}

    def arrays(self, stored: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """'detected' is 1 or 0, with 255 where there is no data."""
        arrays = super().arrays(stored)
        arrays['detected'] = np.where(arrays['detected'] == 0, IGNORE_INDEX, arrays['detected'] - np.uint8(1))
        return arrays


class UnmixingTask(Task):
    """Abundances of the endmembers.

    Args:
        classes (Sequence[str]): Names of the P endmembers.
        endmembers (np.ndarray): Their spectra (P, C).
    """

    name = 'unmixing'

    def __init__(self, classes: Sequence[str], endmembers: np.ndarray):
        super().__init__()
        self.classes = tuple(classes)
        self.endmembers = endmembers
        self.layers = {'abundances': Layer(len(self.classes))}

    def finish(self, values: np.ndarray) -> dict[str, np.ndarray]:
        return {'abundances': values}

    def arrays(self, stored: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """'abundances' (P, H, W) and 'endmembers' (P, C)."""
        return {'abundances': stored['abundances'], 'endmembers': self.endmembers}


class RestorationTask(Task):
    """Restored cubes.

    Args:
        bands (int): Number of bands.
        name (str): 'denoising' or 'super_resolution'.
        units (tuple, optional): Factor and offset to the units of the file, see
            :func:`mmhsi.inference.units.file_units`.
    """

    def __init__(self, bands: int, name: str = 'denoising', units: tuple | None = None):
        super().__init__()
        self.name = name
        self._units = units
        self.layers = {'restored': Layer(bands)}

    def finish(self, values: np.ndarray) -> dict[str, np.ndarray]:
        if self._units is not None:
            factor, offset = (np.reshape(part, (-1, 1, 1)).astype(np.float32) for part in self._units)
            values = values * factor + offset
        return {'restored': values}

    def arrays(self, stored: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """'restored' (H, W, C)."""
        return {'restored': np.moveaxis(stored['restored'], 0, -1)}
