"""The optimiser and the schedule of the pre-training configs."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope

from mmhsi.engine.optimizers import BF16OptimWrapper
from mmhsi.registry import MODELS, PARAM_SCHEDULERS

ROOT = Path(__file__).parents[2]
EPOCH_LENGTH = 10


@pytest.fixture
def schedule() -> Iterator[Config]:
    with DefaultScope.overwrite_default_scope('mmhsi'):
        yield Config.fromfile(ROOT / 'configs/_base_/schedules/mae_1600e.py')


def test_learning_rate_at_check_values(schedule):
    """Step MMEngine's schedulers, converted to iterations, through all epochs."""
    wanted = {0: 0.0, 20: 6e-4, 40: 1.2e-3, 820: 6e-4, 1600: 0.0}
    wrapper = build_optim_wrapper(torch.nn.Linear(1, 1), schedule.optim_wrapper)
    schedulers = [
        PARAM_SCHEDULERS.build(cfg, default_args=dict(optimizer=wrapper, epoch_length=EPOCH_LENGTH))
        for cfg in schedule.param_scheduler
    ]
    wrapper.optimizer.step()
    found = {}
    for iteration in range(schedule.train_cfg.max_epochs * EPOCH_LENGTH + 1):
        if iteration % EPOCH_LENGTH == 0:
            found[iteration // EPOCH_LENGTH] = wrapper.get_lr()['lr'][0]
        for scheduler in schedulers:
            scheduler.step()
    # the warm-up reaches its end an iteration early
    tolerance = 1.01 / (40 * EPOCH_LENGTH)
    for epoch, rate in wanted.items():
        assert found[epoch] == pytest.approx(rate, rel=tolerance, abs=1e-9), f'epoch {epoch}'


@pytest.mark.parametrize('kind', ['Spat', 'Spec'])
def test_everything_but_norms_and_biases_decays(schedule, kind):
    arch = dict(embed_dims=8, num_layers=2, num_heads=2, full_attn_interval=1)
    model = MODELS.build(
        dict(
            type=f'mmhsi.{kind}MAE',
            backbone=dict(type=f'mmhsi.Masked{kind}ViT', arch=arch, img_size=16),
            neck=dict(embed_dims=8, num_layers=1, num_heads=2),
        )
    )
    optimizer = build_optim_wrapper(model, schedule.optim_wrapper).optimizer
    assert type(optimizer) is torch.optim.AdamW and optimizer.defaults['betas'] == (0.9, 0.95)
    decay = {id(parameter): group['weight_decay'] for group in optimizer.param_groups for parameter in group['params']}
    for name, parameter in model.named_parameters():
        assert decay[id(parameter)] == (0.0 if parameter.ndim == 1 else 0.05), name
    assert {'neck.mask_token', 'backbone.pos_embed'} <= {n for n, p in model.named_parameters() if decay[id(p)]}


def test_bf16_wrapper_computes_in_bfloat16_and_keeps_float32_parameters():
    model = torch.nn.Linear(4, 4)
    wrapper = build_optim_wrapper(
        model,
        dict(
            type='mmhsi.BF16OptimWrapper',
            optimizer=dict(type='SGD', lr=0.1),
            accumulative_counts=2,
            clip_grad=dict(max_norm=1e-3),
        ),
    )
    assert isinstance(wrapper, BF16OptimWrapper)
    before = model.weight.detach().clone()
    for step in range(2):
        with wrapper.optim_context(model):
            output = model(torch.ones(2, 4))
        assert output.dtype == torch.bfloat16
        wrapper.update_params(output.float().square().sum())
        assert torch.equal(model.weight, before) is (step == 0)  # two batches make one update
    moved = torch.cat([(model.weight - before).flatten(), (model.bias * 0).flatten()]).norm()
    assert model.weight.dtype == torch.float32 and 0 < moved <= 0.1 * 1e-3 * 1.001
