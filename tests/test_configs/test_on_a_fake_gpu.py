"""A training step and a prediction of each task on a GPU, as far as they go without one: devices and host waits."""

from pathlib import Path

import pytest
import torch
from fake_cuda import fake_cuda, move, without_backward_pass
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper

from mmhsi.analysis.trial_batch import TrialModel

CONFIGS = Path(__file__).parents[2] / 'configs'
NAMES = [
    'classification/hypersigma-tiny_cls_indian-pines_smoothed',
    'classification/hypersigma-tiny_seg_indian-pines',
    'target_detection/hypersigma-tiny_indian-pines-implanted',
    'anomaly_detection/spatsigma-tiny_indian-pines-implanted_anomaly',
    'change_detection/hypersigma-tiny_hermiston',
    'change_detection/hypersigma-tiny-upernet_hermiston',
    'unmixing/hypersigma-tiny_samson',
    'denoising/hypersigma-tiny_indian-pines_complex',
    'super_resolution/hypersigma-tiny_indian-pines_x2',
    'multispectral_change_detection/hypersigma-tiny_oscd',
    'pretrain/spat-mae_tiny_indian-pines',
    'pretrain/spec-mae_tiny_indian-pines',
]
# What libraries wait for in a step: mmseg counts labels for its mean and its accuracy, MMEngine logs the norm of the
# gradient, mmpretrain copies labels.
LIBRARIES = (
    'mmseg/models/losses/cross_entropy_loss.py:cross_entropy',
    'mmseg/models/losses/accuracy.py:accuracy',
    'mmengine/optim/optimizer/optimizer_wrapper.py:_clip_grad',
    'mmpretrain/models/utils/data_preprocessor.py:forward',
)


@pytest.mark.parametrize('name', NAMES)
def test_step_and_prediction(name):
    cfg = Config.fromfile(CONFIGS / f'{name}.py')
    trial = TrialModel(cfg, device='cpu')
    batch, inputs = trial.batch(2), trial.inputs(2)
    with fake_cuda() as waits:
        move(trial.model)
        trial.network.device = torch.device('cuda')
        wrapper = build_optim_wrapper(trial.model, cfg.optim_wrapper)
        without_backward_pass(wrapper)
        trial.model.train()
        trial.model.train_step(batch, wrapper)
        waits.places.clear()
        outputs = trial.model.train_step(batch, wrapper)
        assert outputs and all(value.device.type == 'cuda' for value in outputs.values())
        assert [place for place in waits.places if not place[1].endswith(LIBRARIES)] == []
        trial.model.eval()
        trial.network(torch.empty_like(inputs))
        waits.places.clear()
        assert trial.network(torch.empty_like(inputs)).device.type == 'cuda'
        assert [place for place in waits.places if not place[1].endswith(LIBRARIES)] == []


def test_windows_of_a_block_are_filtered_on_the_gpu():
    cfg = Config.fromfile(CONFIGS / f'{NAMES[0]}.py')
    trial = TrialModel(cfg, device='cpu')
    side, bands = cfg.window_size, cfg.model.data_preprocessor.num_bands
    with fake_cuda() as waits:
        move(trial.model)
        trial.network.device = torch.device('cuda')
        trial.model.eval()
        for _ in range(2):
            waits.places.clear()
            block = torch.empty(bands, side + 4, side + 6, device='cuda')
            windows, run = trial.network.windows(block, side)
            assert windows.shape == (5, 7, cfg.num_bands, cfg.size, cfg.size)
            place = torch.zeros(3, dtype=torch.int64, device='cuda')
            assert run(windows[place, place]).device.type == 'cuda'
        assert [place for place in waits.places if not place[1].endswith(LIBRARIES)] == []
