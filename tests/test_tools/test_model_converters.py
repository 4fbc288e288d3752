"""Tests of tools/model_converters."""

import pathlib
import runpy

import pytest
import torch
from official_checkpoints import hollow_state, official_checkpoint, tiny_state

from mmhsi.weights.checkpoint_file import read_checkpoint

TOOLS = pathlib.Path(__file__).resolve().parents[2] / 'tools' / 'model_converters'


@pytest.fixture
def run_tool(capsys):

    def run(name, *argv):
        runpy.run_path(str(TOOLS / name))['main']([str(item) for item in argv])
        return capsys.readouterr().out

    return run


@pytest.mark.parametrize('kind', ['spat-mae', 'spec-mae'])
def test_there_and_back(tmp_path, run_tool, kind):
    official = tiny_state(kind)
    torch.save(official_checkpoint(official), tmp_path / 'official.pth')
    printed = run_tool('hypersigma2mmhsi.py', tmp_path / 'official.pth', tmp_path / 'ours.pth')
    assert f'{kind}: {len(official)} parameters converted, 0 dropped, 0 unknown' in printed
    assert 'epochs: 1600' in printed and 'mask_ratio 0.75, norm_pix_loss False' in printed
    ours = torch.load(tmp_path / 'ours.pth', weights_only=True)
    assert set(ours) == {'meta', 'state_dict'} and ours['meta']['epoch'] == 1600
    assert ours['meta']['hypersigma'] == dict(
        kind=kind,
        size=None,
        args=dict(model='spat_mae_b', epochs=1600, blr=1.5e-4, mask_ratio=0.75, norm_pix_loss=False),
    )

    printed = run_tool('mmhsi2hypersigma.py', tmp_path / 'ours.pth', tmp_path / 'back.pth')
    assert f'{kind}: {len(official)} parameters converted, 0 dropped, 0 unknown' in printed
    back = torch.load(tmp_path / 'back.pth', weights_only=True)
    assert set(back) == {'model', 'epoch'} and back['epoch'] == 1599
    assert set(back['model']) == set(official)
    assert all(torch.equal(back['model'][name], value) for name, value in official.items())


@pytest.mark.parametrize(
    'kind, size, entries', [('spat-mae', 'base', 253), ('spec-mae', 'large', 397), ('spat-mae', 'huge', 493)]
)
def test_files_of_the_published_shapes(tmp_path, run_tool, kind, size, entries):
    torch.save(official_checkpoint(hollow_state(kind, size)), tmp_path / 'official.pth')
    printed = run_tool('hypersigma2mmhsi.py', tmp_path / 'official.pth', tmp_path / 'ours.pth')
    assert f'{kind} {size}: {entries} parameters converted, 0 dropped, 0 unknown' in printed
    assert len(read_checkpoint(tmp_path / 'ours.pth')['state_dict']) == entries


def test_optimiser_states_are_left_out_and_parallel_training_is_no_matter(tmp_path, run_tool):
    official = tiny_state('spat-mae')
    checkpoint = official_checkpoint({f'module.{name}': value for name, value in official.items()})
    torch.save({**checkpoint, 'optimizer': {'state': {0: torch.zeros(10)}}, 'scaler': {}}, tmp_path / 'official.pth')
    run_tool('hypersigma2mmhsi.py', tmp_path / 'official.pth', tmp_path / 'ours.pth')
    ours = read_checkpoint(tmp_path / 'ours.pth')
    assert set(ours) == {'meta', 'state_dict'} and len(ours['state_dict']) == len(official)


