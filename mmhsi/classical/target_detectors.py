"""Target detectors: each function returns one score per pixel, larger is more target-like.

All take the cube (H, W, C), the target spectrum (C,) and the mask of the valid pixels, and use only these for the
background statistics. They compute in float64, with the pseudo-inverse if a covariance is singular.
"""

from __future__ import annotations

import numpy as np
import spectral

from .inputs import checked_target, score_map, scores_by_block, sum_by_block, valid_pixels
from .whitening import whitening


def cem(
    cube: np.ndarray, target: np.ndarray, valid: np.ndarray | None = None, left_out: float = 0.0, loading: float = 0.0
) -> np.ndarray:
    """Constrained energy minimisation: the filter with the least mean output energy whose response to the target is 1.

    s(x) = x^T R^-1 d / (d^T R^-1 d) with R = (1/N) sum of x x^T over the N valid pixels. Source: Harsanyi, Detection
    and classification of subpixel spectral signatures in hyperspectral image sequences, PhD thesis, University of
    Maryland Baltimore County, 1993.

    Args:
        cube (np.ndarray): (H, W, C).
        target (np.ndarray): Spectrum d of shape (C,) in the units of the cube.
        valid (np.ndarray, optional): bool of shape (H, W), True where there is data. By default everywhere.
        left_out (float): Share of the valid pixels, those that score highest, that a second pass leaves out from the
            background statistics, which targets of another spectrum than d distort. Defaults to 0: a single pass.

    Returns:
        np.ndarray: float64 scores of shape (H, W), NaN where not valid.

    Raises:
        ValueError: If the target is zero or has another number of bands, no pixel is valid, all are zero, or
            ``left_out`` or ``loading`` is out of range.
    """
    return _adaptive_filter(cube, target, valid, False, left_out, loading)


def ace(cube: np.ndarray, target: np.ndarray, valid: np.ndarray | None = None) -> np.ndarray:
    """Adaptive coherence (cosine) estimator: the squared cosine between pixel and target in the whitened space.

    s(x) = (t^T S^-1 y)^2 / (t^T S^-1 t y^T S^-1 y) with y = x - m, t = d - m, and the mean m and the covariance S of
    the valid pixels; 0 for a pixel that equals the mean. Because of the square, spectra that differ from the mean in
    the direction opposite to the target score like the target. Source: Kraut and Scharf, IEEE Trans. Signal Process.
    47(9), 1999.

    Args:
        cube, target, valid: See :func:`cem`.

    Returns:
        np.ndarray: float64 scores of shape (H, W) from 0 to 1, NaN where not valid.

    Raises:
        ValueError: If the target is zero, equals the mean or has another number of bands, no pixel is valid, or all
            are equal.
    """
    pixels, mean, transform, signature, valid = _whitened(cube, target, valid)
    signature /= np.linalg.norm(signature)

    def squared_cosine(block: np.ndarray) -> np.ndarray:
        block -= mean
        white = block @ transform
        energy = np.einsum('ij,ij->i', white, white)
        return np.divide(np.square(white @ signature), energy, out=np.zeros(len(block)), where=energy > 0)

    return score_map(scores_by_block(pixels, squared_cosine), valid)


def matched_filter(
    cube: np.ndarray, target: np.ndarray, valid: np.ndarray | None = None, left_out: float = 0.0, loading: float = 0.0
) -> np.ndarray:
    """Matched filter: 0 for the mean of the scene and 1 for the target.

    s(x) = t^T S^-1 (x - m) / (t^T S^-1 t) with t = d - m, and the mean m and the covariance S of the valid pixels.
    Source: Manolakis and Shaw, IEEE Signal Process. Mag. 19(1), 2002.

    Args:
        cube, target, valid, left_out, loading: See :func:`cem`.

    Returns:
        np.ndarray: float64 scores of shape (H, W), NaN where not valid.

    Raises:
        ValueError: As :func:`ace`.
    """
    return _adaptive_filter(cube, target, valid, True, left_out, loading)


