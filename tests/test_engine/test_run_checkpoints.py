"""Which checkpoint of a run is tested and predicted with."""

import time
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from tiny_experiment import tiny_config

from mmhsi.engine.distributed import build_runner
from mmhsi.engine.run_checkpoints import best_checkpoint, load_best, named_checkpoint


def run(folder: Path, seed: int, epochs: int = 2, **hooks) -> tuple:
    """Train with another seed of the split; the best state is that of the largest OA."""
    cfg: Config = tiny_config(folder, folder / 'work', max_epochs=epochs)
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.dataset.scene.split.seed = seed
    cfg.randomness = dict(seed=seed)
    cfg.default_hooks.checkpoint = dict(type='SafeCheckpointHook', interval=1, save_best='OA', rule='greater', **hooks)
    time.sleep(1.01)  # the log folders of runs are named by the second
    runner = build_runner(cfg)
    runner.train()
    return runner, cfg


def test_a_run_is_tested_with_its_own_best_state(tmp_path):
    """The states of earlier runs lie in the same folder, under names that come first."""
    (tmp_path / 'work').mkdir()
    torch.save({}, tmp_path / 'work/best_OA_epoch_0.pth')
    runner, cfg = run(tmp_path, seed=1)
    own = best_checkpoint(runner)
    assert Path(own).name in ('best_OA_epoch_1.pth', 'best_OA_epoch_2.pth')
    assert load_best(runner) == own
    assert named_checkpoint('best', cfg.work_dir) == own
    assert Path(named_checkpoint('last', cfg.work_dir)).name == 'epoch_2.pth'
    (tmp_path / 'work/best_checkpoint').unlink()  # a run of before there was a note
    assert named_checkpoint('best', cfg.work_dir) == own


def test_names_without_a_checkpoint_are_refused(tmp_path):
    assert named_checkpoint('some/file.pth', tmp_path) == 'some/file.pth' and named_checkpoint(None, tmp_path) is None
    for name in ('best', 'last'):
        with pytest.raises(FileNotFoundError, match=f'the {name} checkpoint of a run is requested, but the folder'):
            named_checkpoint(name, tmp_path / 'nothing')
    torch.save({}, tmp_path / 'other.pth')
    with pytest.raises(FileNotFoundError, match='none is recorded; the folder holds other.pth'):
        named_checkpoint('best', tmp_path)


def test_iteration_zero_is_a_candidate(tmp_path):
    cfg = tiny_config(tmp_path, tmp_path / 'work')
    cfg.default_hooks.checkpoint = dict(type='SafeCheckpointHook', interval=1, save_best='OA', rule='greater')
    cfg.optim_wrapper.optimizer.lr = 0.0  # nothing becomes better, and of equally good states the first one counts
    cfg.custom_hooks = [dict(type='InitialStateHook')]
    runner = build_runner(cfg)
    runner.train()
    last = {name: value.clone() for name, value in runner.model.named_parameters()}
    assert Path(best_checkpoint(runner)).name == 'best_OA_epoch_0.pth'
    load_best(runner)
    for name, value in runner.model.named_parameters():
        torch.testing.assert_close(value, last[name], rtol=0, atol=0)


def test_iteration_zero_needs_a_validation(tmp_path):
    cfg = tiny_config(tmp_path, tmp_path / 'work')
    cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
    cfg.custom_hooks = [dict(type='InitialStateHook')]
    with pytest.raises(ValueError, match='has no validation'):
        build_runner(cfg).train()
