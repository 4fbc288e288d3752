"""Tests of loading pre-trained encoders into the backbones."""

import logging

import numpy as np
import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.runner import load_checkpoint
from official_checkpoints import TINY_ARCH, official_checkpoint, tiny_state
from torch import nn

from mmhsi.models import HyperSIGMA, SpatViT, SpecViT
from mmhsi.registry import MODELS
from mmhsi.utils import convert_hypersigma_state_dict
from mmhsi.weights.checkpoint_file import write_checkpoint

OFFSETS = {f'blocks.{i}.attn.sampling_offsets.{name}' for i in (0, 1) for name in ('weight', 'bias')}
EMBEDDINGS = {name: {f'{name}.projection.weight', f'{name}.projection.bias'} for name in ('patch_embed', 'spat_map')}


def spatial(init_cfg=None, img_size=8, patch_size=2, in_channels=5, **kwargs):
    return SpatViT(TINY_ARCH, img_size, patch_size, in_channels, init_cfg=init_cfg, **kwargs)


def spectral(init_cfg=None, img_size=8, num_tokens=9, **kwargs):
    return SpecViT(TINY_ARCH, img_size, num_tokens, init_cfg=init_cfg, **kwargs)


def initialised(make, init_cfg, **kwargs):
    """A model after ``init_weights``, its values before loading, and what loading changed."""
    torch.manual_seed(1)
    fresh = make(**kwargs)
    fresh.init_weights()
    torch.manual_seed(1)
    model = make(init_cfg, **kwargs)
    model.init_weights()
    before, after = fresh.state_dict(), model.state_dict()
    return model, before, {name for name in after if not torch.equal(before[name], after[name])}


def cubic(table, size):
    """Bicubic interpolation (a = -0.75) of the first axis, pixel centres at k + 1/2, borders repeated."""
    a, count = -0.75, len(table)
    result = np.zeros((size, *table.shape[1:]))
    for k in range(size):
        centre = (k + 0.5) * count / size - 0.5
        first = int(np.floor(centre))
        for tap in range(first - 1, first + 3):
            x = abs(centre - tap)
            weight = (a + 2) * x**3 - (a + 3) * x**2 + 1 if x <= 1 else a * (x**3 - 5 * x**2 + 8 * x - 4)
            result[k] += weight * table[min(max(tap, 0), count - 1)]
    return result


@pytest.fixture
def files(tmp_path):
    """The same weights as an official file and as a converted one, per kind."""
    found = {}
    for kind in ('spat-mae', 'spec-mae'):
        state = tiny_state(kind)
        torch.save(official_checkpoint(state), tmp_path / f'official-{kind}.pth')
        write_checkpoint(dict(state_dict=convert_hypersigma_state_dict(state, kind)), tmp_path / f'ours-{kind}.pth')
        found[kind] = {name: str(tmp_path / f'{name}-{kind}.pth') for name in ('official', 'ours')}
    return found


@pytest.fixture
def log():
    """The records of the current logger."""
    records = []
    handler = logging.Handler()
    handler.emit = records.append
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel('DEBUG')
    yield records
    logger.setLevel(level)
    logger.removeHandler(handler)


@pytest.mark.parametrize('layout', ['official', 'ours'])
@pytest.mark.parametrize('prefix', [None, 'backbone.'])
@pytest.mark.parametrize('name', ['Pretrained', 'PretrainedEncoder', 'mmhsi.PretrainedEncoder'])
def test_one_line_loads_all_but_the_offsets(files, layout, prefix, name):
    init_cfg = dict(type=name, checkpoint=files['spat-mae'][layout], prefix=prefix)
    model, before, changed = initialised(spatial, init_cfg)
    assert set(before) - changed == OFFSETS
    official = tiny_state('spat-mae')
    assert torch.equal(model.patch_embed.projection.weight, official['patch_embed.proj.weight'])
    assert torch.equal(model.blocks[2].mlp.fc2.bias, official['blocks.2.mlp.fc2.bias'])

    init_cfg['checkpoint'] = files['spec-mae'][layout]
    model, before, changed = initialised(spectral, init_cfg)
    assert set(before) - changed == OFFSETS
    official = tiny_state('spec-mae')
    assert torch.equal(model.spat_map.projection.weight, official['spat_map.weight'])
    assert torch.equal(model.pos_embed, official['pos_embed'])


