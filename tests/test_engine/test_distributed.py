"""Tests of distributed runs on CPUs; the runs themselves are in the tests of the tools."""

import socket

import pytest
import torch.distributed
from mmengine.config import Config
from mmengine.device import get_device

from mmhsi.engine import distributed
from mmhsi.engine.distributed import close_process_group, init_cpu_process_group, pin_memory

pytestmark = pytest.mark.skipif(get_device() != 'cpu', reason='an accelerator is there: MMEngine starts the group')


@pytest.fixture
def single_process(tmp_path, monkeypatch):
    """The variables that torchrun sets for one process, with a free port."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    for name, value in dict(RANK=0, WORLD_SIZE=1, LOCAL_RANK=0, MASTER_ADDR='127.0.0.1', MASTER_PORT=port).items():
        monkeypatch.setenv(name, str(value))
    yield
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def test_nothing_happens_without_a_launcher():
    cfg = Config(dict(launcher='none'))
    assert init_cpu_process_group(cfg) is False
    assert 'model_wrapper_cfg' not in cfg and not torch.distributed.is_initialized()


def test_group_is_gloo_and_the_wrapper_takes_no_device(single_process):
    cfg = Config(dict(launcher='pytorch', find_unused_parameters=True, env_cfg=dict(dist_cfg=dict(timeout=60))))
    assert init_cpu_process_group(cfg) is True
    assert torch.distributed.get_backend() == 'gloo' and torch.distributed.get_world_size() == 1
    assert cfg.model_wrapper_cfg == dict(
        type='MMDistributedDataParallel', broadcast_buffers=False, find_unused_parameters=True, device_ids=None
    )


def test_existing_group_and_wrapper_are_kept(single_process):
    torch.distributed.init_process_group('gloo')
    cfg = Config(dict(launcher='pytorch', model_wrapper_cfg=dict(type='MMDistributedDataParallel', static_graph=True)))
    assert init_cpu_process_group(cfg) is True
    assert cfg.model_wrapper_cfg == dict(type='MMDistributedDataParallel', static_graph=True, device_ids=None)


@pytest.mark.parametrize('launcher', ['slurm', 'mpi'])
def test_other_launchers_need_an_accelerator(launcher):
    with pytest.raises(ValueError, match=f"launcher '{launcher}' needs an accelerator and none was found"):
        init_cpu_process_group(Config(dict(launcher=launcher)))


def test_group_is_taken_down_after_a_run(single_process):
    close_process_group()  # nothing to take down
    torch.distributed.init_process_group('gloo')
    close_process_group()
    assert not torch.distributed.is_initialized()


@pytest.mark.parametrize('device, wanted', [('cuda', True), ('cpu', None)])
def test_batches_are_page_locked_on_cuda_unless_the_config_tells(device, wanted, monkeypatch):
    monkeypatch.setattr(distributed, 'get_device', lambda: device)
    cfg = Config(
        dict(
            train_dataloader=dict(batch_size=2),
            val_dataloader=None,
            test_dataloader=dict(batch_size=1, pin_memory=False),
        )
    )
    pin_memory(cfg)
    assert cfg.train_dataloader.get('pin_memory') is wanted and cfg.test_dataloader.pin_memory is False
