"""Checkpoints never run code, by whatever way they are loaded, unless one says so."""

import argparse
import hashlib
import io
import pickle
import sys
import tarfile
import types
from pathlib import Path

import mmengine.runner.checkpoint as mmengine_checkpoint
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader, load_checkpoint

import mmhsi  # noqa: F401  the subject: this alone makes loading safe
from mmhsi.utils.files import put_in_place, write_text
from mmhsi.weights import checkpoint_file, restricted_pickle
from mmhsi.weights.checkpoint_file import check_intact, read_checkpoint, trusting, write_checkpoint
from mmhsi.weights.downloads import cached_path


class Harm:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, 'w')


@pytest.fixture
def harmful(tmp_path):
    """A checkpoint that would write the second path."""
    torch.save(
        dict(state_dict=dict(weight=torch.zeros(1, 1), bias=torch.zeros(1)), harm=Harm(tmp_path / 'harm')),
        tmp_path / 'harmful.pth',
    )
    return tmp_path / 'harmful.pth', tmp_path / 'harm'


def test_every_way_refuses_code_and_says_how_to_trust(harmful):
    path, harm = harmful
    explanation = (
        f'{path}: the file asks for .*open.* unpickling it could run any code; if you trust its source, .*'
        'MMHSI_TRUST_CHECKPOINTS=1'
    )
    for load in (
        read_checkpoint,
        check_intact,
        CheckpointLoader.load_checkpoint,
        lambda source: load_checkpoint(torch.nn.Linear(1, 1), source),
    ):
        with pytest.raises(ValueError, match=explanation):
            load(str(path))
    assert not harm.exists()


def test_trust_is_explicit(harmful, monkeypatch):
    path, harm = harmful
    monkeypatch.setenv('MMHSI_TRUST_CHECKPOINTS', '1')
    with pytest.warns(UserWarning, match='can run any code'):
        CheckpointLoader.load_checkpoint(str(path))
    assert harm.exists()
    harm.unlink()
    monkeypatch.delenv('MMHSI_TRUST_CHECKPOINTS')
    with trusting(), pytest.warns(UserWarning, match='can run any code'):
        CheckpointLoader.load_checkpoint(str(path))
    assert harm.exists()
    with pytest.raises(ValueError, match='asks for'):
        CheckpointLoader.load_checkpoint(str(path))


@pytest.fixture
def every_scheme(harmful, monkeypatch):
    """An address of the harmful file for each scheme that MMEngine knows, its services played by stand-ins."""
    path, harm = harmful
    content, folder = path.read_bytes(), path.parent
    address = 'https://example.org/models/harmful.pth'
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(folder / 'hub'))
    cached_path(address).parent.mkdir(parents=True)
    cached_path(address).write_bytes(content)  # as if it had been downloaded before
    monkeypatch.setattr(mmengine_checkpoint, 'get_torchvision_models', lambda: {'net': address})
    monkeypatch.setattr(mmengine_checkpoint, 'get_mmcls_models', lambda: {'net': address})
    monkeypatch.setattr(mmengine_checkpoint, 'get_external_models', lambda: {'net': address, 'file': 'harmful.pth'})
    monkeypatch.setattr(mmengine_checkpoint, '_get_mmengine_home', lambda: str(folder))
    backend = types.SimpleNamespace(get=lambda name: content)
    monkeypatch.setattr(mmengine_checkpoint, 'get_file_backend', lambda *args, **kwargs: backend)
    model = types.SimpleNamespace(name='x.pth', download=lambda place: Path(place).write_bytes(content))
    cloud = types.SimpleNamespace(modelcloud=types.SimpleNamespace(get=lambda name: model))
    monkeypatch.setitem(sys.modules, 'pavi', cloud)
    return [
        str(path),
        f'file:{path}',
        address,
        'http://example.org/none.pth',
        'modelzoo://net',
        'torchvision://net',
        'open-mmlab://net',
        'openmmlab://net',
        'openmmlab://file',
        'mmcls://net',
        'pavi://net',
        's3://net',
        'petrel://net',
        'openmmlab:s3://net',
        f'{path}#sha256={hashlib.sha256(content).hexdigest()}',
    ]


def test_every_scheme_refuses_code(every_scheme, harmful):
    for address in every_scheme:
        with pytest.raises((ValueError, OSError)) as error:
            CheckpointLoader.load_checkpoint(address)
        expected = (
            'unpickling it could run any code'
            if address not in (f'file:{harmful[0]}', 'http://example.org/none.pth')
            else r'does not exist|the download failed'
        )
        assert error.match(expected), address
    schemes = {scheme.replace(r'(\S+\:)?', '') for scheme in CheckpointLoader._schemes} - {'hypersigma:'}
    assert all(any(address.startswith(scheme) for address in every_scheme) for scheme in schemes)
    assert not harmful[1].exists()


@pytest.mark.parametrize('scheme', ['open-mmlab', 'mmcls'])
def test_a_model_that_a_scheme_does_not_list_is_named(scheme):
    with pytest.raises(FileNotFoundError, match=f"{scheme}://absent: {scheme}:// has no model 'absent'"):
        CheckpointLoader.load_checkpoint(f'{scheme}://absent')


def test_an_address_that_is_none_is_named():
    with pytest.raises(OSError, match='http://a b/x.pth: the download failed: URL can'):
        CheckpointLoader.load_checkpoint('http://a b/x.pth')


