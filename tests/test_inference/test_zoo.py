import re
from pathlib import Path

import pytest
import torch
import yaml
from mmengine.config import Config

from mmhsi.apis import HSIInferencer, find_model, get_model, list_models
from mmhsi.inference.zoo import config_and_weights, read_zoo, zoo_root

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


def test_a_config_of_the_package_is_a_model_too():
    name = 'classification/hypersigma-tiny_cls_indian-pines.py'
    path, weights = config_and_weights(f'mmhsi::{name}', 'mine.pth')
    assert Path(path).samefile(ROOT / 'configs' / name) and weights == 'mine.pth'
    wanted = get_model('hypersigma-tiny_cls_indian-pines', device='cpu')
    found = HSIInferencer(f'mmhsi::{name}', device='cpu').model
    assert {key: value.shape for key, value in found.state_dict().items()} == {
        key: value.shape for key, value in wanted.state_dict().items()
    }
    with pytest.raises(FileNotFoundError, match='no-such-config.py'):
        config_and_weights('mmhsi::classification/no-such-config.py')


def test_two_models_must_not_share_a_name(tmp_path):
    (tmp_path / 'configs').mkdir()
    (tmp_path / 'model-index.yml').write_text('Import: [configs/metafile.yml]')
    models = [dict(Name='a', Config='configs/x/a.py', Alias='b'), dict(Name='b', Config='configs/x/b.py')]
    (tmp_path / 'configs/metafile.yml').write_text(yaml.safe_dump(dict(Models=models)))
    with pytest.raises(ValueError, match="the name 'b' stands for 'a' and for 'b'"):
        read_zoo(tmp_path)


@pytest.mark.parametrize(
    'text, finding',
    [
        ('!!python/object/apply:os.mkdir [harm]', 'expected YAML of plain values: could not determine a constructor'),
        ('[' * 10**5, 'expected YAML of plain values: '),
        ('a: "', 'expected YAML of plain values: '),
        ('Models: 3', "'Models' is int, expected list"),
        ('Models: [3]', 'model 1 is int, expected dict'),
        ('Models: [{Name: 3, Config: configs/x/a.py}]', "model 1: 'Name' is int, expected str"),
        ('Models: [{Name: a, Config: [1]}]', "model 1: 'Config' is list, expected str"),
        ('Models: [{Name: a, Config: ../a.py}]', r"model 1: the config '../a.py' is not in the folder configs"),
        ('Models: [{Name: a, Config: configs/../../a.py}]', 'is not in the folder configs'),
        ('Models: [{Name: a, Config: /etc/a.py}]', "the config '/etc/a.py' is not in the folder configs"),
        ('Models: [{Name: a, Config: configs/x/a.py, Alias: {b: c}}]', "'Alias' is dict, expected list"),
        ('Models: [{Name: a, Config: configs/x/a.py, Weights: 3}]', "'Weights' is int, expected list"),
        ('Models: [{Name: a, Config: configs/x/a.py, Results: [{Metrics: 3}]}]', "'Metrics' is int, expected dict"),
    ],
)
def test_a_metafile_of_other_values_is_named(tmp_path, text, finding):
    (tmp_path / 'configs').mkdir()
    (tmp_path / 'model-index.yml').write_text('Import: [configs/metafile.yml]')
    (tmp_path / 'configs/metafile.yml').write_text(text)
    with pytest.raises(ValueError, match=rf'configs/metafile\.yml: .*{re.escape(finding)}'):
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
