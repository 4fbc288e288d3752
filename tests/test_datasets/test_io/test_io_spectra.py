import os
import re
from pathlib import Path

import h5py
import numpy as np
import pytest
import spectral
import spectral.io.envi
from scipy.io import loadmat, savemat
from scipy.stats import norm

from mmhsi.datasets import SpectralLibrary, read_spectra, resample_spectrum
from mmhsi.datasets.io import CubeReadError

TEST_DATA = Path(os.environ.get('MMHSI_TEST_DATA', Path(__file__).parents[3] / '../shared/data'))
real = pytest.mark.skipif(
    not TEST_DATA.is_dir(), reason=f'no real spectra in {TEST_DATA}; set MMHSI_TEST_DATA to their folder'
)

VALUES = np.array([[0.1, 0.3, 0.25, 0.5], [0.9, 0.8, 0.7, 0.65]])
WAVELENGTHS = np.array([450.0, 550, 650, 850])


def write(folder, text, name='spectra.txt'):
    path = folder / name
    path.write_text(text, encoding='utf-8')
    return path


@pytest.mark.parametrize(
    'text',
    [
        'wavelength,grass,soil\n450,.1,.9\n550,.3,.8\n650,.25,.7\n850,.5,.65\n',
        'Wavelength (um);grass;soil\n0,450;0,1;0,9\n0,550;0,3;0,8\n0,650;0,25;0,7\n0,850;0,5;0,65\n',
        'measured at noon, in the sun\n\nnm\tgrass\tsoil\n450\t.1\t.9\n550\t.3\t.8\n650\t.25\t.7\n850\t.5\t.65\n',
        '# wvl  grass  soil\n450 .1 .9\n550  .3  .8\n650 .25 .7\n850 .5 6.5e-1\n# end\n',
        'band,wavelength_nm,grass,soil,fwhm\n1,450,.1,.9,8\n2,550,.3,.8,8\n3,650,.25,.7,8\n4,850,.5,.65,8\n',
        'name,450,550,650,850\ngrass,.1,.3,.25,.5\nsoil,.9,.8,.7,.65\n',
        '"","Species","450","550","650","850"\n"1","grass",.1,.3,.25,.5\n"2","soil",.9,.8,.7,.65\n',
        'species;X450;X550;X650;X850\ngrass;.1;.3;.25;.5\nsoil;.9;.8;.7;.65\n',
        'class,450 nm,550 nm,650 nm,850 nm\ngrass,.1,.3,.25,.5\nsoil,.9,.8,.7,.65\n',
        'wavelengths .45 .55 .65 .85\ngrass .1 .3 .25 .5\nsoil .9 .8 .7 .65',
        '\ufeffwavelength,grass,soil\r\n450,.1,.9\r\n550,.3,.8\r\n650,.25,.7\r\n850,.5,.65\r\n',
        'wavelength,grass,soil,\n450,.1,.9,\n550,.3,.8,\n650,.25,.7,\n850,.5,.65,\n',
    ],
)
def test_tables_of_named_spectra(tmp_path, text):
    library = read_spectra(write(tmp_path, text))
    assert library.names == ('grass', 'soil') and len(library) == 2
    np.testing.assert_allclose(library.values, VALUES)
    np.testing.assert_allclose(library.wavelengths, WAVELENGTHS)
    assert library.values.dtype == np.float64
    if 'fwhm' in text:
        np.testing.assert_array_equal(library.fwhm, [8, 8, 8, 8])


@pytest.mark.parametrize(
    'text, wavelengths',
    [
        ('.1\n.3\n.25\n.5\n', None),
        ('grass reflectance\n.1\n.3\n.25\n.5', None),
        ('.1 .3 .25 .5', None),
        ('.1, .3, .25, .5,\n', None),
        ('450 .1\n550 .3\n650 .25\n850 .5\n', WAVELENGTHS),
        ('.45 .1\n.55 .3\n.65 .25\n.85 .5\n', WAVELENGTHS),
        ('1 .1\n2 .3\n3 .25\n4 .5\n', None),
        ('450 550 650 850\n.1 .3 .25 .5\n', WAVELENGTHS),
    ],
)
def test_tables_of_numbers_alone(tmp_path, text, wavelengths):
    library = read_spectra(write(tmp_path, text, 'grass.txt'))
    assert library.names in (('grass',), ('grass reflectance',))
    np.testing.assert_allclose(library.values, VALUES[:1])
    assert (library.wavelengths is None) == (wavelengths is None)
    if wavelengths is not None:
        np.testing.assert_allclose(library.wavelengths, wavelengths)


