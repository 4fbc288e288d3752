"""Scores of unmixing: matching of endmembers, spectral angles, errors of the abundances and of the reconstruction."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment


def _checked(name: str, values: np.ndarray, ndim: int, shape: str) -> np.ndarray:
    values = np.asarray(values)
    if values.ndim != ndim or 0 in values.shape or values.dtype.kind not in 'iuf':
        raise ValueError(
            f'the {name} have the shape {values.shape} and type {values.dtype}, expected real numbers of shape {shape}'
        )
    if not np.isfinite(values).all():
        raise ValueError(f'the {name} hold NaN or infinity')
    return values.astype(np.float64)


def spectral_angles(estimated: np.ndarray, true: np.ndarray) -> np.ndarray:
    r"""Spectral angle distance (SAD) of every pair of spectra, :math:`\arccos(\langle e, m \rangle / \|e\| \|m\|)`.

    Args:
        estimated (np.ndarray): Spectra of shape (P, C).
        true (np.ndarray): Spectra of shape (Q, C).

    Returns:
        np.ndarray: float64 of shape (P, Q), radians; a right angle if a spectrum is zero.

    Raises:
        ValueError: If a shape is wrong, the bands differ, or a value is NaN or infinite.
    """
    estimated = _checked('estimated endmembers', estimated, 2, '(P, C)')
    true = _checked('true endmembers', true, 2, '(P, C)')
    if estimated.shape[1] != true.shape[1]:
        raise ValueError(f'the estimated endmembers have {estimated.shape[1]} bands, the true ones {true.shape[1]}')
    norms = np.linalg.norm(estimated, axis=1)[:, None] * np.linalg.norm(true, axis=1)
    # rounding can push the cosine of equal spectra over 1
    return np.arccos(np.clip(estimated @ true.T / np.where(norms > 0, norms, 1), -1, 1))


def match_endmembers(angles: np.ndarray, method: str = 'greedy') -> np.ndarray:
    """Match the estimated endmembers to the true ones.

    Args:
        angles (np.ndarray): (P, P) of :func:`spectral_angles`, estimated by true.
        method (str): 'greedy' repeatedly takes the smallest of all angles and removes its row and column, as in the
            published scores of HyperSIGMA; 'hungarian' minimises the sum of the angles. Defaults to 'greedy'.

    Returns:
        np.ndarray: int64 of shape (P,), the index of the estimated endmember of each true one, so that
        ``estimated[order]`` is in the order of the true endmembers.

    Raises:
        ValueError: If the matrix is not square or not finite, or the method is unknown.
    """
    if method not in ('greedy', 'hungarian'):
        raise ValueError(f"method must be 'greedy' or 'hungarian', not {method!r}")
    angles = _checked('spectral angles', angles, 2, '(P, P)')
    if angles.shape[0] != angles.shape[1]:
        raise ValueError(
            f'{angles.shape[0]} estimated endmembers cannot be matched one to one with {angles.shape[1]} true ones'
        )
    if method == 'hungarian':
        return linear_sum_assignment(angles.T)[1].astype(np.int64)
    left = angles.copy()
    order = np.empty(len(left), dtype=np.int64)
    for _ in order:
        row, column = np.unravel_index(np.argmin(left), left.shape)
        order[column] = row
        left[row] = left[:, column] = np.inf
    return order


def _same_maps(estimated: np.ndarray, true: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    estimated = _checked('estimated abundances', estimated, 3, '(P, H, W)')
    true = _checked('true abundances', true, 3, '(P, H, W)')
    if estimated.shape != true.shape:
        raise ValueError(
            f'the estimated abundances {estimated.shape} and the true ones {true.shape} must have the same shape'
        )
    return estimated, true


def abundance_mse(estimated: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Mean squared error of each abundance map.

    Args:
        estimated (np.ndarray): (P, H, W), in the order of the true endmembers.
        true (np.ndarray): (P, H, W).

    Returns:
        np.ndarray: float64 of shape (P,).

    Raises:
        ValueError: If the shapes differ or are not (P, H, W), or a value is NaN or infinite.
    """
    estimated, true = _same_maps(estimated, true)
    return ((estimated - true) ** 2).mean(axis=(1, 2))


