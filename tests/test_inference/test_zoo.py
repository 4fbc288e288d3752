from pathlib import Path

import pytest
import torch
import yaml
from mmengine.config import Config

from mmhsi.apis import HSIInferencer, find_model, get_model, list_models
from mmhsi.inference.zoo import read_zoo, zoo_root

ROOT = Path(__file__).parents[2]


def test_the_zoo_lists_every_model_of_the_metafiles_once():
    imported = yaml.safe_load((ROOT / 'model-index.yml').read_text())['Import']
    listed = [model['Name'] for path in imported for model in yaml.safe_load((ROOT / path).read_text())['Models']]
    assert list_models() == listed and len(set(listed)) == len(listed)
    assert zoo_root() == ROOT


def test_models_are_found_by_task_pattern_and_alias():
    changes = list_models(task='change_detection')
    assert 'hypersigma-tiny_hermiston' in changes and 'hypersigma-tiny_cls_indian-pines' not in changes
    assert list_models('resnet-18_*', task='classification') == ['resnet-18_cls_indian-pines']
    assert set(list_models('oscd')) == set(list_models(task='multispectral_change_detection'))
    assert list_models(pretrained=True) == [name for name in list_models() if find_model(name).weights]
    with pytest.raises(ValueError, match="no task 'weather'; the zoo has classification, "):
        list_models(task='weather')
    entry = find_model('HyperSIGMA-tiny_seg_indian-pines')
    assert entry.task == 'classification' and entry.datasets == ('Indian Pines',)
    with pytest.raises(
        ValueError,
        match="'hypersigma-tiny_seg_indian-pine' is neither a config file nor a model of "
        'the zoo; similar are .*hypersigma-tiny_seg_indian-pines',
    ):
        find_model('hypersigma-tiny_seg_indian-pine')


def test_every_demo_model_has_an_alias_and_every_config_is_there():
    models = read_zoo(zoo_root())
    aliases = {alias: model.name for model in models for alias in model.aliases}
    assert aliases['indian-pines-windows'] == 'hypersigma-tiny_cls_indian-pines'
    assert aliases['indian-pines-tiles'] == 'hypersigma-tiny_seg_indian-pines'
    assert {
        f'{task}-demo' for task in ('target', 'anomaly', 'change', 'oscd', 'unmixing', 'denoising', 'super-resolution')
    } <= set(aliases)
    assert all(model.config.is_file() for model in models)


def test_two_models_must_not_share_a_name(tmp_path):
    (tmp_path / 'configs').mkdir()
    (tmp_path / 'model-index.yml').write_text('Import: [configs/metafile.yml]')
    models = [dict(Name='a', Config='configs/x/a.py', Alias='b'), dict(Name='b', Config='configs/x/b.py')]
    (tmp_path / 'configs/metafile.yml').write_text(yaml.safe_dump(dict(Models=models)))
    with pytest.raises(ValueError, match="the name 'b' stands for 'a' and for 'b'"):
        read_zoo(tmp_path)


def test_a_model_is_built_by_its_alias(tmp_path):
    model = get_model('indian-pines-tiles', device='cpu')
    cfg = Config.fromfile(find_model('indian-pines-tiles').config)
    assert not model.training
    torch.save(dict(state_dict=model.state_dict(), meta={}), tmp_path / 'weights.pth')
    again = get_model('indian-pines-tiles', str(tmp_path / 'weights.pth'), device='cpu')
    image = torch.randn(1, cfg.num_bands, 145, 145)
    with torch.no_grad():
        for first, second in zip(model.backbone(image)[0], again.backbone(image)[0], strict=True):
            assert torch.equal(first, second)
    with pytest.raises(ValueError, match='hypersigma-tiny_seg_indian-pines has no published weights; train it with'):
        get_model('indian-pines-tiles', pretrained=True)
    inferencer = HSIInferencer('indian-pines-tiles', str(tmp_path / 'weights.pth'), device='cpu')
    assert inferencer.plan.grid.size == (145, 145)
