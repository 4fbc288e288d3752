import numpy as np
import pytest
from scene_metric_samples import (
    SHAPE,
    binary_target,
    evaluate_change,
    logit_samples,
    scene_maps,
    whole_scene_sample,
    window_samples,
)
from sklearn import metrics

from mmhsi.registry import METRICS


def reference(pred, target):
    """Scores by scikit-learn."""
    target, pred = target[target != 255], pred[target != 255]
    return {
        'OA': metrics.accuracy_score(target, pred),
        'kappa': metrics.cohen_kappa_score(target, pred),
        'F1': metrics.f1_score(target, pred),
        'precision': metrics.precision_score(target, pred),
        'recall': metrics.recall_score(target, pred),
        'IoU': metrics.jaccard_score(target, pred),
        'mIoU': metrics.jaccard_score(target, pred, average='macro'),
    }


@pytest.fixture
def maps():
    return scene_maps()[0] % 2, binary_target()


def test_windows_make_the_map_and_the_scores(maps):
    pred, target = maps
    samples = window_samples(pred, target)
    shuffled = [samples[i] for i in np.random.default_rng(1).permutation(len(samples))]
    found, metric = evaluate_change(shuffled + shuffled[:5], len(samples))
    assert found == pytest.approx(reference(pred, target))
    result = metric.scene_results['scene']
    np.testing.assert_array_equal(result.prediction, pred)
    np.testing.assert_array_equal(result.target, target)
    assert result.classes == ('unchanged', 'changed')


def test_tiles_are_stitched():
    target = binary_target()
    found, metric = evaluate_change(logit_samples(target))
    assert found == pytest.approx(reference(metric.scene_results['scene'].prediction, target))


def test_scenes_of_different_sizes_are_pooled(log):
    rng = np.random.default_rng(0)
    samples, preds, targets = [], [], []
    for name, shape in (('a', (3, 40)), ('b', (30, 20)), ('c', (5, 4))):
        targets.append(binary_target(shape, 1))
        logits = rng.normal(size=(2, *shape)) + np.stack([targets[-1] * 0, targets[-1] == 1])
        preds.append(logits.argmax(0))
        samples.append(whole_scene_sample(logits, targets[-1], name))
    found, metric = evaluate_change(samples)
    pooled = (np.concatenate([array.ravel() for array in arrays]) for arrays in (preds, targets))
    assert found == pytest.approx(reference(*pooled))
    for name, pred, target in zip('abc', preds, targets, strict=True):
        scores = metric.scene_results[name].scores
        assert {key: scores[key] for key in found} == pytest.approx(reference(pred, target))
    assert metric.results_detail['tp'] == sum(result.scores['tp'] for result in metric.scene_results.values())
    line = next(line for line in log.text.splitlines() if line.startswith('| all scenes'))
    assert f'{found["F1"]:.4f}' in line


def test_reference_rounding(maps):
    exact = evaluate_change(window_samples(*maps))[0]
    rounded = evaluate_change(window_samples(*maps), reference_rounding=True)[0]
    assert rounded['kappa'] == round(exact['kappa'], 4)


def test_undefined_scores_are_told(log):
    target = np.zeros(SHAPE, int)
    found, _ = evaluate_change(window_samples(target, target))
    assert found['OA'] == 1 and np.isnan(found['F1'])
    assert 'kappa, F1, precision, recall, IoU cannot be computed from 0 tp, 154 tn, 0 fp and 0 fn' in log.text
    log.clear()
    found, metric = evaluate_change(window_samples(target, np.full(SHAPE, 255)))
    assert all(np.isnan(value) for value in found.values()) and 'no pixel was evaluated' in log.text
    np.testing.assert_array_equal(metric.scene_results['scene'].prediction, target)


def test_two_classes_are_needed():
    metric = METRICS.build(dict(type='mmhsi.SceneChangeMetric'))
    metric.dataset_meta = dict(classes=('a', 'b', 'c'))
    with pytest.raises(ValueError, match='two classes, unchanged and changed'):
        metric.process(None, window_samples(binary_target() % 2, binary_target()))
