import json

import numpy as np
import pytest
from sklearn.covariance import EmpiricalCovariance
from sklearn.metrics import roc_auc_score

from mmhsi.apis import evaluate_detector
from mmhsi.datasets import DetectionScene, PairScene, Scene, TileDataset
from mmhsi.evaluation import DetectionResult
from mmhsi.tasks import task_of_scene, write_scene_result

H, W, C = 30, 26, 6
SPECTRUM = np.array([9.0, 1.0, 8.0, 2.0, 7.0, 3.0])


def make_scene(share: float = 0.8, invalid=(), **options) -> DetectionScene:
    """Noise with four targets that fill a share of their pixels; code 1 background, 2 target, 0 not evaluated."""
    rng = np.random.default_rng(0)
    labels = np.ones((H, W), np.uint8)
    labels[8:10, 5:7], labels[20, :4] = 2, 0
    cube = rng.normal(5, 1, (H, W, C))
    cube[labels == 2] = share * SPECTRUM + (1 - share) * cube[labels == 2]
    for row, col in invalid:
        cube[row, col, 2] = np.nan
    options = dict(target_spectrum={}, preprocessing=[dict(type='Standardize')]) | options
    return DetectionScene(
        cube.astype(np.float32), labels=labels, label_codes=dict(background=1, target=2), name='field', **options
    )


@pytest.mark.parametrize('method', ['cem', 'ace', 'mf', 'sam', 'osp', 'rx', 'local_rx', 'crd'])
def test_clear_targets_are_found(method):
    options = dict(osp=dict(components=1), local_rx=dict(outer=15)).get(method, {})
    # the background of 'osp' is the brightest direction, which standardised bands do not have
    scene = make_scene(preprocessing=[]) if method == 'osp' else make_scene()
    result = evaluate_detector(scene, method, **options)
    assert isinstance(result, DetectionResult) and (result.name, result.classes) == ('field', ('background', 'target'))
    assert result.metrics['AUC'] > 0.97
    assert result.settings == dict(detector=method, options=options)
    assert result.detected is None


def test_scores_are_those_of_the_formula_on_the_pixels_with_a_label():
    scene = make_scene(share=0.3)
    result = evaluate_detector(scene, 'rx')
    pixels = scene.window(0, 0, H, W).reshape(-1, C).astype(np.float64)
    distances = EmpiricalCovariance().fit(pixels).mahalanobis(pixels) * (1 - 1 / (H * W))  # divided by N there
    np.testing.assert_allclose(result.scores.ravel(), distances, rtol=1e-6)
    known = scene.labels.ravel() != 255
    assert known.sum() == H * W - 4
    assert result.metrics['AUC'] == pytest.approx(roc_auc_score(scene.labels.ravel()[known], distances[known]))


def test_the_pixels_are_those_on_which_a_network_is_tested():
    scene = make_scene(coarse=dict(detector='cem'))
    tile = TileDataset(scene, 'all', evaluate_on='labelled', tile_size=32)[0]
    np.testing.assert_array_equal(evaluate_detector(scene, 'cem').target, tile['gt_seg_map'][:H, :W])


def test_the_coarse_map_is_a_method():
    coarse = np.random.default_rng(1).uniform(size=(H, W))
    result = evaluate_detector(make_scene(coarse=coarse), 'coarse', threshold=0.5)
    np.testing.assert_array_equal(result.scores, coarse)
    np.testing.assert_array_equal(result.detected, coarse > 0.5)
    computed = make_scene(coarse=dict(detector='ace'))
    np.testing.assert_array_equal(
        evaluate_detector(computed, 'coarse').scores, evaluate_detector(computed, 'ace').scores
    )


def test_pixels_without_data_have_no_score(tmp_path):
    scene = make_scene(invalid=[(0, 0), (9, 6)])
    result = evaluate_detector(scene, 'cem')
    assert np.argwhere(np.isnan(result.scores)).tolist() == [[0, 0], [9, 6]]
    assert result.counts()['targets'] == 3 and result.metrics['AUC'] > 0.97
    write_scene_result(result, tmp_path, scene)
    assert json.loads(json.dumps(result.summary()))['settings']['detector'] == 'cem'
    assert {path.name for path in tmp_path.iterdir()} >= {'field_scores.png', 'field_scores.tif', 'field_roc.png'}


def test_what_does_not_suit_is_named():
    with pytest.raises(ValueError, match="unknown detector 'magic'"):
        evaluate_detector(make_scene(), 'magic')
    with pytest.raises(ValueError, match="'cem' needs a target spectrum, which scene 'field' does not have"):
        evaluate_detector(make_scene(target_spectrum=None), 'cem')
    with pytest.raises(ValueError, match='has no coarse map'):
        evaluate_detector(make_scene(), 'coarse')
    with pytest.raises(ValueError, match='the coarse map takes no options, found inner'):
        evaluate_detector(make_scene(), 'coarse', inner=3)
    with pytest.raises(TypeError, match='needs a DetectionScene, found Scene'):
        evaluate_detector(Scene(np.ones((4, 4, 2), np.float32)), 'rx')


def test_a_scene_of_one_class_has_maps_and_a_reason():
    scene = DetectionScene(
        np.random.default_rng(0).normal(size=(H, W, C)).astype(np.float32), labels=np.zeros((H, W), np.uint8)
    )
    result = evaluate_detector(scene, 'rx')
    assert result.metrics == {} and 'are background' in result.undefined and np.isfinite(result.scores).all()


def defaults(scene):
    return task_of_scene(scene).default_methods(scene)


def test_the_methods_depend_on_the_kind_of_scene():
    assert defaults(make_scene()) == ['cem', 'ace', 'mf', 'sam', 'osp']
    assert defaults(make_scene(target_spectrum=None)) == ['rx', 'local_rx', 'crd']
    cube = np.ones((4, 4, 2), np.float32)
    assert defaults(PairScene((cube, cube))) == ['cva', 'isfa', 'pca_cva']
    classes = Scene(
        np.random.default_rng(0).normal(size=(9, 9, 3)).astype(np.float32),
        np.arange(81).reshape(9, 9) % 2 + 1,
        split=dict(type='NumberSplit', train=9, val=0),
    )
    assert defaults(classes) == ['svm', 'forest']
    wanted = evaluate_detector(make_scene(), 'rx').metrics
    assert task_of_scene(make_scene()).methods(make_scene())['rx'](make_scene()).metrics == wanted
    with pytest.raises(ValueError, match="on the test pixels, not on 'labelled'"):
        task_of_scene(classes).methods(classes)['svm'](classes, evaluate_on='labelled')
    with pytest.raises(TypeError, match='a scene of type str has no task'):
        task_of_scene('field').methods('field')
