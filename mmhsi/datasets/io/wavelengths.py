"""Wavelengths of bands in nanometres, from the texts and numbers of a file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

_NANOMETRES_PER_UNIT = {
    'nm': 1,
    'nanometer': 1,
    'nanometre': 1,
    'um': 1e3,
    'µm': 1e3,
    'μm': 1e3,
    'micrometer': 1e3,
    'micrometre': 1e3,
    'micron': 1e3,
    'mm': 1e6,
    'millimeter': 1e6,
    'millimetre': 1e6,
    'cm': 1e7,
    'centimeter': 1e7,
    'centimetre': 1e7,
    'm': 1e9,
    'meter': 1e9,
    'metre': 1e9,
    'angstrom': 0.1,
    'å': 0.1,
}
_RECIPROCAL = dict.fromkeys(
    ('wavenumber', 'cm-1', 'cm^-1', 'cm**-1', '1/cm', 'cm⁻¹', 'inversecm', 'inversecentimeter'), 1e7
)
_UNSTATED = ('', 'unknown', 'none', '<unspecified>', 'n/a', 'undefined', 'index')

# No sensor of reflected or emitted light has a band centre below 100 nm or above 100 um.
_LARGEST_IN_MICROMETRES = 100
_SHORTEST, _LONGEST = 100.0, 1e5
# The narrowest bands of imaging spectrometers are about 0.1 nm wide.
_NARROWEST = 0.05

# Names, in lower case and without underscores and blanks, under which files store the values of the bands; perhaps
# with a unit behind them.
WAVELENGTH_NAMES = (
    'wavelength',
    'wavelengths',
    'wl',
    'wls',
    'wvl',
    'wave',
    'waves',
    'lambda',
    'wavelengthcenter',
    'wavelengthcenters',
    'wavelengthcentre',
    'wavelengthcentres',
    'centerwavelength',
    'centerwavelengths',
    'centrewavelength',
    'centrewavelengths',
    'centralwavelength',
    'centralwavelengths',
    'bandwavelength',
    'bandwavelengths',
    'sensorwavelength',
    'sensorwavelengths',
    'bandcenter',
    'bandcenters',
    'bandcentre',
    'bandcentres',
    'cw',
)
FWHM_NAMES = ('fwhm', 'fwhms', 'bandfwhm', 'sensorfwhm', 'bandwidth', 'bandwidths')
_UNITS_OF_NAMES = ('nm', 'um', 'nanometers', 'nanometres', 'micrometers', 'micrometres', 'microns')

_NUMBER = r'\d+(?:[.]\d+)?(?:[eE][+-]?\d+)?'
_UNIT = r'nm|nanomet(?:er|re)s?|[uµμ]m|micromet(?:er|re)s?|microns?|å|angstroms?'
# what GDAL makes of an ENVI header ('Band 1 (450.5 Nanometers)'), and what other software calls bands ('450.5 nm')
_IN_NAME = re.compile(rf'(?:^|[\s(\[_=@:])(?P<value>{_NUMBER})[\s_]*(?P<unit>{_UNIT})\b', re.IGNORECASE)
# names that say so without a unit: as R writes them ('X450.5'), 'wl_450', 'wavelength = 450', 'nm_450'
_PREFIXED = re.compile(rf'(?:x|wl|wvl|wavelength|lambda|nm)[\s_:=]*({_NUMBER})', re.IGNORECASE)
_NUMBERED = re.compile(r'(?P<prefix>[a-z]*)[\s_:=]*(?P<value>\d+([.]\d+)?)', re.IGNORECASE)
_COMMA = re.compile(rf'\d+,\d+\s*(?:{_UNIT})', re.IGNORECASE)
_YEARS = (1900, 2100)
_REFLECTED = (350.0, 2600.0)  # nm


@dataclass(frozen=True)
class Statement:
    """A statement at one place of a file about the bands, one number for each.

    Args:
        source (str): The place, for messages: "the field 'wavelength' of cube.hdr".
        values (Sequence | np.ndarray | str): The numbers, or a text that lists them.
        unit (str, optional): Their unit as the file names it.
    """

    source: str
    values: Sequence | np.ndarray | str
    unit: str | None = None

    @property
    def is_length(self) -> bool:
        """Whether the unit is stated and is a length."""
        unit = (self.unit or '').strip().lower()
        return unit not in _UNSTATED and nanometres_per_unit(unit, np.ones(1)) is not None

    def __post_init__(self) -> None:
        unit = (self.unit or '').split(';')[0].strip(' \t{}"\'')
        if isinstance(self.values, str) and parse_numbers(self.values) is None:
            found = _numbers_with_unit(self.values)
            if found is not None:
                object.__setattr__(self, 'values', found[0])
                unit = found[1]
        object.__setattr__(self, 'unit', unit or None)

    @property
    def numbers(self) -> np.ndarray | None:
        """float64 values; None if they are not numbers."""
        if isinstance(self.values, str):
            return parse_numbers(self.values)
        try:
            return np.asarray(self.values, np.float64).ravel()
        except (TypeError, ValueError):
            return None


def plain_name(name: str) -> str:
    """The name of an array or a field as in :data:`WAVELENGTH_NAMES`: its last part, lower case, letters and digits."""
    return re.sub(r'[\s_.()\[\]-]', '', name.rsplit('/', 1)[-1].lower())


def unit_of_name(name: str) -> str | None:
    """The unit behind the name of an array or a field, as in 'wavelength_nm' or 'FWHM (um)'."""
    plain = plain_name(name)
    return next((unit for unit in _UNITS_OF_NAMES if plain.endswith(unit)), None)


def is_named(name: str, wanted: Sequence[str]) -> bool:
    """Whether a name is one of ``wanted``, perhaps with a unit behind it."""
    plain, unit = plain_name(name), unit_of_name(name)
    return plain in wanted or unit is not None and plain.removesuffix(unit) in wanted


def nanometres_per_unit(unit: str | None, wavelengths: np.ndarray) -> float | None:
    """Size of the unit that wavelengths are given in.

    Args:
        unit (str, optional): The unit as the file names it. If it names none, values that are all below 100 are assumed
            to be micrometres, others nanometres.
        wavelengths (np.ndarray): The wavelengths, (C,).

    Returns:
        float | None: Nanometres per unit; None for a unit that is not a length (wavenumber, GHz).
    """
    name = (unit or '').strip().lower()
    if name in _UNSTATED:
        return 1e3 if np.max(wavelengths) < _LARGEST_IN_MICROMETRES else 1.0
    return _NANOMETRES_PER_UNIT.get(name, _NANOMETRES_PER_UNIT.get(name.rstrip('s')))


def reciprocal(unit: str | None) -> float | None:
    """The wavelength in nm times the value, for wavenumbers in 1/cm; None for other units."""
    name = (unit or '').strip().lower().replace(' ', '')
    return _RECIPROCAL.get(name, _RECIPROCAL.get(name.rstrip('s')))


def parse_numbers(text: str | None) -> np.ndarray | None:
    """Read a list of numbers in ENVI's notation, ``{412.0, 418.5, ...}``; semicolons separate too.

    Args:
        text (str, optional): The list.

    Returns:
        np.ndarray | None: float64 values, or None if the text is missing or holds anything but numbers.
    """
    words = re.split(r'[,;\s]+', (text or '').strip().strip('{}[]()').strip())
    try:
        return np.array([float(word) for word in words if word], np.float64)
    except ValueError:
        return None


def _numbers_with_unit(text: str) -> tuple[np.ndarray, str] | None:
    """The numbers and the unit of a list in which it follows each number, as in '450 nm, 460 nm'."""
    words = [word.strip() for word in re.split(r'[,;]+', text.strip().strip('{}[]()'))]
    if len(words) == 1:
        words = re.findall(rf'{_NUMBER}\s*(?:{_UNIT})', text, re.IGNORECASE)
    matches = [re.fullmatch(rf'({_NUMBER})\s*({_UNIT})', word, re.IGNORECASE) for word in words if word]
    found = [match.groups() for match in matches if match]
    if not found or len(found) < len(matches) or len({unit.lower() for _, unit in found}) > 1:
        return None
    return np.array([float(value) for value, _ in found]), found[0][1]


def usable(values: np.ndarray | None, bands: int) -> bool:
    """Whether there is one finite positive value for each band."""
    return values is not None and values.shape == (bands,) and bool(np.all(np.isfinite(values) & (values > 0)))


def statement_of_names(names: Sequence[str], notes: list[str] | None = None) -> Statement | None:
    """Wavelengths that the names of all bands state.

    The unit stands behind them, as in 'Band 1 (450.5 Nanometers)', or they are numbers between 350 and 2600, and no
    count, behind a sign for wavelengths, as in 'X450.5', or with decimals behind a common word or none, as in '450.5'.

    Args:
        names (Sequence[str]): The name of each band.
        notes (list[str], optional): Gets a sentence on whole numbers that may be wavelengths.

    Returns:
        Statement | None: The wavelengths; None if the names state none.
    """
    names = [name.replace(',', '.') if _COMMA.fullmatch(name.strip()) else name for name in names]
    found = [match for name in names if (match := _IN_NAME.search(name))]
    if found and len(found) == len(names) and len({match['unit'].lower().rstrip('s') for match in found}) == 1:
        return Statement('the names of the bands', [float(match['value']) for match in found], found[0]['unit'])
    numbered = [match for name in names if (match := _NUMBERED.fullmatch(name.strip()))]
    if len(numbered) < 2 or len(numbered) < len(names) or len({match['prefix'].lower() for match in numbered}) > 1:
        return None
    values = np.array([float(match['value']) for match in numbered])
    counted = (np.diff(values) == 1).all() or len(set(values)) < len(values)
    if counted or values.min() < _REFLECTED[0] or values.max() > _REFLECTED[1]:
        return None
    if all(map(_PREFIXED.fullmatch, map(str.strip, names))) or any('.' in match['value'] for match in numbered):
        return Statement('the names of the bands', values, 'nm')
    if notes is not None and (values.min() < _YEARS[0] or values.max() > _YEARS[1]):
        notes.append(
            f'the names of the bands are numbers, {names[0]!r} to {names[-1]!r}, which may number bands or be '
            'wavelengths; they are not used: state wavelengths= if they are'
        )
    return None


def name_of_wavelengths(names: Iterable[str], wanted: Sequence[str]) -> str | None:
    """The first of the names that is one of ``wanted``, in the order of these, perhaps with a unit behind it; or
    None."""
    names = list(dict.fromkeys(names))
    return next((name for one in wanted for name in names if is_named(name, (one,))), None)


def in_nanometres(
    wavelengths: Iterable[Statement], fwhm: Iterable[Statement], bands: int
) -> tuple[np.ndarray | None, np.ndarray | None, list[str]]:
    """Choose the wavelengths and widths of bands among the statements of a file, and convert them to nanometres.

    The first valid statement is used. Invalid ones (another number of values, values that are not wavelengths, a unit
    that is not a length) are reported. An impossible unit (0.45 nm, 450 um) is corrected and reported. The order of the
    bands is free, and detectors may overlap.

    Args:
        wavelengths (Iterable[Statement]): Statements on band centres, the most trusted first.
        fwhm (Iterable[Statement]): Statements on full widths at half maximum, likewise.
        bands (int): Number of bands C.

    Returns:
        tuple: Wavelengths and widths in nm, float64 (C,) or None, and notes on statements that were not used as given.
    """
    notes: list[str] = []
    centres, unit_size = None, 1.0
    for statement in wavelengths:
        centres, unit_size, note = _centres(statement, bands)
        notes += [note] if note else []
        if centres is not None:
            break
    if centres is None:
        return None, None, notes
    for statement in fwhm:
        widths, note = _widths(statement, centres, unit_size)
        notes += [note] if note else []
        if widths is not None:
            return centres, widths, notes
    return centres, None, notes


def _unfit(statement: Statement, bands: int) -> str | None:
    values = statement.numbers
    if values is None:
        return f'{statement.source} holds something else than numbers and is not used'
    if len(values) != bands:
        return f'{statement.source} has {len(values)} values for {bands} bands and is not used'
    if not usable(values, bands):
        wrong = values[~(np.isfinite(values) & (values > 0))][0]
        return f'{statement.source} holds {wrong:g}, expected a positive number for each band; it is not used'
    return None


def _centres(statement: Statement, bands: int) -> tuple[np.ndarray | None, float, str | None]:
    """Band centres in nm, the size of their unit, and a note if necessary."""
    problem = _unfit(statement, bands)
    values, unit = statement.numbers, (statement.unit or '').strip()
    if problem or values is None:
        return None, 1.0, problem
    shown = f'{values.min():g} to {values.max():g} {unit}'.rstrip()
    stated = unit.lower() not in _UNSTATED
    if not stated and len(values) > 1 and values[0] == 1 and (np.diff(values) == 1).all():
        return None, 1.0, f'{statement.source} counts the bands (1 to {len(values)}) and is not used'
    size = nanometres_per_unit(unit, values)
    if size is None:
        return None, 1.0, f'{statement.source} is given in {unit!r}, which is no length, and is not used'
    if _possible(values * size):
        return values * size, size, None
    for name, other in (('nm', 1.0), ('um', 1e3)):
        if stated and _possible(values * other):
            return (
                values * other,
                other,
                (f'{statement.source} gives {shown}, which cannot be; the values are taken as {name}'),
            )
    return None, 1.0, f'{statement.source} gives {shown}, which are no wavelengths, and is not used'


def _possible(nanometres: np.ndarray) -> bool:
    return bool(nanometres.min() >= _SHORTEST and nanometres.max() <= _LONGEST)


def _widths(statement: Statement, centres: np.ndarray, unit_size: float) -> tuple[np.ndarray | None, str | None]:
    problem = _unfit(statement, len(centres))
    values = statement.numbers
    if problem or values is None:
        return None, problem
    size = nanometres_per_unit(statement.unit, centres / unit_size) if statement.unit else unit_size
    for factor in (size or unit_size, 1.0, 1e3):
        if (values * factor < centres).all() and values.max() * factor >= _NARROWEST:
            put_right = factor != (size or unit_size)
            return values * factor, (
                f'{statement.source} cannot be in the unit of the wavelengths; the widths are '
                f'taken as {"nm" if factor == 1 else "um"}'
            ) if put_right else None
    return None, (
        f'{statement.source} gives {values.min():g} to {values.max():g}, which are no widths of these bands, '
        'and is not used'
    )
