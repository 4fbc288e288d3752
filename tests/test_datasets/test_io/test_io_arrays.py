from functools import partial

import h5py
import numpy as np
import pytest
import scipy.io

from mmhsi.datasets.io import CubeReadError, open_cube, read_cube


@pytest.fixture
def cube():
    return np.random.default_rng(1).normal(size=(6, 5, 4)).astype(np.float32)


def test_missing_key_lists_what_the_file_holds(tmp_path):
    path = tmp_path / 'Urban_188_em4_init.mat'
    scipy.io.savemat(path, {'Y': np.zeros((162, 40)), 'nRow': 307, 'cood': np.array(['tree', 'roof'], object)})
    with pytest.raises(CubeReadError) as caught:
        read_cube(path, key='img_3d')
    assert str(caught.value) == (
        f"{path}: key 'img_3d' not found; the file holds 'Y' (162, 40), 'nRow' (1, 1), 'cood' (1, 2) cell"
    )
    with pytest.raises(CubeReadError, match="none of the keys 'img', 'data' found; the file holds 'Y'"):
        read_cube(path, key=['img', 'data'])
    with pytest.raises(CubeReadError, match="'cood' is of type cell, expected real numbers"):
        read_cube(path, key='cood')


def save_arrays(path, **arrays):
    """Write a .mat, .npz or HDF5 file; returns its path."""
    if path.suffix == '.mat':
        scipy.io.savemat(path, arrays)
    elif path.suffix == '.npz':
        np.savez(path, **arrays)
    else:
        with h5py.File(path, 'w') as file:
            for name, values in arrays.items():
                file[name] = values
    return path


@pytest.mark.parametrize('suffix', ('mat', 'npz', 'h5'))
def test_choice_among_several_arrays(tmp_path, cube, suffix):
    save = partial(save_arrays, tmp_path / f'scene.{suffix}')
    path = save(gt=np.ones((6, 5)), img=cube, n=np.ones((1, 1)))
    values, info = read_cube(path)
    assert info.key == 'img'
    np.testing.assert_array_equal(values, cube)
    assert read_cube(path, key=('absent', 'img', 'gt'))[1].key == 'img'
    path = save(before=cube, after=cube + 1)
    np.testing.assert_array_equal(read_cube(path, key='after')[0], cube + 1)
    with pytest.raises(
        CubeReadError,
        match='several numeric 3-D arrays to choose from, name one by key; the file '
        "holds '.*' \\(6, 5, 4\\), '.*' \\(6, 5, 4\\)",
    ):
        read_cube(path)


@pytest.mark.parametrize('kind', ('mat', 'mat73', 'npy'))
def test_bands_first(tmp_path, cube, kind):
    path, bands_first = tmp_path / f'a.{kind[:3]}', cube.transpose(2, 0, 1)
    if kind == 'mat':
        scipy.io.savemat(path, {'x': bands_first})
    elif kind == 'npy':
        np.save(path, bands_first)
    else:
        with h5py.File(path, 'w') as file:
            file['x'] = bands_first.T
    with open_cube(path, layout='chw') as reader:
        assert reader.info.shape == (6, 5, 4)
        np.testing.assert_array_equal(reader.read(), cube)
        np.testing.assert_array_equal(reader.read((1, 2, 3, 2), [3, 1]), cube[1:4, 2:4][..., [3, 1]])
    assert read_cube(path)[1].shape == (4, 6, 5)  # without a word from the user the last axis holds the bands


