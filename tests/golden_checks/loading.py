"""Goldens of initialising a downstream encoder from an official pre-training file."""

import argparse
import tempfile
from pathlib import Path

import torch

import mmhsi.models  # noqa: F401
from golden_checks.case import GoldenCase
from golden_checks.compare import as_tensors, assert_output_close
from golden_checks.networks import settings_of, spat_vit, spec_vit
from mmhsi.models.backbones.pretrained import load_encoder
from mmhsi.registry import MODELS
from mmhsi.weights.convert_back import names_in_mmhsi
from mmhsi.weights.encoder_state import load_encoder_state


def check_spatial_loading(case: GoldenCase) -> None:
    """SpatViT of the detection folder; positions resized from one square grid to another."""
    sizes = settings_of(case)
    _check_loading(case, spat_vit(sizes, sizes['use_abs_pos_emb']), kind='spat-mae')


def check_spectral_loading(case: GoldenCase) -> None:
    """SpecViT; the reference takes the first token for a class token, and keeps the pixel map for 64x64 only."""
    sizes = settings_of(case)
    config = spec_vit(sizes, [sizes['depth'] - 1], sizes['use_abs_pos_emb'])
    _check_loading(case, config, kind='spec-mae', skip=('spat_map', ), drop_first_token=True)


def _check_loading(case: GoldenCase, config: dict, kind: str, **switches) -> None:
    torch.manual_seed(case.json['seed'])
    encoder = MODELS.build(config)
    initial = {name: value.clone() for name, value in encoder.state_dict().items()}
    checkpoint = as_tensors(case.group('ckpt.'))
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / 'checkpoint-1599.pth')
        torch.save(dict(model=checkpoint, epoch=1599, args=argparse.Namespace(mask_ratio=0.75)), file)
        state = load_encoder_state(file, 'backbone.', encoder.embedding)
        report = load_encoder(encoder, state, file, **switches)

    names, _ = names_in_mmhsi([*checkpoint, *case.json['downstream_state_dict']], kind)
    ours = {official: name.removeprefix('backbone.') for official, name in names.items() if name is not None}
    wanted = {ours[name]: value for name, value in case.group('loaded.').items()}
    assert set(wanted) - set(report.loaded) <= {'norm.weight', 'norm.bias'}  # we build no unused final norm
    assert set(report.loaded) <= set(wanted)
    for name, value in encoder.state_dict().items():
        if name in report.loaded:
            assert_output_close(name, value, wanted[name])
        else:
            assert torch.equal(value, initial[name]), f'{name} has lost its initial values'
    fresh = {ours[name] for name in case.json['missing_keys'] if ours.get(name) in initial}
    assert set(report.new) == fresh
