"""The back ends of MMEngine for wandb and mlflow without a network, where these are installed."""

import json
from pathlib import Path

import pytest
from tiny_experiment import tiny_config

from mmhsi.engine.distributed import build_runner


def train(folder: Path, **backend) -> list[float]:
    """Train for one epoch with another back end beside the local one; returns the losses that the latter has."""
    cfg = tiny_config(folder, folder / 'run', max_epochs=1)
    cfg.visualizer.vis_backends.append(backend)
    runner = build_runner(cfg)
    runner.train()
    (scalars,) = (folder / 'run').glob('*/vis_data/scalars.json')
    rows = map(json.loads, scalars.read_text().splitlines())
    return [row['loss'] for row in rows if 'loss' in row]


def test_mlflow_has_the_losses(tmp_path):
    mlflow = pytest.importorskip('mlflow')
    address = f'sqlite:///{tmp_path}/mlflow.db'
    losses = train(tmp_path, type='MLflowVisBackend', tracking_uri=address, artifact_location=str(tmp_path / 'files'))
    client = mlflow.MlflowClient(address)
    (run,) = client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])
    history = sorted(client.get_metric_history(run.info.run_id, 'loss'), key=lambda entry: entry.step)
    assert len(losses) == 3 and [entry.value for entry in history] == pytest.approx(losses)


def test_wandb_writes_an_offline_run(tmp_path, monkeypatch):
    pytest.importorskip('wandb')
    monkeypatch.setenv('WANDB_CACHE_DIR', str(tmp_path / 'cache'))
    train(tmp_path, type='WandbVisBackend', init_kwargs=dict(mode='offline', dir=str(tmp_path)))
    (log,) = tmp_path.rglob('run-*.wandb')
    assert b'loss' in log.read_bytes()