def test_matrix_is_an_image_only_if_the_user_says_so(tmp_path):
    image = np.arange(12.0).reshape(3, 4)
    scipy.io.savemat(tmp_path / 'm.mat', {'DSM': image})
    with h5py.File(tmp_path / 'm73.mat', 'w') as file:
        file['DSM'] = image.T
    np.save(tmp_path / 'm.npy', image)
    for name in ('m.mat', 'm73.mat', 'm.npy'):
        with pytest.raises(CubeReadError, match=r"\(3, 4\), expected three axes.*say layout='hwc'"):
            read_cube(tmp_path / name, key='DSM')
        with open_cube(tmp_path / name, key='DSM', layout='hwc') as reader:
            np.testing.assert_array_equal(reader.read(), image[..., None])
            np.testing.assert_array_equal(reader.read((1, 1, 2, 3), [0]), image[1:, 1:, None])


@pytest.mark.parametrize('shape', ((5,), (2, 3, 4, 5), (), (3, 0, 4)))
def test_shapes_that_are_no_cube(tmp_path, shape):
    np.save(tmp_path / 'a.npy', np.zeros(shape))
    np.savez(tmp_path / 'a.npz', x=np.zeros(shape))
    for name in ('a.npy', 'a.npz'):
        with pytest.raises(CubeReadError, match=f'{name}: .*(expected three axes|is empty)'):
            read_cube(tmp_path / name, key='x')


@pytest.mark.parametrize('values', (np.full((2, 3, 4), 1j), np.full((2, 3, 4), 'a', object), np.full((2, 3, 4), 'ab')))
def test_types_that_are_no_numbers(tmp_path, values):
    np.save(tmp_path / 'a.npy', values)
    np.savez(tmp_path / 'a.npz', x=values)
    scipy.io.savemat(tmp_path / 'a.mat', {'x': values})
    for name in ('a.npy', 'a.npz', 'a.mat'):
        with pytest.raises(CubeReadError, match=f'{name}: .*expected real numbers'):
            read_cube(tmp_path / name, key='x')


def test_v73_text_and_cells_are_not_numbers(tmp_path, cube):
    path = tmp_path / 'a.mat'
    with h5py.File(path, 'w') as file:
        file['img'] = cube.T
        file['name'] = np.zeros((3, 2, 2), np.uint16)
        file['name'].attrs['MATLAB_class'] = np.bytes_('char')
        file['void'] = np.array([0, 0, 0], np.uint64)
        file['void'].attrs['MATLAB_empty'] = 1
        file['#refs#/a'] = cube
    assert read_cube(path)[1].key == 'img'
    with pytest.raises(CubeReadError, match=r"'img' \(6, 5, 4\), 'name' \(2, 2, 3\) char, 'void' \(3,\) empty$"):
        read_cube(path, key='x')


@pytest.mark.parametrize('order', ('big-endian', 'column-major'))
def test_byte_order_and_memory_order(tmp_path, cube, order):
    np.save(tmp_path / 'a.npy', cube.astype('>f4') if order == 'big-endian' else np.asfortranarray(cube))
    values, info = read_cube(tmp_path / 'a.npy')
    np.testing.assert_array_equal(values, cube)
    assert values.dtype.isnative and info.dtype.isnative and values.flags.c_contiguous


@pytest.mark.parametrize('shape', ((1 << 20, 1 << 20, 1 << 20), (6, 5, 5), (-6, -5, 4)))
def test_npy_header_that_claims_more_than_the_file_holds(tmp_path, cube, shape):
    path = tmp_path / 'a.npy'
    with open(path, 'wb') as stream:
        np.lib.format.write_array_header_1_0(stream, {'descr': '<f4', 'fortran_order': False, 'shape': shape})
        stream.write(cube.tobytes())
    with pytest.raises(CubeReadError, match=r'a\.npy: the header claims .* the file holds 480 bytes'):
        open_cube(path)


