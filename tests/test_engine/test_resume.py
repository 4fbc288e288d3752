import json
import time
from pathlib import Path

import pytest
import torch
from mmengine.runner.checkpoint import load_checkpoint
from tiny_experiment import tiny_config

from mmhsi.engine.distributed import build_runner
from mmhsi.weights.checkpoint_file import read_checkpoint


def train(cfg):
    last = time.time()
    while int(time.time()) == int(last):  # the log folders of runs are named by the second
        time.sleep(0.02)
    runner = build_runner(cfg)
    runner.train()
    scalars = (Path(runner.log_dir) / 'vis_data/scalars.json').read_text().splitlines()
    losses = {entry['step']: entry['loss'] for entry in map(json.loads, scalars) if 'loss' in entry}
    return runner, losses


@pytest.fixture
def folders(tmp_path):
    for name in ('data', 'whole', 'parts', 'other'):
        (tmp_path / name).mkdir()
    return tmp_path


def test_a_resumed_run_repeats_an_uninterrupted_one(folders):
    whole, losses = train(tiny_config(folders / 'data', folders / 'whole', max_epochs=4))
    train(tiny_config(folders / 'data', folders / 'parts', max_epochs=2))
    cfg = tiny_config(folders / 'data', folders / 'parts', max_epochs=4)
    cfg.resume = True
    resumed, later_losses = train(cfg)
    assert len(losses) == 12 and sorted(later_losses) == list(range(7, 13))
    for step, loss in later_losses.items():
        assert loss == pytest.approx(losses[step], abs=1e-6)
    for name, value in whole.model.state_dict().items():
        torch.testing.assert_close(resumed.model.state_dict()[name], value, rtol=0, atol=1e-6)
    cfg = tiny_config(folders / 'data', folders / 'parts', max_epochs=4)
    cfg.resume, cfg.custom_hooks = True, [dict(type='ExactResumeHook')]
    again = build_runner(cfg)
    again.train()
    assert again.iter == 12
    log = (Path(again.log_dir) / f'{again.timestamp}.log').read_text()
    assert 'from the end of the training, iteration 12 of 12: nothing is left to train' in log


def test_another_seed_draws_other_numbers(folders):
    _, losses = train(tiny_config(folders / 'data', folders / 'whole', max_epochs=1))
    cfg = tiny_config(folders / 'data', folders / 'other', max_epochs=1)
    cfg.randomness = dict(seed=4)
    _, other_losses = train(cfg)
    assert all(abs(losses[step] - other_losses[step]) > 1e-4 for step in losses)


def test_checkpoints_of_a_run_load_safely_and_hold_the_fitted_transforms(folders):
    runner, _ = train(tiny_config(folders / 'data', folders / 'whole', max_epochs=1))
    path = folders / 'whole/epoch_1.pth'
    checkpoint = read_checkpoint(path)
    assert checkpoint['mmhsi']['scene_name'] == 'stripes'
    scene = runner.train_dataloader.dataset.scene
    for name, value in scene.state_dict().items():
        torch.testing.assert_close(checkpoint['mmhsi']['transforms'][name], torch.as_tensor(value))
    fresh = build_runner(tiny_config(folders / 'data', folders / 'other', max_epochs=1)).model
    load_checkpoint(fresh, str(path), strict=True)
    for name, value in runner.model.state_dict().items():
        assert torch.equal(fresh.state_dict()[name], value)