def sam(cube: np.ndarray, target: np.ndarray, valid: np.ndarray | None = None) -> np.ndarray:
    """Spectral angle mapper: minus the angle between pixel and target, which does not depend on brightness.

    s(x) = -arccos(x^T d / (|x| |d|)); a pixel that is zero in every band has no direction and counts as orthogonal to
    the target, -pi / 2. Computed by SPy. Source: Kruse et al., Remote Sens. Environ. 44, 1993.

    Args:
        cube (np.ndarray): (H, W, C).
        target (np.ndarray): Spectrum d of shape (C,); its scale does not matter.
        valid (np.ndarray, optional): bool of shape (H, W), True where there is data. By default everywhere.

    Returns:
        np.ndarray: float64 scores of shape (H, W) in radians from -pi to 0, NaN where not valid.

    Raises:
        ValueError: If the target is zero or has another number of bands, or no pixel is valid.
    """
    pixels, valid = valid_pixels(cube, valid)
    target = checked_target(target, pixels.shape[1])
    with np.errstate(invalid='ignore'):
        angles = spectral.spectral_angles(pixels[None].astype(np.float64), target[None]).ravel()
    return score_map(-np.where(np.isnan(angles), np.pi / 2, angles), valid)


def osp(cube: np.ndarray, target: np.ndarray, valid: np.ndarray | None = None, components: int = 5) -> np.ndarray:
    """Orthogonal subspace projection: the part of the target that is left after projecting out the background.

    s(x) = d^T P x / (d^T P d) with P = I - U U^T. U are the leading right singular vectors of the valid pixels (not
    centred), which represent the background. Source: Harsanyi and Chang, IEEE Trans. Geosci. Remote Sens. 32(4), 1994;
    they build U from known background spectra.

    Args:
        cube, target, valid: See :func:`cem`.
        components (int): Dimension of the background subspace, 1 to C - 1. Too large a subspace contains the target
            itself. Defaults to 5.

    Returns:
        np.ndarray: float64 scores of shape (H, W), NaN where not valid.

    Raises:
        ValueError: If the target is zero, has another number of bands or lies in the background subspace, no pixel is
            valid, or ``components`` is out of range.
    """
    pixels, valid = valid_pixels(cube, valid)
    bands = pixels.shape[1]
    target = checked_target(target, bands)
    if not 1 <= components < bands:
        raise ValueError(
            f'a background subspace of {components} components was requested; with {bands} bands it can '
            f'have 1 to {bands - 1}'
        )
    moments = sum_by_block(pixels, lambda block: block.T @ block)
    background = np.linalg.eigh(moments)[1][:, -components:]
    remainder = target - background @ (background.T @ target)
    if np.linalg.norm(remainder) <= 1e-10 * np.linalg.norm(target):
        raise ValueError(
            f'the target spectrum lies in the background subspace of {components} components, nothing of it is left; '
            'use '
            'fewer'
        )
    return score_map(_filtered(pixels, remainder / (target @ remainder)), valid)


def _adaptive_filter(
    cube: np.ndarray, target: np.ndarray, valid: np.ndarray | None, centred: bool, left_out: float, loading: float
) -> np.ndarray:
    if not 0 <= left_out < 1:
        raise ValueError(f'left_out is a share of the pixels, 0 <= left_out < 1, found {left_out}')
    if not 0 <= loading < np.inf:
        raise ValueError(f'loading must be finite and not negative, found {loading}')
    pixels, valid = valid_pixels(cube, valid)
    target = checked_target(target, pixels.shape[1])

    def scores_of(background: np.ndarray) -> np.ndarray:
        mean, transform = whitening(background, centred, loading)
        signature = _seen_by_scene((target - mean) @ transform)
        return _filtered(pixels, transform @ signature / (signature @ signature), mean if centred else None)

    scores = scores_of(pixels)
    if left_out:
        scores = scores_of(pixels[scores <= np.quantile(scores, 1 - left_out)])
    return score_map(scores, valid)


def _whitened(
    cube: np.ndarray, target: np.ndarray, valid: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Pixels, the mean and the transform that whiten them, the target behind both, and the mask of valid pixels."""
    pixels, valid = valid_pixels(cube, valid)
    target = checked_target(target, pixels.shape[1])
    mean, transform = whitening(pixels, centred=True)
    return pixels, mean, transform, _seen_by_scene((target - mean) @ transform), valid


def _filtered(pixels: np.ndarray, weights: np.ndarray, mean: np.ndarray | None = None) -> np.ndarray:
    """Scalar products (N,) of the weights (C,) with the pixels, less the mean."""
    return scores_by_block(pixels, lambda block: (block if mean is None else block - mean) @ weights)


def _seen_by_scene(signature: np.ndarray) -> np.ndarray:
    if np.linalg.norm(signature) <= 1e-10:
        raise ValueError(
            'the target spectrum does not differ from the background (the mean of the scene, or zero) in '
            'any direction in which the pixels of the scene vary'
        )
    return signature


TARGET_DETECTORS = {'cem': cem, 'ace': ace, 'mf': matched_filter, 'sam': sam, 'osp': osp}
