import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from scene_metric_samples import (
    DETECTION_CLASSES,
    SHAPE,
    binary_target,
    evaluate_detection,
    logit_samples,
    whole_scene_sample,
    window_samples,
)
from scipy.special import softmax
from sklearn.metrics import roc_auc_score

from mmhsi.evaluation import detection_curves, detection_scores
from mmhsi.registry import METRICS
from mmhsi.utils.tiling import TileGrid


def stitched(samples, value, blend='overwrite'):
    logits = [sample['seg_logits']['data'].double().permute(1, 2, 0).numpy() for sample in samples]
    joined = TileGrid(8, 3, blend).stitch(logits, [(sample['top'], sample['left']) for sample in samples], SHAPE)
    return value(joined.transpose(2, 0, 1))


VALUES = {
    'probability': lambda logits: softmax(logits, axis=0)[1],
    'margin': lambda logits: logits[1] - logits[0],
    'logit': lambda logits: logits[1],
}


@pytest.mark.parametrize('blend', ['overwrite', 'average', 'smooth'])
@pytest.mark.parametrize('score', VALUES)
def test_scores_are_stitched_and_evaluated(score, blend):
    target = binary_target()
    samples = logit_samples(target)
    found, metric = evaluate_detection(samples, score=score, stitch=blend)
    wanted = stitched(samples, VALUES[score], blend)
    result = metric.scene_results['scene']
    np.testing.assert_allclose(result.scores, wanted, rtol=1e-12)
    assert found == pytest.approx(detection_scores(detection_curves(wanted, target)))
    evaluated = target != 255
    assert found['AUC'] == pytest.approx(roc_auc_score(target[evaluated], wanted[evaluated]))
    assert result.settings == dict(score=score, stitch=blend)


def test_binary_map_is_the_stitched_label_map():
    target = binary_target()
    samples = logit_samples(target)
    _, metric = evaluate_detection(samples, score='logit')
    labels = TileGrid(8, 3).stitch(
        [sample['pred_sem_seg']['data'][0].numpy() for sample in samples],
        [(sample['top'], sample['left']) for sample in samples],
        SHAPE,
    )
    np.testing.assert_array_equal(metric.scene_results['scene'].detected, labels)
    # averaged, it is the larger one of the averaged logits
    _, metric = evaluate_detection(samples, score='logit', stitch='average')
    logits = stitched(samples, lambda values: values, 'average')
    np.testing.assert_array_equal(metric.scene_results['scene'].detected, logits.argmax(0))


def test_binary_map_of_a_threshold():
    samples = logit_samples(binary_target())
    _, metric = evaluate_detection(samples, threshold=0.8)
    result = metric.scene_results['scene']
    np.testing.assert_array_equal(result.detected, stitched(samples, VALUES['probability']) > 0.8)
    assert result.settings['threshold'] == 0.8


def test_order_and_repetition_do_not_matter():
    samples = logit_samples(binary_target())
    for blend in ('overwrite', 'average'):
        wanted, reference = evaluate_detection(samples, stitch=blend)
        found, metric = evaluate_detection(samples[::-1] + samples[2:7], len(samples), stitch=blend)
        assert found == wanted
        np.testing.assert_array_equal(metric.scene_results['scene'].scores, reference.scene_results['scene'].scores)


def test_disagreeing_repetitions_keep_the_smaller_score_and_warn(log):
    target = binary_target()
    logits = np.random.default_rng(0).normal(size=(2, *SHAPE)).astype(np.float32)
    sample = whole_scene_sample(logits, target)
    higher = logits.copy()
    higher[1, 3, 4] += 1
    wanted, _ = evaluate_detection([sample], score='margin')
    for repeated in ([sample, whole_scene_sample(higher, target)], [whole_scene_sample(higher, target), sample]):
        log.clear()
        assert evaluate_detection(repeated, 1, score='margin')[0] == wanted
        assert '1 logits of repeated samples differ' in log.text


def test_whole_scenes_of_very_different_sizes_are_averaged(log):
    rng = np.random.default_rng(0)
    samples, single = [], []
    for name, shape in (('a', (3, 40)), ('b', (30, 20)), ('c', (5, 4))):
        target = binary_target(shape, 1)
        logits = rng.normal(size=(2, *shape)).astype(np.float32) + np.stack([target * 0, target == 1])
        samples.append(whole_scene_sample(logits, target, name))
        single.append(evaluate_detection(samples[-1:])[0])
    found, metric = evaluate_detection(samples)
    assert found == pytest.approx({name: np.mean([scores[name] for scores in single]) for name in found})
    assert metric.results_detail == dict(zip('abc', single, strict=True))
    assert metric.scene_results['b'].scores.shape == (30, 20)
    line = next(line for line in log.text.splitlines() if line.startswith('| mean'))
    assert f'{found["AUC"]:.4f}' in line


