"""Folders in which processes keep a checkpoint together, here of one process."""

import os
import pickle
import shutil

import pytest
import torch

from mmhsi.weights.checkpoint_file import check_intact, read_checkpoint
from mmhsi.weights.sharded_checkpoint import is_sharded, read_shards, write_shards


@pytest.fixture(scope='module')
def trained():
    """A network and its optimiser after a step."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(5, 3), torch.nn.BatchNorm1d(3))
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.rand(4, 5)).square().sum().backward()
    optimizer.step()
    return model, optimizer


@pytest.fixture(scope='module')
def written(trained, tmp_path_factory):
    model, optimizer = trained
    names = [name for name, _ in model.named_parameters()]
    state = optimizer.state_dict()
    tensors = {f'model.{name}': value for name, value in model.state_dict().items()}
    for number, values in state['state'].items():
        tensors.update({f'optimizer.{names[number]}.{key}': value for key, value in values.items()})
    run = dict(meta=dict(iter=1), message_hub={}, optimizer=dict(param_groups=state['param_groups'], names=names))
    folder = tmp_path_factory.mktemp('run') / 'epoch_1.pth'
    write_shards(tensors, run, folder)
    return folder


@pytest.fixture
def folder(written, tmp_path):
    return shutil.copytree(written, tmp_path / 'epoch_1.pth')


def test_a_folder_reads_like_the_file_of_one_process(trained, written):
    model, optimizer = trained
    assert is_sharded(written) and check_intact(written)['meta'] == dict(iter=1)
    found = read_checkpoint(written)
    assert found.keys() == {'meta', 'message_hub', 'state_dict', 'optimizer'}
    other = torch.nn.Sequential(torch.nn.Linear(5, 3), torch.nn.BatchNorm1d(3))
    other.load_state_dict(found['state_dict'])
    for name, value in model.state_dict().items():
        assert torch.equal(other.state_dict()[name], value), name
    resumed = torch.optim.AdamW(other.parameters())
    resumed.load_state_dict(found['optimizer'])
    for mine, theirs in zip(optimizer.state.values(), resumed.state.values(), strict=True):
        assert mine.keys() == theirs.keys() and all(torch.equal(mine[key], theirs[key]) for key in mine)


@pytest.mark.parametrize('name', ['__0_0.distcp', '.metadata'])
def test_a_changed_a_cut_and_a_missing_file_are_told(folder, name):
    path = folder / name
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    with pytest.raises(ValueError, match=rf'damaged: the checksum of {name} is wrong'):
        check_intact(folder)
    path.write_bytes(content[:middle])
    with pytest.raises(ValueError, match=rf'{name} should have {len(content)} bytes, it has {middle}'):
        read_checkpoint(folder)
    path.unlink()
    with pytest.raises(ValueError, match=rf'{name} should have {len(content)} bytes, it is missing'):
        check_intact(folder)


def test_a_folder_without_its_last_file_is_no_checkpoint(folder):
    (folder / 'run.pth').unlink()
    for read in (read_checkpoint, check_intact):
        with pytest.raises(
            ValueError, match=r'is a folder, not a checkpoint: expected a file, or a folder with run.pth'
        ):
            read(folder)


class Harm:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_description_that_asks_for_code_is_refused(folder, tmp_path):
    (folder / '.metadata').write_bytes(pickle.dumps(Harm(tmp_path / 'harm')))
    with pytest.raises(ValueError, match=r'does not describe the tensors of a checkpoint: it asks for posix.mkdir'):
        read_shards({}, folder)
    assert not (tmp_path / 'harm').exists()


def _larger(description):
    description.state_dict_metadata['model.0.weight'].size = torch.Size([10**12])


def _without_size(description):
    description.state_dict_metadata['model.0.weight'].size = 'x'


def _elsewhere(description):
    for place in description.storage_data.values():
        place.relative_path = '../../other'


def _beyond(description):
    for place in description.storage_data.values():
        place.offset = 10**12


@pytest.mark.parametrize(
    'change, message',
    [
        (_larger, 'tensors of 4000000000[0-9]+ bytes are described, its files have'),
        (_without_size, 'holds model.0.weight, which are no tensors'),
        (_elsewhere, 'process 0 cannot read its share'),
        (_beyond, 'process 0 cannot read its share'),
    ],
)
def test_a_description_that_lies_is_told(folder, change, message):
    description = pickle.loads((folder / '.metadata').read_bytes())
    change(description)
    (folder / '.metadata').write_bytes(pickle.dumps(description))
    run = torch.load(folder / 'run.pth')
    run['files']['.metadata'][0] = (folder / '.metadata').stat().st_size
    torch.save(run, folder / 'run.pth')
    with pytest.raises(ValueError, match=f'epoch_1.pth .*{message}|epoch_1.pth is damaged: {message}'):
        read_checkpoint(folder)


@pytest.mark.parametrize(
    'entry, value, message',
    [
        ('files', {'a': 3}, 'does not list the files that belong to it'),
        ('files', {3: [1, 2]}, 'does not list the files that belong to it'),
        ('optimizer', {}, 'the parameters of its optimiser are not named'),
        ('optimizer', 3, 'the parameters of its optimiser are not named'),
        ('optimizer', dict(names=['b']), 'the parameters of its optimiser are not named'),
    ],
)
def test_damaged_entries_are_told(folder, entry, value, message):
    run = torch.load(folder / 'run.pth')
    torch.save(dict(run, **{entry: value}), folder / 'run.pth')
    with pytest.raises(ValueError, match=f'epoch_1.pth .*{message}'):
        read_checkpoint(folder)


def test_tensors_that_do_not_fit_are_told(written):
    with pytest.raises(ValueError, match=r'expected model.0.weight of shape \(2, 5\), it is of shape \(3, 5\)'):
        read_shards({'model.0.weight': torch.zeros(2, 5)}, written)
    with pytest.raises(ValueError, match=r'expected model.2.weight of shape \(1,\), it is missing'):
        read_shards({'model.2.weight': torch.zeros(1)}, written)