@pytest.mark.parametrize(
    'text',
    (
        '450,5  0,15\n550,5  0,25\n650,5  1,5e-1\n',
        '450,5\t0,15\n550,5\t0,25\n650,5\t0,15\n',
        '450,5;0,15\n550,5;0,25\n650,5;0,15\n',
        '"450,5","0,15"\n"550,5","0,25"\n"650,5","0,15"\n',
        '450.5, 0.15\n550.5, 0.25\n650.5, 0.15\n',
    ),
)
@pytest.mark.parametrize('encoding', ('utf-8', 'utf-16', 'utf-16-le'))
def test_decimal_commas_and_encodings(tmp_path, text, encoding):
    path = tmp_path / 'leaf.sig'
    path.write_bytes(f'# instrument: HI\n{text}'.encode(encoding))
    library = read_spectra(path)
    assert library.names == ('leaf',) and library.wavelengths.tolist() == [450.5, 550.5, 650.5]
    assert library.values.tolist() == [[0.15, 0.25, 0.15]]


def test_reflectance_of_an_svc_file(tmp_path):
    text = '/*** Spectra Vista SIG Data ***/\nname= leaf 7\ndata=\n' + ''.join(
        f'{wavelength},5  10,00  5,00  {percent},00\n' for wavelength, percent in ((450, 10), (550, 20), (650, 30))
    )
    library = read_spectra(write(tmp_path, text, 'leaf.sig'))
    assert library.names == ('leaf 7',) and library.wavelengths.tolist() == [450.5, 550.5, 650.5]
    np.testing.assert_allclose(library.values, [[0.1, 0.2, 0.3]])


@pytest.mark.parametrize(
    'columns, row, values',
    (
        ('Wvl\tReflect. %', '{}\t{}', [0.1, 0.2, 0.3]),
        ('Wvl\tRad. (Ref.)\tRad. (Target)\tReflect. %', '{}\t7.1\t2.5\t{}', [0.1, 0.2, 0.3]),
        ('Chan.#\tWvl\tNorm. DN (Ref.)\tNorm. DN (Target)\tTgt./Ref. %', '1\t{}\t7\t5\t{}', [0.1, 0.2, 0.3]),
        ('Wvl\tReflect. [1.0]', '{}\t{}', [10, 20, 30]),
    ),
)
def test_reflectance_of_a_file_of_spectral_evolution(tmp_path, columns, row, values):
    rows = '\n'.join(row.format(wave, percent) for wave, percent in ((450.5, 10), (550.5, 20), (650.5, 30)))
    head = 'Comment:\nVersion: 2.2\nFile Name: C:\\x\\leaf_7.sed\nMeasurement: REFLECTANCE\nChannels: 3\n'
    library = read_spectra(write(tmp_path, f'{head}Columns [2]:\nData:\n{columns}\n{rows}\n', 'leaf.sed'))
    assert library.names == ('leaf',) and library.wavelengths.tolist() == [450.5, 550.5, 650.5]
    np.testing.assert_allclose(library.values, [values])


def test_titles_above_and_beside_the_columns(tmp_path):
    rows = '0.45 .1 .9\n0.55 .3 .8\n0.65 .25 .7\n0.85 .5 .65\n'
    plot = 'ENVI ASCII Plot File\nColumn 1: Wavelength\nColumn 2: Mean: grass~~2##255,0,0\nColumn 3: soil\n'
    units = 'wavelength grass soil\nmicrometers reflectance reflectance\n'
    for head, names in ((plot, ('Mean: grass', 'soil')), (units, ('grass', 'soil'))):
        library = read_spectra(write(tmp_path, head + rows))
        assert library.names == names
        np.testing.assert_allclose(library.values, VALUES)
        np.testing.assert_allclose(library.wavelengths, WAVELENGTHS)


def test_wavenumbers(tmp_path):
    library = read_spectra(write(tmp_path, 'wavenumber (cm-1),x,fwhm\n4000,.2,8\n5000,.3,20\n20000,.4,100\n'))
    np.testing.assert_allclose(library.wavelengths, [2500, 2000, 500])
    assert library.values.tolist() == [[0.2, 0.3, 0.4]]
    exact = [1e7 / (x - w / 2) - 1e7 / (x + w / 2) for x, w in ((4000, 8), (5000, 20), (20000, 100))]
    np.testing.assert_allclose(library.fwhm, exact, rtol=1e-4)


def test_chinese_names_in_gbk(tmp_path):
    path = tmp_path / 'a.csv'
    path.write_bytes('wavelength,水稻,土壤\n450,.1,.9\n550,.3,.8\n650,.25,.7\n'.encode('gbk'))
    assert read_spectra(path).names == ('水稻', '土壤')


@pytest.mark.parametrize(
    'title, encoding',
    (('Wellenlänge [nm]', 'latin-1'), ('longueur d’onde (nm)', 'cp1252'), ('波长', 'gbk'), ('λ (nm)', 'utf-16')),
)
def test_titles_of_wavelengths_in_other_languages(tmp_path, title, encoding):
    path = tmp_path / 'a.csv'
    path.write_bytes(f'{title};x\n450,5;0,15\n550,5;0,25\n'.encode(encoding))
    library = read_spectra(path)
    assert library.names == ('x',) and library.wavelengths.tolist() == [450.5, 550.5]


