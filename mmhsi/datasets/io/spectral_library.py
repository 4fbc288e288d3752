"""Spectra read from a file, with information on their bands."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from mmengine.logging import print_log

from .errors import CubeReadError
from .wavelengths import Statement, in_nanometres, nanometres_per_unit, reciprocal, usable

# Libraries mark deleted channels by numbers of this size: -1.23e34 (USGS), 3.4e38
_LARGEST_VALUE = 1e30
_MAX_LISTED = 20


@dataclass(frozen=True, eq=False)
class Spectrum:
    """One spectrum.

    Attributes:
        name (str): Its name.
        values (np.ndarray): float64 of shape (C,), in the units of the file.
        wavelengths (np.ndarray, optional): Band centres in nm, float64 of shape (C,), in the order of the file.
        fwhm (np.ndarray, optional): Full widths at half maximum in nm, float64 of shape (C,).
    """

    name: str
    values: np.ndarray
    wavelengths: np.ndarray | None = None
    fwhm: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class SpectralLibrary:
    """Spectra over the same bands.

    Attributes:
        names (tuple[str, ...]): n names, not necessarily unique.
        values (np.ndarray): float64 of shape (n, C), in the units of the file; NaN for deleted channels, which files
            mark by numbers beyond 1e30.
        wavelengths (np.ndarray, optional): Band centres in nm, float64 of shape (C,), in the order of the file.
        fwhm (np.ndarray, optional): Full widths at half maximum in nm, float64 of shape (C,).
        source (str): The file, for messages.
        may_be_deleted (bool): Whether NaN in ``values`` means a deleted channel. Defaults to False.

    Raises:
        CubeReadError: If the arrays do not match, a value is NaN or infinity, or a wavelength is not a positive number.
    """

    names: tuple[str, ...]
    values: np.ndarray
    wavelengths: np.ndarray | None = None
    fwhm: np.ndarray | None = None
    source: str = 'the library'
    may_be_deleted: bool = False

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or 0 in self.values.shape:
            raise CubeReadError(
                f'{self.source}: the spectra have the shape {self.values.shape}, expected at least one '
                'spectrum of at least one band'
            )
        count, bands = self.values.shape
        if len(self.names) != count:
            raise CubeReadError(f'{self.source}: there are {len(self.names)} names for {count} spectra')
        missing = ~np.isfinite(self.values)
        if self.may_be_deleted:
            missing &= ~np.isnan(self.values)
        if missing.any():
            row, band = np.argwhere(missing)[0]
            raise CubeReadError(
                f'{self.source}: value {self.values[row, band]:g} in band {band} of spectrum '
                f'{self.names[row]!r}, expected a number that can be measured'
            )
        deleted = np.abs(self.values) >= _LARGEST_VALUE
        if deleted.any():
            object.__setattr__(self, 'values', np.where(deleted, np.nan, self.values))
        for what, numbers in (('wavelengths', self.wavelengths), ('fwhm', self.fwhm)):
            if numbers is not None and not usable(numbers, bands):
                raise CubeReadError(
                    f'{self.source}: the {what} of {bands} bands are given as {np.size(numbers)} '
                    'values, expected one positive number for each band'
                )

    def __len__(self) -> int:
        return len(self.names)

    @property
    def complete(self) -> bool:
        """Whether no channel is deleted."""
        return bool(np.isfinite(self.values).all())

    def select(self, which: str | int | None = None) -> Spectrum:
        """One spectrum of the library, without its deleted channels.

        Args:
            which (str | int, optional): Its name, or its number from 0. None selects the only one.

        Returns:
            Spectrum: The spectrum.

        Raises:
            ValueError: If there is no such spectrum, several have the name, None is given and there are several, or
                channels are deleted and the library has no wavelengths for the others.
        """
        if which is None:
            if len(self) > 1:
                raise ValueError(f'{self.source}: {len(self)} spectra to choose from, name one; {self._listed()}')
            index = 0
        elif isinstance(which, str):
            found = [index for index, name in enumerate(self.names) if name == which]
            if len(found) != 1:
                problem = f'{len(found)} spectra are' if found else 'no spectrum is'
                hint = (
                    f'choose one by its number: {", ".join(map(str, found[:_MAX_LISTED]))}' if found else self._listed()
                )
                raise ValueError(f'{self.source}: {problem} named {which!r}; {hint}')
            (index,) = found
        else:
            index = int(which)
            if not 0 <= index < len(self):
                raise ValueError(f'{self.source}: no spectrum {which}, the file holds the spectra 0 to {len(self) - 1}')
        kept = np.isfinite(self.values[index])
        if kept.all():
            return Spectrum(self.names[index], self.values[index], self.wavelengths, self.fwhm)
        if self.wavelengths is None or not kept.any():
            raise ValueError(
                f'{self.source}: {np.count_nonzero(~kept)} of {len(kept)} channels of spectrum '
                f'{self.names[index]!r} were deleted'
                + (', and the file states no wavelengths of the others' if kept.any() else '')
            )
        return Spectrum(
            self.names[index],
            self.values[index][kept],
            self.wavelengths[kept],
            None if self.fwhm is None else self.fwhm[kept],
        )

    def _listed(self) -> str:
        names = [repr(name) for name in self.names[:_MAX_LISTED]]
        if len(self) > _MAX_LISTED:
            names.append(f'and {len(self) - _MAX_LISTED} more')
        return f'the file holds {", ".join(names)}'


def number_names(count: int) -> tuple[str, ...]:
    """Names for spectra that have none: 'spectrum 0', 'spectrum 1', ... as :meth:`SpectralLibrary.select` counts."""
    return tuple(f'spectrum {index}' for index in range(count))


def to_nanometres(
    path: str, wavelengths: np.ndarray, fwhm: np.ndarray | None, unit: str | None, given: str | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Wavelengths and widths in nm; wavenumbers are converted.

    A unit given by the user is used directly. An impossible unit in the file is corrected, with a line in the log.

    Args:
        path (str): The file, for messages.
        wavelengths (np.ndarray): The wavelengths (C,).
        fwhm (np.ndarray, optional): The widths (C,).
        unit (str, optional): The unit stated in the file.
        given (str, optional): The unit given by the user.

    Returns:
        tuple: Both in nm.

    Raises:
        CubeReadError: If the unit is not known, or the values are not wavelengths.
    """
    inverse = reciprocal(given or unit)
    if inverse is not None and usable(wavelengths, len(wavelengths)):
        fwhm = None if fwhm is None else fwhm * inverse / wavelengths**2
        wavelengths, unit, given = inverse / wavelengths, 'nm', None
    size = nanometres_per_unit(given or unit, wavelengths)
    if size is None:
        raise CubeReadError(
            f'{path}: the unit {given or unit!r} of the wavelengths is not known, expected nm, um or cm-1'
        )
    if given or not usable(wavelengths, len(wavelengths)):
        return wavelengths * size, None if fwhm is None else fwhm * size
    centres, widths, notes = in_nanometres(
        [Statement('the wavelengths', wavelengths, unit)],
        [] if fwhm is None else [Statement('the widths', fwhm)],
        len(wavelengths),
    )
    if centres is None:
        raise CubeReadError(f'{path}: {notes[0]}; give their unit, if they are wavelengths')
    for note in notes:
        print_log(f'{path}: {note}', 'current', logging.WARNING)
    return centres, widths