def test_a_scene_of_one_class_is_left_out_of_the_mean_with_a_warning(log):
    target, empty = binary_target(), np.zeros(SHAPE, np.int64)
    samples = logit_samples(target, name='a') + logit_samples(empty, name='b')
    found, metric = evaluate_detection(samples)
    assert found == evaluate_detection(samples[: len(samples) // 2])[0]
    assert 'scene b: AUC is undefined, all 154 evaluated pixels are background' in log.text
    assert 'mean of the 1 of 2 scenes' in log.text
    result = metric.scene_results['b']
    assert result.summary()['AUC'] is None and 'background' in result.summary()['undefined']
    assert np.isfinite(result.scores).all() and set(np.unique(result.detected)) == {0, 1}


def test_without_any_curve_the_metrics_are_nan_and_it_is_said(log):
    found, _ = evaluate_detection(logit_samples(np.zeros(SHAPE, np.int64)))
    assert found.keys() == {
        'AUC',
        'AUC_Pf_tau',
        'AUC_Pd_tau',
        'AUC_OA',
        'AUC_SNPR',
        'AUC_TD',
        'AUC_BS',
        'AUC_TDBS',
        'AUC_ODP',
    }
    assert all(np.isnan(value) for value in found.values())
    assert 'no scene has an ROC curve' in log.text


def test_pixels_outside_the_ground_truth_do_not_count():
    target = binary_target()
    logits = np.random.default_rng(0).normal(size=(2, *SHAPE)).astype(np.float32)
    wanted, _ = evaluate_detection([whole_scene_sample(logits, target)])
    logits[1, 0] = np.linspace(-50, 50, SHAPE[1])
    assert evaluate_detection([whole_scene_sample(logits, target)])[0] == wanted


def test_a_scene_smaller_than_its_tile_is_cut_out():
    target = np.full((6, 6), 255)
    target[:4, :5] = np.arange(20).reshape(4, 5) % 2
    sample = dict(logit_samples(target)[0], scene_shape=(4, 5))
    _, metric = evaluate_detection([sample])
    assert metric.scene_results['scene'].scores.shape == (4, 5)
    np.testing.assert_array_equal(metric.scene_results['scene'].target, target[:4, :5])


def test_pixels_without_a_tile_have_no_score():
    target = np.full(SHAPE, 255)
    target[:6, :6] = np.arange(36).reshape(6, 6) % 2
    _, metric = evaluate_detection(logit_samples(target)[:1])
    result = metric.scene_results['scene']
    assert np.isfinite(result.scores[:6, :6]).all() and np.isnan(result.scores[6:]).all()
    assert (result.detected[6:] == 255).all()
    # without the tile above them, the rows that the second row of tiles leaves out have no score
    tiles = logit_samples(np.ones(SHAPE, int), overlap=4)
    with pytest.raises(ValueError, match='evaluated pixels have no finite score'):
        evaluate_detection([tile for tile in tiles if tile['top'] > 0])


def test_reference_rounding():
    samples = logit_samples(binary_target())
    exact, rounded = evaluate_detection(samples)[0], evaluate_detection(samples, reference_rounding=True)[0]
    assert rounded['AUC_Pd_tau'] == round(exact['AUC_Pd_tau'], 4)


def test_the_difference_of_certain_logits_is_not_lost():
    # both probabilities are 1 in double precision, the differences are 100 and 200
    logits = np.zeros((2, 2, 2), np.float32)
    logits[1] = [[100, 200], [-1, -2]]
    sample = whole_scene_sample(logits, np.array([[0, 1], [0, 0]]))
    assert evaluate_detection([sample], score='margin')[0]['AUC'] == 1
    assert evaluate_detection([sample])[0]['AUC'] == pytest.approx(5 / 6)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(seg_logits=dict(data=torch.zeros(1, 6, 6))), r'row 0, column 0 has seg_logits of shape \(1, 6, 6\)'),
        (dict(seg_logits=dict(data=torch.full((2, 6, 6), torch.nan))), '72 of 72 seg_logits are NaN or infinite'),
        (dict(seg_logits=dict(data=torch.zeros(2, 5, 6))), r'prediction of \(5, 6\) and a ground truth of \(6, 6\)'),
        (dict(gt_sem_seg=dict(data=torch.full((1, 6, 6), 2))), r'ground truth labels must lie in 0 \.\. 1'),
    ],
)
def test_wrong_samples_are_named(change, message):
    samples = logit_samples(binary_target())
    with pytest.raises(ValueError, match=message):
        evaluate_detection([{**samples[0], **change}, *samples[1:]])


def test_samples_without_logits_are_refused():
    samples = logit_samples(binary_target())
    del samples[0]['seg_logits']
    with pytest.raises(ValueError, match="SceneDetectionMetric: a data sample of scene 'scene' has no seg_logits"):
        evaluate_detection(samples)
    with pytest.raises(ValueError, match='has no seg_logits'):
        evaluate_detection(window_samples(binary_target(), binary_target()))


def test_wrong_options_are_named():
    for options, message in ((dict(score='softmax'), 'score must be'), (dict(stitch='mean'), 'stitch must be')):
        with pytest.raises(ValueError, match=message):
            METRICS.build(dict(type='mmhsi.SceneDetectionMetric', **options))
    metric = METRICS.build(dict(type='mmhsi.SceneDetectionMetric'))
    metric.dataset_meta = dict(classes=('a', 'b', 'c'))
    with pytest.raises(ValueError, match='two classes, background and target'):
        metric.process(None, logit_samples(binary_target()))


def test_data_samples_of_mmseg_are_understood():
    from mmengine.structures import PixelData
    from mmseg.structures import SegDataSample

    samples = logit_samples(binary_target())
    wanted, _ = evaluate_detection(samples)
    fields = ('seg_logits', 'pred_sem_seg', 'gt_sem_seg')
    packed = [
        SegDataSample(
            metainfo={key: value for key, value in sample.items() if key not in fields},
            **{key: PixelData(**sample[key]) for key in fields},
        )
        for sample in samples
    ]
    evaluator = Evaluator(METRICS.build(dict(type='mmhsi.SceneDetectionMetric')))
    evaluator.dataset_meta = dict(classes=DETECTION_CLASSES)
    evaluator.process(packed)
    assert evaluator.evaluate(len(packed)) == wanted
