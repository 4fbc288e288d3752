"""Leave-one-out likelihood of a kernel ridge classifier, in closed form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import log_softmax

_WIDTHS = 2.0 ** np.arange(-6, 4)  # gamma times the median of the squared distances
_RIDGES = 10.0 ** np.arange(-6, 2)
_SHARPNESS = (1.0, 2.0, 4.0, 6.0, 9.0, 14.0)
_SMALLEST = 1e-6  # limits the influence of a single badly misclassified pixel


@dataclass(frozen=True)
class LeaveOneOut:
    """The kernel ridge classifier that predicts its own training pixels best.

    Attributes:
        loss (float): Mean negative log-likelihood of each pixel under the classifier trained on all others.
        gamma (float): Of the kernel :math:`exp(-gamma d^2)`.
        ridge (float): Ridge of the regression on one-hot classes.
        sharpness (float): Factor of the regressed values before the softmax.
    """

    loss: float
    gamma: float
    ridge: float
    sharpness: float


def squared_distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Squared Euclidean distances (N, M) of features (N, C) and (M, C)."""
    squares = np.square(first).sum(axis=1)[:, None] + np.square(second).sum(axis=1)
    return np.maximum(squares - 2 * first @ second.T, 0)


def leave_one_out(distances: np.ndarray, labels: np.ndarray) -> LeaveOneOut:
    r"""Choose kernel width, ridge and sharpness by the leave-one-out likelihood.

    Ridge regression on one-hot classes, centred: with the kernel matrix K, :math:`A = (K + r I)^{-1} Y`, the prediction
    for a pixel that is left out is :math:`y_i - A_i / [(K + r I)^{-1}]_{ii}` (Rifkin and Lippert,
    MIT-CSAIL-TR-2007-025), so no model has to be refitted. The cost is one eigendecomposition for each width.

    Args:
        distances (np.ndarray): Squared distances (N, N) of the features of N labelled pixels.
        labels (np.ndarray): Their classes (N,).

    Returns:
        LeaveOneOut: The best one.

    Raises:
        ValueError: If there are fewer than two classes, or all features are equal.
    """
    classes, index = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(f'labelled pixels of at least two classes are needed, found {len(classes)}')
    scale = np.median(distances[~np.eye(len(distances), dtype=bool)])
    if not scale > 0:
        raise ValueError('the features of more than half of the pairs of pixels are equal')
    target = np.eye(len(classes))[index]
    target -= target.mean(axis=0)
    rows = np.arange(len(index))
    best = LeaveOneOut(np.inf, 0.0, 0.0, 0.0)
    for width in _WIDTHS:
        values, vectors = np.linalg.eigh(np.exp(-width * distances / scale))
        turned, squares = vectors.T @ target, np.square(vectors)
        for ridge in _RIDGES:
            inverse = 1 / (np.maximum(values, 0) + ridge)
            left_out = target - vectors @ (inverse[:, None] * turned) / (squares @ inverse)[:, None]
            for sharpness in _SHARPNESS:
                likelihood = log_softmax(sharpness * left_out, axis=1)[rows, index]
                loss = float(-np.maximum(likelihood, np.log(_SMALLEST)).mean())
                if loss < best.loss:
                    best = LeaveOneOut(loss, width / scale, ridge, sharpness)
    return best
