import numpy as np
import pytest
from sklearn import metrics

from mmhsi.evaluation import ChangeResult, change_scores, confusion_matrix


@pytest.fixture
def maps():
    rng = np.random.default_rng(0)
    target = (rng.random((40, 30)) < 0.2).astype(int)
    return np.where(rng.random(target.shape) < 0.2, 1 - target, target), target


def test_scores_agree_with_scikit_learn(maps):
    pred, target = (labels.ravel() for labels in maps)
    found = change_scores(confusion_matrix(pred, target, 2))
    assert [found[key] for key in ('tn', 'fp', 'fn', 'tp')] == metrics.confusion_matrix(target, pred).ravel().tolist()
    iou = metrics.jaccard_score(target, pred, average=None)
    wanted = {
        'OA': metrics.accuracy_score(target, pred),
        'kappa': metrics.cohen_kappa_score(target, pred),
        'F1': metrics.f1_score(target, pred),
        'precision': metrics.precision_score(target, pred),
        'recall': metrics.recall_score(target, pred),
        'IoU': iou[1],
        'mIoU': metrics.jaccard_score(target, pred, average='macro'),
        'FWIoU': metrics.jaccard_score(target, pred, average='weighted'),
        'mean_class_accuracy': metrics.balanced_accuracy_score(target, pred),
    }
    assert {key: found[key] for key in wanted} == pytest.approx(wanted)
    np.testing.assert_allclose(found['class_IoU'], iou)
    np.testing.assert_allclose(found['class_accuracy'], metrics.recall_score(target, pred, average=None))


def test_rows_are_the_true_classes():
    found = change_scores(np.array([[5, 3], [2, 1]]))
    assert {key: found[key] for key in ('tn', 'fp', 'fn', 'tp')} == dict(tn=5, fp=3, fn=2, tp=1)


def test_reference_makes_f1_of_rounded_precision_and_recall():
    # precision 2 / 3 and recall 2 / 7 become .6667 and .2857
    matrix = np.array([[90, 1], [5, 2]])
    rounded = change_scores(matrix, reference_rounding=True)
    assert (rounded['precision'], rounded['recall']) == (0.6667, 0.2857)
    assert rounded['F1'] == round(2 * 0.6667 * 0.2857 / (0.6667 + 0.2857), 4)
    assert rounded['OA'] == round(92 / 98, 4)
    assert change_scores(matrix)['F1'] == pytest.approx(0.4)


@pytest.mark.parametrize('rounding', [False, True])
def test_zero_divisions(rounding):
    nothing_found = change_scores(np.array([[8, 0], [2, 0]]), rounding)
    assert [nothing_found[key] for key in ('precision', 'recall', 'F1', 'IoU', 'kappa')] == [0] * 5
    assert nothing_found['mIoU'] == pytest.approx(0.4)

    nothing_changed = change_scores(np.array([[6, 2], [0, 0]]), rounding)
    assert [nothing_changed[key] for key in ('precision', 'F1', 'IoU', 'OA')] == [0, 0, 0, 0.75]
    assert np.isnan(nothing_changed['recall']) and nothing_changed['mean_class_accuracy'] == 0.75
    assert nothing_changed['FWIoU'] == 0.75

    only_unchanged = change_scores(np.array([[8, 0], [0, 0]]), rounding)
    assert only_unchanged['OA'] == only_unchanged['mIoU'] == only_unchanged['FWIoU'] == 1
    assert all(np.isnan(only_unchanged[key]) for key in ('precision', 'recall', 'F1', 'IoU', 'kappa'))

    empty = change_scores(np.zeros((2, 2), int), rounding)
    assert all(np.isnan(empty[key]) for key in ('OA', 'kappa', 'F1', 'precision', 'recall', 'IoU', 'mIoU', 'FWIoU'))


def test_wrong_matrix_is_named():
    with pytest.raises(ValueError, match=r'2 x 2 confusion matrix, found shape \(3, 3\)'):
        change_scores(np.eye(3))


def test_change_result_summary_is_plain_and_complete():
    prediction, target = np.array([[0, 1, 1], [1, 1, 255]]), np.array([[0, 1, 255], [0, 1, 255]])
    result = ChangeResult.evaluate('a', prediction, target, settings=dict(detector='cva'))
    summary = result.summary()
    assert summary['counts'] == dict(pixels=6, predicted=5, evaluated=4, correct=3, tp=2, tn=1, fp=1, fn=0)
    assert summary['confusion_matrix'] == [[1, 1], [0, 2]]
    assert (summary['precision'], summary['recall'], summary['OA']) == pytest.approx((2 / 3, 1, 0.75))
    assert summary['classes'] == [
        dict(name='unchanged', accuracy=0.5, IoU=0.5, support=2),
        dict(name='changed', accuracy=1.0, IoU=pytest.approx(2 / 3), support=2),
    ]
    assert summary['settings'] == dict(detector='cva')


def test_undefined_scores_become_none():
    summary = ChangeResult.evaluate('a', np.zeros((2, 2)), np.zeros((2, 2))).summary()
    assert summary['OA'] == 1 and summary['kappa'] is None and summary['F1'] is None


def test_change_result_refuses_what_it_cannot_score():
    with pytest.raises(ValueError, match='scene a: 1 of 2 evaluated pixels have no prediction'):
        ChangeResult.evaluate('a', np.array([[0, 255]]), np.array([[0, 1]]))
    with pytest.raises(ValueError, match=r'labels of the target must lie in 0 \.\. 1'):
        ChangeResult.evaluate('a', np.array([[0, 1]]), np.array([[0, 2]]))
    with pytest.raises(ValueError, match='two classes'):
        ChangeResult.evaluate('a', np.array([[0, 1]]), np.array([[0, 1]]), classes=('a', 'b', 'c'))


def test_change_result_can_reckon_as_the_reference(maps):
    pred, target = maps
    scores = ChangeResult.evaluate('a', pred, target, reference_rounding=True).scores
    assert scores['OA'] == round(np.mean(pred == target), 4)
