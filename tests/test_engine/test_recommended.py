"""The recommended recipe of each task on a small scene: from the files to the table, and a prediction that is the map
that was scored."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from scipy.ndimage import gaussian_filter

from mmhsi.apis import HSIInferencer
from mmhsi.engine.distributed import build_runner
from mmhsi.engine.resume import find_latest_checkpoint
from mmhsi.engine.run_checkpoints import best_checkpoint, load_best

BANDS = 10


def ground(height, width, seed=0):
    """Smooth mixtures of four spectra with a little noise, positive."""
    rng = np.random.default_rng(seed)
    shares = np.exp(3 * gaussian_filter(rng.normal(size=(height, width, 4)), (3, 3, 0)) * 6)
    shares /= shares.sum(axis=-1, keepdims=True)
    cube = shares @ rng.uniform(0.1, 1, (4, BANDS)) + rng.normal(0, 0.004, (height, width, BANDS))
    return cube.astype(np.float32), shares


def write_scene(task, folder):
    """The files of a scene; what a user writes into ``scene``."""
    if task in ('denoising', 'super_resolution'):
        cube, _ = ground(128 if task == 'super_resolution' else 64, 32)
        np.save(folder / 'cube.npy', cube)
        return dict(image=str(folder / 'cube.npy'))
    cube, shares = ground(34, 33)
    if task == 'unmixing':
        np.save(folder / 'cube.npy', cube)
        return dict(image=str(folder / 'cube.npy'), num_endmembers=4)
    truth = np.zeros(cube.shape[:2], np.uint8)
    if task == 'change_detection':
        truth[10:20, 5:25] = 1
        second = 1.1 * cube + truth[..., None] * np.linspace(-0.5, 0.5, BANDS, dtype=np.float32)
        np.save(folder / 'first.npy', cube)
        np.save(folder / 'second.npy', second + np.random.default_rng(1).normal(0, 0.1, cube.shape))
        np.save(folder / 'truth.npy', truth + 1)
        return dict(
            image=(str(folder / 'first.npy'), str(folder / 'second.npy')),
            labels=str(folder / 'truth.npy'),
            split=dict(type='NumberSplit', train=20, val=20, seed=0),
        )
    truth[5, 6] = truth[20, 25] = truth[20, 26] = truth[28, 9] = 1
    target = np.linspace(1.2, 0.2, BANDS)
    np.save(folder / 'cube.npy', np.where(truth[..., None], 0.6 * target + 0.4 * cube, cube))
    np.save(folder / 'truth.npy', truth)
    scene = dict(image=str(folder / 'cube.npy'), labels=str(folder / 'truth.npy'))
    return scene if task == 'anomaly_detection' else {**scene, 'target_spectrum': dict(select='mean')}


every = pytest.mark.skipif(
    os.environ.get('MMHSI_TEST_RECOMMENDED') != 'all',
    reason='MMHSI_TEST_RECOMMENDED=all tests it; its parts are those of the tasks that are tested',
)


@pytest.mark.parametrize(
    'task',
    [
        'target_detection',
        'denoising',
        *(
            pytest.param(task, marks=every)
            for task in ('anomaly_detection', 'change_detection', 'unmixing', 'super_resolution')
        ),
    ],
)
def test_recipe_and_prediction(task, tmp_path):
    mine = tmp_path / 'mine.py'
    mine.write_text(f"_base_ = 'mmhsi::recommended/{task}.py'\n")  # gives all components a scope
    cfg = Config.fromfile(mine)
    scene = write_scene(task, tmp_path)
    cfg.scene.update(scene, name='mine')
    cfg.work_dir = str(tmp_path / 'work')
    cfg.visualizer = dict(type='Visualizer', vis_backends=[])
    cfg.param_scheduler = []
    if task in ('denoising', 'super_resolution'):
        cfg.train_cfg.update(max_iters=3, val_interval=3)
        cfg.default_hooks.checkpoint.interval = 3
    else:
        cfg.train_cfg.update(max_epochs=1, **({} if 'val_cfg' not in cfg else dict(val_begin=1, val_interval=1)))
        cfg.default_hooks.checkpoint.interval = 1
    runner = build_runner(cfg)
    runner.train()
    load_best(runner)
    runner.test()
    stored = json.loads((Path(runner.log_dir) / 'results/metrics.json').read_text())
    score = stored['comparison']['score']
    finished = [outcome for outcome in stored['classical'].values() if score in outcome['scores']]
    if task != 'unmixing':  # this one has no truth
        assert len(finished) >= 2 and stored['metrics'][score] is not None
        assert 'network' in stored['parts'] and len(stored['parts']) >= 2
        # a whole is no worse than the network alone by much, after so short a training
        assert stored['metrics'][score] > stored['parts']['network'][score] - 0.01

    weights = best_checkpoint(runner) or find_latest_checkpoint(runner.work_dir)
    inferencer = HSIInferencer(weights=weights, show_progress=False)
    (predicted,) = inferencer(scene['image'])['predictions']
    (metric,) = runner.test_evaluator.metrics
    if task in ('denoising', 'super_resolution'):
        assert predicted['restored'].shape[:2] == tuple(
            (2 if task == 'super_resolution' else 1) * side for side in np.load(scene['image']).shape[:2]
        )
        assert np.isfinite(predicted['restored']).all()
        if task == 'denoising':  # hardly any noise: hardly anything changes
            assert np.abs(predicted['restored'] - np.load(scene['image'])).mean() < 0.01
        return
    result = metric.scene_results['mine']
    if task == 'unmixing':
        np.testing.assert_allclose(predicted['abundances'], result.abundances[np.argsort(result.order)], atol=1e-4)
    elif task == 'change_detection':
        np.testing.assert_array_equal(predicted['classes'], result.prediction)
    else:
        np.testing.assert_allclose(predicted['scores'], result.scores, rtol=1e-3, atol=1e-4)
        np.testing.assert_array_equal(predicted['detected'], result.detected)
