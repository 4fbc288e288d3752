import multiprocessing
import pickle
import traceback

import h5py
import numpy as np
import pytest
import scipy.io

from mmhsi.datasets.io import CubeReadError, open_cube, read_cube, read_labels, write_raster

FORMATS = ('mat', 'mat73', 'hdf5', 'npy', 'npz', 'tif', 'envi')
WINDOWED = ('mat73', 'hdf5', 'npy', 'tif', 'envi')


def save(folder, kind, cube):
    """Write a cube (rows, columns, bands) with the format's own library and return its path."""
    path = folder / {'mat73': 'v73.mat', 'hdf5': 'cube.h5', 'envi': 'cube.img'}.get(kind, f'cube.{kind}')
    if kind == 'mat':
        scipy.io.savemat(path, {'cube': cube}, do_compression=True)
    elif kind == 'mat73':
        with h5py.File(path, 'w', userblock_size=512) as file:
            file.create_dataset('cube', data=cube.T, chunks=True, compression='gzip')
        with open(path, 'r+b') as stream:
            stream.write(b'MATLAB 7.3 MAT-file, Platform: GLNXA64')
    elif kind == 'hdf5':
        with h5py.File(path, 'w') as file:
            file['group/cube'] = cube
    elif kind == 'npy':
        np.save(path, cube)
    elif kind == 'npz':
        np.savez_compressed(path, cube=cube)
    else:
        write_raster(path, cube)
    return path


@pytest.fixture
def cube():
    return np.random.default_rng(0).integers(0, 9000, (23, 17, 11)).astype(np.uint16)


@pytest.mark.parametrize('kind', FORMATS)
def test_whole_cube_and_description(tmp_path, cube, kind):
    path = save(tmp_path, kind, cube)
    values, info = read_cube(path)
    np.testing.assert_array_equal(values, cube)
    assert values.dtype == info.dtype == np.uint16
    assert info.shape == (23, 17, 11)
    assert info.path == str(path)
    assert info.format == {'tif': 'raster'}.get(kind, kind)
    assert info.windowed == (kind in WINDOWED)
    assert info.crs is None and info.transform is None and info.nodata is None and info.wavelengths is None


@pytest.mark.parametrize('kind', FORMATS)
@pytest.mark.parametrize('bands', (None, [4], [2, 3, 4], [9, 0, 5], (1, 1, 10), range(0, 11, 3)))
def test_window_and_bands_equal_a_slice_of_the_whole(tmp_path, cube, kind, bands):
    with open_cube(save(tmp_path, kind, cube)) as reader:
        block = reader.read((3, 5, 7, 2), bands)
        corner = reader.read((22, 16, 1, 1), bands)
    wanted = list(range(11) if bands is None else bands)
    np.testing.assert_array_equal(block, cube[3:10, 5:7][..., wanted])
    np.testing.assert_array_equal(corner, cube[22:, 16:][..., wanted])
    assert block.flags.c_contiguous and block.flags.writeable


@pytest.mark.parametrize('kind', FORMATS)
@pytest.mark.parametrize('window', ((0, 0, 24, 17), (20, 0, 4, 17), (-1, 0, 2, 2), (0, 16, 1, 2), (3, 3, 0, 2)))
def test_window_outside_the_scene_is_refused(tmp_path, cube, kind, window):
    with (
        open_cube(save(tmp_path, kind, cube)) as reader,
        pytest.raises(CubeReadError, match=r'cube|v73.*outside the scene of 23 x 17 pixels'),
    ):
        reader.read(window)


@pytest.mark.parametrize('window', ((0, 0, 2), (0, 0, 2.5, 2), 'whole', 3))
def test_window_that_is_none_is_refused(tmp_path, cube, window):
    with open_cube(save(tmp_path, 'npy', cube)) as reader, pytest.raises(CubeReadError, match='four integers'):
        reader.read(window)


@pytest.mark.parametrize(
    'bands, message',
    (
        ([11], 'band 11 asked for, the file has bands 0 to 10'),
        ([0, -1], 'band -1'),
        ([], 'empty list'),
        ([1.5], 'sequence of integers'),
        (3, 'sequence of integers'),
    ),
)
def test_bands_that_the_file_lacks_are_refused(tmp_path, cube, bands, message):
    with open_cube(save(tmp_path, 'tif', cube)) as reader, pytest.raises(CubeReadError, match=message):
        reader.read(bands=bands)


@pytest.mark.parametrize('kind', FORMATS)
def test_what_is_read_belongs_to_the_caller(tmp_path, cube, kind):
    with open_cube(save(tmp_path, kind, cube)) as reader:
        reader.read()[:] = 0
        np.testing.assert_array_equal(reader.read(), cube)