def test_a_unit_that_cannot_be_is_put_right(tmp_path):
    path = write(tmp_path, 'wavelength (nm),grass\n.45,.1\n.55,.3\n.65,.25\n')
    np.testing.assert_allclose(read_spectra(path).wavelengths, [450, 550, 650])


def write_asd(path, kind=1, number_format=2, channels=5, version=b'as7', reference=True):
    """A file as the format of ASD, version 8, lays it out."""
    dtype = {0: '<f4', 1: '<i4', 2: '<f8'}[number_format]
    header = bytearray(484)
    header[:3], header[186], header[199] = version, kind, number_format
    header[191:199] = np.array([350, 1], '<f4').tobytes()
    header[204:206] = np.array([channels], '<u2').tobytes()
    target, white = np.arange(1, channels + 1) * 100, np.full(channels, 1000)
    white[1:2], white[-1:] = 2000, 0
    content = bytes(header) + target.astype(dtype).tobytes()
    if reference:
        content += b'\xff\xff' + bytes(16) + np.array([4], '<u2').tobytes() + b'leaf' + white.astype(dtype).tobytes()
    path.write_bytes(content)
    return path


@pytest.mark.parametrize('number_format', (0, 1, 2))
@pytest.mark.parametrize('kind', (0, 1))
def test_reflectance_of_an_asd_file(tmp_path, kind, number_format):
    library = read_spectra(write_asd(tmp_path / 'leaf00000.asd', kind, number_format))
    assert library.names == ('leaf00000',) and library.wavelengths.tolist() == [350, 351, 352, 353, 354]
    np.testing.assert_array_equal(library.values, [[0.1, 0.1, 0.3, 0.4, np.nan]])  # the reference has no counts at last
    assert library.select().wavelengths.tolist() == [350, 351, 352, 353]


@pytest.mark.parametrize(
    'options, message',
    (
        (dict(kind=2), 'holds radiance, expected counts'),
        (dict(kind=77), 'the unknown kind 77'),
        (dict(reference=False), 'ends before its white reference'),
        (dict(channels=0), 'header of the ASD file is d'),
    ),
)
def test_asd_files_without_reflectance(tmp_path, options, message):
    with pytest.raises(CubeReadError, match=f'leaf.asd: .*{message}'):
        read_spectra(write_asd(tmp_path / 'leaf.asd', **options))


def test_header_of_an_ecostress_file(tmp_path):
    """Key and value lines, falling wavelengths in micrometres, a name of the sample."""
    path = write(
        tmp_path,
        'Name: Black oak leaf\nType: vegetation\nNumber of X Values: 3\n'
        'X Units: Wavelength (micrometers)\nY Units: Reflectance (percent)\n\n'
        ' 2.5000\t  5.1\n 1.0000\t 48.0\n 0.5000\t 12.5\n',
        'oak.spectrum.txt',
    )
    library = read_spectra(path)
    assert library.names == ('Black oak leaf',)
    np.testing.assert_array_equal(library.values, [[5.1, 48, 12.5]])
    np.testing.assert_array_equal(library.wavelengths, [2500, 1000, 500])


def test_unit_of_wavelengths_may_be_given(tmp_path):
    path = write(tmp_path, '10 .2\n11 .3\n12 .4\n')
    np.testing.assert_allclose(read_spectra(path).wavelengths, [10000, 11000, 12000])
    np.testing.assert_allclose(read_spectra(path, unit='nm').wavelengths, [10, 11, 12])
    with pytest.raises(CubeReadError, match="the unit 'furlong' of the wavelengths is not known"):
        read_spectra(path, unit='furlong')


@pytest.mark.parametrize(
    'text, wavelengths',
    [
        ('B1,B2,B3,B4\n.1,.3,.25,.5\n.9,.8,.7,.65\n', None),
        ('X450,X550,X650,X850\n.1,.3,.25,.5\n.9,.8,.7,.65\n', WAVELENGTHS),
        ('id,450,550,650,850\n1,.1,.3,.25,.5\n2,.9,.8,.7,.65\n', WAVELENGTHS),
        ('450 nm;550 nm;650 nm;850 nm\n.1;.3;.25;.5\n.9;.8;.7;.65\n', WAVELENGTHS),
        ('1 2 3 4\n.1 .3 .25 .5\n.9 .8 .7 .65\n', 'rows'),
        ('1 .1 .3 .25 .5\n2 .9 .8 .7 .65\n3 1 1 1 1\n', 'rows'),
    ],
)
def test_bands_across_a_table_without_names(tmp_path, text, wavelengths):
    path, layout = write(tmp_path, text), 'auto'
    if isinstance(wavelengths, str):
        with pytest.raises(CubeReadError, match='not known whether a spectrum is a row or a column'):
            read_spectra(path)
        wavelengths, layout = None, wavelengths
    library = read_spectra(path, layout=layout)
    np.testing.assert_array_equal(library.values[:2], VALUES)
    assert library.names[:2] == ('spectrum 0', 'spectrum 1')
    assert wavelengths is None and library.wavelengths is None or np.array_equal(library.wavelengths, wavelengths)


