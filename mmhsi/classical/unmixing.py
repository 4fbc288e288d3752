"""Linear unmixing: endmembers by vertex component analysis, abundances by fully constrained least squares."""

from __future__ import annotations

import numpy as np

# Relative slope of the objective below which no further endmember is added.
_SLOPE = 1e-12


def _checked(name: str, spectra: np.ndarray, shape: str) -> np.ndarray:
    spectra = np.asarray(spectra)
    if spectra.ndim != 2 or 0 in spectra.shape or spectra.dtype.kind not in 'iuf':
        raise ValueError(
            f'the {name} have the shape {spectra.shape} and type {spectra.dtype}, expected real numbers '
            f'of shape {shape}'
        )
    if not np.isfinite(spectra).all():
        raise ValueError(f'the {name} hold NaN or infinity')
    return spectra.astype(np.float64)


def _leading_directions(moments: np.ndarray, number: int) -> np.ndarray:
    # eigenvectors of the largest eigenvalues, (C, number)
    return np.linalg.eigh(moments)[1][:, ::-1][:, :number]


def _snr(pixels: np.ndarray, mean: np.ndarray, directions: np.ndarray) -> float:
    # in dB, estimated from the power inside and outside the signal subspace
    power = (pixels**2).sum() / len(pixels)
    signal = (((pixels - mean) @ directions) ** 2).sum() / len(pixels) + mean @ mean
    noise = power - signal
    signal -= directions.shape[1] / pixels.shape[1] * power
    if noise <= 0:
        return np.inf
    return 10 * np.log10(signal / noise) if signal > 0 else -np.inf