@pytest.mark.parametrize('kind', FORMATS)
def test_pickled_reader_carries_no_values_and_opens_the_file_again(tmp_path, cube, kind):
    large = np.tile(cube, (4, 4, 1))
    with open_cube(save(tmp_path, kind, large)) as reader:
        reader.read((0, 0, 1, 1))
        packed = pickle.dumps(reader)
    assert len(packed) < 4000 < large.nbytes
    with pickle.loads(packed) as copy:
        np.testing.assert_array_equal(copy.read((1, 2, 3, 4)), large[1:4, 2:6])
        assert copy.info.shape == large.shape


def _checksum(reader, window, queue):
    queue.put(int(reader.read(window).sum()))


@pytest.mark.parametrize('kind', FORMATS)
def test_forked_workers_read_beside_their_parent(tmp_path, cube, kind):
    if 'fork' not in multiprocessing.get_all_start_methods():
        pytest.skip('this system cannot fork')
    context = multiprocessing.get_context('fork')
    reader = open_cube(save(tmp_path, kind, cube))
    reader.read((0, 0, 2, 2))
    queue = context.SimpleQueue()
    workers = [context.Process(target=_checksum, args=(reader, (row, 0, 3, 17), queue)) for row in (0, 4, 8, 12)]
    for worker in workers:
        worker.start()
    np.testing.assert_array_equal(reader.read(), cube)
    for worker in workers:
        worker.join(30)
        assert worker.exitcode == 0
    assert sorted(queue.get() for _ in workers) == sorted(int(cube[row : row + 3].sum()) for row in (0, 4, 8, 12))
    reader.close()


def test_closed_reader_opens_the_file_again(tmp_path, cube):
    reader = open_cube(save(tmp_path, 'mat73', cube))
    reader.close()
    np.testing.assert_array_equal(reader.read(), cube)
    reader.close()


@pytest.mark.parametrize('kind', FORMATS)
@pytest.mark.parametrize('dtype', ('uint8', 'int16', 'int32', 'float32', 'float64'))
def test_type_of_the_file_is_kept(tmp_path, cube, kind, dtype):
    values, info = read_cube(save(tmp_path, kind, (cube % 100).astype(dtype)))
    assert values.dtype == info.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(values, cube % 100)


@pytest.mark.parametrize('kind', FORMATS)
def test_truncated_file_is_one_sentence(tmp_path, cube, kind):
    path = save(tmp_path, kind, cube)
    content = path.read_bytes()
    for length in (0, 1, 20, len(content) // 3, len(content) - 40):
        path.write_bytes(content[:length])
        with pytest.raises(CubeReadError) as caught:
            read_cube(path)
        assert str(caught.value).startswith(str(path)) and '\n' not in str(caught.value)
        assert len(traceback.format_exception(caught.value, chain=True)) == len(
            traceback.format_exception(caught.value, chain=False)  # no second traceback of a library
        )


@pytest.mark.parametrize('name', ('a.mat', 'a.npy', 'a.npz', 'a.h5', 'a.tif', 'a.img', 'a'))
def test_content_of_another_kind(tmp_path, name):
    path = tmp_path / name
    path.write_text('<html>404 not found</html>' * 30)
    for read in (read_cube, read_labels):
        with pytest.raises(CubeReadError, match=f'{name}: .*(cannot be read|not a MATLAB)'):
            read(path)


def test_content_decides_and_not_the_suffix(tmp_path, cube):
    for kind in ('mat', 'mat73', 'npy', 'tif'):
        folder = tmp_path / kind
        folder.mkdir()
        renamed = save(folder, kind, cube).rename(folder / 'cube.dat')
        np.testing.assert_array_equal(read_cube(renamed)[0], cube)


@pytest.mark.parametrize('name', ('absent.mat', 'absent.npy', 'absent.tif', 'absent.hdr', 'absent'))
def test_absent_file(tmp_path, name):
    for read in (open_cube, read_labels):
        with pytest.raises(FileNotFoundError, match=f'{name}: no such file'):
            read(tmp_path / name)


def test_folder_and_empty_file(tmp_path):
    (tmp_path / 'scene.mat').mkdir()
    with pytest.raises(CubeReadError, match='scene.mat: this is a folder'):
        open_cube(tmp_path / 'scene.mat')
    (tmp_path / 'empty.tif').touch()
    with pytest.raises(CubeReadError, match='empty.tif: the file is empty'):
        open_cube(tmp_path / 'empty.tif')


def test_unknown_layout(tmp_path, cube):
    with pytest.raises(ValueError, match="layout 'bsq', expected"):
        open_cube(save(tmp_path, 'npy', cube), layout='bsq')