@pytest.mark.parametrize('compressed', (False, True))
def test_v5_header_that_claims_more_than_the_file_holds(tmp_path, compressed):
    path = tmp_path / 'a.mat'
    if compressed:
        scipy.io.savemat(path, {'x': np.zeros((2, 3, 4))}, do_compression=True)
        path.write_bytes(path.read_bytes()[:-10])
    else:
        scipy.io.savemat(path, {'x': np.zeros((2, 3, 4))})
        content = bytearray(path.read_bytes())
        at = content.index(np.array([2, 3, 4], '<i4').tobytes())
        content[at : at + 12] = np.array([30000, 30000, 30000], '<i4').tobytes()
        path.write_bytes(content)
    with pytest.raises(CubeReadError, match=r'a\.mat: .*(more than the file can hold|truncated)'):
        open_cube(path)


def test_v5_wrong_type_code_does_not_reach_scipy(tmp_path, cube):
    path = tmp_path / 'a.mat'
    scipy.io.savemat(path, {'x': cube})
    content = bytearray(path.read_bytes())
    at = content.index(np.array([7, cube.nbytes], '<i4').tobytes())  # 7: single precision
    content[at] = 76
    path.write_bytes(content)
    with pytest.raises(CubeReadError, match='damaged: unknown data type 76'):
        open_cube(path)


@pytest.mark.parametrize('options', (dict(format='4'), dict(do_compression=True), dict(long_field_names=True)))
def test_kinds_of_mat_files_that_scipy_writes(tmp_path, options):
    image = np.arange(20.0).reshape(4, 5)
    scipy.io.savemat(tmp_path / 'a.mat', {'x': image}, **options)
    np.testing.assert_array_equal(read_cube(tmp_path / 'a.mat', 'x', 'hwc')[0], image[..., None])


def test_v5_with_structures_beside_the_cube(tmp_path, cube):
    scipy.io.savemat(
        tmp_path / 'a.mat',
        {
            's': {'name': 'Pavia', 'nested': {'x': [1, 2]}},
            'ok': True,
            'text': 'abc',
            'sparse': scipy.sparse.eye(3).tocsc(),
            'img': cube,
        },
    )
    np.testing.assert_array_equal(read_cube(tmp_path / 'a.mat')[0], cube)


@pytest.mark.parametrize('suffix', ('mat', 'npz', 'h5'))
@pytest.mark.parametrize('factor', (1, 1e-3))
def test_wavelengths_beside_the_cube(tmp_path, cube, suffix, factor):
    centres, widths = np.array([410.0, 520.5, 900.0, 2400.0]), np.array([5.0, 6.0, 7.0, 8.0])
    arrays = dict(img=cube, waveLength=centres[:, None] * factor, fwhm=widths[None] * factor, slctBnds=np.arange(4.0))
    info = read_cube(save_arrays(tmp_path / f'a.{suffix}', **arrays), key='img')[1]
    np.testing.assert_allclose(info.wavelengths, centres)
    np.testing.assert_allclose(info.fwhm, widths)


def test_vector_of_another_length_is_no_wavelength(tmp_path, cube):
    scipy.io.savemat(tmp_path / 'a.mat', {'img': cube, 'wavelength': np.arange(1.0, 9.0)})
    assert read_cube(tmp_path / 'a.mat')[1].wavelengths is None


def test_npy_window_does_not_read_the_file(tmp_path):
    path = tmp_path / 'large.npy'
    with open(path, 'wb') as stream:  # a sparse file of 100 GB, far larger than memory
        shape = (100_000, 5_000, 50)
        np.lib.format.write_array_header_1_0(stream, {'descr': '<f4', 'fortran_order': False, 'shape': shape})
        start = stream.tell()
        stream.seek(4 * (70_000 * 5_000 + 3_000) * 50, 1)
        stream.write(np.arange(50, dtype='<f4').tobytes())
        try:
            stream.truncate(start + 4 * int(np.prod(shape, dtype=object)))
        except OSError:
            pytest.skip('this file system holds no sparse file of that size')
    with open_cube(path) as reader:
        window = reader.read((69_999, 3_000, 2, 2))
    np.testing.assert_array_equal(window[1, 0], np.arange(50))
    assert window.sum() == np.arange(50).sum()
