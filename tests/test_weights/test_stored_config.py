"""Hostile checkpoints: whatever their config says, nothing runs but the components of the known libraries."""

import copy
import importlib
import pickle
import sys
from functools import reduce

import numpy as np
import pytest
import torch
from inference_cases import ToyBackbone, classifier, config, save_checkpoint, segmentor, toy_cube
from mmengine.config import Config

from mmhsi.apis import HSIInferencer, init_model
from mmhsi.registry import MODELS
from mmhsi.weights.checkpoint_file import read_checkpoint
from mmhsi.weights.stored_config import find_component, read_stored_config


class Harm:
    """Makes a folder when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        import os

        return os.mkdir, (self.path,)


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """A folder on the path with files that do harm when they are imported or unpickled."""
    harm = tmp_path / 'harm'
    code = f'import os\nos.mkdir({str(harm)!r})\n'
    (tmp_path / 'evil_package').mkdir()
    for name in ('evil_module.py', 'evil_package/__init__.py', 'evil_package/registry.py'):
        (tmp_path / name).write_text(code)
    (tmp_path / 'evil.pkl').write_bytes(pickle.dumps(Harm(harm)))
    (tmp_path / 'evil.yml').write_text(f'!!python/object/apply:os.mkdir [{harm}]')
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in ('evil_module', 'evil_package', 'evil_package.registry'):
        sys.modules.pop(name, None)
    importlib.invalidate_caches()


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    """What a training leaves of a segmentor, as a dict, and its config, as another."""
    cfg = config(segmentor(), tile_size=16, overlap=8, type='TileDataset')
    cfg.test_dataloader.dataset.pipeline = [dict(type='mmseg.PackSegInputs')]
    cfg.model.data_preprocessor.num_bands = 6
    path = save_checkpoint(tmp_path_factory.mktemp('toy') / 'toy.pth', cfg)
    return read_checkpoint(path, mmap=False), cfg.to_dict()


def write_hostile(folder, checkpoint, changes) -> str:
    """A checkpoint whose config has other values at dotted places; returns its file."""
    state, cfg = copy.deepcopy(checkpoint)
    for place, value in changes.items():
        *parents, name = [int(part) if part.isdigit() else part for part in place.split('.')]
        reduce(lambda inner, key: inner[key], parents, cfg)[name] = value
    state['meta']['cfg'] = Config(cfg, format_python_code=False).pretty_text
    torch.save(state, folder / 'hostile.pth')
    return str(folder / 'hostile.pth')


MKDIR = dict(type='os.mkdir', path='harm')
CODE = "uint8 if __import__('os').mkdir('harm') else uint8"

REFUSED = {
    # any dotted name is imported and called by MMEngine's registries
    'model': {'model': MKDIR},
    'data_preprocessor': {'model.data_preprocessor': MKDIR},
    'backbone': {'model.backbone': MKDIR},
    'decode_head': {'model.decode_head': MKDIR},
    'loss': {'model.decode_head.loss_decode': MKDIR},
    'loss_in_a_list': {'model.decode_head.loss_decode': [MKDIR]},
    'norm_cfg': {'model.decode_head.norm_cfg': MKDIR},
    'init_cfg': {'model.backbone.init_cfg': MKDIR},
    'unknown_key': {'model.test_cfg.anything': [[dict(deep=MKDIR)]]},
    'dataset': {'test_dataloader.dataset': MKDIR},
    'scene': {'test_dataloader.dataset.scene': MKDIR},
    'preprocessing': {'test_dataloader.dataset.scene.preprocessing': [MKDIR]},
    'pipeline': {'test_dataloader.dataset.pipeline.0': MKDIR},
    'sampler': {'test_dataloader.sampler': MKDIR},
    'evaluator': {'test_evaluator': MKDIR},
    'sensor': {'sensor': MKDIR},
    # not used by a prediction, but no training writes such a thing
    'custom_hooks': {'custom_hooks': [MKDIR]},
    'default_hooks': {'default_hooks': dict(timer=MKDIR)},
    'visualizer': {'visualizer': dict(type='subprocess.run', args=['mkdir', 'harm'])},
    'optim_wrapper': {'optim_wrapper': dict(optimizer=MKDIR)},
    # a path through a known library
    'mmengine_utils': {'model.backbone': dict(type='mmengine.utils.mkdir_or_exist', dir_name='harm')},
    'through_mmseg': {'model.backbone': dict(type='mmseg.utils.io.pickle.os.mkdir', path='harm')},
    'through_torch': {'model.backbone': dict(type='torch.os.mkdir', path='harm')},
    'mmengine_load': {'model.backbone': dict(type='mmengine.load', file='evil.pkl')},
    'builtins': {'model.backbone': dict(type='builtins.exec', source="import os; os.mkdir('harm')")},
    'own_package': {'model.backbone': dict(type='mmhsi.compat.os.mkdir', path='harm')},
    # a module or the registry of a package that lies on the path
    'module': {'model.backbone': dict(type='evil_module')},
    'scope': {'model.backbone': dict(type='evil_package.Network')},
    'scope_key': {'model.backbone._scope_': 'evil_package'},
    'default_scope': {'default_scope': 'evil_package'},
    'no_text': {'model.backbone.type': None},
    'list_type': {'model.backbone.type': ['os.mkdir']},
    # components of the known libraries that unpickle or evaluate what they are given
    'class_weight_pickle': {'model.decode_head.loss_decode.class_weight': 'evil.pkl'},
    'class_weight_yaml': {'model.decode_head.loss_decode.class_weight': 'evil.yml'},
    'class_weight_address': {'model.decode_head.loss_decode.class_weight': 'http://127.0.0.1:9/evil.pkl'},
    'evaluated': {
        'test_dataloader.dataset.pipeline': [dict(type='mmpretrain.torchvision/ConvertImageDtype', dtype=CODE)]
    },
    'dataset_pickle': {'test_dataloader.dataset': dict(type='mmengine.BaseDataset', ann_file='evil.pkl')},
    'hook_type_as_model': {'model.backbone': dict(type='CheckpointHook')},
    'function_as_model': {'model.backbone': dict(type='mmengine.default_collate')},
    # addresses
    'remote_code': {'model.backbone.trust_remote_code': True},
    'hub': {'model.backbone': dict(type='mmpretrain.HuggingFaceClassifier', model_name='evil')},
    'hub_by_key': {'model.backbone.from_pretrained': 'evil'},
    'vsi': {'test_dataloader.dataset.scene.image': '/vsicurl/http/example.org/x.tif'},
    'vrt_in_place': {'test_dataloader.dataset.scene.image': '<VRTDataset rasterXSize="1"/>'},
    'spectrum_address': {'test_dataloader.dataset.scene.target_spectrum': dict(path='http://127.0.0.1:9/x')},
    'published': {'test_dataloader.dataset.scene.image': 'hypersigma:spat-vit-base'},
    'hub_by_name': {'model.backbone.model_name': 'hf-hub:evil/model'},
    'path_in_model': {'model.backbone.file': '../evil'},
    'existing_file': {'model.backbone.file': 'evil'},
    'custom_imports': {'custom_imports': dict(imports=['evil_module']), 'model.backbone': dict(type='EvilNetwork')},
    # no config at all
    'model_is_a_list': {'model': [1]},
    'no_dataset': {'test_dataloader': dict(batch_size=1)},
    'dataloader_is_a_name': {'test_dataloader': 'x'},
}


@pytest.mark.parametrize('name', REFUSED)
def test_hostile_configs_are_refused_and_named(lab, checkpoint, name):
    (lab / 'evil').write_text('x')
    weights = write_hostile(lab, checkpoint, REFUSED[name])
    for load in (
        lambda: HSIInferencer(weights=weights, device='cpu', show_progress=False),
        lambda: init_model(checkpoint=weights, device='cpu'),
    ):
        with pytest.raises(ValueError, match=r'hostile.pth: the config that it holds (has|is) .*-c CONFIG.*--trust'):
            load()
    assert not (lab / 'harm').exists()


LEFT_ALONE = {
    'custom_imports': {'custom_imports': dict(imports=['evil_module'])},
    'load_from': {'load_from': 'http://127.0.0.1:9/evil.pth', 'resume': True},
    'launcher': {'launcher': 'slurm', 'env_cfg': dict(dist_cfg=dict(backend='nccl')), 'work_dir': '/proc/none'},
    'initial_weights': {'model.backbone.init_cfg': dict(type='Pretrained', checkpoint='http://127.0.0.1:9/evil.pth')},
    'weights_in_a_list': {'model.init_cfg': [dict(type='Pretrained', checkpoint='evil.pkl')]},
    'pretrained': {'model.pretrained': 'http://127.0.0.1:9/evil.pth'},
    'hooks': {'default_hooks': dict(logger=dict(type='LoggerHook')), 'custom_hooks': [dict(type='UnknownHook')]},
    'fsdp': {'strategy': dict(wrap=dict(type='torch.distributed.fsdp.wrap.size_based_auto_wrap_policy'))},
    'scene_path': {'test_dataloader.dataset.scene.image': 'nowhere/x.tif'},
    'delete': {'model.test_cfg._delete_': True},
}


@pytest.mark.parametrize('name', LEFT_ALONE)
def test_what_a_prediction_does_not_need_is_left_alone(lab, checkpoint, name):
    inferencer = HSIInferencer(
        weights=write_hostile(lab, checkpoint, LEFT_ALONE[name]), device='cpu', show_progress=False
    )
    (result,) = inferencer(toy_cube(20, 20))['predictions']
    assert result['classes'].shape == (20, 20) and not (lab / 'harm').exists()
    assert not {'load_from', 'custom_hooks', 'custom_imports', 'launcher'} & set(inferencer.cfg)


@pytest.mark.parametrize(
    'changes, message',
    [
        ({'model.backbone.unknown': 1}, 'describes a network that cannot be built: TypeError'),
        ({'model.backbone.in_channels': -1}, 'describes a network that cannot be built'),
        ({'model.decode_head.loss_decode': 3}, 'describes a network that cannot be built'),
        ({'model.test_cfg': [1]}, 'describes no prediction that can be made'),
        ({'model.test_cfg': dict(mode='slide'), 'test_dataloader.dataset': dict(scene={})}, 'describes no prediction'),
        ({'test_dataloader.dataset.pipeline': 'x'}, 'describes no prediction that can be made: AttributeError'),
        ({'test_dataloader.dataset.tile_size': 'x'}, 'describes no prediction that can be made: TypeError'),
        ({'test_evaluator': 3}, 'describes no prediction that can be made: TypeError'),
    ],
)
def test_a_network_that_cannot_be_built_is_named(lab, checkpoint, changes, message):
    with pytest.raises(ValueError, match=f'hostile.pth holds {message}'):
        HSIInferencer(weights=write_hostile(lab, checkpoint, changes), device='cpu', show_progress=False)(
            toy_cube(20, 20)
        )


@pytest.mark.parametrize(
    'entry, value, message',
    [
        ('mmhsi', 3, "the fitted transforms as tensors by name in its entry 'mmhsi'"),
        ('mmhsi', {}, "in its entry 'mmhsi'"),
        ('mmhsi', dict(transforms=dict(x=1)), "in its entry 'mmhsi'"),
        ('mmhsi', dict(transforms={}, scenes=[1]), 'mmhsi'),
        ('mmhsi', dict(transforms={'0.Standardize.mean': torch.ones(6, dtype=torch.bool)}), "in its entry 'mmhsi'"),
        ('mmhsi', dict(transforms={'0.Standardize.mean': torch.ones(6).to_sparse()}), "in its entry 'mmhsi'"),
        ('mmhsi', dict(transforms={'0.Standardize.mean': torch.full((6,), torch.inf)}), "NaN or infinity in '0.Stand"),
        ('meta', 3, 'does not hold the config'),
        ('meta', dict(cfg=torch.ones(2)), 'is not text but Tensor'),
        ('meta', dict(cfg=3), 'is not text but int'),
        ('meta', dict(cfg=dict(model=1)), 'is not text but dict'),
        ('meta', dict(cfg='x = 1'), 'has no model'),
        ('state_dict', dict(x=torch.empty(2, device='meta')), 'unknown|meta_tensor'),
        ('state_dict', [1], 'expected parameters'),
    ],
)
def test_damaged_entries_of_a_checkpoint_are_named(lab, checkpoint, entry, value, message):
    weights = write_hostile(lab, checkpoint, {})
    torch.save(dict(read_checkpoint(weights, mmap=False), **{entry: value}), weights)
    with pytest.raises(ValueError, match=f'hostile.pth: .*{message}'):
        HSIInferencer(weights=weights, device='cpu')


@pytest.mark.parametrize(
    'described, message',
    [
        ([1], "a dict as 'dataset_meta', found list"),
        (dict(classes=3), "names as the 'classes'"),
        (dict(classes=(1, 2, None)), "names as the 'classes'"),
        (dict(classes=('a', 'b', 'a')), "two of the 'classes' of 'dataset_meta' are named 'a'"),
        (dict(palette=3), 'colours of three numbers'),
        (dict(palette=[(999, 0, 0)] * 3), 'colours of three numbers'),
        (dict(palette=[(float('nan'), 0, 0)] * 3), 'colours of three numbers'),
        (dict(palette=[(9, 0)]), 'colours of three numbers'),
    ],
)
def test_damaged_descriptions_of_the_data_are_named(lab, checkpoint, described, message):
    weights = write_hostile(lab, checkpoint, {})
    state = read_checkpoint(weights, mmap=False)
    state['meta']['dataset_meta'] = described
    torch.save(state, weights)
    with pytest.raises(ValueError, match=f'hostile.pth: .*{message}'):
        HSIInferencer(weights=weights, device='cpu')


@pytest.mark.parametrize(
    'change, message',
    [
        (lambda value: value.fill_(torch.nan), r'48 of the 48 values of .* are NaN or infinite|NaN or infinite'),
        (lambda value: value.view(-1)[:1].fill_(torch.inf), '1 of the .* values of .* are NaN or infinite'),
        (lambda value: value.double() * 1e300, 'are NaN or infinite'),
        (lambda value: value.to(torch.int8), 'of type torch.int8, expected a parameter of real numbers'),
        (lambda value: value.to(torch.complex64), 'of type torch.complex64, expected a parameter of real numbers'),
    ],
)
def test_weights_that_are_no_numbers_are_named(lab, checkpoint, change, message):
    weights = write_hostile(lab, checkpoint, {})
    state = read_checkpoint(weights, mmap=False)
    name = 'decode_head.conv_seg.weight'
    changed = change(state['state_dict'][name])
    if changed.shape == state['state_dict'][name].shape:
        state['state_dict'][name] = changed
    torch.save(state, weights)
    with pytest.raises(ValueError, match=f'hostile.pth: .*({message})'):
        HSIInferencer(weights=weights, device='cpu')


def test_trust_runs_the_config(lab, checkpoint):
    weights = write_hostile(lab, checkpoint, {})
    state = read_checkpoint(weights, mmap=False)
    state['meta']['cfg'] += '\nmade = __import__("os").mkdir("harm")\n'
    torch.save(state, weights)
    with pytest.raises(ValueError, match='is more than data in line'):
        HSIInferencer(weights=weights, device='cpu')
    assert not (lab / 'harm').exists()
    with pytest.warns(UserWarning, match='is run as code'):
        HSIInferencer(weights=weights, device='cpu', trust=True)
    assert (lab / 'harm').exists()


def test_a_config_of_the_user_needs_no_trust(lab, checkpoint):
    weights = write_hostile(lab, checkpoint, {'model.backbone': MKDIR})
    inferencer = HSIInferencer(Config(copy.deepcopy(checkpoint[1])), weights, device='cpu')
    assert isinstance(inferencer.model.backbone, ToyBackbone)


def test_init_model_of_a_checkpoint_alone(lab, checkpoint):
    model = init_model(checkpoint=write_hostile(lab, checkpoint, {}), device='cpu')
    assert torch.equal(
        model.state_dict()['backbone.layers.0.weight'], checkpoint[0]['state_dict']['backbone.layers.0.weight']
    )
    with pytest.raises(ValueError, match='give a config, or a checkpoint that holds'):
        init_model()


def test_components_that_the_user_imports_are_known(lab, checkpoint):
    text = Config(config(classifier()).to_dict(), format_python_code=False).pretty_text.replace(
        'ToyBackbone', 'BackboneOfTheUser'
    )
    with pytest.raises(ValueError, match="type='BackboneOfTheUser', which no registry of mmhsi, mmengine"):
        read_stored_config(text, 'x.pth')
    MODELS.register_module('BackboneOfTheUser', module=torch.nn.Identity)
    try:
        assert read_stored_config(text, 'x.pth').model.backbone.type == 'BackboneOfTheUser'
    finally:
        MODELS.module_dict.pop('BackboneOfTheUser')


def test_find_component_imports_no_stranger(lab):
    from mmseg.models import FCNHead

    assert find_component('mmseg.FCNHead', ('MODELS',), 'mmhsi') == (FCNHead, 'mmseg')
    assert find_component('FCNHead', ('MODELS',), 'mmhsi') is None  # nor would MMEngine find it
    assert find_component('FCNHead', ('MODELS',), 'mmseg') == (FCNHead, 'mmseg')
    assert find_component('Conv2d', ('MODELS',), 'mmhsi') == (torch.nn.Conv2d, 'mmengine')
    for name in ('evil_module', 'evil_package.X', 'torch.nn.Conv2d', 'mmseg.FCNHead.__init__', '', '.', 'mmseg.'):
        assert find_component(name, ('MODELS',), 'mmhsi') is None
    assert not (lab / 'harm').exists()


def test_the_plain_values_stay(checkpoint):
    text = 'num_bands = 6\ntile_size = 16\nwork_dir = "x"\nlist_of = [1]\n' + checkpoint[0]['meta']['cfg']
    found = read_stored_config(text, 'x.pth')
    assert found.num_bands == 6 and found.tile_size == 16 and 'work_dir' not in found and 'list_of' not in found
    assert found.model == checkpoint[1]['model'] and found.test_dataloader == checkpoint[1]['test_dataloader']
    assert np.isfinite(found.tile_size)
