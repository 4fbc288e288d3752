"""Checkpoints never run code, by whatever way they are loaded, unless one says so."""

import argparse
import pickle

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader, load_checkpoint

import mmhsi.weights.safe_loading  # noqa: F401
from mmhsi.weights import restricted_pickle
from mmhsi.weights.checkpoint_file import check_intact, put_in_place, read_checkpoint, write_checkpoint, write_text


class Harm:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, 'w')


@pytest.fixture
def harmful(tmp_path):
    """A checkpoint that would write the second path."""
    torch.save(dict(state_dict=dict(weight=torch.zeros(1, 1), bias=torch.zeros(1)), harm=Harm(tmp_path / 'harm')),
               tmp_path / 'harmful.pth')
    return tmp_path / 'harmful.pth', tmp_path / 'harm'


def test_every_way_refuses_code_and_says_how_to_trust(harmful):
    path, harm = harmful
    explanation = f'{path}: the file asks for .*open.* unpickling it could run any code; if you trust its source, .*' \
        'MMHSI_TRUST_CHECKPOINTS=1'
    for load in (read_checkpoint, check_intact, CheckpointLoader.load_checkpoint,
                 lambda source: load_checkpoint(torch.nn.Linear(1, 1), source)):
        with pytest.raises(ValueError, match=explanation):
            load(str(path))
    assert not harm.exists()


def test_trust_is_explicit(harmful, monkeypatch):
    path, harm = harmful
    monkeypatch.setenv('MMHSI_TRUST_CHECKPOINTS', '1')
    with pytest.warns(UserWarning, match='it can run any code'):
        CheckpointLoader.load_checkpoint(str(path))
    assert harm.exists()


def test_downloads_are_not_trusted_either(harmful, monkeypatch):
    path, harm = harmful
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(path.parent))
    (path.parent / 'checkpoints').mkdir()
    path.rename(path.parent / 'checkpoints' / path.name)  # as if it had been downloaded before
    with pytest.raises(ValueError, match='unpickling it could run any code'):
        CheckpointLoader.load_checkpoint('https://example.org/models/harmful.pth?download=1')
    assert not harm.exists()


def training_checkpoint():
    history = HistoryBuffer([1., 2.], [1, 1])
    return dict(meta=dict(iter=3, args=argparse.Namespace(lr=0.1)), state_dict=dict(
        weight=torch.nn.Parameter(torch.arange(6.).view(2, 3)), half=torch.ones(2, dtype=torch.bfloat16)),
        message_hub=dict(log_scalars=dict(loss=history)), centre=np.float32([3.5]), count=np.int64(7))


@pytest.mark.parametrize('legacy', [False, True])
def test_restricted_pickle_reads_what_a_training_saves_and_nothing_else(tmp_path, harmful, legacy):
    path = tmp_path / 'epoch_1.pth'
    torch.save(training_checkpoint(), path, _use_new_zipfile_serialization=not legacy)
    found = torch.load(path, weights_only=False, pickle_module=restricted_pickle)
    assert found['state_dict']['weight'].tolist() == [[0, 1, 2], [3, 4, 5]] and found['count'] == 7
    assert found['message_hub']['log_scalars']['loss'].mean() == 1.5 and found['meta']['args'].lr == 0.1
    with pytest.raises(pickle.UnpicklingError, match='GLOBAL _?io.open'):
        torch.load(harmful[0], weights_only=False, pickle_module=restricted_pickle)
    assert not harmful[1].exists()


def test_a_changed_byte_is_found(tmp_path):
    path = tmp_path / 'epoch_1.pth'
    write_checkpoint(training_checkpoint(), path)
    assert check_intact(path)['meta']['iter'] == 3
    content = path.read_bytes()
    place = content.index(torch.arange(6.).numpy().tobytes())
    path.write_bytes(content[:place] + b'!' + content[place + 1:])
    assert read_checkpoint(path)['meta']['iter'] == 3  # the structure is sound
    with pytest.raises(ValueError, match=f'{path} is damaged: the checksum of its part .* is wrong'):
        check_intact(path)


def test_files_are_replaced_whole(tmp_path):
    write_text(tmp_path / 'note', 'first')
    write_text(tmp_path / 'note', 'second')
    (tmp_path / 'part').write_text('third')
    put_in_place(tmp_path / 'part', tmp_path / 'note')
    assert (tmp_path / 'note').read_text() == 'third' and len(list(tmp_path.iterdir())) == 1
