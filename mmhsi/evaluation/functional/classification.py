"""Scores of a classification from its confusion matrix: overall and average accuracy, kappa, per-class figures."""

import numpy as np
from scipy.special import xlogy


def confusion_matrix(
    pred: np.ndarray, target: np.ndarray, num_classes: int, ignore_index: int | None = 255
) -> np.ndarray:
    """Count how often each true class was predicted as each class.

    Args:
        pred (np.ndarray): Predicted classes, any shape, 0 .. ``num_classes`` - 1 wherever ``target`` is evaluated.
        target (np.ndarray): True classes, same shape; ``ignore_index`` where nothing is evaluated.
        num_classes (int): Number of classes K.
        ignore_index (int, optional): Target value that is left out; None evaluates every element. Defaults to 255.

    Returns:
        np.ndarray: (K, K) int64, rows are the true classes, columns the predicted ones.

    Raises:
        ValueError: If the shapes differ, or if an evaluated label lies outside 0 .. K - 1.
    """
    pred, target = np.asarray(pred), np.asarray(target)
    if pred.shape != target.shape:
        raise ValueError(f'predictions {pred.shape} and targets {target.shape} must have the same shape')
    if ignore_index is not None:
        evaluated = target != ignore_index
        pred, target = pred[evaluated], target[evaluated]
    pred, target = pred.ravel().astype(np.int64), target.ravel().astype(np.int64)
    for name, labels in (('targets', target), ('predictions', pred)):
        if labels.size and (labels.min() < 0 or labels.max() >= num_classes):
            raise ValueError(
                f'{name} of evaluated pixels must lie in 0 .. {num_classes - 1}, found {labels.min()} .. {labels.max()}'
            )
    return np.bincount(target * num_classes + pred, minlength=num_classes**2).reshape(num_classes, num_classes)


def classification_scores(matrix: np.ndarray, aa: str = 'recall') -> dict:
    r"""Compute the usual scores of hyperspectral classification.

    With :math:`n_{ij}` pixels of class i predicted as j, row sums :math:`r_i`, column sums :math:`c_j` and N pixels:

    .. math::
        OA = \frac{\sum_i n_{ii}}{N}, \quad
        \kappa = \frac{OA - p_e}{1 - p_e}, \; p_e = \frac{\sum_i r_i c_i}{N^2}, \quad
        recall_i = \frac{n_{ii}}{r_i}, \; precision_i = \frac{n_{ii}}{c_i}, \;
        F1_i = \frac{2 n_{ii}}{r_i + c_i}

    Empty classes: the recall of a class without target pixels is NaN and is left out of AA. A class that has target
    pixels but is never predicted has precision 0. All scores of a class that is neither in the target nor in the
    prediction are NaN. Without any pixel all scores are NaN; kappa is also NaN if one class holds all targets and all
    predictions (chance agreement is then 1).

    Args:
        matrix (np.ndarray): (K, K) confusion matrix, rows are the true classes.
        aa (str): What AA averages: 'recall' (the usual average accuracy) or 'precision' (mean precision over all
            classes that occur in the target or the prediction, as reported by the window protocol of the reference
            implementation). Defaults to 'recall'.

    Returns:
        dict: ``OA``, ``AA``, ``kappa`` (float, OA and AA in 0 .. 1, kappa at most 1); ``per_class``, the accuracies
        that AA averages, and ``recall``, ``precision``, ``f1`` ((K,) float64); ``support``, the target pixels of each
        class ((K,) int64).

    Raises:
        ValueError: If the matrix is not square or ``aa`` is unknown.
    """
    matrix = np.asarray(matrix)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f'a confusion matrix is square, found shape {matrix.shape}')
    if aa not in ('recall', 'precision'):
        raise ValueError(f"aa must be 'recall' or 'precision', found {aa!r}")
    hits = np.diag(matrix).astype(np.float64)
    true = matrix.sum(axis=1).astype(np.float64)
    predicted = matrix.sum(axis=0).astype(np.float64)
    total = true.sum()

    recall = _divide(hits, true)
    precision = _divide(hits, predicted)
    precision[(predicted == 0) & (true > 0)] = 0.0
    per_class = recall if aa == 'recall' else precision
    known = per_class[~np.isnan(per_class)]

    overall = _divide(hits.sum(), total)
    chance = _divide((true * predicted).sum(), total**2)
    return {
        'OA': float(overall),
        'AA': float(known.mean()) if known.size else float('nan'),
        'kappa': float(_divide(overall - chance, 1.0 - chance)),
        'per_class': per_class.copy(),
        'recall': recall,
        'precision': precision,
        'f1': _divide(2.0 * hits, true + predicted),
        'support': matrix.sum(axis=1).astype(np.int64),
    }


def _divide(numerator, denominator) -> np.ndarray:
    """Quotient in float64, NaN where the denominator is 0."""
    numerator, denominator = np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)
    return np.divide(numerator, denominator, out=np.full(denominator.shape, np.nan), where=denominator != 0)


def class_uncertainty(probabilities: np.ndarray, axis: int = 0) -> tuple[np.ndarray, np.ndarray]:
    r"""Certainty of a classifier.

    The entropy is divided by its largest value, that of K equal probabilities:
    :math:`-\sum_k p_k \ln p_k / \ln K`.

    Args:
        probabilities (np.ndarray): Probabilities of K classes, at least 2, along an axis, which sum to 1.
        axis (int): The axis. Defaults to 0.

    Returns:
        tuple[np.ndarray, np.ndarray]: Largest probability in 1 / K .. 1, and normalised entropy in 0 .. 1; both without
        the axis.

    Raises:
        ValueError: If there are fewer than two classes.
    """
    probabilities = np.asarray(probabilities)
    if probabilities.shape[axis] < 2:
        raise ValueError(f'uncertainty needs at least two classes, found {probabilities.shape[axis]}')
    entropy = -xlogy(probabilities, probabilities).sum(axis=axis) / np.log(probabilities.shape[axis])
    return probabilities.max(axis=axis), np.clip(entropy, 0.0, 1.0)
