"""Matching the bands of another sensor with those that a model was trained on, by their wavelengths."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from mmengine.logging import print_log

from mmhsi.datasets.io import CubeInfo
from mmhsi.utils.text import listed

METHODS = ('check', 'nearest', 'resample', 'off')
SAME_BAND = 5.0
"""Distance of centres (nm) within which bands are the same; half the width is used if it is larger."""
_MAX_LISTED = 10


@dataclass(frozen=True, eq=False)
class Bands:
    """The bands of a sensor.

    Attributes:
        wavelengths (np.ndarray): Centres in nm, (C,), in the order of the bands.
        fwhm (np.ndarray, optional): Full widths at half maximum in nm, (C,).
        source (str): Their origin, for messages.
    """

    wavelengths: np.ndarray
    fwhm: np.ndarray | None = None
    source: str = 'the model'

    def __post_init__(self) -> None:
        for name in ('wavelengths', 'fwhm'):
            values = getattr(self, name)
            if values is None:
                continue
            values = np.asarray(values, np.float64)
            if values.ndim != 1 or not len(values) or not (np.isfinite(values) & (values > 0)).all():
                raise ValueError(
                    f'{self.source}: the {name} of the bands must be positive numbers (C,), found shape {values.shape}'
                )
            object.__setattr__(self, name, values)
        if self.fwhm is not None and self.fwhm.shape != self.wavelengths.shape:
            raise ValueError(f'{self.source}: {len(self.fwhm)} widths are given for {len(self.wavelengths)} bands')

    def __len__(self) -> int:
        return len(self.wavelengths)


def unlike_band(wavelengths: np.ndarray | None, other: np.ndarray | None) -> int | None:
    """The band whose centres (C,) in nm differ most at two dates or in two scenes; None if all bands are the same, or a
    centre is not known."""
    if wavelengths is None or other is None:
        return None
    apart = np.abs(wavelengths - other)
    return int(apart.argmax()) if apart.max() > SAME_BAND else None


@dataclass(frozen=True, eq=False)
class BandMatch:
    """How the bands of a model are computed from those of a file.

    Attributes:
        source (np.ndarray): Bands of the file to read, int64 (S,).
        weights (np.ndarray, optional): (S, C) weights of these in the bands of the model; None if they are used
            unchanged, in this order.
    """

    source: np.ndarray
    weights: np.ndarray | None = None

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Values (..., S) of the bands read → float32 (..., C) of the bands of the model."""
        return values if self.weights is None else values @ self.weights.astype(np.float32)

    def select(self, bands: np.ndarray) -> BandMatch:
        """The match for a subset of the bands of the model, which reads only the bands needed for them."""
        if self.weights is None:
            return BandMatch(self.source[bands])
        weights = self.weights[:, bands]
        used = np.flatnonzero(weights.any(axis=1))
        return BandMatch(self.source[used], weights[used])


def match_bands(wanted: Bands, found: Bands, method: str = 'check', tolerance: float | None = None) -> BandMatch | None:
    """Find the bands of a model in those of a file.

    Args:
        wanted (Bands): The bands of the model, in its order.
        found (Bands): The bands of the file.
        method (str): 'check' only accepts a file with the same bands in the same order. 'nearest' takes the nearest
            band for each. 'resample' averages the bands of the file over the Gaussian response of each band of the
            model (:func:`mmhsi.datasets.io.resample_spectrum`), or interpolates linearly if the widths are not known;
            it is suitable for files with finer bands. 'off' does nothing. Defaults to 'check'.
        tolerance (float, optional): Largest distance of centres in nm at which two bands count as one ('check') or as
            near ('nearest'). Defaults to 5 nm or half the width of the band, whichever is larger; for 'nearest' half
            the step to the next band of the model, if that is larger still.

    Returns:
        BandMatch | None: The match; None if the bands are used unchanged.

    Raises:
        ValueError: If the bands differ ('check'), or bands of the model lie too far from any of the file or are not
            covered by them. The message lists them.
    """
    if method not in METHODS:
        raise ValueError(f'bands are matched by one of {METHODS}, not {method!r}')
    if method == 'off':
        return None
    limit = _limits(wanted, tolerance, near=method == 'nearest')
    if method == 'check':
        _check_same(wanted, found, limit)
        return None
    if method == 'nearest':
        distance = np.abs(found.wavelengths[None] - wanted.wavelengths[:, None])
        chosen = distance.argmin(axis=1)
        missing = np.flatnonzero(distance.min(axis=1) > limit)
        if len(missing):
            named = [
                f'band {band} at {wanted.wavelengths[band]:.1f} nm (nearest {found.wavelengths[chosen[band]]:.1f} nm)'
                for band in missing
            ]
            raise ValueError(
                f'{found.source} lacks {len(missing)} of the {len(wanted)} bands of {wanted.source}: '
                f'{listed(named, _MAX_LISTED)}'
            )
        return BandMatch(chosen)
    from mmhsi.datasets.io.spectra import resample_spectrum  # slow to import and rarely needed

    try:
        # the response of each band of the file
        weights = resample_spectrum(np.eye(len(found)), found.wavelengths, wanted.wavelengths, wanted.fwhm)
    except ValueError as error:
        raise ValueError(f'{found.source} does not cover the bands of {wanted.source}: {error}') from error
    return BandMatch(np.arange(len(found)), weights).select(np.arange(len(wanted)))


