"""Tests of tools/test_classical.py: every kind of scene is evaluated as its network is, and leaves the same files."""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest
from products import read_product

from mmhsi.apis import evaluate_change_detector, evaluate_detector, evaluate_pixel_classifier
from mmhsi.datasets import DetectionScene, PairScene, Scene

TOOL = Path(__file__).parents[2] / 'tools/test_classical.py'
H, W, C = 20, 22, 7
CONFIG = "test_dataloader = dict(dataset=dict(type='TileDataset', scene={scene!r}, subset='all', tile_size=16))"


@pytest.fixture(scope='module')
def main():
    return runpy.run_path(str(TOOL))['main']


@pytest.fixture
def scenes(tmp_path, monkeypatch):
    """Config files of a scene for detection, of a pair and of a scene for classification."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    truth = np.zeros((H, W), np.uint8)
    truth[5:7, 8:11] = 1
    cube = rng.normal(5, 1, (H, W, C)) + 2 * truth[..., None] * np.array([1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0])
    classes = 1 + np.arange(H * W).reshape(H, W) // W % 3
    np.save('cube.npy', cube.astype(np.float32))
    np.save('later.npy', (cube + 3 * truth[..., None]).astype(np.float32))
    np.save('truth.npy', truth)
    np.save('classes.npy', classes)
    scale = [dict(type='Standardize')]
    found = dict(
        detection=dict(
            type='DetectionScene',
            name='field',
            image='cube.npy',
            labels='truth.npy',
            preprocessing=scale,
            coarse=dict(detector='ace'),
            target_spectrum=dict(select='median'),
        ),
        change=dict(
            type='PairScene',
            name='field',
            image=('cube.npy', 'later.npy'),
            labels='truth.npy',
            label_codes=dict(unchanged=0, changed=1),
            preprocessing=scale,
        ),
        classification=dict(
            type='Scene',
            name='field',
            image='cube.npy',
            labels='classes.npy',
            preprocessing=scale,
            split=dict(type='NumberSplit', train=9, val=2, seed=0),
        ),
    )
    for task, scene in found.items():
        Path(f'{task}.py').write_text(CONFIG.format(scene=scene))
    return {task: {key: value for key, value in scene.items() if key != 'type'} for task, scene in found.items()}


def test_target_detectors_are_compared(main, scenes, capsys):
    results = main(['detection.py', 'cem', 'coarse', 'local_rx', '--options', 'local_rx.inner=3', 'local_rx.outer=9'])
    scene = DetectionScene(**scenes['detection'])
    wanted = {
        'cem': evaluate_detector(scene, 'cem'),
        'coarse': evaluate_detector(scene, 'ace'),
        'local_rx': evaluate_detector(scene, 'local_rx', inner=3, outer=9),
    }
    table = capsys.readouterr().out
    folder = Path('work_dirs/detection/classical')
    for method, result in wanted.items():
        assert results[method]['field'].metrics == pytest.approx(result.metrics)
        assert f'{result.metrics["AUC"]:.4f}' in table and f'{result.metrics["AUC_Pd_tau"]:.4f}' in table
        np.testing.assert_allclose(read_product(folder / method, 'field', 'scores'), result.scores, rtol=1e-6)
        stored = json.loads((folder / method / 'metrics.json').read_text())['scenes']['field']
        assert stored['AUC'] == pytest.approx(result.metrics['AUC'])
    assert (folder / 'field_roc.png').is_file() and str(folder) in table


def test_without_names_all_methods_of_the_task_are_evaluated(main, scenes):
    assert list(main(['detection.py'])) == ['cem', 'ace', 'mf', 'sam', 'osp']
    assert list(main(['change.py', '--work-dir', 'elsewhere'])) == ['cva', 'isfa', 'pca_cva']
    assert Path('elsewhere/classical/cva/field_classes.png').is_file()


def test_other_tasks_have_their_own_methods(main, scenes, capsys):
    found = main(['change.py', 'cva', '--options', 'cva.threshold=li'])['cva']['field']
    wanted = evaluate_change_detector(PairScene(**scenes['change']), 'cva', threshold='li')
    assert found.scores['F1'] == wanted.scores['F1'] and f'{wanted.scores["F1"]:.4f}' in capsys.readouterr().out
    found = main(['classification.py', 'svm', '--options', 'svm.folds=2'])['svm']['field']
    wanted = evaluate_pixel_classifier(Scene(**scenes['classification']), 'svm', folds=2)
    np.testing.assert_array_equal(found.prediction, wanted.prediction)


def test_raw_leaves_out_the_preprocessing(main, scenes):
    scene = DetectionScene(**scenes['detection'] | dict(preprocessing=[]))
    wanted = evaluate_detector(scene, 'sam').metrics
    assert main(['detection.py', 'sam', '--raw'])['sam']['field'].metrics == pytest.approx(wanted)
    assert main(['detection.py', 'sam'])['sam']['field'].metrics['AUC'] != pytest.approx(wanted['AUC'])


@pytest.mark.parametrize(
    'arguments, message',
    [
        (['detection.py', 'magic'], "unknown method 'magic'; the methods of this task are cem, ace"),
        (['change.py', 'cem'], "unknown method 'cem'; the methods of this task are cva"),
        (
            ['detection.py', 'rx', '--options', 'local_rx.inner=3'],
            '--options local_rx.inner: expected METHOD.KEY=VALUE',
        ),
        (['detection.py', '--options', 'inner=3'], '--options inner: expected METHOD.KEY=VALUE'),
        (['detection.py', 'local_rx', '--options', 'local_rx.inner=4'], 'sides 4'),
    ],
)
def test_what_does_not_suit_is_named(main, scenes, arguments, message):
    with pytest.raises(ValueError, match=message):
        main(arguments)


def test_a_scene_of_one_class_is_in_the_table(main, scenes, capsys):
    np.save('truth.npy', np.zeros((H, W), np.uint8))
    result = main(['detection.py', 'rx', '--cfg-options', 'test_dataloader.dataset.scene.target_spectrum=None'])
    assert result['rx']['field'].undefined == f'all {H * W} evaluated pixels are background'
    rows = [line.split('|')[1].strip() for line in capsys.readouterr().out.splitlines() if line.startswith('|')]
    assert rows == ['method', 'rx']


def test_many_scenes_share_the_fit_of_the_training_and_are_pooled(main, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for number, name in enumerate('abc'):
        truth = rng.uniform(size=(H, W)) < 0.2
        cube = rng.normal(5 + number, 1 + number, (H, W, C)).astype(np.float32)
        np.save(f'{name}_1.npy', cube)
        np.save(f'{name}_2.npy', cube + 6 * truth[..., None].astype(np.float32))
        np.save(f'{name}_map.npy', truth.astype(np.uint8))
    scene = dict(
        type='PairScene',
        image=('{name}_1.npy', '{name}_2.npy'),
        labels='{name}_map.npy',
        label_codes=dict(unchanged=0, changed=1),
        preprocessing=[dict(type='Standardize')],
    )
    loader = "dict(dataset=dict(type='WholeSceneDataset', scene={}, names={}))"
    Path('cities.py').write_text(
        f'train_dataloader = {loader.format(scene, ["a"])}\n'
        f'test_dataloader = {loader.format(scene, ["b", "c"])}\n'
        "test_evaluator = dict(type='SceneChangeMetric')\n"
    )
    results = main(['cities.py', 'cva'])['cva']
    both = np.concatenate([np.load(f'a_{date}.npy').reshape(-1, C) for date in (1, 2)]).astype(np.float64)
    for name in 'bc':
        first, second = ((np.load(f'{name}_{date}.npy') - both.mean(axis=0)) / both.std(axis=0) for date in (1, 2))
        level = results[name].settings['threshold']
        assert np.array_equal(results[name].prediction == 1, np.linalg.norm(second - first, axis=-1) > level)
    pooled = sum(result.matrix for result in results.values())
    table = next(line for line in capsys.readouterr().out.splitlines() if 'all scenes' in line and 'cva' in line)
    assert f'{np.trace(pooled) / pooled.sum():.4f}' in table


def test_scenes_of_one_set_are_scored_together(main, scenes, capsys):
    for part, axis in (('cube', 0), ('classes', 0)):
        Path(part).mkdir()
        for number, half in enumerate(np.split(np.load(f'{part}.npy'), 2, axis=axis)):
            np.save(f'{part}/half_{number}.npy', half)
    split = dict(type='NumberSplit', train=20, val=5)
    scene = dict(type='Scene', image='cube/*.npy', labels='classes', split=split)
    Path('set.py').write_text(CONFIG.format(scene=scene))
    results = main(['set.py', 'forest'])['forest']
    assert list(results) == ['half_0', 'half_1'] and 'all scenes' in capsys.readouterr().out
    matrix = sum(result.matrix for result in results.values())
    assert matrix.sum() == H * W - 3 * 25
    pooled = json.loads(Path('work_dirs/set/classical/forest/metrics.json').read_text())['pooled']
    assert pooled['OA'] == pytest.approx(np.trace(matrix) / matrix.sum())
