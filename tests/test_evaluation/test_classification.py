import numpy as np
import pytest
from sklearn import metrics

from mmhsi.evaluation import SceneResult, classification_scores, confusion_matrix


@pytest.fixture
def maps():
    rng = np.random.default_rng(0)
    target = rng.integers(0, 6, (40, 30))
    pred = np.where(rng.random(target.shape) < 0.3, rng.integers(0, 6, target.shape), target)
    return pred, target


def test_scores_agree_with_scikit_learn(maps):
    pred, target = maps
    scores = classification_scores(confusion_matrix(pred, target, 6))
    pred, target = pred.ravel(), target.ravel()
    assert scores['OA'] == pytest.approx(metrics.accuracy_score(target, pred))
    assert scores['AA'] == pytest.approx(metrics.balanced_accuracy_score(target, pred))
    assert scores['kappa'] == pytest.approx(metrics.cohen_kappa_score(target, pred))
    precision, recall, f1, support = metrics.precision_recall_fscore_support(target, pred)
    for name, wanted in dict(precision=precision, recall=recall, per_class=recall, f1=f1, support=support).items():
        np.testing.assert_allclose(scores[name], wanted)


def test_confusion_matrix_has_true_classes_in_rows():
    matrix = confusion_matrix(np.array([0, 1, 1, 2]), np.array([0, 0, 1, 1]), 3)
    np.testing.assert_array_equal(matrix, [[1, 1, 0], [0, 1, 1], [0, 0, 0]])


def test_ignored_pixels_do_not_count_whatever_is_predicted_there(maps):
    pred, target = maps
    target = target.copy()
    target[:10] = 255
    wanted = metrics.confusion_matrix(target[10:].ravel(), pred[10:].ravel())
    pred = pred.copy()
    pred[:10] = 255
    np.testing.assert_array_equal(confusion_matrix(pred, target, 6), wanted)


def test_hand_worked_scores():
    # 10 pixels: OA 7/10; row sums 5, 5; column sums 4, 6; p_e = (5 * 4 + 5 * 6) / 100 = 0.5; kappa = 0.2 / 0.5
    scores = classification_scores(np.array([[3, 2], [1, 4]]))
    assert (scores['OA'], scores['AA'], scores['kappa']) == pytest.approx((0.7, (3 / 5 + 4 / 5) / 2, 0.4))
    np.testing.assert_allclose(scores['f1'], [6 / 9, 8 / 11])
    precision = classification_scores(np.array([[3, 2], [1, 4]]), aa='precision')
    assert precision['AA'] == pytest.approx((3 / 4 + 4 / 6) / 2)
    np.testing.assert_allclose(precision['per_class'], [3 / 4, 4 / 6])


def test_empty_classes():
    # class 1 has pixels but is never predicted, class 2 is predicted but has none, class 3 does not occur
    matrix = np.zeros((4, 4), int)
    matrix[0] = [6, 0, 2, 0]
    matrix[1] = [2, 0, 0, 0]
    scores = classification_scores(matrix)
    np.testing.assert_array_equal(scores['recall'], [0.75, 0, np.nan, np.nan])
    np.testing.assert_array_equal(scores['precision'], [0.75, 0, 0, np.nan])
    np.testing.assert_array_equal(scores['f1'], [12 / 16, 0, 0, np.nan])
    assert scores['AA'] == pytest.approx(0.75 / 2)
    assert classification_scores(matrix, aa='precision')['AA'] == pytest.approx(0.75 / 3)


def test_undefined_scores_are_nan():
    nothing = classification_scores(np.zeros((3, 3), int))
    assert all(np.isnan(nothing[name]) for name in ('OA', 'AA', 'kappa'))
    one_class = classification_scores(np.diag([5, 0]))
    assert one_class['OA'] == 1 and np.isnan(one_class['kappa'])


def test_large_counts_do_not_overflow():
    scores = classification_scores(np.array([[3, 1], [1, 3]], np.int64) * 10**10)
    assert scores['kappa'] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ('pred', 'target', 'message'),
    [
        ([0, 1], [0, 1, 1], 'same shape'),
        ([0, 3], [0, 1], r'predictions .* found 0 \.\. 3'),
        ([0, 1], [0, -1], r'targets .* found -1 \.\. 0'),
    ],
)
def test_wrong_labels_are_named(pred, target, message):
    with pytest.raises(ValueError, match=message):
        confusion_matrix(np.array(pred), np.array(target), 2)


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match='square'):
        classification_scores(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="'recall' or 'precision'"):
        classification_scores(np.eye(2), aa='f1')


def test_scene_result_refuses_evaluated_pixels_without_prediction():
    prediction, target = np.array([[0, 255], [1, 255]]), np.array([[0, 1], [1, 255]])
    with pytest.raises(ValueError, match='scene a: 1 of 3 evaluated pixels have no prediction.*row 0, column 1'):
        SceneResult.evaluate('a', prediction, target, ('x', 'y'))


def test_scene_result_refuses_labels_outside_the_classes():
    with pytest.raises(ValueError, match=r'labels of the prediction must lie in 0 \.\. 1'):
        SceneResult.evaluate('a', np.array([[0, 7]]), np.array([[0, 255]]), ('x', 'y'))


def test_scene_result_summary_is_plain_and_complete():
    prediction, target = np.array([[0, 1, 2], [1, 1, 255]]), np.array([[0, 1, 255], [0, 255, 255]])
    summary = SceneResult.evaluate('a', prediction, target, ('x', 'y', 'z')).summary()
    assert summary['counts'] == dict(pixels=6, predicted=5, evaluated=3, correct=2)
    assert summary['confusion_matrix'] == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]
    assert summary['classes'][0] == dict(name='x', recall=0.5, precision=1.0, f1=pytest.approx(2 / 3), support=2)
    assert summary['classes'][2] == dict(name='z', recall=None, precision=None, f1=None, support=0)
    assert summary['OA'] == pytest.approx(2 / 3)
