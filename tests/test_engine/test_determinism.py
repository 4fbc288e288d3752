"""``randomness=dict(seed=..., deterministic=True)``: the same bits from run to run."""

import torch
from tiny_experiment import tiny_config

from mmhsi.engine.distributed import build_runner


def run(folder, name, workers):
    data = folder / 'data'
    data.mkdir(exist_ok=True)
    cfg = tiny_config(data, folder / name, max_epochs=2)
    cfg.randomness = dict(seed=3, deterministic=True)
    cfg.train_dataloader.num_workers = workers
    try:
        runner = build_runner(cfg)
        runner.train()
        assert torch.are_deterministic_algorithms_enabled()
    finally:
        torch.use_deterministic_algorithms(False)
    state = runner.optim_wrapper.state_dict()['state']
    moments = {
        f'{index} {key}': torch.as_tensor(value) for index, values in state.items() for key, value in values.items()
    }
    return {**runner.model.state_dict(), **moments}


def test_two_runs_give_the_same_bits(tmp_path):
    first, second = (run(tmp_path, name, workers=2) for name in ('first', 'second'))
    assert first.keys() == second.keys()
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    assert any(value.any() for name, value in first.items() if name.endswith('exp_avg'))
