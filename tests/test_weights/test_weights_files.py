"""Tests of reading and writing checkpoint files."""

import argparse
import os
import pathlib
import pickle

import pytest
import torch
from official_checkpoints import official_checkpoint, tiny_state

from mmhsi.weights.checkpoint_file import parameters_of, read_checkpoint, write_checkpoint


class RunsCode:
    """A pickle that makes a folder when it is read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_official_files_are_read_with_their_arguments(tmp_path):
    state = tiny_state('spat-mae')
    torch.save(official_checkpoint(state), tmp_path / 'official.pth')
    checkpoint = read_checkpoint(tmp_path / 'official.pth')
    assert checkpoint['epoch'] == 1599 and checkpoint['args'].mask_ratio == 0.75
    assert all(torch.equal(checkpoint['model'][name], value) for name, value in state.items())


@pytest.mark.skipif(not hasattr(torch.serialization, 'get_safe_globals'), reason='torch has no list of safe classes')
def test_the_permission_for_official_files_ends_with_the_reading(tmp_path):
    torch.save(official_checkpoint({}), tmp_path / 'official.pth')
    before = set(torch.serialization.get_safe_globals())
    read_checkpoint(tmp_path / 'official.pth')
    assert set(torch.serialization.get_safe_globals()) == before and argparse.Namespace not in before


def test_files_of_old_torch_are_read(tmp_path):
    torch.save({'a': torch.ones(2)}, tmp_path / 'old.pth', _use_new_zipfile_serialization=False)
    assert read_checkpoint(tmp_path / 'old.pth')['a'].tolist() == [1, 1]


@pytest.mark.parametrize('legacy', [False, True])
def test_code_in_a_checkpoint_is_not_run(tmp_path, legacy):
    path = tmp_path / 'evil.pth'
    torch.save({'model': RunsCode(tmp_path / 'made')}, path, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(ValueError, match=r'evil.pth: the file asks for \w+.mkdir, .* not loaded; .*--trust'):
        read_checkpoint(path)
    assert not (tmp_path / 'made').exists()
    with pytest.warns(UserWarning, match='evil.pth is unpickled without restriction'):
        read_checkpoint(path, trust=True)
    assert (tmp_path / 'made').is_dir()


@pytest.mark.filterwarnings('ignore:Detected pickle protocol')
@pytest.mark.parametrize('protocol', [2, 4])
def test_a_plain_pickle_is_not_run_either(tmp_path, protocol):
    path = tmp_path / 'plain.pkl'
    path.write_bytes(pickle.dumps(RunsCode(tmp_path / 'made'), protocol))
    with pytest.raises(ValueError, match='plain.pkl'):
        read_checkpoint(path)
    assert not (tmp_path / 'made').exists()


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='absent.pth: the checkpoint does not exist'):
        read_checkpoint(tmp_path / 'absent.pth')


@pytest.mark.parametrize('content', [b'version https://git-lfs.github.com/spec/v1\n', b'<!DOCTYPE html>', b''])
def test_other_files_are_told_by_their_beginning(tmp_path, content):
    (tmp_path / 'text.pth').write_bytes(content)
    with pytest.raises(ValueError, match='text.pth is not a checkpoint: expected a file of torch.save') as raised:
        read_checkpoint(tmp_path / 'text.pth')
    assert repr(content[:24]) in str(raised.value)


@pytest.mark.parametrize('legacy', [False, True])
@pytest.mark.parametrize('share', [0.01, 0.5, 0.99])
def test_a_cut_file_is_named(tmp_path, share, legacy):
    whole = tmp_path / 'whole.pth'
    torch.save({'a': torch.randn(50, 50)}, whole, _use_new_zipfile_serialization=not legacy)
    content = whole.read_bytes()
    (tmp_path / 'cut.pth').write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ValueError, match=r'cut.pth (is damaged or incomplete|is not a checkpoint)'):
        read_checkpoint(tmp_path / 'cut.pth')


@pytest.mark.parametrize(
    'wrap',
    [
        lambda state: dict(state_dict=state, meta={}),
        lambda state: dict(model=state),
        lambda state: dict(net=state, epoch=3),
        lambda state: state,
    ],
)
def test_parameters_are_found_in_every_layout(wrap):
    assert list(parameters_of(wrap({'module.a.weight': torch.ones(1)}), 'x.pth')) == ['a.weight']


@pytest.mark.parametrize(
    'content, found',
    [
        (dict(epoch=3, weights={}), 'epoch, weights, not tensors'),
        ([1], 'list'),
        (dict(model=[1]), 'list'),
        (dict(state_dict={}), 'an empty dict'),
    ],
)
def test_files_without_parameters_are_refused(content, found):
    with pytest.raises(ValueError, match=f"x.pth: expected parameters under 'state_dict'.*'net'.*found {found}"):
        parameters_of(content, 'x.pth')


def test_writing_replaces_a_file_as_a_whole(tmp_path):
    path = tmp_path / 'new' / 'weights.pth'
    write_checkpoint({'a': torch.ones(1)}, path)
    with pytest.raises(Exception, match='pickle|local object'):
        write_checkpoint({'a': lambda: None}, path)
    assert read_checkpoint(path)['a'].item() == 1
    assert list(path.parent.iterdir()) == [path]


def test_a_converted_file_may_take_the_place_of_its_source(tmp_path):
    path = tmp_path / 'weights.pth'
    torch.save({'a': torch.arange(1000.0)}, path)
    write_checkpoint({'b': read_checkpoint(path)['a']}, path)
    assert torch.equal(read_checkpoint(path)['b'], torch.arange(1000.0))


def test_the_folder_may_be_given_as_a_path_object_or_with_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    write_checkpoint({'a': torch.ones(1)}, pathlib.Path('~/weights.pth'))
    assert (tmp_path / 'weights.pth').is_file() and 'a' in read_checkpoint('~/weights.pth')
