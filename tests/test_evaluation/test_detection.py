import time

import numpy as np
import pytest
from sklearn import metrics

from mmhsi.evaluation import UndefinedAUC, detection_curves, detection_scores


@pytest.fixture
def scene():
    rng = np.random.default_rng(0)
    target = (rng.random((40, 30)) < 0.1).astype(int)
    return rng.normal(size=target.shape) + 1.5 * target, target


def rates(scores, target, threshold):
    found = scores >= threshold
    return found[target == 1].mean(), found[target == 0].mean()


@pytest.mark.parametrize('decimals', [None, 1])
def test_curves_hold_the_rates_of_every_threshold(scene, decimals):
    scores, target = scene
    scores = scores if decimals is None else scores.round(decimals)
    curves = detection_curves(scores, target)
    distinct = np.unique(scores)[::-1]
    wanted = np.array([rates(scores, target, threshold) for threshold in distinct])
    np.testing.assert_allclose(np.stack([curves.detection_rate, curves.false_alarm_rate], 1), wanted, rtol=1e-14)
    low, high = distinct[-1], distinct[0]
    np.testing.assert_allclose(curves.thresholds, (distinct - low) / (high - low), atol=1e-15)
    assert curves.score_range == (low, high)
    assert (curves.num_targets, curves.num_background) == (target.sum(), (target == 0).sum())


@pytest.mark.parametrize('decimals', [None, 0])
def test_area_agrees_with_scikit_learn(scene, decimals):
    scores, target = scene
    scores = scores if decimals is None else scores.round(decimals)
    found = detection_scores(detection_curves(scores, target))
    assert found['AUC'] == pytest.approx(metrics.roc_auc_score(target.ravel(), scores.ravel()), abs=1e-13)


def test_hand_worked_areas():
    # scaled scores 1 (target), .5 (background), .25 (target), 0 (background)
    curves = detection_curves(np.array([6.0, 4.0, 3.0, 2.0]), np.array([1, 0, 1, 0]))
    np.testing.assert_array_equal(curves.thresholds, [1, 0.5, 0.25, 0])
    np.testing.assert_array_equal(curves.detection_rate, [0.5, 0.5, 1, 1])
    np.testing.assert_array_equal(curves.false_alarm_rate, [0, 0.5, 0.5, 1])
    # AUC: .5 * .5 up to Pf .5, then 1 * .5; over tau: trapezoids of the widths .5, .25, .25
    assert detection_scores(curves) == pytest.approx(
        {
            'AUC': 0.75,
            'AUC_Pf_tau': 0.5 * 0.25 + 0.25 * 0.5 + 0.25 * 0.75,
            'AUC_Pd_tau': 0.5 * 0.5 + 0.25 * 0.75 + 0.25 * 1.0,
            'AUC_OA': 0.75 + 0.6875 - 0.4375,
            'AUC_SNPR': 0.6875 / 0.4375,
            'AUC_TD': 0.75 + 0.6875,
            'AUC_BS': 0.75 - 0.4375,
            'AUC_TDBS': 0.6875 - 0.4375,
            'AUC_ODP': 1 + 0.6875 - 0.4375,
        }
    )


def test_reference_rounds_before_it_combines_and_begins_at_the_highest_score():
    # the two pixels of the highest score are a target and a background pixel
    scores, target = np.array([3.0, 3.0, 2.0, 1.0, 1.0, 0.0]), np.array([1, 0, 1, 0, 0, 0])
    exact = detection_scores(detection_curves(scores, target))
    rounded = detection_scores(detection_curves(scores, target), reference_rounding=True)
    assert exact['AUC'] == pytest.approx(metrics.roc_auc_score(target, scores))
    assert rounded['AUC'] == pytest.approx(exact['AUC'] - 0.25 * 0.5 / 2)
    over_false, over_detected = round(exact['AUC_Pf_tau'], 4), round(exact['AUC_Pd_tau'], 4)
    assert rounded['AUC_Pf_tau'] == over_false and rounded['AUC_Pd_tau'] == over_detected
    assert rounded['AUC_SNPR'] == round(over_detected / over_false, 4)
    assert rounded['AUC_OA'] == pytest.approx(rounded['AUC'] + over_detected - over_false, abs=1e-9)


