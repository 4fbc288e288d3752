"""Damaged HDF5 files on which libhdf5 never returns, or ends the process, are refused in a sentence."""

import os
import signal
import struct

import h5py
import numpy as np
import pytest

from mmhsi.datasets.io import CubeReadError, hdf5_check, open_cube, read_spectra


@pytest.fixture
def path(tmp_path):
    cube = np.random.default_rng(0).integers(0, 1000, (40, 30, 24)).astype(np.int16)
    with h5py.File(tmp_path / 'cube.h5', 'w') as file:
        file.create_dataset('cube', data=cube, chunks=(8, 8, 24), compression='gzip')
        file.create_dataset('names', data=['a', 'bb', 'ccc'], dtype=h5py.string_dtype())
    return tmp_path / 'cube.h5'


def endless_heap(content):
    """Strings of any length lie in a heap; the space that is left over in it is followed by one of no bytes."""
    place = content.index(b'GCOL') + 16
    while struct.unpack_from('<H', content, place)[0]:
        size = struct.unpack_from('<Q', content, place + 8)[0]
        place += 16 + -(-size // 8) * 8
    struct.pack_into('<Q', content, place + 8, 800)


def endless_tree(content):
    """The chunks lie in a tree, whose root is made its own child."""
    tree = content.index(b'TREE\x01')
    content[tree + 5] = 1  # the level: entries are nodes
    key = 4 + 4 + 8 * 4  # bytes of a chunk, filters, its place
    for index in range(struct.unpack_from('<H', content, tree + 6)[0]):
        struct.pack_into('<Q', content, tree + 24 + key + index * (key + 8), tree)


@pytest.mark.parametrize(
    'damage, finding',
    [
        (endless_heap, r'that are read in \d s of processor time, they take longer'),
        (endless_tree, 'the library that reads them ends with SIGSEGV'),
    ],
)
def test_what_the_library_does_not_survive_is_refused(path, monkeypatch, damage, finding):
    monkeypatch.setattr(hdf5_check, '_SECONDS', 1)
    content = bytearray(path.read_bytes())
    damage(content)
    path.write_bytes(content)
    for read in (open_cube, open_cube, read_spectra):  # the answer is kept
        expected = rf'cube\.h5: the file is damaged: expected groups, attributes and arrays of HDF5.* {finding}'
        with pytest.raises(CubeReadError, match=expected):
            read(path)


def test_the_process_is_started_again_after_it_was_ended(path, tmp_path):
    for _ in range(2):
        with open_cube(path) as cube:
            assert cube.info.shape == (40, 30, 24)
        os.kill(hdf5_check._walker._process.pid, signal.SIGKILL)
        hdf5_check._walker._process.wait()
        path.touch()


def test_a_file_is_checked_again_after_it_has_changed(path):
    hdf5_check.check_hdf5(str(path))
    known = len(hdf5_check._answers)
    hdf5_check.check_hdf5(str(path))
    assert len(hdf5_check._answers) == known
    os.utime(path, ns=(1, 1))
    hdf5_check.check_hdf5(str(path))
    assert len(hdf5_check._answers) == known + 1


def test_without_the_process_files_are_read_with_a_warning(path, monkeypatch, log):
    monkeypatch.setattr(hdf5_check.sys, 'executable', '/absent/python')
    monkeypatch.setattr(hdf5_check, '_walker', hdf5_check._Walker())
    with open_cube(path) as cube:
        assert cube.info.bands == 24
    assert 'HDF5 files are opened without a check for damage: ' in log.text


def test_names_that_are_no_text_are_left_out(path):
    with h5py.File(path, 'r+') as file:
        file['cube'].attrs['units_'] = 1
    path.write_bytes(path.read_bytes().replace(b'units_', b'unit\xff\xfe'))
    with open_cube(path) as cube:
        assert cube.info.units is None
    path.write_bytes(path.read_bytes().replace(b'names', b'\xff\xfe\xfd\xfc\xfb'))
    with open_cube(path) as cube:
        assert cube.info.shape == (40, 30, 24)


def test_many_small_objects_and_deep_groups_are_no_damage(tmp_path):
    with h5py.File(tmp_path / 'many.h5', 'w') as file:
        for number in range(3000):
            file[f'group{number % 7}/value{number}'] = number
        file['cube'] = np.ones((4, 5, 6))
    with open_cube(tmp_path / 'many.h5') as cube:
        assert cube.info.shape == (4, 5, 6)
    with h5py.File(tmp_path / 'deep.h5', 'w') as file:
        file['/'.join(['group'] * 300)] = np.ones((4, 5, 6))
    with pytest.raises(CubeReadError, match=r'deep\.h5: groups are nested 64 deep and more'):
        open_cube(tmp_path / 'deep.h5')
