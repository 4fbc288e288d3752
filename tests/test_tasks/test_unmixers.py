import json
import runpy
from pathlib import Path

import numpy as np
import pytest
from products import UNMIXING_FILES

from mmhsi.apis import evaluate_unmixer
from mmhsi.classical import fcls, vca
from mmhsi.datasets import Scene, UnmixingScene
from mmhsi.tasks import task_of_scene

ROOT = Path(__file__).parents[2]


@pytest.fixture
def scene():
    """12 x 10 pixels with pure ones among them, and brightness that varies."""
    rng = np.random.default_rng(0)
    spectra = rng.uniform(0.1, 1, (3, 15))
    abundances = rng.dirichlet(np.ones(3), 120).T
    abundances[:, :3] = np.eye(3)
    abundances = abundances.reshape(3, 12, 10)
    cube = np.moveaxis(abundances, 0, -1) @ spectra
    return UnmixingScene(cube, abundances=abundances, endmembers=spectra, name='mix')


def test_fcls_on_vca(scene):
    result = evaluate_unmixer(scene, 'fcls', seed=2)
    pixels = scene.pixels(scene.subset('all'))
    endmembers = vca(pixels, 3, 2)[0]
    assert sorted(map(tuple, result.endmembers)) == sorted(map(tuple, endmembers))
    np.testing.assert_allclose(result.abundances, fcls(pixels, result.endmembers).T.reshape(3, 12, 10))
    # VCA finds the pure pixels, so everything is found but for the rounding of the scene to float32
    assert result.scores['mSAD'] < 1e-3 and result.scores['aRMSE'] < 1e-5
    assert result.settings['started_from'] == 'VCA, seed 2' and result.settings['method'] == 'fcls'


def test_initial_endmembers_of_the_scene_are_used(scene):
    start = scene.endmembers * 1.1
    given = UnmixingScene(scene.window(0, 0, 12, 10), initial_endmembers=start)
    np.testing.assert_array_equal(evaluate_unmixer(given, 'fcls').endmembers, start)
    assert 'mSAD' not in evaluate_unmixer(given, 'fcls').scores
    assert evaluate_unmixer(given, 'fcls', seed=0).settings['started_from'] == 'VCA, seed 0'


def test_brightness_has_no_influence_with_unit_norm(scene):
    light = np.random.default_rng(1).uniform(0.3, 1, (12, 10, 1))
    start = scene.endmembers / np.linalg.norm(scene.endmembers, axis=1, keepdims=True)
    cube = np.moveaxis(scene.abundances, 0, -1) @ start
    dimmed = UnmixingScene(cube * light, abundances=scene.abundances, endmembers=start, initial_endmembers=start)
    assert evaluate_unmixer(dimmed, 'fcls').scores['aRMSE'] > 0.1
    bright = evaluate_unmixer(dimmed, 'fcls', unit_norm=True).scores['aRMSE']
    assert bright < evaluate_unmixer(dimmed, 'fcls').scores['aRMSE'] / 2


def test_nmf_lowers_the_reconstruction_error(scene):
    rng = np.random.default_rng(3)
    start = np.clip(scene.endmembers + rng.normal(0, 0.1, scene.endmembers.shape), 0.01, 1)
    given = UnmixingScene(
        scene.window(0, 0, 12, 10), initial_endmembers=start, abundances=scene.abundances, endmembers=scene.endmembers
    )
    plain, refined = (evaluate_unmixer(given, method) for method in ('fcls', 'sparse_nmf'))
    assert refined.scores['reconstruction_RMSE'] < plain.scores['reconstruction_RMSE'] / 2
    assert refined.scores['mSAD'] < plain.scores['mSAD']
    assert evaluate_unmixer(given, 'sparse_nmf', iterations=3).settings['options'] == {'iterations': 3}


def test_masked_pixels_have_no_abundances(scene):
    cube = scene.window(0, 0, 12, 10)
    cube[4, 5] = np.nan
    masked = UnmixingScene(cube, num_endmembers=3)
    for method in task_of_scene(masked).default_methods(masked):
        result = task_of_scene(masked).methods(masked)[method](masked, evaluate_on=None)
        assert np.isnan(result.abundances[:, 4, 5]).all() and np.isfinite(result.abundances[:, 3]).all()


def test_wrong_input_is_named(scene):
    with pytest.raises(TypeError, match='needs an UnmixingScene, found Scene'):
        evaluate_unmixer(Scene(np.ones((3, 3, 2))), 'fcls')
    with pytest.raises(ValueError, match="the method is 'nfindr', expected one of fcls, sparse_nmf"):
        evaluate_unmixer(scene, 'nfindr')
    with pytest.raises(ValueError, match="on all pixels of a scene, not on 'test'"):
        evaluate_unmixer(scene, 'fcls', evaluate_on='test')
    with pytest.raises(TypeError, match='fcls takes no further options, found iterations'):
        evaluate_unmixer(scene, 'fcls', iterations=3)


def test_tool(scene, tmp_path, capsys):
    arrays = dict(cube=scene.window(0, 0, 12, 10), abundances=scene.abundances, endmembers=scene.endmembers.T)
    for name, values in arrays.items():
        np.save(tmp_path / f'{name}.npy', values)
    config = tmp_path / 'mix.py'
    config.write_text(f"""
scene = dict(type='UnmixingScene', name='mix', image={str(tmp_path / 'cube.npy')!r},
             abundances={str(tmp_path / 'abundances.npy')!r}, endmembers={str(tmp_path / 'endmembers.npy')!r})
test_dataloader = dict(dataset=dict(type='TileDataset', scene=scene, subset='all', tile_size=6))
test_evaluator = dict(type='SceneUnmixingMetric', scene=scene)
""")
    main = runpy.run_path(str(ROOT / 'tools/test_classical.py'))['main']
    results = main([str(config), '--options', 'sparse_nmf.iterations=5', '--work-dir', str(tmp_path / 'out')])
    printed = capsys.readouterr().out
    assert set(results) == {'fcls', 'sparse_nmf'} and 'aRMSE' in printed and 'mSAD' in printed
    folder = tmp_path / 'out/classical/fcls'
    summary = json.loads((folder / 'metrics.json').read_text())['scenes']['mix']
    assert summary['aRMSE'] == results['fcls']['mix'].scores['aRMSE']
    assert {path.name for path in folder.iterdir()} == {'metrics.json', 'mix_true_endmembers.csv'} | {
        f'mix_{name}' for name in UNMIXING_FILES
    }