def test_ranking_and_scale_decide_alone(scene):
    scores, target = scene
    wanted = detection_scores(detection_curves(scores, target))
    moved = detection_scores(detection_curves(1e6 * scores - 7, target))
    assert moved == pytest.approx(wanted)
    assert detection_scores(detection_curves(np.exp(scores), target))['AUC'] == pytest.approx(wanted['AUC'])
    turned = detection_scores(detection_curves(-scores, target))
    assert turned['AUC'] == pytest.approx(1 - wanted['AUC'])


def test_pixels_outside_the_ground_truth_have_no_influence(scene):
    scores, target = scene
    wanted = detection_scores(detection_curves(scores[8:], target[8:]))
    scores, target = scores.copy(), target.copy()
    target[:8] = 255
    scores[:4], scores[4:6], scores[6:8] = np.nan, 1e9, -1e9
    assert detection_scores(detection_curves(scores, target)) == wanted


def test_a_perfect_detector():
    target = np.array([0] * 50 + [1] * 4)
    found = detection_scores(detection_curves(target * 2.0 - 5, target))
    # between the only two thresholds the false-alarm rate falls in a straight line
    assert found['AUC'] == 1 and found['AUC_Pd_tau'] == 1 and found['AUC_Pf_tau'] == 0.5


@pytest.mark.parametrize(
    ('scores', 'target', 'message'),
    [
        (np.arange(4.0), np.zeros(4, int), 'all 4 evaluated pixels are background'),
        (np.arange(4.0), np.array([1, 1, 255, 1]), 'all 3 evaluated pixels are targets'),
        (np.full(4, 0.3), np.array([0, 1, 0, 1]), 'all 4 evaluated pixels have the same score, 0.3'),
        (np.arange(4.0), np.full(4, 255), 'no pixel is evaluated'),
    ],
)
def test_undefined_areas_are_told(scores, target, message):
    with pytest.raises(UndefinedAUC, match=message):
        detection_curves(scores, target)


@pytest.mark.parametrize(
    ('scores', 'target', 'message'),
    [
        ([0.1, 0.2], [[0, 1]], r'scores \(2,\) and targets \(1, 2\)'),
        ([0.1, np.nan, np.inf], [0, 1, 0], '2 of 3 scores of evaluated pixels are NaN or infinite'),
        ([0.1, 0.2, 0.3], [0, 1, 2], r'0 \(background\), 1 \(target\) or 255 .*found 2'),
        ([0.1, 0.2, 0.3], [0, 1, -1], 'found -1'),
    ],
)
def test_wrong_input_is_named(scores, target, message):
    with pytest.raises(ValueError, match=message) as error:
        detection_curves(np.array(scores), np.array(target))
    assert not isinstance(error.value, UndefinedAUC)


def test_other_ignored_values_and_types():
    scores, target = np.array([3, 1, 2, 0], np.int16), np.array([1, 0, 9, 0], np.uint8)
    assert detection_curves(scores, target, ignore_index=9).num_background == 2
    boolean = detection_curves(scores, np.array([True, False, False, True]), ignore_index=None)
    assert boolean.num_targets == 2


def test_a_million_pixels_take_about_a_second():
    rng = np.random.default_rng(0)
    target = (rng.random((1000, 1000)) < 0.002).astype(np.uint8)
    scores = rng.normal(size=target.shape) + target
    start = time.perf_counter()
    found = detection_scores(detection_curves(scores, target))
    assert time.perf_counter() - start < 10  # half a second on an idle machine
    assert found['AUC'] == pytest.approx(0.76, abs=0.02)  # P(N(1, 1) > N(0, 1)) = Phi(1 / sqrt 2)
