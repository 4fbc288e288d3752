"""Scores of a change map from its 2 x 2 confusion matrix; the changed pixels are the positives."""

import numpy as np

from mmhsi.evaluation.functional.classification import classification_scores

CHANGE_NAMES = ('OA', 'kappa', 'F1', 'precision', 'recall', 'IoU', 'mIoU')


def change_scores(matrix: np.ndarray, reference_rounding: bool = False) -> dict:
    r"""Compute the usual scores of change detection.

    With tp and tn the correctly found changed and unchanged pixels, fp the false alarms, fn the missed changes and n
    pixels in total:

    .. math::
        OA = \frac{tp + tn}{n}, \quad
        \kappa = \frac{OA - p_e}{1 - p_e}, \; p_e = \frac{(tp + fn)(tp + fp) + (fp + tn)(fn + tn)}{n^2}, \\
        precision = \frac{tp}{tp + fp}, \quad recall = \frac{tp}{tp + fn}, \quad
        F1 = \frac{2 tp}{2 tp + fp + fn}, \quad IoU = \frac{tp}{tp + fp + fn}

    The accuracy of a class is its recall. mIoU averages the IoU of both classes, FWIoU weights them with the number of
    true pixels.

    Zero divisions: the precision is 0 if nothing is found although something changed. Scores of a class that is neither
    in the ground truth nor in the prediction are NaN, and so is the recall of a class without a true pixel; averages
    leave them out. Without any pixel all scores are NaN; kappa is also NaN if one class holds all targets and all
    predictions.

    Args:
        matrix (np.ndarray): (2, 2) confusion matrix, rows are the true classes unchanged, changed.
        reference_rounding (bool): Whether to compute scores like the reference implementation of HyperSIGMA for
            hyperspectral pairs: F1 from precision and recall rounded to 4 decimals, all scores rounded to 4 decimals.
            Defaults to False.

    Returns:
        dict: ``tp``, ``tn``, ``fp``, ``fn`` (int); ``OA``, ``kappa``, ``F1``, ``precision``, ``recall``, ``IoU``,
        ``mIoU``, ``FWIoU``, ``mean_class_accuracy`` (float); ``class_accuracy`` and ``class_IoU`` ((2,) float64, of
        unchanged and changed).

    Raises:
        ValueError: If the matrix is not of shape (2, 2).
    """
    matrix = np.asarray(matrix)
    if matrix.shape != (2, 2):
        raise ValueError(f'change detection has a 2 x 2 confusion matrix, found shape {matrix.shape}')
    (tn, fp), (fn, tp) = matrix.tolist()
    scores = classification_scores(matrix)
    union = np.array([tn + fp + fn, tp + fp + fn], np.float64)
    class_iou = np.divide(np.diag(matrix), union, out=np.full(2, np.nan), where=union > 0)
    weighted = np.where(scores['support'] > 0, class_iou, 0.0) @ scores['support']
    values = {
        'OA': scores['OA'],
        'kappa': scores['kappa'],
        'F1': scores['f1'][1],
        'precision': scores['precision'][1],
        'recall': scores['recall'][1],
        'IoU': class_iou[1],
        'mIoU': _mean(class_iou),
        'FWIoU': weighted / matrix.sum() if matrix.sum() else np.nan,
        'class_accuracy': scores['recall'],
        'mean_class_accuracy': scores['AA'],
        'class_IoU': class_iou,
    }
    if reference_rounding:
        precision, recall = round(values['precision'], 4), round(values['recall'], 4)
        if precision + recall > 0:
            values['F1'] = 2 * precision * recall / (precision + recall)
        values = {name: np.round(value, 4) for name, value in values.items()}
    counts = dict(tp=int(tp), tn=int(tn), fp=int(fp), fn=int(fn))
    return counts | {name: value if np.ndim(value) else float(value) for name, value in values.items()}


def _mean(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float('nan')