def test_dropped_and_unknown_parameters_are_counted_and_named(tmp_path, run_tool):
    state = {
        'pos_embed': torch.ones(1, 4, 8),
        'norm.weight': torch.ones(8),
        'surprise': torch.ones(1),
        'classifier.2.bias': torch.arange(3.0),
    }
    torch.save(state, tmp_path / 'official.pth')
    printed = run_tool(
        'hypersigma2mmhsi.py', tmp_path / 'official.pth', tmp_path / 'ours.pth', '--kind', 'spatsigma-cls'
    )
    assert 'spatsigma-cls: 2 parameters converted, 1 dropped, 1 unknown' in printed
    assert 'dropped: norm.weight' in printed and 'unknown: surprise' in printed
    assert read_checkpoint(tmp_path / 'ours.pth')['state_dict']['head.fc.bias'].tolist() == [1, 2]

    run_tool(
        'hypersigma2mmhsi.py',
        tmp_path / 'official.pth',
        tmp_path / 'all.pth',
        '--kind',
        'spatsigma-cls',
        '--keep-background',
    )
    assert read_checkpoint(tmp_path / 'all.pth')['state_dict']['head.fc.bias'].tolist() == [0, 1, 2]

    run_tool('mmhsi2hypersigma.py', tmp_path / 'ours.pth', tmp_path / 'back.pth')  # the kind stands in the file
    back = read_checkpoint(tmp_path / 'back.pth')['model']
    assert back['classifier.2.bias'].tolist() == [-1e4, 1, 2] and set(back) == {'pos_embed', 'classifier.2.bias'}
    run_tool('mmhsi2hypersigma.py', tmp_path / 'ours.pth', tmp_path / 'back.pth', '--no-background')
    assert read_checkpoint(tmp_path / 'back.pth')['model']['classifier.2.bias'].tolist() == [1, 2]


def test_our_own_pretraining_checkpoints_are_recognised(tmp_path, run_tool):
    state = {
        'backbone.spat_map.projection.weight': torch.ones(8, 64),
        'neck.mask_token': torch.ones(1, 1, 4),
        'backbone.blocks.0.attn.sampling_offsets.bias': torch.ones(16),
        'data_preprocessor.mean': torch.ones(1),
    }
    torch.save(dict(state_dict=state, meta=dict(epoch=3, iter=30)), tmp_path / 'ours.pth')
    printed = run_tool('mmhsi2hypersigma.py', tmp_path / 'ours.pth', tmp_path / 'official.pth')
    assert 'spec-mae: 3 parameters converted, 0 dropped, 1 unknown' in printed
    assert 'unknown to the official code: data_preprocessor.mean' in printed
    official = read_checkpoint(tmp_path / 'official.pth')
    assert official['epoch'] == 2
    assert set(official['model']) == {'spat_map.weight', 'mask_token', 'blocks.0.attn.sampling_offsets.bias'}


def test_other_objects_need_trust(tmp_path, run_tool):
    torch.save(official_checkpoint(tiny_state('spat-mae'), output_dir=pathlib.Path('out')), tmp_path / 'official.pth')
    paths = tmp_path / 'official.pth', tmp_path / 'ours.pth'
    with pytest.raises(ValueError, match=r'official.pth: the file asks for pathlib.*--trust'):
        run_tool('hypersigma2mmhsi.py', *paths)
    assert not paths[1].exists()
    with pytest.warns(UserWarning, match='can run any code'):
        run_tool('hypersigma2mmhsi.py', *paths, '--trust')
    assert read_checkpoint(paths[1])['meta']['epoch'] == 1600


def test_wrong_files_are_named(tmp_path, run_tool):
    source, target = tmp_path / 'official.pth', tmp_path / 'ours.pth'

    def fails(tool, checkpoint, message, *options):
        torch.save(checkpoint, source)
        with pytest.raises(ValueError, match=message):
            run_tool(tool, source, target, *options)
        assert not target.exists()

    fails(
        'hypersigma2mmhsi.py',
        {'a': torch.ones(1)},
        r'official.pth: this is not a pre-training file .* found a, \.\.\.\); give',
    )
    fails(
        'hypersigma2mmhsi.py',
        {'a': torch.ones(1)},
        "official.pth: expected parameters of 'hypersigma-seg', found a",
        '--kind',
        'hypersigma-seg',
    )
    fails(
        'hypersigma2mmhsi.py',
        official_checkpoint(tiny_state('spat-mae')),
        'expected a spec-mae file, found a spat',
        '--kind',
        'Pretrain/models_mae_Spec.py:SpecMAE',
    )
    fails('hypersigma2mmhsi.py', {'a': torch.ones(1)}, "unknown kind 'nothing'", '--kind', 'nothing')
    fails(
        'mmhsi2hypersigma.py',
        dict(state_dict={'a': torch.ones(1)}),
        r'official.pth: this is not a pre-training checkpoint',
    )
    fails(
        'mmhsi2hypersigma.py',
        dict(state_dict={'a': torch.ones(1)}),
        "expected parameters of 'spat-mae', found a",
        '--kind',
        'spat-mae',
    )
