import json

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from mmhsi.evaluation import DetectionResult


@pytest.fixture
def maps():
    rng = np.random.default_rng(0)
    target = (rng.random((20, 15)) < 0.1).astype(np.uint8)
    return rng.normal(size=target.shape) + 2 * target, target


def test_result_holds_maps_curves_and_metrics(maps):
    scores, target = maps
    result = DetectionResult.evaluate('a', scores, target, settings=dict(detector='cem'))
    assert result.metrics['AUC'] == pytest.approx(roc_auc_score(target.ravel(), scores.ravel()))
    assert result.undefined is None and result.detected is None
    np.testing.assert_array_equal(result.scores, scores)
    assert result.curves.num_targets == target.sum()
    assert result.summary()['settings'] == dict(detector='cem')


def test_a_threshold_makes_the_binary_map(maps):
    scores, target = maps
    result = DetectionResult.evaluate('a', scores, target, threshold=1.0)
    np.testing.assert_array_equal(result.detected, scores > 1)
    found = scores > 1
    assert result.summary()['counts'] == dict(
        pixels=300,
        scored=300,
        evaluated=300,
        targets=int(target.sum()),
        hits=int((found & (target == 1)).sum()),
        misses=int((~found & (target == 1)).sum()),
        false_alarms=int((found & (target == 0)).sum()),
        correct_rejections=int((~found & (target == 0)).sum()),
    )
    own = DetectionResult.evaluate('a', scores, target, detected=scores < 0)
    np.testing.assert_array_equal(own.detected, scores < 0)


def test_pixels_without_score_are_neither_detected_nor_rejected(maps):
    scores, target = (values.copy() for values in maps)
    wanted = DetectionResult.evaluate('a', scores[4:], target[4:], threshold=-9).metrics
    scores[:2], scores[2:4], target[:4] = np.nan, np.inf, 255
    for options in (dict(threshold=-9.0), dict(detected=np.ones_like(target))):
        result = DetectionResult.evaluate('a', scores, target, **options)
        assert (result.detected[:4] == 255).all() and (result.detected[4:] == 1).all()
        assert np.isnan(result.scores[:4]).all()
        assert result.metrics == wanted
    assert result.summary()['counts']['scored'] == 16 * 15
    assert result.summary()['score_range'] == [scores[4:].min(), scores[4:].max()]


@pytest.mark.parametrize(
    ('change', 'reason'),
    [
        (lambda scores, target: (scores, target * 0), 'all 300 evaluated pixels are background'),
        (lambda scores, target: (scores * 0, target), 'have the same score, 0'),
        (lambda scores, target: (scores, np.full_like(target, 255)), 'no pixel is evaluated'),
    ],
)
def test_undefined_curves_leave_maps_and_a_reason(maps, change, reason):
    scores, target = change(*maps)
    result = DetectionResult.evaluate('a', scores, target, threshold=0.5)
    assert result.metrics == {} and result.curves is None and reason in result.undefined
    np.testing.assert_array_equal(result.detected, scores > 0.5)
    summary = json.loads(json.dumps(result.summary(), allow_nan=False))
    assert summary['AUC'] is None and summary['AUC_SNPR'] is None and reason in summary['undefined']


def test_infinite_ratio_becomes_none():
    # rounded to 4 decimals the false alarms have no area any more, and neither have the detections
    scores = np.array([1e9, 1.0, 0.5, 0.0])
    result = DetectionResult.evaluate('a', scores, np.array([0, 1, 0, 0]), reference_rounding=True)
    assert result.metrics['AUC_Pf_tau'] > 0  # the outlier is a false alarm
    result = DetectionResult.evaluate('a', scores, np.array([1, 1, 0, 0]), reference_rounding=True)
    assert result.metrics['AUC_Pf_tau'] == 0 and result.metrics['AUC_SNPR'] == np.inf
    assert result.summary()['AUC_SNPR'] is None


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (
            dict(scores=np.array([[0.1, np.nan]])),
            'scene a: 1 of 2 evaluated pixels have no finite score.*row 0, column 1',
        ),
        (dict(scores=np.zeros((2, 1))), r'scene a: scores \(2, 1\) and target \(1, 2\) differ'),
        (dict(detected=np.zeros(2)), r'scene a: binary map \(2,\) and target \(1, 2\) differ'),
        (dict(target=np.array([[0, 3]])), 'scene a: targets must be 0 .*found 3'),
        (dict(detected=np.array([[0, 2]])), r'scene a: labels of the prediction must lie in 0 \.\. 1'),
        (dict(detected=np.array([[0, 1]]), threshold=1.0), 'either a binary map or a threshold'),
        (dict(classes=('target',)), 'two classes'),
    ],
)
def test_wrong_input_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        DetectionResult.evaluate(
            **{'name': 'a', 'scores': np.array([[0.1, 0.2]]), 'target': np.array([[0, 1]]), **options}
        )
