"""Reading spectra from text files, ENVI spectral libraries and arrays, and resampling them to the bands of a sensor."""

from __future__ import annotations

import logging
import os

import h5py
import numpy as np
from mmengine.logging import print_log
from spectral import BandResampler

from .asd import is_asd, read_asd
from .cube import Path, read_cube
from .envi import data_file, find_header, is_header
from .envi_header import Fields, layout_of, read_header
from .errors import CubeReadError, explained
from .spectra_arrays import LAYOUTS, read_array_spectra
from .spectra_text import read_text_spectra
from .spectral_library import SpectralLibrary, Spectrum, number_names, to_nanometres
from .wavelengths import in_nanometres

__all__ = ['SpectralLibrary', 'Spectrum', 'read_spectra', 'resample_spectrum']

_TEXT_SUFFIXES = ('.csv', '.txt', '.tsv', '.asc')
_ARRAY_SUFFIXES = ('.mat', '.npy', '.npz')
# A step between neighbouring bands that is this many times the median step is a gap, such as the water bands.
_GAP = 5
_MAX_LISTED = 10


def read_spectra(path: Path, key: str | None = None, layout: str = 'auto', unit: str | None = None) -> SpectralLibrary:
    """Read one or more spectra from a file.

    - Text: one spectrum per column, with or without a column of wavelengths, or one per row, with names before the
      values and wavelengths above them. Values are separated by commas, semicolons, tabs or blanks, and may be preceded
      by header lines.
    - ENVI spectral library, by its data file or its .hdr; also an ENVI image of a single row or column.
    - Binary files of ASD FieldSpec instruments (.asd): the reflectance.
    - MATLAB (.mat up to version 7, and 7.3), other HDF5, .npy, .npz: a vector or a matrix, or in .mat files a struct
      with names, wavelengths and spectra.

    Args:
        path (str | os.PathLike): The file.
        key (str, optional): Name of the array in a file that holds several.
        layout (str): 'rows' (one spectrum per row), 'columns', or 'auto', which uses names and wavelengths and raises
            an error if they are not sufficient. Defaults to 'auto'.
        unit (str, optional): Unit of the wavelengths, such as 'nm' or 'um', if the file does not state it. Without
            both, values that are all below 100 are assumed to be micrometres, others nanometres.

    Returns:
        SpectralLibrary: The spectra, wavelengths in nm. Values are as stored, except for a scale stated in an ENVI
        header; deleted channels, marked by numbers such as -1.23e34, are NaN.

    Raises:
        FileNotFoundError: If there is no such file.
        CubeReadError: If the file is damaged, holds no spectra or an ambiguous table, or lacks values.
    """
    path = os.fspath(path)
    if layout not in LAYOUTS:
        raise ValueError(f"layout {layout!r}, expected 'auto', 'rows' or 'columns'")
    if not os.path.exists(path):
        raise FileNotFoundError(f'{path}: no such file')
    if os.path.isdir(path):
        raise CubeReadError(f'{path}: this is a folder, expected a file')
    if not os.path.isfile(path):
        raise CubeReadError(f'{path}: this is neither a file nor a folder')
    with explained(path), open(path, 'rb') as stream:
        start = stream.read(10)
    if not start:
        raise CubeReadError(f'{path}: the file is empty')
    suffix = os.path.splitext(path)[1].lower()
    if suffix in _ARRAY_SUFFIXES or start.startswith((b'\x93NUMPY', b'MATLAB 5.0')) or h5py.is_hdf5(path):
        return read_array_spectra(path, key, layout, unit)
    if is_asd(start):
        return read_asd(path)
    # a table may have the same name as a library, whose header does not describe it
    header = None if suffix in _TEXT_SUFFIXES else path if is_header(path) else find_header(path)
    if header is None:
        return read_text_spectra(path, layout, unit)
    return _read_envi(data_file(header) if header == path else path, header, unit)


def _read_envi(path: str, header: str, unit: str | None) -> SpectralLibrary:
    fields = read_header(header)
    if 'spectral library' not in fields.get('file type', '').lower():
        return _spectra_of_image(path)
    # an image of one band whose rows are the spectra
    layout = layout_of({**fields, 'file type': 'ENVI Standard', 'interleave': 'bsq'}, path, header)
    count, bands = layout.height, layout.width
    with explained(path):
        size = os.path.getsize(path)
        if layout.bands != 1 or layout.compressed or size < layout.bytes:
            raise CubeReadError(
                f'{path}: the header {os.path.basename(header)} describes {count} spectra of {bands} '
                f'bands ({layout.bytes} bytes), the file holds {size} bytes'
            )
        values = np.fromfile(path, layout.dtype, count * bands, offset=layout.offset).reshape(count, bands)
    said = Fields(fields, bands, f'the header {os.path.basename(header)}')
    names = tuple(name.strip() for name in fields.get('spectra names', '').split(','))
    if not any(names):
        names = number_names(count)
    if len(names) != count:
        raise CubeReadError(
            f"{path}: the header {os.path.basename(header)} gives {len(names)} 'spectra names', "
            f'expected {count} in braces'
        )
    scale, offset = said.scale_and_offset
    values = values.astype(np.float64) * (1 if scale is None else scale) + (0 if offset is None else offset)
    wavelengths: np.ndarray | None
    if unit and said.wavelengths:
        stated = said.wavelengths[0].numbers
        if stated is None:
            raise CubeReadError(f'{path}: {said.wavelengths[0].source} holds something other than numbers')
        wavelengths, fwhm = to_nanometres(
            path, stated, next((statement.numbers for statement in said.fwhm), None), None, unit
        )
    else:
        wavelengths, fwhm, notes = in_nanometres(said.wavelengths, said.fwhm, bands)
        said.notes += notes
    for note in said.notes:
        print_log(f'{path}: {note}', 'current', logging.WARNING)
    return SpectralLibrary(names, values, wavelengths, fwhm, path)