def test_a_loader_that_asks_for_an_unsafe_load_does_not_get_it(harmful):
    path, harm = harmful
    # as a fork of MMEngine does where the safe load is refused
    exec('def fallback(name): return torch.load(name, weights_only=False)', vars(mmengine_checkpoint))
    with pytest.raises(ValueError, match='it could run any code'):
        mmengine_checkpoint.fallback(str(path))
    with path.open('rb') as file, pytest.raises(ValueError, match='it could run any code'):
        exec('result = torch.load(file, weights_only=False)', vars(mmengine_checkpoint) | dict(file=file))
    assert mmengine_checkpoint.torch.nn is torch.nn and not harm.exists()


@pytest.mark.skipif(not hasattr(torch.serialization, 'safe_globals'), reason='torch before 2.5 has no such list')
def test_the_allow_list_is_entered_at_each_call(tmp_path):
    torch.save(training_checkpoint(), tmp_path / 'epoch_1.pth')
    torch.serialization.add_safe_globals([HistoryBuffer])  # other loaders may have removed it
    before = list(torch.serialization.get_safe_globals())
    with torch.serialization.safe_globals(before):  # the end of such a context removes what was allowed for good
        pass
    assert HistoryBuffer not in torch.serialization.get_safe_globals()
    try:
        assert CheckpointLoader.load_checkpoint(str(tmp_path / 'epoch_1.pth'))['meta']['iter'] == 3
    finally:
        torch.serialization.add_safe_globals(before)
    read_checkpoint(tmp_path / 'epoch_1.pth')
    assert HistoryBuffer in torch.serialization.get_safe_globals()  # and ours removes nothing
    assert argparse.Namespace not in torch.serialization.get_safe_globals()


def test_a_config_that_mmengine_would_run_is_left_out(tmp_path):
    text = f'made = __import__("os").mkdir({str(tmp_path / "harm")!r})'
    torch.save(dict(meta=dict(config=text, epoch=3), state_dict={}), tmp_path / 'old.pth')
    meta = CheckpointLoader.load_checkpoint(str(tmp_path / 'old.pth'))['meta']
    assert meta == dict(epoch=3) and not (tmp_path / 'harm').exists()
    Config.fromstring(text, '.py')  # what Runner.resume does with it
    assert (tmp_path / 'harm').exists()


def training_checkpoint():
    history = HistoryBuffer([1.0, 2.0], [1, 1])
    return dict(
        meta=dict(iter=3, args=argparse.Namespace(lr=0.1)),
        state_dict=dict(
            weight=torch.nn.Parameter(torch.arange(6.0).view(2, 3)), half=torch.ones(2, dtype=torch.bfloat16)
        ),
        message_hub=dict(log_scalars=dict(loss=history)),
        centre=np.float32([3.5]),
        count=np.int64(7),
    )


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
    place = content.index(torch.arange(6.0).numpy().tobytes())
    path.write_bytes(content[:place] + b'!' + content[place + 1 :])
    assert read_checkpoint(path)['meta']['iter'] == 3  # the structure is sound
    with pytest.raises(ValueError, match=f'{path} is damaged: the checksum of its part .* is wrong'):
        check_intact(path)


def test_files_are_replaced_whole(tmp_path):
    write_text(tmp_path / 'note', 'first')
    write_text(tmp_path / 'note', 'second')
    (tmp_path / 'part').write_text('third')
    put_in_place(tmp_path / 'part', tmp_path / 'note')
    assert (tmp_path / 'note').read_text() == 'third' and len(list(tmp_path.iterdir())) == 1


def test_the_old_tar_layout_is_refused(tmp_path):
    """Before torch 2.6 its loader unpickles a member without restriction (CVE-2025-32434)."""
    content = pickle.dumps(Harm(tmp_path / 'harm'))
    with tarfile.open(tmp_path / 'old.pth', 'w', format=tarfile.PAX_FORMAT) as archive:
        for name in ('storages', 'tensors', 'pickle'):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    for load in (read_checkpoint, CheckpointLoader.load_checkpoint):
        with pytest.raises(
            ValueError, match='old.pth is not a checkpoint: expected a file of torch.save or safetensors'
        ):
            load(str(tmp_path / 'old.pth'))
    assert not (tmp_path / 'harm').exists()


def test_a_torch_with_a_known_weakness_is_reported_once(tmp_path, monkeypatch):
    version = (
        '2.9.1' if hasattr(torch.serialization, 'safe_globals') else '2.4.1'
    )  # the version decides how files are read
    monkeypatch.setattr(torch, '__version__', version)
    checkpoint_file._warn_of_torch.cache_clear()
    said = []
    monkeypatch.setattr(checkpoint_file, 'print_log', lambda message, *_: said.append(message))
    write_checkpoint({'weight': torch.zeros(2)}, tmp_path / 'a.safetensors')
    read_checkpoint(tmp_path / 'a.safetensors')
    assert not said
    torch.save({'weight': torch.zeros(2)}, tmp_path / 'a.pth')
    for _ in range(2):
        read_checkpoint(tmp_path / 'a.pth')
    assert len(said) == 1 and f'torch {version} is installed' in said[0] and 'CVE-2026-24747' in said[0]
    monkeypatch.undo()
    checkpoint_file._warn_of_torch.cache_clear()
