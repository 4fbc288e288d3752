"""Wavelengths of bands in nanometres, from the texts and numbers that files state them in."""

import re

import numpy as np

_NANOMETRES_PER_UNIT = {
    'nm': 1, 'nanometer': 1, 'nanometre': 1,
    'um': 1e3, 'µm': 1e3, 'μm': 1e3, 'micrometer': 1e3, 'micrometre': 1e3, 'micron': 1e3,
    'mm': 1e6, 'millimeter': 1e6, 'millimetre': 1e6,
    'm': 1e9, 'meter': 1e9, 'metre': 1e9,
    'angstrom': 0.1,
}
_UNSTATED = ('', 'unknown', 'none')

# No sensor of reflected or emitted light has a band centre at 100 nm or 100 um.
_LARGEST_IN_MICROMETRES = 100

# Names, in lower case and without underscores, under which .mat, .npz and HDF5 files keep the values.
WAVELENGTH_NAMES = ('wavelength', 'wavelengths', 'wavelengthnm', 'wavelengthsnm', 'wl', 'wavelengthcenters')
FWHM_NAMES = ('fwhm', 'fwhms')


def nanometres_per_unit(unit: str | None, wavelengths: np.ndarray) -> float | None:
    """Size of the unit that wavelengths are given in.

    Args:
        unit (str, optional): The unit as the file names it. If it names none, values that are all below 100 are
            taken for micrometres and others for nanometres.
        wavelengths (np.ndarray): The wavelengths, (C,).

    Returns:
        float | None: Nanometres per unit; None for a unit that is no length (band index, wavenumber, GHz).
    """
    name = (unit or '').strip().lower()
    if name in _UNSTATED:
        return 1e3 if np.max(wavelengths) < _LARGEST_IN_MICROMETRES else 1.0
    return _NANOMETRES_PER_UNIT.get(name, _NANOMETRES_PER_UNIT.get(name.rstrip('s')))


def parse_numbers(text: str | None) -> np.ndarray | None:
    """Read a list of numbers as ENVI writes it, ``{412.0, 418.5, ...}``.

    Args:
        text (str, optional): The list.

    Returns:
        np.ndarray | None: float64 values, or None if the text is absent or holds anything but numbers.
    """
    words = re.split(r'[,\s]+', (text or '').strip().strip('{}').strip())
    try:
        return np.array([float(word) for word in words if word], np.float64)
    except ValueError:
        return None


def usable(values: np.ndarray | None, bands: int) -> bool:
    """Whether there is one finite positive value for each band."""
    return values is not None and values.shape == (bands,) and bool(np.all(np.isfinite(values) & (values > 0)))
