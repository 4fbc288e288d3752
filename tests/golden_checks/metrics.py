"""Goldens of classification scores."""

import numpy as np

from golden_checks.case import GoldenCase
from mmhsi.evaluation import classification_scores, confusion_matrix


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
