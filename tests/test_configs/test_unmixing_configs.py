"""Every unmixing config trains and tests on a look-alike of its scene, in its original file layout."""

import json
import math
import re
import runpy
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from config_runs import ROOT, configs_of, look_alikes, quick, scene_of, train_and_test, trained
from learning_rates import rates_of
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.runner import load_checkpoint
from products import read_product
from scipy.io import loadmat

from mmhsi.apis import init_model
from mmhsi.classical import vca
from mmhsi.datasets import get_scene
from mmhsi.engine.distributed import build_runner
from mmhsi.registry import DATASETS

CONFIGS = configs_of('unmixing')
BY_NAME = {path.stem: path for path in CONFIGS}
FOLDERS = {
    'urban': 'urban',
    'samson': 'samson',
    'jasper-ridge': 'jasper_ridge',
    'muufl': 'muufl',
    'urban-crop': 'urban_crop',
}
FILES = {
    'false_colour.png',
    'abundances.png',
    'abundances.tif',
    'endmembers.png',
    'endmembers.csv',
    'endmembers.sli',
    'endmembers.hdr',
    'true_endmembers.csv',
    'reconstruction.png',
}


@pytest.fixture(scope='module')
def written(tmp_path_factory) -> Path:
    return look_alikes(tmp_path_factory.mktemp('data'), list(FOLDERS.values()))


def test_urban_has_both_base_networks():
    assert {'hypersigma-base_urban', 'spatsigma-base_urban', 'hypersigma-base_urban_official'} <= set(BY_NAME)
    assert {scene_of(path) for path in CONFIGS} == set(FOLDERS)


@pytest.mark.parametrize('config', trained(CONFIGS), ids=lambda path: path.stem)
def test_config_trains_and_tests(config, data_root, tmp_path):
    cfg = quick(config, tmp_path)
    results = train_and_test(cfg)
    metrics = json.loads((results / 'metrics.json').read_text())['metrics']
    assert set(metrics) == {'mSAD', 'aMSE', 'aRMSE', 'RMSE_overall', 'reconstruction_RMSE', 'reconstruction_angle'}
    assert all(np.isfinite(value) for value in metrics.values())
    name, scene = scene_of(config), get_scene(cfg.test_dataloader.dataset.scene)
    assert {path.name for path in results.iterdir()} == {'metrics.json', *(f'{name}_{file}' for file in FILES)}
    abundances = read_product(results, name, 'abundances')
    assert abundances.shape == (scene.num_endmembers, scene.height, scene.width)
    predicted = np.isfinite(abundances).all(axis=0)
    side = cfg.test_dataloader.dataset.tile_size
    assert predicted.sum() == min(side, scene.height) * min(side, scene.width), 'one tile is tested'
    np.testing.assert_allclose(abundances.sum(axis=0)[predicted], 1, atol=1e-5)
    with rasterio.open(results / f'{name}_abundances.tif') as raster:
        assert sorted(raster.descriptions) == sorted(scene.classes)


@pytest.mark.parametrize('name', FOLDERS)
def test_scene_is_what_the_files_say(name, data_root):
    """Cube, abundances and endmembers, read in their several layouts, belong together."""
    scene = get_scene(Config.fromfile(ROOT / f'configs/_base_/datasets/{name}.py').scene)
    assert scene.abundances.sum(axis=0) == pytest.approx(np.ones((scene.height, scene.width)), abs=0.03)
    mixed = np.moveaxis(scene.abundances, 0, -1) @ scene.endmembers
    cube = scene.window(0, 0, scene.height, scene.width)
    cosine = (mixed * cube).sum(-1) / np.linalg.norm(mixed, axis=-1) / np.linalg.norm(cube, axis=-1)
    # the truth of Samson is scaled, so that it tells pure pixels alone
    pure = (scene.abundances.max(axis=0) > 0.98) | (name != 'samson')
    assert pure.sum() > 100 and np.arccos(cosine[pure].clip(-1, 1)).mean() < 0.1
    assert len(scene.split.train) == 400 and len(scene.initial_endmembers) == len(scene.classes)


