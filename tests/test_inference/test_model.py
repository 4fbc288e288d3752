import pytest
import torch
from tiny_experiment import BANDS, CLASSES, tiny_config

from mmhsi.apis import init_model
from mmhsi.engine.distributed import build_runner


@pytest.fixture
def experiment(tmp_path):
    (tmp_path / 'data').mkdir()
    cfg = tiny_config(tmp_path / 'data', tmp_path / 'run', max_epochs=1)
    runner = build_runner(cfg)
    runner.train()
    return cfg, runner, tmp_path


def test_model_of_a_checkpoint_predicts_like_the_trained_one(experiment):
    cfg, runner, folder = experiment
    cfg.dump(folder / 'config.py')
    model = init_model(folder / 'config.py', str(folder / 'run/epoch_1.pth'), device='cpu')
    assert not model.training
    assert model.dataset_meta['classes'] == tuple(f'class {i}' for i in range(1, CLASSES + 1))
    images = torch.randn(4, BANDS, 5, 5)
    runner.model.eval()
    assert torch.equal(model(images, mode='tensor'), runner.model(images, mode='tensor'))


def test_wrong_configs_are_named():
    with pytest.raises(TypeError, match='found int'):
        init_model(3)
    with pytest.raises(FileNotFoundError, match='nowhere.py'):
        init_model('nowhere.py')