def test_a_spectrum_that_rises_is_not_taken_for_wavelengths(tmp_path):
    path = write(tmp_path, 'clay,sand\n310,400\n420,500\n530,450\n')
    with pytest.raises(CubeReadError, match="column 'clay' rises or falls as wavelengths do; title it 'wavelength'"):
        read_spectra(path)
    assert read_spectra(path, layout='columns').names == ('clay', 'sand')
    path = write(tmp_path, 'clay,310,420,530\nsand,400,500,450\n')
    with pytest.raises(CubeReadError, match="row 'clay' rises or falls as wavelengths do; title it 'wavelength'"):
        read_spectra(path)
    assert read_spectra(path, layout='rows').names == ('clay', 'sand')


def test_layout_settles_what_a_table_leaves_open(tmp_path):
    path = write(tmp_path, '.1 .9\n.3 .8\n.25 .7\n.5 .65\n')
    with pytest.raises(CubeReadError, match="4 x 2 numbers, and it is not known .* say layout='rows' or 'columns'"):
        read_spectra(path)
    columns = read_spectra(path, layout='columns')
    np.testing.assert_array_equal(columns.values, VALUES)
    assert columns.names == ('spectrum 0', 'spectrum 1') and columns.wavelengths is None
    np.testing.assert_array_equal(read_spectra(path, layout='rows').values, VALUES.T)
    with pytest.raises(ValueError, match="layout 'up', expected 'auto', 'rows' or 'columns'"):
        read_spectra(path, layout='up')
    with pytest.raises(CubeReadError, match="rows begin with names, as 'soil'; a spectrum is a row then"):
        read_spectra(write(tmp_path, 'grass 1 2\nsoil 3 4\n'), layout='columns')


@pytest.mark.parametrize(
    'text, message',
    [
        ('', 'the file is empty'),
        ('\n\n# nothing\n', 'the file holds no numbers'),
        ('name,class\ngrass,plant\nsoil,mineral\n', "line 3 ends with the text 'mineral', expected a table of numbers"),
        ('nm,grass\n450,.1\n550,\n650,.3\n', 'line 3 has 1 values, the last line has 2'),
        ('nm,grass,soil\n450,.1,.2\n550,,.3\n650,.3,.4\n', "line 3: value 2 is '', expected a number"),
        ('nm,grass\n450,.1\n550,NaN\n650,.3\n', "line 3: value 2 is 'NaN', expected a number"),
        ('grass,.1,.2\nsoil,.3,n/a\n', "line 2: value 3 is 'n/a', expected a number"),
        ('nm,grass\n450,.1\n550,.2,.3\n650,.3\n', 'line 3 has 3 values, the last line has 2'),
        ('name,plot,450,550\ngrass,7,.1,.2\n', "the column 'plot' is among the bands but, by its title, is not one"),
        ('nm,grass\n450,.1\n-1,.2\n650,.3\n', 'the wavelengths of 3 bands .* expected one positive number'),
        ('wavelength\n450\n550\n650\n', 'the table has wavelengths but no values'),
        ('samples = 5\nwavelength units = nan\n', 'line 2 holds no number, expected a table of numbers'),
        ('wavenumbers 1 2 \0 3', 'neither a text file nor an ENVI spectral library'),
        ('id,lat,lon\n1,48.1,11.5\n2,48.2,11.7\n3,48.1,11.9\n', "say layout='rows' or 'columns'"),
        (
            'grass .1 .2 .3\nsoil .4 .5 .6\n',
            'the table of 2 rows states no wavelengths .* it is not known whether it holds',
        ),
        ('clay,sand\n3.1,4\n4.2,5\n4,4.5\n', "say layout='rows' or 'columns'"),
        ('epoch 1 loss 0.5\nepoch 2 loss 0.4\n', 'spectrum of one band, expected a table of spectra'),
        ('grass .3 .1 .2\nsoil .4 .5 .6\n', r'the table of 2 rows states no wavelengths, and it is not known'),
        ('[0.1, 0.2, 0.3]\n', "ends with the text '0.3\\]'"),
        ('<html>450 .1\n550 .2</html>\n', 'ends with the text'),
    ],
)
def test_text_that_holds_no_spectra_is_named(tmp_path, text, message):
    path = write(tmp_path, text)
    with pytest.raises(CubeReadError, match=f'spectra.txt: .*{message}|spectra.txt: {message}'):
        read_spectra(path)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='absent.txt: no such file'):
        read_spectra(tmp_path / 'absent.txt')
    with pytest.raises(CubeReadError, match='this is a folder'):
        read_spectra(tmp_path)


