"""Calibration of class probabilities."""

from collections.abc import Sequence

import numpy as np

_SMALLEST = 1e-12


def negative_log_likelihood(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean negative logarithm of the probability of the true class.

    Args:
        probabilities (np.ndarray): (N, K), each row with sum 1; values below 1e-12 count as 1e-12.
        labels (np.ndarray): (N,), 0 to K - 1.

    Returns:
        float: At least 0; NaN without any sample.
    """
    labels = np.asarray(labels, dtype=np.int64)
    if not labels.size:
        return float('nan')
    true = np.asarray(probabilities, dtype=np.float64)[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(true, _SMALLEST)).mean())


def apply_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    r"""Probabilities :math:`p_k^{1/T} / \sum_j p_j^{1/T}` along the last axis; less certain above 1, more below."""
    logits = np.log(np.maximum(np.asarray(probabilities, dtype=np.float64), _SMALLEST)) / temperature
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def fit_temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """The temperature with the smallest negative log-likelihood (Guo et al., ICML 2017), between 1/20 and 20.

    Args:
        probabilities (np.ndarray): (N, K) of held-out samples.
        labels (np.ndarray): (N,), 0 to K - 1; without any the temperature is 1.

    Returns:
        float: T.
    """
    from scipy.optimize import minimize_scalar

    if not len(labels):
        return 1.0

    def loss(exponent: float) -> float:
        return negative_log_likelihood(apply_temperature(probabilities, np.exp(exponent)), labels)

    return float(np.exp(minimize_scalar(loss, bounds=(-np.log(20.0), np.log(20.0)), method='bounded').x))


def class_shares(probabilities: np.ndarray) -> np.ndarray:
    """Shares (K,) of the classes among pixels, estimated by the mean of their probabilities (..., K), NaN left out."""
    known = np.isfinite(probabilities).all(axis=-1)
    return np.asarray(probabilities, dtype=np.float64)[known].mean(axis=0)


def adapt_priors(
    probabilities: np.ndarray, priors: Sequence[float], shares: Sequence[float] | None = None
) -> np.ndarray:
    r"""Probabilities of a classifier that was trained with other shares of the classes than an image has.

    With the shares :math:`\bar{p}_k` of the image, :math:`p_k` becomes :math:`p_k \bar{p}_k / \pi_k`, divided by the
    sum over the classes. With the mean of the probabilities as shares this is the first iteration of Saerens, Latinne
    and Decaestecker, "Adjusting the outputs of a classifier to new a priori probabilities", Neural Computation 14(1),
    2002. Where classes can hardly be told apart, further iterations give the pixels of all of them to one.

    Args:
        probabilities (np.ndarray): (..., K), for all pixels of the image; pixels with NaN count as not predicted.
        priors (Sequence[float]): (K,) positive shares :math:`\pi_k` of the classes among the training samples.
        shares (Sequence[float], optional): (K,) shares of the classes, where more is known than the image. Defaults to
            None: those of :func:`class_shares`.

    Returns:
        np.ndarray: float64 (..., K), each pixel with sum 1; NaN stays.

    Raises:
        ValueError: If the numbers of classes differ.
    """
    probabilities = np.asarray(probabilities, dtype=np.float64)
    if len(priors) != probabilities.shape[-1]:
        raise ValueError(f'{probabilities.shape[-1]} classes have {len(priors)} shares')
    if not np.isfinite(probabilities).all(axis=-1).any():
        return probabilities
    present = class_shares(probabilities) if shares is None else np.asarray(shares, dtype=np.float64)
    adapted = probabilities * (present / np.asarray(priors, dtype=np.float64))
    return adapted / np.maximum(adapted.sum(axis=-1, keepdims=True), _SMALLEST)


def expected_calibration_error(confidence: np.ndarray, correct: np.ndarray, bins: int = 15) -> float:
    r"""Mean distance of confidence and accuracy over bins of equal width (Naeini et al., AAAI 2015).

    :math:`\sum_b \frac{n_b}{N} |acc_b - conf_b|` with the n_b samples whose confidence lies in bin b.

    Args:
        confidence (np.ndarray): (N,) probability of the predicted class, in 0 .. 1.
        correct (np.ndarray): (N,) bool, whether the prediction is correct.
        bins (int): Number of bins. Defaults to 15.

    Returns:
        float: In 0 .. 1; NaN without any sample.
    """
    confidence, correct = np.asarray(confidence, np.float64), np.asarray(correct, np.float64)
    if not confidence.size:
        return float('nan')
    place = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    gap = np.bincount(place, correct - confidence, bins)
    return float(np.abs(gap).sum() / len(confidence))