def test_both_branches_of_hypersigma(files):
    model = HyperSIGMA(
        dict(
            type='mmhsi.SpatViT',
            arch=TINY_ARCH,
            img_size=8,
            patch_size=2,
            in_channels=5,
            init_cfg=dict(type='Pretrained', checkpoint=files['spat-mae']['official'], prefix='backbone.'),
        ),
        dict(
            type='mmhsi.SpecViT',
            arch=TINY_ARCH,
            img_size=8,
            num_tokens=9,
            out_indices=(0,),
            init_cfg=dict(type='Pretrained', checkpoint=files['spec-mae']['ours'], prefix='backbone.'),
        ),
    )
    model.init_weights()
    for branch, kind in ((model.spatial, 'spat-mae'), (model.spectral, 'spec-mae')):
        assert torch.equal(branch.blocks[0].attn.qkv.weight, tiny_state(kind)['blocks.0.attn.qkv.weight'])
    with pytest.raises(ValueError, match='found HyperSIGMA; give each branch its own init_cfg'):
        HyperSIGMA(
            dict(type='mmhsi.SpatViT', arch=TINY_ARCH),
            dict(type='mmhsi.SpecViT', arch=TINY_ARCH),
            init_cfg=dict(type='PretrainedEncoder', checkpoint='x.pth'),
        ).init_weights()


def test_other_bands_keep_weight_and_bias_of_the_embedding(files):
    init_cfg = dict(type='Pretrained', checkpoint=files['spat-mae']['ours'], prefix='backbone.')
    _, before, changed = initialised(spatial, init_cfg, in_channels=7)
    assert set(before) - changed == OFFSETS | EMBEDDINGS['patch_embed']


def test_the_bias_of_the_reference(files):
    init_cfg = dict(type='PretrainedEncoder', checkpoint=files['spat-mae']['ours'], keep_patch_bias=True)
    model, before, changed = initialised(spatial, init_cfg, in_channels=7)
    assert set(before) - changed == OFFSETS | {'patch_embed.projection.weight'}
    assert torch.equal(model.patch_embed.projection.bias, tiny_state('spat-mae')['patch_embed.proj.bias'])


def test_spatial_positions_are_resized_to_the_grid(files):
    init_cfg = dict(type='Pretrained', checkpoint=files['spat-mae']['official'])
    model, _, _ = initialised(spatial, init_cfg, img_size=(12, 10))
    table = tiny_state('spat-mae')['pos_embed'].double().numpy().reshape(4, 4, 8)
    wanted = cubic(cubic(table, 6).swapaxes(0, 1), 5).swapaxes(0, 1).reshape(1, 30, 8)
    np.testing.assert_allclose(model.pos_embed.detach().numpy(), wanted, atol=1e-5)


def test_as_many_positions_are_taken_as_they_are(files):
    """A fine-tuned model on a grid that is not square comes back as it was."""
    init_cfg = dict(type='Pretrained', checkpoint=files['spat-mae']['official'])
    model, _, _ = initialised(spatial, init_cfg, img_size=(4, 16))
    assert torch.equal(model.pos_embed, tiny_state('spat-mae')['pos_embed'])


@pytest.mark.parametrize('num_tokens', [9, 16, 4])
@pytest.mark.parametrize('drop_first_token', [False, True])
def test_spectral_positions_are_resized_along_the_tokens(files, num_tokens, drop_first_token):
    init_cfg = dict(type='PretrainedEncoder', checkpoint=files['spec-mae']['ours'], drop_first_token=drop_first_token)
    model, _, _ = initialised(spectral, init_cfg, num_tokens=num_tokens)
    table = tiny_state('spec-mae')['pos_embed'][0].double().numpy()
    wanted = cubic(table[1:] if drop_first_token else table, num_tokens)
    np.testing.assert_allclose(model.pos_embed.detach().numpy()[0], wanted, atol=1e-5)


def test_another_image_size_keeps_the_map_of_the_pixels(files):
    init_cfg = dict(type='Pretrained', checkpoint=files['spec-mae']['ours'], prefix='backbone.')
    _, before, changed = initialised(spectral, init_cfg, img_size=5)
    assert set(before) - changed == OFFSETS | EMBEDDINGS['spat_map']


def test_parameters_can_be_skipped(files):
    init_cfg = dict(
        type='PretrainedEncoder', checkpoint=files['spec-mae']['official'], skip=['spat_map', 'blocks.*.norm2.weight']
    )
    _, before, changed = initialised(spectral, init_cfg)
    norms = {f'blocks.{i}.norm2.weight' for i in range(3)}
    assert set(before) - changed == OFFSETS | EMBEDDINGS['spat_map'] | norms
    with pytest.raises(ValueError, match="skip: 'spatmap' is not a parameter of SpecViT or of the checkpoint"):
        spectral(dict(init_cfg, skip=['spatmap'])).init_weights()