def write_envi(
    folder, names=('red, clay', 'tar'), dtype=5, units='Micrometers', wavelengths=WAVELENGTHS / 1000, **extra
):
    header = {
        'samples': 4,
        'lines': 2,
        'bands': 1,
        'header offset': 0,
        'file type': 'ENVI Spectral Library',
        'data type': dtype,
        'interleave': 'bsq',
        'byte order': 0,
        **extra,
    }
    if names is not None:
        header['spectra names'] = list(names)
    if wavelengths is not None:
        header.update({'wavelength units': units, 'wavelength': list(wavelengths)})
    spectral.io.envi.write_envi_header(str(folder / 'library.hdr'), header, True)
    VALUES.astype({4: 'f4', 5: 'f8'}[dtype]).tofile(folder / 'library.sli')
    return folder / 'library.sli'


@pytest.mark.parametrize('ending', ['.sli', '.hdr'])
def test_envi_spectral_library(tmp_path, ending):
    path = write_envi(tmp_path, fwhm=[0.01, 0.01, 0.02, 0.02], dtype=4)
    library = read_spectra(path.with_suffix(ending))
    assert library.names == ('red- clay', 'tar')  # SPy writes no comma into a list
    np.testing.assert_allclose(library.values, VALUES, rtol=1e-6)
    np.testing.assert_allclose(library.wavelengths, WAVELENGTHS)
    np.testing.assert_allclose(library.fwhm, [10, 10, 20, 20])


def test_envi_spectral_library_without_names_or_wavelengths(tmp_path):
    library = read_spectra(write_envi(tmp_path, names=None, wavelengths=None))
    assert library.names == ('spectrum 0', 'spectrum 1') and library.wavelengths is None
    path = write_envi(tmp_path, units='Wavenumber')
    assert read_spectra(path).wavelengths is None
    np.testing.assert_allclose(read_spectra(path, unit='um').wavelengths, WAVELENGTHS)
    with pytest.raises(CubeReadError, match="the unit 'furlong' of the wavelengths is not known"):
        read_spectra(path, unit='furlong')
    path = write_envi(tmp_path, wavelengths=['red', 'green', 'blue', 'nir'])
    with pytest.raises(CubeReadError, match="library.sli: the field 'wavelength' of .* something other than numbers"):
        read_spectra(path, unit='um')


def test_damaged_envi_spectral_libraries_are_named(tmp_path):
    path = write_envi(tmp_path)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(CubeReadError, match=r'library.sli: .*describes 2 spectra of 4 bands \(64 bytes\), .* 56 bytes'):
        read_spectra(path)
    header = path.with_suffix('.hdr')
    text = header.read_text()
    write_envi(tmp_path)
    header.write_text(re.sub('spectra names = [^}\n]*}?', 'spectra names = ab', text))
    with pytest.raises(CubeReadError, match="library.sli: the header library.hdr gives 1 'spectra names', expected 2"):
        read_spectra(path)
    path.unlink()
    with pytest.raises(CubeReadError, match='library.hdr: no data file next to this header'):
        read_spectra(tmp_path / 'library.hdr')


def test_offset_and_scale_of_a_spectral_library(tmp_path):
    path = write_envi(tmp_path, **{'header offset': 16, 'reflectance scale factor': 100.0})
    path.write_bytes(bytes(16) + path.read_bytes())
    np.testing.assert_allclose(read_spectra(path).values, VALUES / 100)


def test_table_beside_a_library_of_the_same_name(tmp_path):
    write_envi(tmp_path)
    path = write(tmp_path, 'nm,x\n450,1\n550,2\n650,3\n', 'library.csv')
    np.testing.assert_array_equal(read_spectra(path).values, [[1, 2, 3]])


@pytest.mark.parametrize('name', ['x.npy', 'x.mat'])
def test_arrays(tmp_path, name):
    path = tmp_path / name

    def save(path, values):
        if name == 'x.npy':
            np.save(path, values)
        else:
            savemat(path, {'x': values})

    save(path, VALUES[0])
    library = read_spectra(path)
    assert library.names == ('x',) and library.wavelengths is None
    np.testing.assert_array_equal(library.values, VALUES[:1])
    save(path, VALUES.T.astype(np.float32))
    with pytest.raises(CubeReadError, match=r"has the shape \(4, 2\), .* say layout='rows' or 'columns'"):
        read_spectra(path)
    np.testing.assert_allclose(read_spectra(path, layout='columns').values, VALUES, rtol=1e-6)
    save(path, np.array([[1.0, np.nan, 2]]))
    with pytest.raises(CubeReadError, match='value nan in band 1'):
        read_spectra(path)