def vca(pixels: np.ndarray, num_endmembers: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    r"""Vertex component analysis: the purest pixels as endmembers.

    Pixels are projected to P dimensions; then, P times, the pixel is chosen that lies farthest in a random direction
    orthogonal to the endmembers found so far. Above an estimated signal-to-noise ratio of :math:`15 + 10 \log_{10} P`
    dB, the projection is onto the leading directions of the correlation, with each pixel divided by its inner product
    with the mean; below, it is onto P - 1 principal components with a constant appended.

    J. M. P. Nascimento, J. M. Bioucas-Dias, "Vertex component analysis: a fast algorithm to unmix hyperspectral data",
    IEEE TGRS 43(4), 2005. There the endmembers are the projections of the chosen pixels; here they are the pixels
    themselves.

    Args:
        pixels (np.ndarray): Spectra of shape (N, C).
        num_endmembers (int): Number P of endmembers, 2 <= P <= min(N, C).
        seed (int): Seed of the random directions. Defaults to 0.

    Returns:
        tuple[np.ndarray, np.ndarray]: Endmembers, float64 of shape (P, C), and the int64 indices (P,) of their pixels.

    Raises:
        ValueError: If the pixels are not (N, C), hold NaN or infinity or span fewer dimensions than P endmembers need,
            or P is out of range.
    """
    pixels = _checked('pixels', pixels, '(N, C)')
    number, bands = pixels.shape
    if not 2 <= num_endmembers <= min(number, bands):
        raise ValueError(
            f'{num_endmembers} endmembers are to be found in {number} pixels of {bands} bands, expected 2 '
            f'to {min(number, bands)}'
        )
    scaled = pixels / (np.abs(pixels).max() or 1)
    mean = scaled.mean(axis=0)
    centred = scaled - mean
    principal = _leading_directions(centred.T @ centred / number, num_endmembers)
    if _snr(scaled, mean, principal) < 15 + 10 * np.log10(num_endmembers):
        projected = centred @ principal[:, : num_endmembers - 1]
        constant = np.linalg.norm(projected, axis=1).max()
        projected = np.column_stack([projected, np.full(number, constant)])
    else:
        projected = scaled @ _leading_directions(scaled.T @ scaled / number, num_endmembers)
        depth = projected @ projected.mean(axis=0)
        # a pixel without signal has no projection, and cannot be an endmember
        usable = np.abs(depth) > 1e-9 * np.abs(depth).max()
        projected = np.where(usable[:, None], projected / np.where(usable, depth, 1)[:, None], 0)
    reach = np.linalg.norm(projected, axis=1).max()

    rng = np.random.default_rng(seed)
    chosen = np.empty(num_endmembers, dtype=np.int64)
    found = np.zeros((num_endmembers, num_endmembers))
    found[-1, 0] = 1
    for step in range(num_endmembers):
        direction = rng.standard_normal(num_endmembers)
        direction -= found @ (np.linalg.pinv(found) @ direction)
        along = np.abs(projected @ (direction / np.linalg.norm(direction)))
        chosen[step] = np.argmax(along)
        if not along[chosen[step]] > 1e-9 * reach:
            raise ValueError(
                f'the pixels have no more than {step} vertices, but {num_endmembers} endmembers are to be found'
            )
        found[:, step] = projected[chosen[step]]
    return pixels[chosen], chosen


def fcls(pixels: np.ndarray, endmembers: np.ndarray) -> np.ndarray:
    r"""Fully constrained least squares: abundances that are not negative and sum to one.

    .. math:: \min_a \|x - M a\|^2 \quad \text{subject to} \quad a \ge 0, \; \sum_k a_k = 1

    for each pixel, exactly, with an active-set method that treats all pixels with the same set of endmembers at once.
    The problem is that of D. C. Heinz, C.-I Chang, "Fully constrained least squares linear spectral mixture analysis
    method for material quantification in hyperspectral imagery", IEEE TGRS 39(3), 2001, where the sum is only weighted.

    Args:
        pixels (np.ndarray): Spectra x of shape (N, C).
        endmembers (np.ndarray): Endmembers M of shape (P, C), affinely independent.

    Returns:
        np.ndarray: Abundances, float64 of shape (N, P).

    Raises:
        ValueError: If a shape is wrong, a value is NaN or infinite, or an endmember is a mixture of the others, so that
            abundances are not unique.
        RuntimeError: If the method does not converge, which rounding errors may cause with nearly equal endmembers.
    """
    pixels = _checked('pixels', pixels, '(N, C)')
    endmembers = _checked('endmembers', endmembers, '(P, C)')
    number, bands = pixels.shape
    count = len(endmembers)
    if endmembers.shape[1] != bands:
        raise ValueError(f'the pixels have {bands} bands, the endmembers {endmembers.shape[1]}')
    if count > 1 and np.linalg.matrix_rank(endmembers[1:] - endmembers[0]) < count - 1:
        raise ValueError(
            f'the {count} endmembers are affinely dependent: one is a mixture of the others, and the '
            'abundances are not unique'
        )
    # abundances do not depend on the origin; the spread of the endmembers determines the conditioning
    origin = endmembers.mean(axis=0)
    spread = np.abs(endmembers - origin).max() or 1
    pixels, endmembers = (pixels - origin) / spread, (endmembers - origin) / spread
    gram, targets = endmembers @ endmembers.T, pixels @ endmembers.T

    nearest = (gram.diagonal() / 2 - targets).argmin(axis=1)
    present = np.zeros((number, count), dtype=bool)
    present[np.arange(number), nearest] = True
    abundances = present.astype(np.float64)
    tolerance = _SLOPE * np.maximum(np.abs(targets).max(axis=1), np.abs(gram).max())
    unfinished = np.arange(number)
    for _ in range(20 * count):
        unfinished = unfinished[~_advance(gram, targets, present, abundances, tolerance, unfinished)]
        if not unfinished.size:
            return abundances
    raise RuntimeError(f'{unfinished.size} of {number} pixels did not converge; are endmembers nearly equal?')


def unit_spectra(spectra: np.ndarray) -> np.ndarray:
    """Spectra (N, C) divided by their Euclidean norms, so that brightness has no effect; zero spectra stay zero."""
    norms = np.linalg.norm(spectra, axis=1, keepdims=True)
    return spectra / np.where(norms > 0, norms, 1)


def shape_shares(pixels: np.ndarray, endmembers: np.ndarray) -> np.ndarray:
    """Abundances of spectral shapes: :func:`fcls` on pixels and endmembers of norm 1.

    Args:
        pixels (np.ndarray): Spectra (N, C).
        endmembers (np.ndarray): Endmembers (P, C).

    Returns:
        np.ndarray: Abundances, float64 (N, P).

    Raises:
        ValueError: As :func:`fcls`.
    """
    return fcls(
        unit_spectra(_checked('pixels', pixels, '(N, C)')), unit_spectra(_checked('endmembers', endmembers, '(P, C)'))
    )


def least_squares_shares(pixels: np.ndarray, endmembers: np.ndarray, even_light: bool) -> np.ndarray:
    """Abundances (N, P): :func:`fcls` in a scene of even light, else :func:`shape_shares`."""
    return (fcls if even_light else shape_shares)(pixels, endmembers)


def linear_scale(pixels: np.ndarray, endmembers: np.ndarray) -> tuple[np.ndarray, float]:
    """Norms of the endmembers with which shares would sum to one, and how far they are from that.

    Each pixel is a mixture of unit spectra with weights that are not negative, by least squares. In a scene of even
    light, shares times norms are these weights, so that the weights over the norms sum to one in every pixel: the norms
    are those for which this holds best.

    Args:
        pixels (np.ndarray): Spectra (N, C), of which at most 2000 random ones are used.
        endmembers (np.ndarray): Endmembers (P, C); only their shapes count.

    Returns:
        tuple[np.ndarray, float]: Norms (P,), infinite for an endmember that brings nothing, and the root mean square
        by which the sums miss one: near 0 in even light, about the spread of the light otherwise.
    """
    from scipy.optimize import nnls

    pixels = _checked('pixels', pixels, '(N, C)')
    if len(pixels) > 2000:
        pixels = pixels[np.random.RandomState(0).choice(len(pixels), 2000, replace=False)]
    shapes = unit_spectra(_checked('endmembers', endmembers, '(P, C)')).T
    weights = np.stack([nnls(shapes, pixel)[0] for pixel in pixels])
    inverse = np.linalg.lstsq(weights, np.ones(len(weights)), rcond=None)[0]
    misfit = float(np.sqrt(np.mean(np.square(weights @ inverse - 1))))
    with np.errstate(divide='ignore'):
        return 1 / np.maximum(inverse, 0), misfit


def _advance(
    gram: np.ndarray,
    targets: np.ndarray,
    present: np.ndarray,
    abundances: np.ndarray,
    tolerance: np.ndarray,
    pixels: np.ndarray,
) -> np.ndarray:
    """One step, in place, for the pixels with the given indices; returns which of them are at their optimum."""
    mask, start, rows = present[pixels], abundances[pixels], np.arange(len(pixels))
    goal = _constrained_minimum(gram, targets[pixels], mask)
    negative = mask & (goal < 0)
    inside = ~negative.any(axis=1)

    # where the goal is infeasible, go until the first abundance becomes 0, and drop that endmember
    with np.errstate(divide='ignore', invalid='ignore'):
        way = np.where(negative, start / (start - goal), np.inf)
    first = way.argmin(axis=1)
    share = np.where(inside, 1, np.minimum(way[rows, first], 1))
    moved = np.where(inside[:, None], goal, np.maximum(start + share[:, None] * (goal - start), 0))
    moved[rows[~inside], first[~inside]] = 0
    mask[rows[~inside], first[~inside]] = False

    # where it is feasible, add the endmember with the steepest descent, if there is one
    slope = moved @ gram - targets[pixels]
    level = (slope * mask).sum(axis=1) / mask.sum(axis=1)
    gain = np.where(mask, np.inf, slope - level[:, None])
    best = gain.argmin(axis=1)
    optimal = inside & (gain[rows, best] >= -tolerance[pixels])
    grow = inside & ~optimal
    mask[rows[grow], best[grow]] = True
    present[pixels], abundances[pixels] = mask, moved
    return optimal


def _constrained_minimum(gram: np.ndarray, targets: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Best abundances (N, P) with sum one and 0 outside the mask, one linear system for each distinct mask."""
    result = np.zeros(mask.shape)
    patterns, members = np.unique(mask, axis=0, return_inverse=True)
    members = members.ravel()
    for index, pattern in enumerate(patterns):
        own, chosen = np.flatnonzero(members == index), np.flatnonzero(pattern)
        size = len(chosen)
        system = np.ones((size + 1, size + 1))
        system[:size, :size] = gram[np.ix_(chosen, chosen)]
        system[-1, -1] = 0
        right = np.ones((size + 1, len(own)))
        right[:size] = targets[np.ix_(own, chosen)].T
        result[np.ix_(own, chosen)] = np.linalg.solve(system, right)[:size].T
    return result
