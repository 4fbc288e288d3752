"""The recommended classifier on a scene of one's own: what follows from the scene, and the way from start to end."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from scipy.ndimage import gaussian_filter

from mmhsi.apis import HSIInferencer
from mmhsi.classical.kernel_ridge import leave_one_out, squared_distances
from mmhsi.datasets import get_scene
from mmhsi.engine.distributed import build_runner
from mmhsi.engine.run_checkpoints import load_best
from mmhsi.engine.scene_settings import rank_settings, resolve_scene_settings, settings_of_checkpoint, window_size
from mmhsi.registry import DATASETS, TASKS
from mmhsi.tasks.experts import EXPERTS

RECOMMENDED = Path(__file__).parents[2] / 'configs/recommended/classification.py'
SIDE, BANDS = 40, 6


def make_config(folder: Path, field: float, noise: float) -> Config:
    """Four classes in fields of about ``field`` pixels, spectra with noise."""
    rng = np.random.default_rng(0)
    labels = gaussian_filter(rng.normal(size=(SIDE, SIDE, 4)), (field, field, 0), mode='wrap').argmax(axis=-1)
    cube = 5 * rng.normal(size=(4, BANDS))[labels] + noise * rng.normal(size=(SIDE, SIDE, BANDS))
    np.save(folder / 'cube.npy', cube.astype(np.float32))
    np.save(folder / 'labels.npy', labels + 1)
    cfg = Config.fromfile(RECOMMENDED)
    cfg.scene.update(name='fields', image=str(folder / 'cube.npy'), labels=str(folder / 'labels.npy'))
    cfg.work_dir = str(folder / 'work')
    cfg.visualizer = dict(type='Visualizer', vis_backends=[])
    cfg.scene_settings.update(powers=(0.3, 0.5), widths=((0.0,), (1.0,), (0.5, 2.0), (3.0,)))
    return cfg


def test_settings_follow_from_the_scene(tmp_path):
    widths = {}
    for field, noise in ((1.2, 0.3), (8.0, 14.0)):
        folder = tmp_path / f'{field}'  # scenes of one path are shared while one is in memory
        folder.mkdir()
        cfg = make_config(folder, field, noise)
        resolve_scene_settings(cfg)
        chosen = cfg.chosen_settings
        widths[field] = max(chosen.widths)
        bands = chosen.components * len(chosen.widths)
        assert 1 <= chosen.components <= BANDS and chosen.classes == 4
        assert cfg.model.backbone.spatial.in_channels == cfg.model.head.in_channels == bands
        assert cfg.model.head.num_classes == cfg.model.head.deep.loss.num_classes == 4
        for name in ('train', 'val', 'test'):
            dataset = cfg[f'{name}_dataloader'].dataset
            assert dataset.window_size == window_size(chosen.widths)
            assert dataset.scene == cfg.scene
            assert dataset.scene.preprocessing[-1].n_components == chosen.components
    assert widths[1.2] <= 1 < widths[8.0]  # small objects are not smoothed away, noise in large ones is


def test_the_first_is_the_most_likely_one(tmp_path):
    cfg = make_config(tmp_path, 8.0, 5.0)
    init_default_scope('mmhsi')
    options = dict(cfg.scene.to_dict(), preprocessing=[dict(type='MinimumNoiseFraction', n_components=BANDS)])
    scene = get_scene(options)
    ranked = rank_settings(scene, (0.3, 0.5), ((0.0,), (1.0,)), 0.0)
    assert len(ranked) == 4 and [fit.loss for fit, _ in ranked] == sorted(fit.loss for fit, _ in ranked)
    fit, settings = next(entry for entry in ranked if entry[1]['power'] == 0.3 and entry[1]['widths'] == [1.0])
    places = np.sort(np.concatenate([scene.split.train, scene.split.val]))
    cube = scene.window(0, 0, SIDE, SIDE) * scene.transforms[-1].ratio.astype(np.float32) ** -0.2
    # the windows of 7 pixels hold three deviations of the Gaussian, and mirror the scene at its border
    features = gaussian_filter(cube, (1, 1, 0), mode='mirror', truncate=3.0).reshape(-1, BANDS)
    expected = leave_one_out(squared_distances(features[places], features[places]), scene.labels.ravel()[places])
    assert fit.loss == pytest.approx(expected.loss, rel=1e-3)
    assert settings['rms'] == pytest.approx([np.sqrt(np.square(features[places]).mean())], rel=1e-4)


def test_another_preprocessing_is_refused(tmp_path):
    cfg = make_config(tmp_path, 2.0, 1.0)
    cfg.scene.preprocessing = [dict(type='Standardize')]
    with pytest.raises(ValueError, match='must end with MinimumNoiseFraction, found Standardize'):
        resolve_scene_settings(cfg)


def trained(cfg, epochs):
    """Runner, best checkpoint and test scores of a short training."""
    cfg.train_cfg.update(max_epochs=epochs, val_begin=1, val_interval=1)
    cfg.param_scheduler = None
    torch.manual_seed(0)
    runner = build_runner(cfg)
    runner.train()
    return runner, load_best(runner), runner.test()


def test_a_scene_of_ones_own_is_trained_tested_and_tested_again(tmp_path):
    cfg = make_config(tmp_path, 6.0, 6.0)
    runner, best, scores = trained(cfg, 2)
    assert scores['OA'] > 0.5 and 'NLL' in scores
    result = runner.test_evaluator.metrics[0].scene_results['fields']
    weights = result.settings['refinement']['weights']
    assert {'network'} < set(weights) <= {'network', *EXPERTS[:6]} and sum(weights.values()) == pytest.approx(
        1, abs=1e-3
    )
    parts = {*weights, 'mean of the parts', 'mean, after the walker'}
    assert set(result.parts) == parts
    stored = json.loads((Path(runner.log_dir) / 'results/metrics.json').read_text())
    assert set(stored['parts']) == parts and 'SVM on spectra' in stored['classical']
    # from the checkpoint alone, prediction makes the map that was scored
    predicted = HSIInferencer(weights=best, show_progress=False)(str(tmp_path / 'cube.npy'), scores=True)
    np.testing.assert_array_equal(predicted['predictions'][0]['classes'], result.prediction)
    confidence = predicted['predictions'][0]['scores'].max(axis=0)
    np.testing.assert_allclose(confidence, result.confidence, atol=2e-3)
    assert settings_of_checkpoint(best) == cfg.chosen_settings.to_dict()
    again = make_config(tmp_path, 6.0, 6.0)
    again.scene_settings.widths = ((0.0,),)  # the choice of the checkpoint counts, to which its weights belong
    again.load_from, again.work_dir = best, str(tmp_path / 'again')
    assert build_runner(again).test() == pytest.approx(scores)


def test_tiles_are_trained_and_tested_as_one_set(tmp_path):
    cfg = make_config(tmp_path, 6.0, 6.0)
    for name in ('cube', 'labels'):
        (tmp_path / name).mkdir()
        whole = np.load(tmp_path / f'{name}.npy')
        for number, part in enumerate((whole[:22], whole[22:, :30])):
            np.save(tmp_path / name / f'tile_{number}.npy', part)
    cfg.scene.update(name=None, image=str(tmp_path / 'cube'), labels=str(tmp_path / 'labels'))
    cfg.default_hooks.classical = None
    runner, best, scores = trained(cfg, 1)
    results = runner.test_evaluator.metrics[0].scene_results
    assert list(results) == ['tile_0', 'tile_1']
    scenes = runner.test_dataloader.dataset.scenes
    right, total = np.zeros(2), 0
    for scene in scenes:
        test, result = scene.split.test, results[scene.name]
        maps = result.prediction, result.parts['network'].prediction
        right += [np.count_nonzero(labels.ravel()[test] == scene.labels.ravel()[test]) for labels in maps]
        total += len(test)
    assert scores['OA'] == pytest.approx(right[0] / total) and scores['OA'] > 0.4
    assert sum(len(scene.split.train) for scene in scenes) == 4 * 10  # of each class in both together
    chosen = [result.settings['refinement'] for result in results.values()]
    assert chosen[0] == chosen[1] and sum(chosen[0]['shares']) == pytest.approx(1)
    weights = chosen[0]['weights']
    assert {'network'} < set(weights) <= {'network', *EXPERTS} and sum(weights.values()) == pytest.approx(1, abs=1e-3)
    stored = json.loads((Path(runner.log_dir) / 'results/metrics.json').read_text())
    assert set(stored['scenes']) == {'tile_0', 'tile_1'}
    assert stored['pooled']['settings']['parts']['network']['OA'] == pytest.approx(right[1] / total)
    predicted = HSIInferencer(weights=best, show_progress=False)(str(tmp_path / 'cube/tile_1.npy'))
    np.testing.assert_array_equal(predicted['predictions'][0]['classes'], results['tile_1'].prediction)


@pytest.mark.parametrize(
    'heights, areas',
    (
        ((64, 64), dict(train=[(0, 0, 35, 20)], val=[(35, 0, 10, 20)], test=[(45, 0, 19, 20)])),
        (
            (64, 50),
            dict(
                train=dict(a=[(0, 0, 35, 20)], b=[(0, 0, 27, 20)]),
                val=dict(a=[(35, 0, 10, 20)], b=[(27, 0, 10, 20)]),
                test=dict(a=[(45, 0, 19, 20)], b=[(37, 0, 13, 20)]),
            ),
        ),
        (  # too small to be divided
            (20, 18, 64, 30),
            dict(
                train=dict(a=[(0, 0, 20, 20)], b=[(0, 0, 18, 20)]),
                val=dict(c=[(0, 0, 64, 20)]),
                test=dict(d=[(0, 0, 30, 20)]),
            ),
        ),
    ),
)
def test_scenes_are_divided_for_denoising(tmp_path, heights, areas):
    cfg = Config.fromfile(RECOMMENDED.with_name('denoising.py'))
    for name, height in zip('abcd', heights, strict=False):
        np.save(tmp_path / f'{name}.npy', np.random.default_rng(0).random((height, 20, 6), np.float32))
    cfg.scene.image = str(tmp_path)
    resolve_scene_settings(cfg)
    for part, expected in areas.items():
        found = cfg[f'{part}_dataloader'].dataset.areas
        assert (found.to_dict() if isinstance(found, dict) else found) == expected
    assert cfg.scene.split.type == 'AreaSplit' and cfg.model.generator.head.num_bands == 6
    scenes = DATASETS.build(cfg.test_dataloader.dataset).scenes
    tested = sum(len(scene.split.test) for scene in scenes)
    listed = areas['test'].values() if isinstance(areas['test'], dict) else [areas['test']] * len(heights)
    assert tested == sum(rows * columns for own in listed for _, _, rows, columns in own)


def test_scenes_that_are_too_small_for_denoising_are_told(tmp_path):
    cfg = Config.fromfile(RECOMMENDED.with_name('denoising.py'))
    for name in 'ab':
        np.save(tmp_path / f'{name}.npy', np.zeros((20, 20, 6), np.float32))
    cfg.scene.image = str(tmp_path)
    with pytest.raises(
        ValueError, match='a.npy: .* 20 x 20 pixels is too small .* or of three and more scenes 16 x 16'
    ):
        resolve_scene_settings(cfg)


def test_teacher_stage_and_contestant_have_the_windows_of_the_scene(tmp_path):
    cube = np.random.default_rng(0).normal(size=(60, 60, 8)).astype(np.float32)
    cube[20:27, 20:27] += 3  # larger than the smaller inner window allows
    np.save(tmp_path / 'cube.npy', cube)
    cfg = Config.fromfile(RECOMMENDED.with_name('anomaly_detection.py'))
    cfg.scene.update(name='mine', image=str(tmp_path / 'cube.npy'), labels=None)
    resolve_scene_settings(cfg)
    assert cfg.chosen_settings == dict(bands=8, components=8, windows=[15, 23])
    chosen = dict(inner=15, outer=23)
    scene = get_scene(cfg.test_dataloader.dataset.scene)
    assert scene.coarse_options('crd') == chosen and scene.coarse_options('rx') == {}
    (hook,) = cfg.custom_hooks
    assert hook.detectors.CRD.to_dict() == dict(method='crd', **chosen)
    contestants = {contestant.title: contestant for contestant in TASKS.get('anomaly_detection')().contestants(scene)}
    assert contestants['crd'].options == chosen and contestants['rx'].options == {}
    assert contestants['local_rx'].options == dict(inner=15, outer=29)

    given = Config.fromfile(RECOMMENDED.with_name('anomaly_detection.py'))
    given.scene.update(name='mine', image=str(tmp_path / 'cube.npy'), labels=None)
    given.scene.coarse.update(inner=5, outer=11)
    resolve_scene_settings(given)
    assert 'windows' not in given.chosen_settings
    assert get_scene(given.test_dataloader.dataset.scene).coarse_options('crd') == dict(inner=5, outer=11)