@pytest.mark.parametrize('name', ['scene.mat', 'scene.npz', 'scene73.mat'])
def test_wavelengths_choose_the_array_and_its_axis(tmp_path, name):
    arrays = {
        'map': np.zeros((6, 5)),
        'cube': np.zeros((6, 5, 4)),
        'spectra': VALUES.T,
        'wavelengths': WAVELENGTHS[:, None] / 1000,
        'FWHM': np.full((4, 1), 0.01),
    }
    path = tmp_path / name
    if name == 'scene.mat':
        savemat(path, arrays)
    elif name == 'scene.npz':
        np.savez(path, **arrays)
    else:  # MATLAB 7.3 stores the axes reversed
        with h5py.File(path, 'w') as file:
            for key, values in arrays.items():
                file[key] = values.T
    library = read_spectra(path)
    np.testing.assert_array_equal(library.values, VALUES)
    np.testing.assert_allclose(library.wavelengths, WAVELENGTHS)
    np.testing.assert_allclose(library.fwhm, 10)
    assert library.names == ('spectrum 0', 'spectrum 1')
    with pytest.raises(CubeReadError, match='wavelengths of 5 bands are given as 4 values'):
        read_spectra(path, key='map', layout='rows')
    with pytest.raises(CubeReadError, match=r"key 'x' not found; the file holds .*'map' \(6, 5\)"):
        read_spectra(path, key='x')


def test_unclear_choice_of_an_array_is_named(tmp_path):
    savemat(tmp_path / 'two.mat', {'a': VALUES, 'b': VALUES})
    with pytest.raises(CubeReadError, match=r"several arrays that could be .* holds 'a' \(2, 4\), 'b' \(2, 4\)"):
        read_spectra(tmp_path / 'two.mat')
    savemat(tmp_path / 'none.mat', {'a': np.zeros((2, 3, 4)), 'word': 'grass'})
    with pytest.raises(CubeReadError, match='no array that could be spectra'):
        read_spectra(tmp_path / 'none.mat')
    savemat(tmp_path / 'square.mat', {'a': np.zeros((3, 3)), 'wavelengths': [400, 500, 600]})
    with pytest.raises(CubeReadError, match='it is not known whether a spectrum is a row or a column'):
        read_spectra(tmp_path / 'square.mat')


def test_structs(tmp_path):
    names = np.array(['grass', 'soil'], object)
    savemat(tmp_path / 'one.mat', {'library': {'names': names, 'spectra': VALUES.T, 'wavelengths': WAVELENGTHS}})
    library = read_spectra(tmp_path / 'one.mat')
    assert library.names == ('grass', 'soil')
    np.testing.assert_array_equal(library.values, VALUES)
    np.testing.assert_array_equal(library.wavelengths, WAVELENGTHS)
    record = np.zeros(2, [('name', object), ('reflectance', object), ('wavelengths', object), ('first', object)])
    record[0] = 'grass', VALUES[0], WAVELENGTHS, 3
    record[1] = 'soil', VALUES[1], WAVELENGTHS, 3
    savemat(tmp_path / 'many.mat', {'list': record, 'other': [[1, 2]]})
    library = read_spectra(tmp_path / 'many.mat', key='list')
    assert library.names == ('grass', 'soil')
    np.testing.assert_array_equal(library.values, VALUES)
    record[1] = 'soil', VALUES[1], WAVELENGTHS + 1, 3
    savemat(tmp_path / 'many.mat', {'list': record})
    with pytest.raises(CubeReadError, match="the wavelengths differ between the elements of 'list'"):
        read_spectra(tmp_path / 'many.mat')
    savemat(tmp_path / 'one.mat', {'library': {'a': VALUES, 'b': VALUES}})
    with pytest.raises(CubeReadError, match=r"struct 'library' holds 'a' \(2, 4\), 'b' \(2, 4\), expected one array"):
        read_spectra(tmp_path / 'one.mat')


def test_selection():
    library = SpectralLibrary(('grass', 'soil', 'grass'), np.arange(12.0).reshape(3, 4), WAVELENGTHS)
    soil = library.select('soil')
    assert soil.name == 'soil' and soil.values.tolist() == [4, 5, 6, 7] and soil.wavelengths is WAVELENGTHS
    assert library.select(2).values[0] == 8
    assert SpectralLibrary(('x',), np.ones((1, 2))).select().name == 'x'
    for which, message in (
        (None, "3 spectra to choose from, name one; the file holds 'grass', 'soil', 'grass'"),
        ('grass', "2 spectra are named 'grass'; choose one by its number: 0, 2"),
        ('tar', "no spectrum is named 'tar'; the file holds 'grass'"),
        (3, 'no spectrum 3, the file holds the spectra 0 to 2'),
        (-1, 'no spectrum -1'),
    ):
        with pytest.raises(ValueError, match=message):
            library.select(which)