def _spectra_of_image(path: str) -> SpectralLibrary:
    cube, info = read_cube(path)
    if min(info.height, info.width) > 1:
        raise CubeReadError(
            f'{path}: this is an image of {info.height} x {info.width} pixels, expected a spectral '
            'library or an image of a single row or column'
        )
    values = info.physical(cube).reshape(-1, info.bands).astype(np.float64)
    return SpectralLibrary(number_names(len(values)), values, info.wavelengths, info.fwhm, path)


def resample_spectrum(
    values: np.ndarray,
    wavelengths_nm: np.ndarray,
    target_wavelengths_nm: np.ndarray,
    target_fwhm: np.ndarray | None = None,
) -> np.ndarray:
    """Resample spectra to the bands of a sensor.

    With the widths of the target bands, their Gaussian responses average the source bands (SPy's ``BandResampler``),
    which is right for a spectrum with finer bands than the sensor. Without them it is interpolated linearly.

    Args:
        values (np.ndarray): (C,) or (n, C).
        wavelengths_nm (np.ndarray): Band centres of the values in nm, (C,), in any order.
        target_wavelengths_nm (np.ndarray): Target band centres in nm, (T,), in any order.
        target_fwhm (np.ndarray, optional): Their full widths at half maximum in nm, (T,).

    Returns:
        np.ndarray: float64 of shape (T,) or (n, T).

    Raises:
        ValueError: If the shapes do not agree, wavelengths or values are not numbers or occur twice, or a target band
            is not covered: it reaches beyond the first or last source band (and half the step to the next) or lies in a
            gap, a step of more than five times the median step between source bands. The message lists these bands.
    """
    values, source = np.asarray(values, np.float64), np.asarray(wavelengths_nm, np.float64)
    wanted = np.asarray(target_wavelengths_nm, np.float64)
    _check_bands(values, source, wanted, target_fwhm)
    order = np.argsort(source)
    source, values = source[order], values[..., order]
    if target_fwhm is None:
        uncovered = _in_gap(source, wanted)
        tolerance = 1e-6 * source[-1]
        uncovered |= (wanted < source[0] - tolerance) | (wanted > source[-1] + tolerance)
        result = np.stack([np.interp(wanted, source, row) for row in np.atleast_2d(values)])
    else:
        widths = np.asarray(target_fwhm, np.float64)
        rising = np.argsort(wanted)
        matrix = np.empty((len(wanted), len(source)))
        with np.errstate(invalid='ignore'):
            matrix[rising] = BandResampler(source, wanted[rising], None, widths[rising]).matrix
        first, last = source[0] - (source[1] - source[0]) / 2, source[-1] + (source[-1] - source[-2]) / 2
        tolerance = 1e-6 * last
        uncovered = _in_gap(source, wanted) | np.isnan(matrix).any(axis=1)
        uncovered |= (wanted - widths / 2 < first - tolerance) | (wanted + widths / 2 > last + tolerance)
        result = np.atleast_2d(values) @ matrix.T
    if uncovered.any():
        listed = [f'{band} ({wanted[band]:g} nm)' for band in np.flatnonzero(uncovered)]
        if len(listed) > _MAX_LISTED:
            listed = [*listed[:_MAX_LISTED], f'and {len(listed) - _MAX_LISTED} more']
        raise ValueError(
            f'the spectrum with bands from {source[0]:g} to {source[-1]:g} nm does not cover the target '
            f'band{"s" if len(listed) > 1 else ""} {", ".join(listed)}'
        )
    return result[0] if values.ndim == 1 else result


def _check_bands(values: np.ndarray, source: np.ndarray, wanted: np.ndarray, widths: np.ndarray | None) -> None:
    if values.ndim not in (1, 2) or source.shape != values.shape[-1:] or len(source) < 2:
        raise ValueError(
            f'the spectrum has the shape {values.shape} and wavelengths of the shape {source.shape}, '
            'expected (C,) or (n, C) and (C,) with at least two bands'
        )
    if wanted.ndim != 1 or not wanted.size or (widths is not None and np.shape(widths) != wanted.shape):
        raise ValueError(
            f'the target bands have centres of the shape {wanted.shape}'
            f'{"" if widths is None else f" and widths of the shape {np.shape(widths)}"}, expected (T,)'
        )
    for what, numbers in (('wavelengths', source), ('target wavelengths', wanted), ('target widths', widths)):
        if numbers is not None and not (np.isfinite(numbers) & (np.asarray(numbers) > 0)).all():
            raise ValueError(f'the {what} are not all positive numbers')
    if not np.isfinite(values).all():
        raise ValueError('the spectrum holds NaN or infinity')
    if len(np.unique(source)) < len(source):
        raise ValueError('a wavelength occurs twice in the spectrum')


def _in_gap(source: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    steps = np.diff(source)
    step = np.clip(np.searchsorted(source, wanted) - 1, 0, len(steps) - 1)
    inside = (wanted > source[step]) & (wanted < source[step + 1])
    return inside & (steps[step] > _GAP * np.median(steps))