def reconstruction_rmse(cube: np.ndarray, endmembers: np.ndarray, abundances: np.ndarray) -> float:
    """Root mean squared difference between a cube and the linear mixture of its endmembers.

    Args:
        cube (np.ndarray): (H, W, C).
        endmembers (np.ndarray): (P, C).
        abundances (np.ndarray): (P, H, W).

    Returns:
        float: In the units of the cube, over all pixels and bands.

    Raises:
        ValueError: If the shapes do not belong together, or a value is NaN or infinite.
    """
    cube = _checked('values of the cube', cube, 3, '(H, W, C)')
    endmembers = _checked('endmembers', endmembers, 2, '(P, C)')
    abundances = _checked('abundances', abundances, 3, '(P, H, W)')
    expected = (len(endmembers), *cube.shape[:2]), cube.shape[2]
    if (abundances.shape, endmembers.shape[1]) != expected:
        raise ValueError(
            f'endmembers {endmembers.shape} and abundances {abundances.shape} do not mix to a cube of '
            f'shape {cube.shape}'
        )
    return float(np.sqrt(((np.moveaxis(abundances, 0, -1) @ endmembers - cube) ** 2).mean()))


def reconstruction_angles(spectra: np.ndarray, endmembers: np.ndarray, abundances: np.ndarray) -> np.ndarray:
    """Angle between each spectrum and the linear mixture of its endmembers.

    Args:
        spectra (np.ndarray): (N, C).
        endmembers (np.ndarray): (P, C).
        abundances (np.ndarray): (P, N).

    Returns:
        np.ndarray: float64 (N,), radians; a right angle where a spectrum or its mixture is zero.

    Raises:
        ValueError: If the shapes do not belong together, or a value is NaN or infinite.
    """
    spectra = _checked('spectra', spectra, 2, '(N, C)')
    endmembers = _checked('endmembers', endmembers, 2, '(P, C)')
    abundances = _checked('abundances', abundances, 2, '(P, N)')
    if (abundances.shape, endmembers.shape[1]) != ((len(endmembers), len(spectra)), spectra.shape[1]):
        raise ValueError(
            f'endmembers {endmembers.shape} and abundances {abundances.shape} do not mix to spectra of '
            f'shape {spectra.shape}'
        )
    mixed = abundances.T @ endmembers
    norms = np.linalg.norm(mixed, axis=1) * np.linalg.norm(spectra, axis=1)
    return np.arccos(np.clip((mixed * spectra).sum(axis=1) / np.where(norms > 0, norms, 1), -1, 1))


def unmixing_scores(
    endmembers: np.ndarray,
    true_endmembers: np.ndarray,
    abundances: np.ndarray,
    true_abundances: np.ndarray,
    matching: str = 'greedy',
) -> dict[str, float | np.ndarray]:
    """Match the estimated endmembers to the true ones and score endmembers and abundances.

    Args:
        endmembers (np.ndarray): Estimated endmembers, (P, C).
        true_endmembers (np.ndarray): (P, C).
        abundances (np.ndarray): Estimated abundances, (P, H, W), in the order of ``endmembers``.
        true_abundances (np.ndarray): (P, H, W), in the order of ``true_endmembers``.
        matching (str): 'greedy' or 'hungarian', see :func:`match_endmembers`. Defaults to 'greedy'.

    Returns:
        dict: Arrays of shape (P,) in the order of the true endmembers: ``order`` (index of the estimated endmember),
        ``SAD`` (radians), ``MSE`` and ``RMSE`` of the abundance maps. Means of them: ``mSAD``, ``aMSE`` (the published
        abundance error of HyperSIGMA), ``aRMSE`` (mean of the roots). ``RMSE_overall`` is the root over all maps
        together.

    Raises:
        ValueError: If shapes do not belong together, the numbers of endmembers differ, or a value is NaN or infinite.
    """
    angles = spectral_angles(endmembers, true_endmembers)
    order = match_endmembers(angles, matching)
    if len(abundances) != len(order):
        raise ValueError(f'{len(abundances)} abundance maps are given for {len(order)} endmembers')
    angle = angles[order, np.arange(len(order))]
    error = abundance_mse(np.asarray(abundances)[order], true_abundances)
    root = np.sqrt(error)
    return dict(
        order=order,
        SAD=angle,
        MSE=error,
        RMSE=root,
        mSAD=float(angle.mean()),
        aMSE=float(error.mean()),
        aRMSE=float(root.mean()),
        RMSE_overall=float(np.sqrt(error.mean())),
    )
