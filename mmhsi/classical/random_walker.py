"""Smoothing class probabilities between neighbouring pixels, but not across the edges of the image."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import cg, splu

_DIRECT = 200_000  # pixels up to which a factorisation is faster and fits into memory
_HALF_OF_NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1))


def edge_laplacian(guide: np.ndarray, valid: np.ndarray, contrast: float = 10.0) -> sparse.csr_matrix:
    r"""Laplacian of the 8-neighbour graph of an image, with small weights across edges.

    Neighbours i and j whose values differ by d have the weight :math:`w_{ij} = \exp(-c\, d_{ij}^2 / \overline{d^2})`,
    with the mean over all pairs; the Laplacian is :math:`L = D - W` with the sums of the weights in D.

    Args:
        guide (np.ndarray): Image (H, W) or (H, W, n).
        valid (np.ndarray): bool (H, W); other pixels have no neighbours.
        contrast (float): c. Defaults to 10.

    Returns:
        sparse.csr_matrix: (N, N) for the N valid pixels in the order of their flat indices.

    Raises:
        ValueError: If the image and the mask differ in size, a valid pixel is not finite, or no pixel is valid.
    """
    guide = np.asarray(guide, dtype=np.float64)
    guide = guide[..., None] if guide.ndim == 2 else guide
    valid = np.asarray(valid, dtype=bool)
    if guide.shape[:2] != valid.shape:
        raise ValueError(f'the guide has {guide.shape[:2]} pixels, the mask {valid.shape}')
    if not valid.any():
        raise ValueError('there is no valid pixel')
    if not np.isfinite(guide[valid]).all():
        raise ValueError('the guide is not finite in all valid pixels')
    number = np.cumsum(valid).reshape(valid.shape) - 1
    height, width = valid.shape
    firsts: list = []
    seconds: list = []
    distances: list = []
    for down, right in _HALF_OF_NEIGHBOURS:
        here = np.s_[: height - down, max(0, -right) : width - max(0, right)]
        there = np.s_[down:, max(0, right) : width + min(0, right)]
        both = valid[here] & valid[there]
        firsts.append(number[here][both])
        seconds.append(number[there][both])
        distances.append(np.square(guide[here][both] - guide[there][both]).sum(axis=-1))
    first, second, distance = (np.concatenate(parts) for parts in (firsts, seconds, distances))
    mean = distance.mean() if distance.size else 0.0
    weight = np.exp(-contrast * distance / mean) if mean > 0 else np.ones_like(distance)
    count = int(valid.sum())
    adjacency = sparse.coo_matrix((weight, (first, second)), (count, count)).tocsr()
    adjacency = adjacency + adjacency.T
    return sparse.csr_matrix(sparse.diags(np.asarray(adjacency.sum(axis=1)).ravel()) - adjacency)


def random_walker(values: np.ndarray, laplacian: sparse.csr_matrix, strength: float) -> np.ndarray:
    r"""Smooth values of pixels over a graph: the solution Q of :math:`(L + g I) Q = g P`.

    The extended random walker of Kang et al. (IEEE TGRS 53(1), 2015) without seeds: no label is used. A walker starts
    at a pixel, moves to neighbours by the weights of the graph, and stops at each step with a probability that grows
    with g; the result is the expected value at its stop. Rows of probabilities remain rows of probabilities, and the
    mean over all pixels is preserved.

    Args:
        values (np.ndarray): P (N, K) of the pixels of the graph, such as class probabilities or bands.
        laplacian (sparse.csr_matrix): L (N, N) of :func:`edge_laplacian`.
        strength (float): g, positive: how strongly a pixel keeps its own values. Without edges the values spread over
            about :math:`\sqrt{3 / g}` pixels.

    Returns:
        np.ndarray: float64 (N, K).

    Raises:
        ValueError: If g is not positive or the number of pixels is not that of the graph.
    """
    if not strength > 0:
        raise ValueError(f'the strength must be positive, found {strength}')
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2 or len(values) != laplacian.shape[0]:
        raise ValueError(f'the graph has {laplacian.shape[0]} pixels, but values of shape {values.shape} are given')
    system = (laplacian + strength * sparse.eye(len(values))).tocsc()
    if len(values) <= _DIRECT:
        return splu(system, permc_spec='MMD_AT_PLUS_A', options=dict(SymmetricMode=True)).solve(strength * values)
    jacobi = sparse.diags(1 / system.diagonal())
    return np.stack([cg(system, strength * band, x0=band, rtol=1e-6, M=jacobi)[0] for band in values.T], axis=1)


def first_component(pixels: np.ndarray) -> np.ndarray:
    """First principal component of spectra (N, C), (N,) float64: the image whose edges guide a random walker."""
    centred = pixels.astype(np.float64) - pixels.mean(axis=0, dtype=np.float64)
    return centred @ np.linalg.eigh(centred.T @ centred)[1][:, -1]