def match_file(
    info: CubeInfo, wanted: Bands | None, method: str, trust_band_order: bool
) -> tuple[BandMatch | None, str]:
    """Match the bands of a file with those of a model, if the wavelengths of both are known.

    Args:
        info (CubeInfo): Description of the file.
        wanted (Bands, optional): The bands of the model, if their wavelengths are known.
        method (str): See :func:`match_bands`.
        trust_band_order (bool): Whether a file without wavelengths is assumed to have the bands of the model.

    Returns:
        tuple[BandMatch | None, str]: The match, None if the bands are used unchanged; and the result in words.

    Raises:
        ValueError: As :func:`match_bands`, or if wavelengths that the method needs are not known.
    """
    if wanted is not None and info.wavelengths is not None:
        match = match_bands(wanted, Bands(info.wavelengths, info.fwhm, info.path), method)
        words = {'check': 'the same bands by their wavelengths', 'off': 'not compared'}
        return match, words.get(method, f'matched by {method}')
    whose = 'its wavelengths' if info.wavelengths is None else 'the wavelengths that the model was trained on'
    unknown = f'{whose} are not known'
    if method in ('nearest', 'resample'):
        raise ValueError(f'{info.path}: the bands cannot be matched by wavelength: {unknown}')
    if wanted is not None and method == 'check':
        if not trust_band_order:
            raise ValueError(
                f'{info.path}: the wavelengths are not known, while the model was trained on {len(wanted)} known '
                f'bands ({wanted.wavelengths.min():.0f} to {wanted.wavelengths.max():.0f} nm); state them '
                '(wavelengths=..., on the command line --wavelengths), or, if it has the same bands in the same '
                'order, say so: trust_band_order=True, on the command line --trust-band-order'
            )
        print_log(
            f'{info.path}: the bands are assumed to be the {len(wanted)} that the model was trained on, in their order',
            'current',
            logging.WARNING,
        )
    return None, f'by their number only: {unknown}'


def _limits(wanted: Bands, tolerance: float | None, near: bool) -> np.ndarray:
    if tolerance is not None:
        return np.full(len(wanted), float(tolerance))
    limit = np.full(len(wanted), SAME_BAND)
    if wanted.fwhm is not None:
        limit = np.maximum(limit, wanted.fwhm / 2)
    if near and len(wanted) > 1:
        order = np.argsort(wanted.wavelengths)
        steps = np.diff(wanted.wavelengths[order])
        # the smaller one: there is no substitute band across a gap
        nearest = np.minimum(np.append(steps, np.inf), np.insert(steps, 0, np.inf))
        limit[order] = np.maximum(limit[order], nearest / 2)
    return limit


def _check_same(wanted: Bands, found: Bands, limit: np.ndarray) -> None:
    hint = "match the bands by 'nearest' or 'resample'"
    if len(found) == len(wanted):
        apart = np.abs(found.wavelengths - wanted.wavelengths)
        if (apart <= limit).all():
            return
        band = int((apart - limit).argmax())
        order = np.argsort(found.wavelengths), np.argsort(wanted.wavelengths)
        if (np.abs(found.wavelengths[order[0]] - wanted.wavelengths[order[1]]) <= limit[order[1]]).all():
            raise ValueError(
                f'{found.source} has its bands in another order than {wanted.source}: band {band} is at '
                f'{found.wavelengths[band]:.1f} nm, expected {wanted.wavelengths[band]:.1f} nm; {hint}'
            )
        raise ValueError(
            f'{found.source} has other bands than {wanted.source}: band {band} is at '
            f'{found.wavelengths[band]:.1f} nm, expected {wanted.wavelengths[band]:.1f} nm; {hint}'
        )
    missing = np.flatnonzero(np.abs(found.wavelengths[None] - wanted.wavelengths[:, None]).min(axis=1) > limit)
    centres = listed([f'{wanted.wavelengths[band]:.1f}' for band in missing], _MAX_LISTED)
    lacks = f' and lacks those at {centres} nm' if centres else ', which hold all of them'
    raise ValueError(
        f'{found.source} has {len(found)} bands, expected the {len(wanted)} of {wanted.source}{lacks}; {hint}'
    )
