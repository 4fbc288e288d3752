import json

import numpy as np
import pytest
import safetensors
import torch
from mmengine.runner import CheckpointLoader

from mmhsi.models import SpatViT
from mmhsi.weights.checkpoint_file import read_checkpoint, write_checkpoint

ENCODER = dict(
    arch=dict(embed_dims=8, num_layers=1, num_heads=2, full_attn_interval=1),
    img_size=8,
    patch_size=2,
    in_channels=5,
    out_indices=(0,),
)


def equal(found, wanted):
    if isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(equal(found[key], wanted[key]) for key in wanted)
    if isinstance(wanted, (list, tuple)):
        return type(found) is type(wanted) and len(found) == len(wanted) and all(map(equal, found, wanted))
    if isinstance(wanted, torch.Tensor):
        return isinstance(found, torch.Tensor) and found.dtype == wanted.dtype and torch.equal(found, wanted)
    if isinstance(wanted, np.ndarray):
        return isinstance(found, np.ndarray) and found.dtype == wanted.dtype and np.array_equal(found, wanted)
    return found == wanted


def test_a_whole_checkpoint_comes_back(tmp_path):
    weight = torch.randn(4, 6)
    rest = dict(
        meta=dict(
            cfg='a = 1\n',
            classes=('one', 'two'),
            palette=[(0, 1, 2)],
            seed=None,
            scale=0.25,
            on=True,
            names=np.array(['red', 'nir']),
            bands=np.arange(3),
            by_number={1: 'one'},
        ),
        mmhsi=dict(transforms={'0.Standardize.mean': torch.rand(5, dtype=torch.float64)}),
    )
    parameters = dict(weight=weight, part=weight[:, ::2], tied=weight, half=weight.bfloat16())
    path = tmp_path / 'model.safetensors'
    write_checkpoint(dict(rest, state_dict=parameters, optimizer=dict(state={1: object()})), path)
    assert equal(read_checkpoint(path), dict(rest, state_dict=parameters))
    assert equal(CheckpointLoader.load_checkpoint(str(path), 'cpu'), dict(rest, state_dict=parameters))
    with safetensors.safe_open(path, 'pt') as file:
        assert set(parameters) <= set(file.keys()) and file.metadata()['format'] == 'pt'
    assert list(tmp_path.iterdir()) == [path]


def test_an_encoder_is_initialised_from_either_format(tmp_path):
    torch.manual_seed(0)
    trained = SpatViT(**ENCODER)
    parameters = {f'backbone.{name}': value for name, value in trained.state_dict().items()}
    image = torch.rand(1, 5, 8, 8)
    wanted = trained.eval()(image)[0]
    for name in ('plain.safetensors', 'whole.pth', 'whole.safetensors'):
        write_checkpoint(dict(state_dict=parameters) if 'whole' in name else parameters, tmp_path / name)
        encoder = SpatViT(**ENCODER, init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / name)))
        encoder.init_weights()
        torch.testing.assert_close(encoder.eval()(image)[0], wanted)


def test_files_of_others_are_read(tmp_path):
    safetensors.torch.save_file(dict(weight=torch.ones(2)), tmp_path / 'theirs.safetensors', dict(made_by='them'))
    assert equal(read_checkpoint(tmp_path / 'theirs.safetensors'), dict(state_dict=dict(weight=torch.ones(2))))


def test_what_cannot_be_stored_is_named(tmp_path):
    path = tmp_path / 'model.safetensors'
    with pytest.raises(ValueError, match='the checkpoint has meta/when of type complex, which a safetensors file'):
        write_checkpoint(dict(state_dict={}, meta=dict(when=1j)), path)
    with pytest.raises(ValueError, match="state_dict has 'epoch' of type int, expected a tensor"):
        write_checkpoint(dict(epoch=3), path)
    assert not list(tmp_path.iterdir())


def test_damaged_files_are_named(tmp_path):
    path = tmp_path / 'model.safetensors'
    write_checkpoint(dict(state_dict=dict(weight=torch.ones(64)), meta=dict(bands=np.arange(3))), path)
    content = path.read_bytes()
    for damaged in (
        content[:-8],
        content[:40],
        content[:8] + b'{"' + b'x' * 600,
        b'not a checkpoint at all',
        content.replace(b'\\"array\\"', b'\\"tuple\\"'),
        content.replace(b'meta/bands', b'meta/other', 1),
    ):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match='model.safetensors is (damaged or incomplete|not a checkpoint)'):
            read_checkpoint(path)
    header = json.dumps({'__metadata__': {'mmhsi': '[]'}}).encode()
    path.write_bytes(len(header).to_bytes(8, 'little') + header)
    assert read_checkpoint(path) == dict(state_dict={})