def test_a_model_without_positions_takes_the_rest(files):
    init_cfg = dict(type='Pretrained', checkpoint=files['spat-mae']['ours'], prefix='backbone.')
    _, before, changed = initialised(spatial, init_cfg, use_abs_pos_emb=False, img_size=20)
    assert 'pos_embed' not in before and set(before) - changed == OFFSETS


def test_offsets_of_a_checkpoint_that_has_some_are_loaded(tmp_path):
    source = spatial()
    source.init_weights()
    write_checkpoint(
        dict(state_dict={f'backbone.spatial.{k}': v for k, v in source.state_dict().items()}),
        tmp_path / 'fine-tuned.pth',
    )
    for prefix in (None, 'backbone.spatial.'):
        model = spatial(dict(type='Pretrained', checkpoint=str(tmp_path / 'fine-tuned.pth'), prefix=prefix))
        model.init_weights()
        assert all(torch.equal(value, source.state_dict()[name]) for name, value in model.state_dict().items())


def test_official_models_of_a_task_give_their_encoders(tmp_path):
    spat, spec = tiny_state('spat-mae'), tiny_state('spec-mae')
    state = {f'spat_encoder.{name}': value for name, value in spat.items() if 'decoder' not in name}
    state |= {f'spec_encoder.{name}': value for name, value in spec.items() if 'decoder' not in name}
    state |= {'spat_encoder.fpn1.0.weight': torch.ones(1), 'classifier.0.weight': torch.ones(1)}
    torch.save(state, tmp_path / 'task.pth')
    for prefix in (None, 'spec_encoder.'):
        init_cfg = dict(type='PretrainedEncoder', checkpoint=str(tmp_path / 'task.pth'), prefix=prefix)
        model, before, changed = initialised(spectral, init_cfg)
        assert set(before) - changed == OFFSETS
        assert torch.equal(model.spat_map.projection.bias, spec['spat_map.bias'])
    model, _, _ = initialised(spatial, dict(type='Pretrained', checkpoint=str(tmp_path / 'task.pth')))
    assert torch.equal(model.patch_embed.projection.bias, spat['patch_embed.proj.bias'])


def test_the_report_counts_and_names(files, log):
    model = spatial(dict(type='Pretrained', checkpoint=files['spat-mae']['official']), in_channels=7, img_size=12)
    model.init_weights()
    (table,) = (r.getMessage() for r in log if r.levelno == logging.INFO and 'initialised from' in r.getMessage())
    lines = [line.split(maxsplit=2) for line in table.splitlines()[1:]]
    # 12 parameters in each of 3 blocks and the positions; 2 of the embedding and 2 of the norm are not used
    assert [line[:2] for line in lines] == [
        ['loaded', '37'],
        ['resized', '1'],
        ['skipped', '4'],
        ['new', '6'],
        ['others', '32'],
    ]
    assert lines[1][2] == 'pos_embed: 16 to 36 tokens'
    assert 'patch_embed.projection.weight: has shape (8, 5, 2, 2), needed (8, 7, 2, 2)' in lines[2][2]
    assert 'patch_embed.projection.bias: goes with patch_embed.projection.weight' in lines[2][2]
    assert 'norm.weight, norm.bias: not in the model' in lines[2][2]
    assert 'blocks.*.attn.sampling_offsets.weight (2)' in lines[3][2]
    (complete,) = (r.getMessage() for r in log if r.levelno == logging.DEBUG and 'initialised from' in r.getMessage())
    assert 'blocks.2.attn.proj.bias' in complete and 'blocks.1.attn.sampling_offsets.weight' in complete
    assert not [r for r in log if r.levelno >= logging.WARNING]


def test_blocks_that_the_checkpoint_lacks_are_warned_of(tmp_path, log):
    torch.save(official_checkpoint(tiny_state('spat-mae', num_layers=2)), tmp_path / 'short.pth')
    spatial(dict(type='Pretrained', checkpoint=str(tmp_path / 'short.pth'))).init_weights()
    (warning,) = (r.getMessage() for r in log if r.levelno == logging.WARNING)
    assert 'short.pth lacks 12 parameters of SpatViT' in warning


def test_blocks_of_another_width_are_refused(tmp_path):
    torch.save(official_checkpoint(tiny_state('spat-mae', embed_dims=12)), tmp_path / 'wide.pth')
    with pytest.raises(
        ValueError,
        match=r"wide.pth: SpatViT expects 'pos_embed' of shape \(1, 16, 8\), found "
        r'\(1, 16, 12\); 37 parameters differ',
    ):
        spatial(dict(type='Pretrained', checkpoint=str(tmp_path / 'wide.pth'))).init_weights()