def test_a_spectrum_is_selected_without_its_deleted_channels(tmp_path):
    library = read_spectra(write(tmp_path, 'nm,grass,soil\n450,.1,.9\n550,-1.23e34,.8\n650,.25,.7\n'))
    np.testing.assert_array_equal(library.values, [[0.1, np.nan, 0.25], [0.9, 0.8, 0.7]])
    assert not library.complete
    grass, soil = library.select('grass'), library.select('soil')
    assert grass.values.tolist() == [0.1, 0.25] and grass.wavelengths.tolist() == [450, 650]
    assert soil.wavelengths.tolist() == [450, 550, 650]
    with pytest.raises(ValueError, match=r"3 of 3 channels of spectrum 'x' were deleted$"):
        SpectralLibrary(('x',), np.full((1, 3), 3.4e38), np.arange(1.0, 4)).select()


@pytest.mark.parametrize(
    'arguments, message',
    [
        ((('a',), np.ones((2, 3))), '1 names for 2 spectra'),
        ((('a',), np.ones(3)), r'the shape \(3,\)'),
        ((('a',), np.ones((1, 3)), np.ones(2)), 'wavelengths of 3 bands are given as 2 values'),
        ((('a',), np.ones((1, 3)), np.ones(3), np.zeros(3)), 'the fwhm of 3 bands'),
    ],
)
def test_libraries_that_do_not_fit_are_named(arguments, message):
    with pytest.raises(CubeReadError, match=message):
        SpectralLibrary(*arguments)


def test_interpolation_of_a_straight_line_is_exact():
    source = np.linspace(400, 900, 51)[np.random.default_rng(0).permutation(51)]
    values = np.stack([2 * source - 7, -source])
    wanted = np.array([888.8, 400, 512.3, 900])
    np.testing.assert_allclose(resample_spectrum(values, source, wanted), [2 * wanted - 7, -wanted])
    np.testing.assert_allclose(resample_spectrum(values[0], source, wanted), 2 * wanted - 7)
    np.testing.assert_array_equal(resample_spectrum(values[0], source, source), values[0])


def test_responses_average_finer_bands():
    source = np.arange(400.0, 901)
    values = np.sin(source / 40) + 0.3 * np.sin(source / 7)
    wanted, widths = np.array([700.0, 500, 600]), np.array([30.0, 30, 60])
    expected = []
    for centre, width in zip(wanted, widths, strict=True):  # SPy counts the response within its half maximum
        edges = np.clip([source - 0.5, source + 0.5], centre - width / 2, centre + width / 2)
        weights = np.diff(norm(centre, width / np.sqrt(8 * np.log(2))).cdf(edges), axis=0)[0]
        expected.append(weights @ values / weights.sum())
    np.testing.assert_allclose(resample_spectrum(values, source, wanted, widths), expected, rtol=1e-6)
    np.testing.assert_allclose(
        resample_spectrum(np.stack([values, 2 * values]), source, wanted, widths)[1],
        np.multiply(expected, 2),
        rtol=1e-6,
    )


def test_bands_that_are_not_covered_are_listed():
    source = np.concatenate([np.arange(400.0, 1341, 10), np.arange(1460.0, 1801, 10)])
    values = np.ones(len(source))
    wanted = np.array([390.0, 400, 700, 1400, 1800, 1850])
    for widths, listed in (
        (None, r'0 \(390 nm\), 3 \(1400 nm\), 5 \(1850 nm\)'),
        (np.full(6, 10.0), r'0 \(390 nm\), 3 \(1400 nm\), 5 \(1850 nm\)'),
        (np.full(6, 40.0), r'0 \(390 nm\), 1 \(400 nm\), 3 \(1400 nm\), 4 \(1800 nm\), 5'),
    ):
        with pytest.raises(ValueError, match=f'400 to 1800 nm does not cover the target bands {listed}'):
            resample_spectrum(values, source, wanted, widths)
    with pytest.raises(ValueError, match=r'the target band 0 \(2000 nm\)$'):
        resample_spectrum(values, source, [2000.0])
    with pytest.raises(ValueError, match=r'9 \(29 nm\), and 10 more$'):
        resample_spectrum(values, source, np.arange(20.0, 40))


@pytest.mark.parametrize(
    'change, message',
    [
        (dict(values=np.ones(3)), r'the shape \(3,\) and wavelengths of the shape \(4,\)'),
        (dict(values=np.array([1, 2, np.nan, 4])), 'the spectrum holds NaN'),
        (dict(wavelengths_nm=np.array([1.0, 2, 2, 3])), 'a wavelength occurs twice'),
        (dict(wavelengths_nm=np.array([1.0, 2, -2, 3])), 'the wavelengths are not all positive'),
        (dict(target_wavelengths_nm=np.array([])), r'centres of the shape \(0,\)'),
        (dict(target_fwhm=np.ones(5)), r'centres of the shape \(2,\) and widths of the shape \(5,\)'),
        (dict(target_fwhm=np.array([0.0, 1])), 'the target widths are not all positive'),
    ],
)
def test_wrong_arguments_of_resampling_are_named(change, message):
    arguments = dict(values=VALUES[0], wavelengths_nm=WAVELENGTHS, target_wavelengths_nm=np.array([500.0, 600]))
    with pytest.raises(ValueError, match=message):
        resample_spectrum(**{**arguments, **change})


