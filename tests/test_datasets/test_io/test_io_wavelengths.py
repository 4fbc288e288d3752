"""Wavelengths in nanometres from what files state, and what is said of lists that cannot be."""

import re

import numpy as np
import pytest

from mmhsi.datasets.io.wavelengths import Statement, in_nanometres, statement_of_names


@pytest.mark.parametrize(
    'values, unit, expected, note',
    (
        ([450, 550, 2400], 'Nanometers', [450, 550, 2400], None),
        ([0.45, 0.55, 2.4], 'Micrometers', [450, 550, 2400], None),
        ([4500, 5500, 24000], 'Angstroms', [450, 550, 2400], None),
        ([4.5e-7, 5.5e-7, 2.4e-6], 'm', [450, 550, 2400], None),
        ([0.45, 0.55, 2.4], None, [450, 550, 2400], None),
        ([450, 550, 2400], '', [450, 550, 2400], None),
        ([900, 950, 940, 1000], 'nm', [900, 950, 940, 1000], None),  # detectors overlap
        ([2400, 550, 450], 'nm', [2400, 550, 450], None),  # falling
        ([8.2, 10.1, 11.9], 'um', [8200, 10100, 11900], None),
        ('{450, 550,\n 2400}', 'nm', [450, 550, 2400], None),
        (
            [0.45, 0.55, 2.4],
            'Nanometers',
            [450, 550, 2400],
            'gives 0.45 to 2.4 Nanometers, which cannot be; .* taken as um',
        ),
        ([450, 550, 2400], 'Micrometers', [450, 550, 2400], '450 to 2400 Micrometers, which cannot be; .* taken as nm'),
        ([450, 550, 2400], 'm', [450, 550, 2400], 'which cannot be; the values are taken as nm'),
        ([0.001, 0.002, 0.003], 'nm', None, 'gives 0.001 to 0.003 nm, which are no wavelengths'),
        ([0.45, 550, 2400], 'nm', None, 'which are no wavelengths, and is not used'),
        ([1, 2, 3], None, None, 'counts the bands'),
        ([22222, 18181, 4167], 'Wavenumber', None, "'Wavenumber', which is no length"),
        ([4.5e-5, 5.5e-5, 2.4e-4], 'Centimeters', [450, 550, 2400], None),
        ([450, 550, 2400], 'Index', [450, 550, 2400], None),
        ([1, 2, 3], 'Index', None, 'counts the bands'),
        ([450, 550], 'nm', None, 'has 2 values for 3 bands and is not used'),
        ([450, 0, 2400], 'nm', None, 'holds 0, expected a positive number'),
        ('450 nm, 550 nm, 2400 nm', None, [450, 550, 2400], None),
        ('0.45um 0.55um 2.4um', None, [450, 550, 2400], None),
        ('450; 550; 2400', '{Nanometers}', [450, 550, 2400], None),
        ('[450, 550, 2400]', 'nm ; as measured', [450, 550, 2400], None),
        ([450, np.nan, 2400], 'nm', None, 'holds nan, expected a positive number'),
        ('450, none, 2400', 'nm', None, 'something else than numbers'),
    ),
)
def test_units_and_lists(values, unit, expected, note):
    bands = 3 if expected is None else len(expected)
    wavelengths, _, notes = in_nanometres([Statement('the list', values, unit)], [], bands)
    assert wavelengths is None if expected is None else np.allclose(wavelengths, expected)
    if note is None:
        assert not notes
    else:
        assert len(notes) == 1 and notes[0].startswith('the list ') and re.search(note, notes[0])


def test_the_first_list_that_fits_counts_and_the_others_before_it_are_reported():
    lists = [
        Statement('the first', [1.5, 2], 'um'),
        Statement('the second', [450, 550, 650], 'nm'),
        Statement('the third', [1, 2]),
    ]
    wavelengths, _, notes = in_nanometres(lists, [], 3)
    assert wavelengths.tolist() == [450, 550, 650]
    assert notes == ['the first has 2 values for 3 bands and is not used']


@pytest.mark.parametrize(
    'values, unit, expected, note',
    (
        ([0.01, 0.02], None, [10, 20], None),  # in the unit of the wavelengths
        ([10, 20], 'nm', [10, 20], None),
        ([10, 20], None, [10, 20], 'the widths are taken as nm'),
        ([1e6, 2e6], None, None, 'no widths of these bands'),
        ([0.01], None, None, '1 values for 2 bands'),
    ),
)
def test_widths(values, unit, expected, note):
    _, widths, notes = in_nanometres([Statement('w', [0.45, 2.4], 'um')], [Statement('fwhm', values, unit)], 2)
    assert widths is None if expected is None else np.allclose(widths, expected)
    assert notes == [] if note is None else note in notes[0]


@pytest.mark.parametrize(
    'names, expected',
    (
        (['Band 1 (450.5 Nanometers)', 'Band 2 (0550 Nanometers)'], [450.5, 550]),
        (['450.5 nm', '550 nm'], [450.5, 550]),
        (['b1 [0.45 µm]', 'b2 [0.55 µm]'], [450, 550]),
        (['B2_490nm', 'B3_560nm'], [490, 560]),
        (['450 Nanometers', '550 nanometer'], [450, 550]),
        (['band 1', 'band 2'], None),
        (['450', '550'], None),
        (['X450.5', 'X550'], [450.5, 550]),
        (['wl_450', 'wl_550'], [450, 550]),
        (['450.5', '550.0'], [450.5, 550]),
        (['Band 450.5', 'Band 550.0'], [450.5, 550]),
        (['wavelength = 450', 'wavelength = 550'], [450, 550]),
        (['nm_450', 'nm_550'], [450, 550]),
        (['450,5 nm', '550,0 nm'], [450.5, 550]),
        (['band 1: 450 nm', 'band 2: 550 nm'], [450, 550]),
        (['400-450 nm', '500-550 nm'], None),  # a range
        (['B02', 'B03'], None),
        (['1990.5', '1995.5'], [1990.5, 1995.5]),
        (['1990', '2010'], None),  # years
        (['X401', 'X402'], None),
        (['X1', 'X2'], None),
        (['450 nm', 'ratio'], None),
        (['450 nm', '0.55 um'], None),
        (['NDVI 2020', 'NDVI 2021'], None),
        ([], None),
    ),
)
def test_wavelengths_in_the_names_of_bands(names, expected):
    statement = statement_of_names(names)
    if expected is None:
        assert statement is None
    else:
        np.testing.assert_allclose(in_nanometres([statement], [], 2)[0], expected)


def test_whole_numbers_as_names_are_reported():
    notes = []
    assert statement_of_names(['450', '550'], notes) is None and "'450' to '550'" in notes[0]
    notes = []
    for names in (['1990', '2010'], ['1', '2'], ['red', 'green']):
        assert statement_of_names(names, notes) is None
    assert not notes