def test_the_other_branch_is_refused(files):
    with pytest.raises(ValueError, match="expected an encoder with 'patch_embed', found that of the other branch"):
        spatial(dict(type='Pretrained', checkpoint=files['spec-mae']['official'])).init_weights()
    with pytest.raises(ValueError, match="drop_first_token is an option of an encoder with 'spat_map', found SpatViT"):
        spatial(
            dict(type='PretrainedEncoder', checkpoint=files['spat-mae']['ours'], drop_first_token=True)
        ).init_weights()


def test_an_empty_match_names_the_prefixes(files, tmp_path):
    with pytest.raises(
        ValueError,
        match=r"no parameter starts with the prefix 'encoder.', found the prefixes "
        r"'backbone.', 'neck.'",
    ):
        spatial(dict(type='Pretrained', checkpoint=files['spat-mae']['ours'], prefix='encoder.')).init_weights()
    state = {f'{prefix}.blocks.0.norm1.weight': torch.ones(8) for prefix in ('student', 'teacher')}
    torch.save(state, tmp_path / 'two.pth')
    with pytest.raises(ValueError, match="expected one encoder with 'patch_embed', found 0 .*'student.', 'teacher.'"):
        spatial(dict(type='Pretrained', checkpoint=str(tmp_path / 'two.pth'))).init_weights()
    with pytest.raises(ValueError, match='two.pth: expected parameters of SpatViT, found none among'):
        spatial(dict(type='Pretrained', checkpoint=str(tmp_path / 'two.pth'), prefix='')).init_weights()


def test_wrong_files_are_named(tmp_path):
    (tmp_path / 'text.pth').write_text('no weights')
    with pytest.raises(ValueError, match='text.pth is not a checkpoint'):
        spatial(dict(type='Pretrained', checkpoint=str(tmp_path / 'text.pth'), prefix='backbone.')).init_weights()
    with pytest.raises(FileNotFoundError, match='absent.pth'):
        spatial(dict(type='Pretrained', checkpoint=str(tmp_path / 'absent.pth'))).init_weights()


@pytest.mark.parametrize(
    'load',
    [
        lambda model, file: load_checkpoint(model, file, strict=False),
        lambda model, file: model.load_state_dict(torch.load(file, weights_only=True)['state_dict'], strict=False),
    ],
)
def test_a_whole_model_fits_its_embeddings_too(files, log, load):
    model = nn.Module()
    model.backbone = spatial(in_channels=7, img_size=12)
    kept = model.backbone.patch_embed.projection.weight.clone()
    load(model, files['spat-mae']['ours'])
    official = tiny_state('spat-mae')
    assert torch.equal(model.backbone.patch_embed.projection.weight, kept)
    assert torch.equal(model.backbone.blocks[1].norm1.bias, official['blocks.1.norm1.bias'])
    table = official['pos_embed'].double().numpy().reshape(4, 4, 8)
    wanted = cubic(cubic(table, 6).swapaxes(0, 1), 6).swapaxes(0, 1).reshape(1, 36, 8)
    np.testing.assert_allclose(model.backbone.pos_embed.detach().numpy(), wanted, atol=1e-5)
    told = [r.getMessage() for r in log]
    assert 'backbone.pos_embed is resized from 16 to 36 tokens' in told
    assert any('backbone.patch_embed.projection.weight has shape' in message for message in told)
    with pytest.raises(RuntimeError, match='Missing key.*patch_embed.projection.weight'):
        model.load_state_dict(torch.load(files['spat-mae']['ours'], weights_only=True)['state_dict'])


def test_own_checkpoints_are_loaded_without_a_word(log):
    source, model = spatial(), spatial()
    source.init_weights()
    log.clear()
    model.load_state_dict(source.state_dict())
    assert all(torch.equal(value, source.state_dict()[name]) for name, value in model.state_dict().items())
    assert log == []


def test_pretraining_continues_from_official_weights(files):
    """The encoder of the masked autoencoder takes everything, its final norm included."""
    model = MODELS.build(
        dict(
            type='mmhsi.MaskedSpatViT',
            arch=dict(TINY_ARCH, out_indices=(2,), full_attn_interval=1),
            img_size=8,
            patch_size=2,
            in_channels=5,
            init_cfg=dict(type='Pretrained', checkpoint=files['spat-mae']['official'], prefix='backbone.'),
        )
    )
    model.init_weights()
    wanted = convert_hypersigma_state_dict(tiny_state('spat-mae'), 'spat-mae')
    assert all(torch.equal(value, wanted[f'backbone.{name}']) for name, value in model.state_dict().items())