def test_names_of_jasper_ridge_come_from_the_file(data_root):
    scene = get_scene(Config.fromfile(ROOT / 'configs/_base_/datasets/jasper-ridge.py').scene)
    assert scene.classes == ('1-tree', '2-water', '3-dirt', '4-road')


@pytest.mark.parametrize('end', ['', '_official'])
def test_windows_and_tiles_of_urban(end, data_root):
    cfg = Config.fromfile(BY_NAME[f'hypersigma-base_urban{end}'])
    stored = loadmat(data_root / 'urban/Urban_188_em4_init.mat')
    cube = np.moveaxis(stored['img_3d'], 0, -1).astype(np.float32)
    height, width = cube.shape[:2]
    cfg.train_dataloader.dataset.pipeline = [step for step in cfg.train_pipeline if step.type != 'RandomFlip']
    train, test = (DATASETS.build(cfg[f'{name}_dataloader'].dataset) for name in ('train', 'test'))
    chosen = np.sort(np.random.RandomState(1 if end else 0).choice(height * width, 400, replace=False))
    padded = np.pad(cube, [(32, 32), (32, 32), (0, 0)], 'symmetric')
    assert len(train) == 400
    for index in (0, 123, 399):
        row, col = divmod(chosen[index], width)
        window = train[index]['inputs'].numpy()
        np.testing.assert_array_equal(window.transpose(1, 2, 0), padded[row : row + 64, col : col + 64])
    tiles = [test[index] for index in range(len(test))]
    if end:
        whole = cube
        for axis, length in enumerate((height, width)):  # the last rows and columns once more, in their order
            whole = np.take(whole, [*range(length), *range(length - -length % 64, length)], axis)
        assert len(tiles) == whole.shape[0] // 64 * (whole.shape[1] // 64) > 1
    else:
        whole = cube
        assert {tile['data_samples'].overlap for tile in tiles} == {16}
    for tile in tiles:
        top, left = tile['data_samples'].top, tile['data_samples'].left
        np.testing.assert_array_equal(
            tile['inputs'].numpy().transpose(1, 2, 0), whole[top : top + 64, left : left + 64]
        )


def test_official_settings():
    ours, official = (Config.fromfile(BY_NAME[f'hypersigma-base_urban{end}']) for end in ('', '_official'))
    for cfg, offset in ((ours, 0), (official, 1)):
        assert cfg.train_dataloader.batch_size == 32 and cfg.train_cfg.max_epochs == 200
        wanted = [5e-4 * (1 + math.cos(math.pi * (epoch + offset) / 200)) for epoch in range(200)]
        np.testing.assert_allclose(rates_of(cfg, 1e-3, 200), wanted, rtol=1e-9, atol=1e-15)
    assert [hook.type for hook in ours.custom_hooks] == ['InitialEndmemberHook', 'NonNegativeEndmemberHook']
    assert [hook.type for hook in official.custom_hooks] == ['InitialEndmemberHook']
    losses = official.model
    assert losses.loss_reconstruction.margin is None and losses.loss_sparsity.loss_weight == 0.35
    assert (losses.loss_variation.along, losses.loss_variation.reduction) == ('endmembers', 'sum')


@pytest.mark.parametrize('name', ['hypersigma-base_urban', 'hypersigma-tiny_samson'])
def test_flat_parameters_are_not_decayed(name, tmp_path):
    cfg = quick(BY_NAME[name], tmp_path)
    model = init_model(cfg, device='cpu')
    groups = build_optim_wrapper(model, cfg.optim_wrapper).optimizer.param_groups
    decays = {id(parameter): group['weight_decay'] for group in groups for parameter in group['params']}
    found = {name: decays[id(parameter)] for name, parameter in model.named_parameters()}
    flat = {name for name, parameter in model.named_parameters() if parameter.ndim == 1}
    assert flat and all((found[name] == 0) == (name in flat) for name in found if name != 'decoder.conv.weight')
    # the official code decays the endmembers, which small networks need not
    assert found['decoder.conv.weight'] == (0.05 if 'base' in name else 0)


