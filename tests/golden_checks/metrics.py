"""Goldens of classification, detection and change scores."""

import numpy as np

from golden_checks.case import GoldenCase
from mmhsi.evaluation import change_scores, classification_scores, confusion_matrix, detection_curves, detection_scores


def check_classification_patch(case: GoldenCase) -> None:
    """Window protocol: mean precision as the reference reports it, and mean recall as recommended."""
    expected = case.json['expected']
    _check_scores(case, expected['reference'], 'precision')
    _check_scores(case, expected['recommended'], 'recall')


def check_classification_seg(case: GoldenCase) -> None:
    """Tile protocol: whole maps in which the true label 0 is not evaluated; single precision in the reference."""
    _check_scores(case, case.json['expected'], 'recall')


def _check_scores(case: GoldenCase, wanted: dict, aa: str) -> None:
    pred, target = case.tensors['pred'], case.tensors['gt']
    num_classes = int(max(pred.max(), target.max()))
    stored = np.where(target > 0, target - 1, 255)
    matrix = confusion_matrix(pred - 1, stored, num_classes)
    scores = classification_scores(matrix, aa)
    per_class = scores['per_class']
    if len(wanted['each_acc']) < num_classes:  # the reference lists only the classes that occur
        per_class = per_class[matrix.sum(axis=0) + matrix.sum(axis=1) > 0]
    np.testing.assert_allclose(per_class, wanted['each_acc'], rtol=1e-6)
    for name in ('OA', 'AA', 'kappa'):
        np.testing.assert_allclose(scores[name], wanted[name], rtol=1e-6, err_msg=f'{name} ({aa})')


def check_detection_auc(case: GoldenCase) -> None:
    """Five areas as the reference rounds them and unrounded, for raw, scaled and tied scores."""
    names = ('AUC', 'AUC_Pf_tau', 'AUC_Pd_tau', 'AUC_OA', 'AUC_SNPR')
    target = case.tensors['gt']
    for scores, expected in (('score_raw', 'minmax'), ('score_minmax', 'minmax'), ('score_ties', 'ties')):
        wanted = case.json['expected'][expected]
        curves = detection_curves(case.tensors[scores], target)
        rounded = detection_scores(curves, reference_rounding=True)
        np.testing.assert_allclose([rounded[name] for name in names], wanted['reference_rounded'], atol=1e-9)
        # ours begins where nothing is detected, as scikit-learn's area does; the reference drops that point
        missing = wanted['roc_auc_score'] - wanted['unrounded'][0]
        exact = np.array(wanted['unrounded']) + [missing, 0, 0, missing, 0]
        found = detection_scores(curves)
        np.testing.assert_allclose([found[name] for name in names], exact, rtol=1e-12, err_msg=scores)


def check_change_hcd(case: GoldenCase) -> None:
    """Complete ground truth, and one with unlabelled pixels; rounded as in the reference and unrounded."""
    pred = case.tensors['pred']
    partial = case.tensors['gt_partial']
    targets = dict(full=case.tensors['gt_full'], partial=np.array([255, 1, 0])[partial])
    for name, target in targets.items():
        matrix = confusion_matrix(pred, target, 2)
        for rounding, wanted in (
            (True, case.json['expected'][name]),
            (False, case.json['expected'][f'{name}_unrounded']),
        ):
            found = change_scores(matrix, rounding)
            for key, value in wanted.items():
                np.testing.assert_allclose(found[key], value, rtol=1e-12, err_msg=f'{name} {key}')


def check_change_oscd(case: GoldenCase) -> None:
    """Three images pooled; labels other than 0 and 1 do not count."""
    expected = case.json['expected']
    target = case.tensors['gt']
    matrix = confusion_matrix(case.tensors['pred'], np.where(np.isin(target, (0, 1)), target, 255), 2)
    np.testing.assert_array_equal(matrix, expected['confusion'])
    found = change_scores(matrix)
    for key in ('OA', 'precision', 'recall', 'F1', 'IoU', 'mIoU', 'kappa', 'FWIoU'):
        np.testing.assert_allclose(found[key], expected[key], rtol=1e-9, err_msg=key)
    # the reference adds 1e-7 to the number of true pixels of a class
    support = matrix.sum(axis=1)
    accuracy = found['class_accuracy'] * support / (support + 1e-7)
    np.testing.assert_allclose(accuracy, expected['class_acc'], rtol=1e-12)
    np.testing.assert_allclose(accuracy.mean(), expected['mean_class_acc'], rtol=1e-12)
