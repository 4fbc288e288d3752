"""Blind linear unmixing by non-negative matrix factorisation with sparse abundances."""

from __future__ import annotations

import numpy as np

from mmhsi.utils.progress import progress_bar

# abundances below this do not influence the others, as the slope of the square root is cut off
_SMALLEST = 1e-4


def sparse_nmf(
    pixels: np.ndarray,
    endmembers: np.ndarray,
    abundances: np.ndarray,
    sparsity: float | None = None,
    sum_weight: float = 1.0,
    iterations: int = 300,
    tolerance: float = 1e-5,
) -> tuple[np.ndarray, np.ndarray]:
    r"""Refine endmembers and abundances together (L1/2-NMF).

    Minimises :math:`\frac12 \|X - A M\|^2 + \lambda \sum \sqrt{A}` over non-negative A and M by multiplicative updates.
    An additional band with the value :math:`\delta` in pixels and endmembers pulls the sum of the abundances of a pixel
    to one; at the end each pixel is divided by its sum. For abundances below 1e-4 the slope of the square root is taken
    as zero.

    Y. Qian, S. Jia, J. Zhou, A. Robles-Kelly, "Hyperspectral unmixing via L1/2 sparsity-constrained nonnegative matrix
    factorization", IEEE TGRS 49(11), 2011. The paper uses :math:`\delta = 15`. Here pixels are scaled to a largest
    value of 1, for which such a weight would hardly change the abundances.

    Args:
        pixels (np.ndarray): Spectra of shape (N, C), non-negative.
        endmembers (np.ndarray): Initial endmembers, (P, C), non-negative.
        abundances (np.ndarray): Initial abundances, (N, P), non-negative.
        sparsity (float, optional): Weight :math:`\lambda`. By default, as in the paper, the mean over the bands of
            :math:`(\sqrt N - \|x\|_1 / \|x\|_2) / \sqrt{N - 1}`, 0 for uniform bands and 1 for a single bright pixel,
            divided by :math:`\sqrt C`.
        sum_weight (float): The value :math:`\delta`, relative to a largest pixel value of 1. Defaults to 1.
        iterations (int): Largest number of updates. Defaults to 300.
        tolerance (float): The updates end when ten of them reduce the objective by less than this fraction. Defaults to
            1e-5.

    Returns:
        tuple[np.ndarray, np.ndarray]: Endmembers (P, C) and abundances (N, P), float64, the latter with sum one.

    Raises:
        ValueError: If a shape is wrong, or a value is negative, NaN or infinite.
    """
    pixels, endmembers, abundances = (np.array(values, np.float64) for values in (pixels, endmembers, abundances))
    if (
        pixels.ndim != 2
        or endmembers.ndim != 2
        or (endmembers.shape[1], abundances.shape) != (pixels.shape[1], (len(pixels), len(endmembers)))
    ):
        raise ValueError(
            f'pixels {pixels.shape}, endmembers {endmembers.shape} and abundances {abundances.shape} do not fit '
            'together, expected (N, C), (P, C) and (N, '
            'P)'
        )
    for name, values in (('pixels', pixels), ('endmembers', endmembers), ('abundances', abundances)):
        if not np.isfinite(values).all() or np.min(values) < 0:
            raise ValueError(
                f'the {name} hold negative values, NaN or infinity, which a non-negative factorisation cannot represent'
            )
    scale = np.max(pixels) or 1.0
    pixels, endmembers = pixels / scale, endmembers / scale
    number, bands = pixels.shape
    if sparsity is None:
        norms = np.linalg.norm(pixels, axis=0)
        spread = np.sqrt(number) - pixels.sum(axis=0) / np.where(norms > 0, norms, 1)
        sparsity = float(spread[norms > 0].sum() / np.sqrt(max(number - 1, 1)) / bands / np.sqrt(bands))

    abundances = np.maximum(abundances, _SMALLEST)
    endmembers = np.maximum(endmembers, 1e-9)
    power, earlier = (pixels**2).sum(), np.inf
    for step in progress_bar(range(iterations), 'L1/2-NMF', 'iterations', after=2.0):
        endmembers *= abundances.T @ pixels / np.maximum(abundances.T @ abundances @ endmembers, 1e-12)
        # the additional band adds delta^2 to every product of two endmembers, and of pixel and endmember
        targets = pixels @ endmembers.T + sum_weight**2
        gram = endmembers @ endmembers.T + sum_weight**2
        slope = np.where(abundances > _SMALLEST, sparsity / 2 / np.sqrt(np.maximum(abundances, _SMALLEST)), 0)
        abundances *= targets / np.maximum(abundances @ gram + slope, 1e-12)
        if step % 10 == 9:
            products = abundances.T @ pixels
            objective = (
                power
                - 2 * (products * endmembers).sum()
                + ((abundances.T @ abundances) * (endmembers @ endmembers.T)).sum()
            ) / 2
            objective += sparsity * np.sqrt(abundances).sum()
            if earlier - objective < tolerance * abs(earlier):
                break
            earlier = objective
    return endmembers * scale, abundances / abundances.sum(axis=1, keepdims=True)
