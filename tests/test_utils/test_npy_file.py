"""Parts of .npy files against NumPy's own memory map, and files that shrink while they are read."""

import itertools
import os
import pickle
import threading

import numpy as np
import pytest

from mmhsi.datasets import open_cube
from mmhsi.datasets.io import CubeReadError
from mmhsi.datasets.patch_store import PatchStore, write_patches
from mmhsi.utils import npy_file
from mmhsi.utils.npy_file import NpyFile

SLICES = [slice(None), slice(0, 1), slice(2, 5), slice(1, None), slice(3, 3)]


@pytest.mark.parametrize('small', [0, 200, 2**16])
@pytest.mark.parametrize('order', ['C', 'F'])
@pytest.mark.parametrize(
    'shape, dtype',
    [
        ((7, 6, 5), '>i2'),
        ((6,), 'float64'),
        ((5, 6), 'bool'),
        ((), 'uint8'),
        ((0, 4), 'int32'),
        ((6, 5, 1, 7), 'complex64'),
    ],
)
def test_parts_equal_those_of_a_memory_map(tmp_path, monkeypatch, small, order, shape, dtype):
    monkeypatch.setattr(npy_file, '_SMALL', small)
    values = np.random.default_rng(0).integers(0, 100, shape).astype(dtype)
    np.save(tmp_path / 'x.npy', np.asarray(values, order=order))
    with NpyFile(tmp_path / 'x.npy') as file:
        assert file.shape == shape and file.dtype == np.dtype(dtype) and file.ndim == len(shape)
        np.testing.assert_array_equal(file[()], values)
        for index in itertools.product(SLICES, repeat=len(shape)):
            found = file[index]
            np.testing.assert_array_equal(found, values[index])
            assert found.dtype == values.dtype and found.flags.writeable
        if len(shape) > 1 and shape[0]:
            np.testing.assert_array_equal(file[slice(1, 3), [3, 0, 3]], values[1:3, [3, 0, 3]])
            np.testing.assert_array_equal(file[slice(1, 3), []], values[1:3, []])


def test_a_file_that_is_cut_off_while_it_is_read_is_an_error(tmp_path):
    cube = np.arange(400 * 300 * 20, dtype=np.float32).reshape(400, 300, 20)
    np.save(tmp_path / 'cube.npy', cube)
    reader = open_cube(tmp_path / 'cube.npy')
    np.testing.assert_array_equal(reader.read((390, 0, 10, 300)), cube[390:])
    os.truncate(tmp_path / 'cube.npy', 2**20)
    np.testing.assert_array_equal(reader.read((0, 0, 10, 300)), cube[:10])
    for window in ((390, 0, 10, 300), (200, 10, 5, 5), None):
        with pytest.raises(CubeReadError, match='^[^:]*cube.npy: the file was truncated while it was read: byte'):
            reader.read(window)
    with pytest.raises(CubeReadError, match='truncated or damaged'):
        pickle.loads(pickle.dumps(reader)).read((0, 0, 10, 300))


def test_a_file_that_is_replaced_by_another_shape_is_an_error(tmp_path):
    np.save(tmp_path / 'cube.npy', np.zeros((8, 9, 5)))
    reader = pickle.loads(pickle.dumps(open_cube(tmp_path / 'cube.npy')))
    np.save(tmp_path / 'cube.npy', np.zeros((9, 8, 5)))
    with pytest.raises(CubeReadError, match=r'the file was replaced: it holds \(9, 8, 5\) .* opened with \(8, 9, 5\)'):
        reader.read((0, 0, 2, 2))


def test_threads_and_forked_processes_share_a_file(tmp_path):
    values = np.arange(100_000).reshape(1000, 100)
    np.save(tmp_path / 'x.npy', values)
    wrong = []
    with NpyFile(tmp_path / 'x.npy') as file:

        def read(start):
            for row in range(start, 1000, 4):
                if not np.array_equal(file[row : row + 1, 3:90], values[row : row + 1, 3:90]):
                    wrong.append(row)

        child = os.fork()
        if not child:
            read(0)
            os._exit(bool(wrong))
        threads = [threading.Thread(target=read, args=(start,)) for start in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong and os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize(
    'content', [b'', b'\x93NUMPY', b'\x93NUMPY\x03\x00v\x00{}', b'PK\x03\x04', b'\x93NUMPY\x01\x00']
)
def test_damaged_files_are_named(tmp_path, content):
    (tmp_path / 'x.npy').write_bytes(content)
    with pytest.raises(ValueError):
        NpyFile(tmp_path / 'x.npy')


def test_objects_are_refused(tmp_path):
    np.save(tmp_path / 'x.npy', np.array([dict()], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match='holds objects'):
        NpyFile(tmp_path / 'x.npy')


def test_a_store_of_patches_that_is_cut_off_is_an_error(tmp_path):
    write_patches(tmp_path / 'store', np.random.default_rng(0).normal(size=(50, 16, 16, 8)).astype(np.float32))
    store = PatchStore(tmp_path / 'store')
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(store)).read(-1), store.read(49))
    os.truncate(store.path, 2**16)
    with pytest.raises(CubeReadError, match='truncated while it was read'):
        store.read(49)
