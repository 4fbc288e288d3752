"""Every classification config trains and tests on a look-alike of its scene, in its original file layout."""

import json
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config, ConfigDict
from scipy.io import savemat

from mmhsi.engine.distributed import build_runner

CONFIGS = sorted((Path(__file__).parents[2] / 'configs/classification').glob('*.py'))
SIDE = 80  # pixels of the look-alike: tiles of 145 just fit a mirrored scene of this size
WIDTH = 16  # of the shrunk networks


def shrink(cfg: ConfigDict) -> None:
    """Replace every HyperSIGMA base branch by a narrow one of four blocks, and fit neck and head to it."""
    arch = dict(embed_dims=WIDTH, num_layers=4, num_heads=2, full_attn_interval=2, out_indices=(0, 1, 2, 3))
    backbone, neck = cfg.model.backbone, cfg.model.get('neck')
    for branch in [backbone, *(backbone.get(name) for name in ('spatial', 'spectral'))]:
        if branch is not None and branch.get('arch') == 'base':
            branch.arch = arch
    if neck is not None and neck.get('in_channels') == 768:
        neck.in_channels = WIDTH
    for head in (cfg.model.get('head'), cfg.model.get('decode_head')):
        if head is not None and head.get('in_channels') == (768, ) * 4:
            head.in_channels = (WIDTH, ) * 4


@pytest.fixture(scope='module')
def look_alike(tmp_path_factory) -> Path:
    """Indian Pines in small: 200 bands, 16 classes in stripes that differ in their mean spectra."""
    root = tmp_path_factory.mktemp('data')
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(SIDE) // 5 % 17, SIDE).reshape(SIDE, SIDE)
    spectra = rng.uniform(1000, 9000, (17, 200))
    cube = (spectra[labels] + rng.normal(0, 100, (SIDE, SIDE, 200))).astype(np.uint16)
    (root / 'indian_pines').mkdir()
    savemat(root / 'indian_pines/Indian_pines_corrected.mat', {'indian_pines_corrected': cube})
    savemat(root / 'indian_pines/Indian_pines_gt.mat', {'indian_pines_gt': labels.astype(np.uint8)})
    return root


def quick(config: Path, work_dir: Path) -> Config:
    """A config that trains two iterations of a small batch and tests a few samples."""
    cfg = Config.fromfile(config)
    cfg.work_dir = str(work_dir)
    cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=2, val_interval=2)
    cfg.param_scheduler = []
    cfg.default_hooks.checkpoint = dict(type='CheckpointHook', by_epoch=False, interval=2)
    for name in ('train', 'val', 'test'):
        loader = cfg[f'{name}_dataloader']
        loader.update(num_workers=0, persistent_workers=False, batch_size=min(loader.batch_size, 4))
        loader.dataset.indices = 8 if loader.dataset.type == 'WindowDataset' else 1
    shrink(cfg)
    return cfg


@pytest.mark.parametrize('config', CONFIGS, ids=lambda path: path.stem)
def test_config_trains_and_tests(config, look_alike, tmp_path, monkeypatch):
    monkeypatch.setenv('MMHSI_DATA', str(look_alike))
    runner = build_runner(quick(config, tmp_path))
    runner.train()
    runner.test()
    results = Path(runner.log_dir) / 'results'
    metrics = json.loads((results / 'metrics.json').read_text())['metrics']
    assert set(metrics) == {'OA', 'AA', 'kappa'}
    prediction = np.load(results / 'indian-pines_prediction.npy')
    assert prediction.shape == (SIDE, SIDE)
    predicted = prediction[prediction != 255]
    assert predicted.size >= 8 and predicted.max() < 16
    pictures = {path.name for path in results.glob('*.png')}
    assert pictures == {f'indian-pines_{name}.png' for name in (
        'false_colour', 'ground_truth', 'prediction', 'error', 'confusion_matrix')}


def test_every_file_name_tells_its_scene():
    names = [path.stem for path in CONFIGS]
    assert names and all('_indian-pines' in name for name in names)
