import json

import numpy as np
import pytest
from products import read_product
from skimage.filters import threshold_otsu
from sklearn.metrics import cohen_kappa_score, f1_score, precision_score, recall_score, roc_auc_score

from mmhsi.apis import evaluate_change_detector
from mmhsi.classical import isfa
from mmhsi.datasets import PairScene, Scene, WindowDataset
from mmhsi.evaluation import ChangeResult
from mmhsi.tasks import write_scene_result

H, W, C = 24, 18, 6


def make_pair(noise: float = 0.3, labelled: float = 1.0, invalid=(), split=True, **options) -> PairScene:
    """A pair whose squares in the middle changed by one unit in every band; code 1 changed, 2 unchanged."""
    rng = np.random.default_rng(0)
    changed = np.zeros((H, W), bool)
    changed[6:16, 4:12] = True
    first = rng.normal(size=(H, W, C)).cumsum(0)
    second = first + changed[..., None] + noise * rng.normal(size=(H, W, C))
    for row, col in invalid:
        second[row, col, 1] = np.nan
    labels = np.where(rng.random((H, W)) < labelled, np.where(changed, 1, 2), 0)
    return PairScene(
        (first.astype(np.float32), second.astype(np.float32)),
        labels,
        label_codes=dict(changed=1, unchanged=2),
        name='square',
        split=dict(type='NumberSplit', train=9, val=2) if split else None,
        **options,
    )


@pytest.mark.parametrize('method', ['cva', 'isfa', 'pca_cva'])
def test_a_clear_change_is_found(method):
    result = evaluate_change_detector(make_pair(noise=0.05), method)
    assert isinstance(result, ChangeResult) and result.name == 'square' and result.classes == ('unchanged', 'changed')
    assert result.scores['F1'] > 0.85 and result.settings['AUC'] > 0.97
    assert (result.settings['detector'], result.settings['threshold_rule']) == (method, 'robust')


def test_map_threshold_and_scores_are_those_of_the_formulas():
    scene = make_pair(noise=0.5, preprocessing=[dict(type='MinMaxScale', per_band=True)])
    result = evaluate_change_detector(scene, 'cva', threshold='otsu')
    both = scene.window(0, 0, H, W).astype(np.float64)
    lengths = np.sqrt(((both[..., C:] - both[..., :C]) ** 2).sum(-1))
    level = threshold_otsu(lengths)
    assert result.settings['threshold'] == pytest.approx(level)
    np.testing.assert_array_equal(result.prediction, lengths > level)
    test = scene.split.test
    truth, found = scene.labels.ravel()[test], (lengths > level).ravel()[test]
    wanted = dict(
        F1=f1_score(truth, found),
        precision=precision_score(truth, found),
        recall=recall_score(truth, found),
        kappa=cohen_kappa_score(truth, found),
        OA=(truth == found).mean(),
    )
    assert {name: result.scores[name] for name in wanted} == pytest.approx(wanted)
    assert result.settings['AUC'] == pytest.approx(roc_auc_score(truth, lengths.ravel()[test]))


def test_a_detector_sees_both_dates_on_their_common_scale():
    seen = {}

    def remember(first, second, valid):
        seen.update(first=first, second=second)
        return second.mean(-1)

    evaluate_change_detector(make_pair(preprocessing=[dict(type='MinMaxScale', per_band=True)]), remember, 0.0)
    raw = make_pair()
    dates = [date.window(0, 0, H, W) for date in raw.dates]
    low, high = np.min(dates, axis=(0, 1, 2)), np.max(dates, axis=(0, 1, 2))
    for name, date in zip(('first', 'second'), dates, strict=True):
        np.testing.assert_allclose(seen[name], (date - low) / (high - low), atol=1e-6)


def test_the_pixels_are_those_on_which_a_network_is_tested():
    scene = make_pair(labelled=0.7)
    dataset = WindowDataset(scene, 'all', evaluate_on='test', window_size=3, pad_mode='symmetric')
    tested = np.array([sample['gt_label'] for sample in dataset]).reshape(H, W)
    np.testing.assert_array_equal(evaluate_change_detector(scene, 'cva').target, tested)
    all_labels = evaluate_change_detector(scene, 'cva', evaluate_on='labelled')
    np.testing.assert_array_equal(all_labels.target, scene.labels)
    assert evaluate_change_detector(make_pair(split=False), 'cva').matrix.sum() == H * W


def test_labels_have_no_influence_on_the_map():
    results = [evaluate_change_detector(make_pair(labelled=part), 'isfa') for part in (1.0, 0.4)]
    np.testing.assert_array_equal(results[0].prediction, results[1].prediction)


def test_pixels_without_data_are_neither_changed_nor_evaluated(tmp_path):
    scene = make_pair(invalid=[(0, 0), (8, 6)])
    result = evaluate_change_detector(scene, 'pca_cva', block=3)
    assert np.argwhere(result.prediction == 255).tolist() == [[0, 0], [8, 6]]
    assert result.target[0, 0] == result.target[8, 6] == 255
    write_scene_result(result, tmp_path, scene)
    assert read_product(tmp_path, 'square', 'classes')[8, 6] == 255


def test_a_given_threshold_and_the_options_of_the_method_are_used():
    scene = make_pair()
    result = evaluate_change_detector(scene, 'isfa', threshold=2.5, max_iterations=1)
    wanted = isfa(scene.first.window(0, 0, H, W), scene.second.window(0, 0, H, W), max_iterations=1)
    np.testing.assert_array_equal(result.prediction, wanted > 2.5)
    assert result.settings['options'] == {'max_iterations': 1} and result.settings['threshold_rule'] == 'given'
    assert result.settings['threshold'] == 2.5


def test_auc_does_not_depend_on_the_threshold_and_may_be_undefined():
    areas = [evaluate_change_detector(make_pair(), 'cva', threshold=rule).settings['AUC'] for rule in ('triangle', 9.0)]
    assert areas[0] == areas[1]
    unlabelled = PairScene((np.ones((5, 5, 2)), np.zeros((5, 5, 2))), name='bare')
    result = evaluate_change_detector(unlabelled, 'cva')
    assert result.settings['AUC'] is None and (result.prediction == 0).all()
    json.dumps(result.summary(), allow_nan=False)


def test_wrong_requests_are_named():
    with pytest.raises(ValueError, match="'mad', expected one of cva, isfa, pca_cva or a function"):
        evaluate_change_detector(make_pair(), 'mad')
    with pytest.raises(TypeError, match='needs a PairScene, found Scene'):
        evaluate_change_detector(Scene(np.zeros((4, 4, 3))), 'cva')
    with pytest.raises(ValueError, match="'median', expected one of robust, otsu"):
        evaluate_change_detector(make_pair(), 'cva', threshold='median')