def test_training_starts_from_the_endmembers_of_the_scene(data_root, tmp_path):
    cfg = quick(BY_NAME['spatsigma-base_urban'], tmp_path)
    cfg.optim_wrapper.optimizer.update(lr=0.0, weight_decay=0.0)
    cfg.experiment_name = 'start'
    runner = build_runner(cfg)
    runner.train()
    stored = loadmat(data_root / 'urban/Urban_188_em4_init.mat')['init_em']
    np.testing.assert_allclose(runner.model.endmembers.numpy(force=True), stored, rtol=1e-6)

    # a run that is resumed goes on with the endmembers of its checkpoint
    checkpoint = torch.load(tmp_path / 'epoch_2.pth', map_location='cpu', weights_only=False)
    checkpoint['state_dict']['decoder.conv.weight'] *= 2
    torch.save(checkpoint, tmp_path / 'epoch_2.pth')
    cfg = quick(BY_NAME['spatsigma-base_urban'], tmp_path)
    cfg.optim_wrapper.optimizer.update(lr=0.0, weight_decay=0.0)
    cfg.experiment_name = 'resumed'
    cfg.resume, cfg.load_from, cfg.train_cfg.max_epochs = True, str(tmp_path / 'epoch_2.pth'), 3
    runner = build_runner(cfg)
    runner.train()
    np.testing.assert_allclose(runner.model.endmembers.numpy(force=True), 2 * stored, rtol=1e-6)


def test_endmembers_of_equal_norms(data_root, tmp_path):
    cfg = quick(BY_NAME['spatsigma-tiny_samson'], tmp_path)
    cfg.optim_wrapper.optimizer.update(lr=0.0)
    cfg.experiment_name = 'equal'
    runner = build_runner(cfg)
    runner.train()
    scene = get_scene(cfg.train_dataloader.dataset.scene)
    wanted = vca(scene.pixels(scene.subset('all')), 3, 0)[0]
    norms = np.linalg.norm(wanted, axis=1, keepdims=True)
    np.testing.assert_allclose(runner.model.endmembers.numpy(force=True).T, wanted / norms * norms.mean(), rtol=1e-5)


def test_a_scene_without_initial_endmembers_is_named(data_root, tmp_path):
    cfg = quick(BY_NAME['spatsigma-base_urban'], tmp_path)
    cfg.train_dataloader.dataset.scene.initial_endmembers = None
    cfg.experiment_name = 'without'
    with pytest.raises(ValueError, match="the training scene 'urban' has no initial endmembers"):
        build_runner(cfg).train()


def test_abundances_are_found(data_root, tmp_path):
    """From files to metrics: after 60 iterations without any truth the abundances are twice as good as equal shares."""
    cfg = Config.fromfile(BY_NAME['hypersigma-tiny_samson'])
    cfg.work_dir = str(tmp_path)
    cfg.train_dataloader.dataset.indices = 160
    cfg.default_hooks.checkpoint.interval = cfg.train_cfg.max_epochs = 3
    cfg.param_scheduler[1].update(end=3, T_max=2)
    results = train_and_test(cfg)
    metrics = json.loads((results / 'metrics.json').read_text())['metrics']
    scene = get_scene(cfg.test_dataloader.dataset.scene)
    undecided = np.sqrt(((scene.abundances - 1 / scene.num_endmembers) ** 2).mean(axis=(1, 2))).mean()
    assert metrics['aRMSE'] < undecided / 2 and metrics['mSAD'] < 0.2
    abundances = read_product(results, 'samson', 'abundances')
    assert np.isfinite(abundances).all(), 'the tiles cover the scene'

    model = init_model(cfg, device='cpu')
    load_checkpoint(model, str(tmp_path / 'epoch_3.pth'), map_location='cpu')
    assert model.endmembers.min() >= 0


def test_classical_tool(data_root, tmp_path, capsys):
    main = runpy.run_path(str(ROOT / 'tools/test_classical.py'))['main']
    result = main([str(BY_NAME['hypersigma-tiny_muufl']), 'fcls', '--work-dir', str(tmp_path)])['fcls']['muufl']
    printed = capsys.readouterr().out
    assert re.search(rf'{result.scores["mSAD"]:.4f}.*{result.scores["aRMSE"]:.4f}', printed)
    assert result.scores['aRMSE'] < 0.1  # the look-alike has nearly pure pixels
