"""The spectrum for a target detector: chosen among known target pixels, or read from a file."""

from __future__ import annotations

import os

import numpy as np

SELECTIONS = ('mean', 'trimmed_mean', 'median', 'medoid', 'nearest_to_mean')
DISTANCES = ('euclidean', 'angle')
_KEPT_SHARE = 0.8
_SAME_WAVELENGTH = 0.1  # nm


def _distances(spectra: np.ndarray, others: np.ndarray, distance: str) -> np.ndarray:
    """Pairwise distances of (n, C) and (m, C) spectra, (n, m)."""
    if distance == 'euclidean':
        return np.stack([np.linalg.norm(spectra - other, axis=-1) for other in others], axis=1)
    norms = np.linalg.norm(spectra, axis=-1)[:, None] * np.linalg.norm(others, axis=-1)
    if not norms.all():
        raise ValueError('a spectral angle to a zero spectrum is not defined')
    return np.arccos(np.clip(spectra @ others.T / norms, -1, 1))


def select_target_spectrum(spectra: np.ndarray, select: str = 'mean', distance: str = 'euclidean') -> np.ndarray:
    """One spectrum for all pixels of a target.

    Args:
        spectra (np.ndarray): (n, C) spectra of target pixels.
        select (str): 'mean'; 'trimmed_mean', of the 80 % nearest to the mean; 'median', the spectrum with the median of
            the mean distances to all; 'medoid', the one with the smallest mean distance to all; 'nearest_to_mean'.
            Defaults to 'mean'.
        distance (str): 'euclidean' or 'angle' (radians), for all but the mean. Defaults to 'euclidean'.

    Returns:
        np.ndarray: (C,) float64.

    Raises:
        ValueError: If there is no spectrum, or the selection or the distance is unknown.
    """
    if select not in SELECTIONS or distance not in DISTANCES:
        raise ValueError(
            f'select is one of {SELECTIONS} and distance one of {DISTANCES}, not {select!r} and {distance!r}'
        )
    spectra = np.asarray(spectra, dtype=np.float64)
    if not len(spectra):
        raise ValueError('there is no target pixel to take the target spectrum from')
    mean = spectra.mean(axis=0)
    if select == 'mean':
        return mean
    if select in ('trimmed_mean', 'nearest_to_mean'):
        order = np.argsort(_distances(spectra, mean[None], distance)[:, 0], kind='stable')
        kept = max(int(len(spectra) * _KEPT_SHARE), 1)
        return spectra[order[:kept]].mean(axis=0) if select == 'trimmed_mean' else spectra[order[0]]
    order = np.argsort(_distances(spectra, spectra, distance).mean(axis=1), kind='stable')
    return spectra[order[len(spectra) // 2 if select == 'median' else 0]]


def read_target_spectrum(
    path: str,
    bands: int,
    wavelengths: np.ndarray | None = None,
    name: str | int | None = None,
    scale: float = 1.0,
    **options,
) -> np.ndarray:
    """A target spectrum from a text file or a spectral library, at the bands of a scene.

    If file and scene state wavelengths, the spectrum is resampled to those of the scene; otherwise it must have one
    value for each band of the scene.

    Args:
        path (str): The file; see :func:`mmhsi.datasets.io.spectra.read_spectra`.
        bands (int): Number of bands C of the scene's file.
        wavelengths (np.ndarray, optional): Their centres in nm, (C,).
        name (str | int, optional): Name or number of the spectrum in a file that holds several.
        scale (float): Factor from the units of the file to those of the scene. Defaults to 1.
        **options: Further arguments of ``read_spectra``.

    Returns:
        np.ndarray: (C,) float64.

    Raises:
        FileNotFoundError: If the file is absent.
        ValueError: If the file holds no such spectrum, or it does not cover the bands of the scene.
    """
    from mmhsi.datasets.io.spectra import read_spectra, resample_spectrum  # slow to import and rarely needed

    path = os.fspath(path)
    spectrum = read_spectra(path, **options).select(name)
    values = np.asarray(spectrum.values, dtype=np.float64)
    known = spectrum.wavelengths is not None and wavelengths is not None
    same = known and len(values) == bands and np.abs(spectrum.wavelengths - wavelengths).max() < _SAME_WAVELENGTH
    if known and not same:
        try:
            values = resample_spectrum(values, spectrum.wavelengths, wavelengths)
        except ValueError as error:
            raise ValueError(f'{path}: {error}') from error
    if len(values) != bands:
        raise ValueError(
            f'{path}: the target spectrum has {len(values)} values, but the scene has {bands} bands, and '
            f'{"the scene" if spectrum.wavelengths is not None else "the file"} states no wavelengths to '
            'match them by'
        )
    return values * scale