@real
def test_berlin_library():
    folder = TEST_DATA / 'spectral_library/berlin-urban'
    library = read_spectra(folder / 'library_berlin.sli')
    assert library.values.shape == (75, 177) and library.wavelengths[[0, -1]].tolist() == [460, 2409]
    np.testing.assert_array_equal(library.values, np.fromfile(folder / 'library_berlin.sli').reshape(75, 177))
    assert library.select('red clay tile 2').values[0] == library.values[1, 0]
    assert library.names == read_spectra(folder / 'library_berlin.hdr').names
    with pytest.raises(CubeReadError, match="library_berlin.csv: line 76 ends with the text 'water'"):
        read_spectra(folder / 'library_berlin.csv')


@real
def test_emit_endmembers():
    path = TEST_DATA / 'spectral_library/emit-endmembers/basic_endmember_library.csv'
    library = read_spectra(path)
    table = np.genfromtxt(path, delimiter=',', encoding='utf-8-sig')
    np.testing.assert_array_equal(library.values, table[1:, 1:])
    np.testing.assert_array_equal(library.wavelengths, table[0, 1:])  # where detectors overlap they are not sorted
    assert library.names == ('SOIL', 'SOIL', 'SOIL', 'PV', 'NPV')
    resampled = resample_spectrum(library.select('PV').values, library.wavelengths, [800, 670.0], [10, 10.0])
    assert resampled[0] > 3 * resampled[1]  # the red edge


@real
def test_libraries_without_names():
    folder = TEST_DATA / 'spectral_library'
    library = read_spectra(folder / 'ecostress/ecostress_library_with_mixtures')
    assert library.values.shape == (2041, 479) and library.names[-1] == 'spectrum 2040'
    assert library.wavelengths[0] == 375.59399 and 12007 < library.wavelengths[-1] < 12008
    library = read_spectra(folder / 'image-bundles/bundles.mat', key='bundle', layout='columns')
    assert library.values.shape == (50, 144)


@real
def test_field_spectra():
    library = read_spectra(TEST_DATA / 'spectral_library/gamsberg-field/gamsberg_field_library')
    assert library.values.shape == (27, 2151) and library.names[0] == '16_03_12_2_C1_mica_shist'
    np.testing.assert_array_equal(library.wavelengths, np.arange(350, 2501))
    library = read_spectra(TEST_DATA / 'spectral_library/parthenium-enmap/Parthenium_weed_library_enmap.csv')
    assert library.values.shape == (149, 242) and library.wavelengths[:2].tolist() == [423.03, 428.8]
    assert len(set(library.names)) == 4


@real
def test_deleted_channels_of_usgs_are_masked_and_the_others_kept():
    path = TEST_DATA / 'spectral_library/usgs-1995/USGS_1995_Library.mat'
    stored = loadmat(path)['datalib'].T
    library = read_spectra(path, 'datalib', 'columns')
    deleted = stored < -1e30
    assert deleted.any() and not deleted.all(axis=1).any()
    np.testing.assert_array_equal(np.isnan(library.values), deleted)
    np.testing.assert_array_equal(library.values[~deleted], stored[~deleted])
    damaged = int(np.flatnonzero(deleted.any(axis=1))[0])
    with pytest.raises(ValueError, match=rf'{deleted[damaged].sum()} of 224 channels .* were deleted, and the file '):
        library.select(damaged)


@real
def test_targets_of_muufl_gulfport():
    folder = TEST_DATA / 'target_detection/muufl-gulfport'
    scene = loadmat(folder / 'an_hsi_img_for_tgt_det_demo.mat')
    target = read_spectra(folder / 'an_hsi_img_for_tgt_det_demo.mat').select()
    np.testing.assert_array_equal(target.values, scene['tgt_spectra'].ravel())
    np.testing.assert_array_equal(target.wavelengths, scene['wavelengths'].ravel())
    image = read_spectra(folder / 'tgt_img_spectra.mat')
    assert image.names == ('brown', 'dark_green', 'faux_vineyard_green', 'pea_green')
    np.testing.assert_array_equal(image.select('brown').values, target.values)
    laboratory = read_spectra(folder / 'tgt_lab_spectra.mat')
    assert laboratory.values.shape == (9, 2301) and laboratory.select(3).name == 'Soil Brown'
    brown = resample_spectrum(
        laboratory.select('Soil Brown').values,
        laboratory.wavelengths,
        target.wavelengths,
        np.gradient(target.wavelengths),
    )
    assert np.corrcoef(brown, target.values)[0, 1] > 0.95
