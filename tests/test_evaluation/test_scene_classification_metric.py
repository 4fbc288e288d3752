import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import BaseDataElement
from scene_metric_samples import CLASSES, SHAPE, evaluate, scene_maps, tile_samples, window_samples
from scipy.stats import entropy
from sklearn import metrics

from mmhsi.evaluation import SceneResult
from mmhsi.evaluation.functional import expected_calibration_error
from mmhsi.evaluation.refinement import Refinement
from mmhsi.registry import METRICS
from mmhsi.utils.tiling import TileGrid


def test_windows_make_the_map_and_the_scores():
    pred, target = scene_maps()
    scores, metric = evaluate(window_samples(pred, target))
    result = metric.scene_results['scene']
    np.testing.assert_array_equal(result.prediction, pred)
    np.testing.assert_array_equal(result.target, target)
    evaluated = target != 255
    assert scores == {
        'OA': pytest.approx(metrics.accuracy_score(target[evaluated], pred[evaluated])),
        'AA': pytest.approx(metrics.balanced_accuracy_score(target[evaluated], pred[evaluated])),
        'kappa': pytest.approx(metrics.cohen_kappa_score(target[evaluated], pred[evaluated])),
    }
    assert metric.results_detail['classes'] == CLASSES


def test_order_and_repetition_do_not_matter():
    pred, target = scene_maps()
    samples = window_samples(pred, target)
    wanted, _ = evaluate(samples)
    shuffled = [samples[i] for i in np.random.default_rng(1).permutation(len(samples))]
    found, metric = evaluate(shuffled + shuffled[:20], len(samples))
    assert found == wanted
    np.testing.assert_array_equal(metric.scene_results['scene'].prediction, pred)

    tiles = tile_samples(target)
    wanted, reference = evaluate(tiles)
    found, metric = evaluate(tiles[::-1] + tiles[3:6], len(tiles))
    assert found == wanted
    np.testing.assert_array_equal(metric.scene_results['scene'].prediction, reference.scene_results['scene'].prediction)


def test_tiles_are_stitched_in_row_major_order():
    _, target = scene_maps()
    samples = tile_samples(target)
    _, metric = evaluate(samples)
    wanted = TileGrid(8, 3).stitch(
        [sample['pred_sem_seg']['data'][0].numpy() for sample in samples],
        [(sample['top'], sample['left']) for sample in samples],
        SHAPE,
    )
    result = metric.scene_results['scene']
    np.testing.assert_array_equal(result.prediction, wanted)
    np.testing.assert_array_equal(result.target, target)


def test_overlap_of_the_metric_goes_before_that_of_the_samples():
    # two tiles of 4 columns at 0 and 2: with overlap 2 the second leaves out its first column
    target = np.zeros((4, 6), int)
    samples = [
        dict(
            pred_sem_seg=dict(data=torch.full((1, 4, 4), value)),
            top=0,
            left=left,
            overlap=0,
            scene_name='scene',
            gt_sem_seg=dict(data=torch.zeros(1, 4, 4)),
            scene_shape=target.shape,
        )
        for value, left in ((0, 0), (1, 2))
    ]
    _, metric = evaluate(samples)
    np.testing.assert_array_equal(metric.scene_results['scene'].prediction[0], [0, 0, 1, 1, 1, 1])
    _, metric = evaluate(samples, overlap=2)
    np.testing.assert_array_equal(metric.scene_results['scene'].prediction[0], [0, 0, 0, 1, 1, 1])


def test_tiles_of_unknown_overlap_are_refused():
    _, target = scene_maps()
    samples = tile_samples(target)
    for sample in samples:
        del sample['overlap']
    with pytest.raises(ValueError, match=r'SceneClassificationMetric\(overlap=...\)'):
        evaluate(samples)


def test_a_scene_smaller_than_its_tile_is_cut_out():
    target = np.full((6, 6), 255)
    target[:4, :5] = 1
    sample = dict(tile_samples(target)[0], scene_shape=(4, 5), pred_sem_seg=dict(data=torch.ones(1, 6, 6, dtype=int)))
    scores, metric = evaluate([sample])
    assert metric.scene_results['scene'].prediction.shape == (4, 5)
    assert scores['OA'] == 1 and metric.results_detail['support'].tolist() == [0, 20, 0]


def test_disagreeing_repetitions_keep_the_smaller_label_and_warn(log):
    pred, target = np.full(SHAPE, 1), np.full(SHAPE, 1)
    samples = window_samples(pred, target)
    other = dict(samples[5], pred_label=torch.tensor([2]))
    for repeated in (samples + [other], [other] + samples):
        scores, metric = evaluate(repeated, len(samples))
        assert scores['OA'] == 1
        assert '1 labels of repeated samples differ' in log.text
        log.clear()


def test_contradicting_ground_truth_is_refused():
    pred, target = np.full(SHAPE, 1), np.full(SHAPE, 1)
    samples = window_samples(pred, target)
    with pytest.raises(ValueError, match='contradict each other about the ground truth of 1 pixels'):
        evaluate(samples + [dict(samples[5], gt_label=torch.tensor([2]))])


def test_missing_predictions_are_told(log):
    pred, target = scene_maps()
    samples = window_samples(pred, target)
    evaluate(samples[:-9], len(samples))
    assert f'only {len(samples) - 9} of {len(samples)} samples' in log.text

    target = np.ones(SHAPE, int)
    tiles = tile_samples(target, overlap=4)
    # without the tile above them, the rows that the second row of tiles leaves out are predicted by nobody
    with pytest.raises(ValueError, match='evaluated pixels have no prediction'):
        evaluate([tile for tile in tiles if tile['top'] > 0])


def test_pixels_without_ground_truth_are_mapped_but_not_evaluated(log):
    pred, target = scene_maps()
    samples = window_samples(pred, target)
    for sample in samples:
        del sample['gt_label']
    scores, metric = evaluate(samples)
    assert all(np.isnan(value) for value in scores.values())
    assert 'no pixel was evaluated' in log.text
    np.testing.assert_array_equal(metric.scene_results['scene'].prediction, pred)


def test_several_scenes_are_pooled():
    first, second = scene_maps(0), scene_maps(1)
    scores, metric = evaluate(window_samples(*first, 'a') + window_samples(*second, 'b'))
    pred, target = np.concatenate([np.stack(maps)[:, maps[1] != 255] for maps in (first, second)], axis=1)
    assert scores['OA'] == pytest.approx(np.mean(pred == target))
    assert list(metric.scene_results) == ['a', 'b']
    assert metric.scene_results['b'].scores['OA'] == pytest.approx(np.mean((second[0] == second[1])[second[1] != 255]))


def test_aa_of_the_reference_window_protocol():
    pred, target = scene_maps()
    scores, _ = evaluate(window_samples(pred, target), aa='precision')
    evaluated = target != 255
    assert scores['AA'] == pytest.approx(
        metrics.precision_score(target[evaluated], pred[evaluated], average='macro', zero_division=0)
    )


def test_the_pooled_result_keeps_the_protocol():
    scores, metric = evaluate(window_samples(*scene_maps(0), 'a') + window_samples(*scene_maps(1), 'b'), aa='precision')
    pooled = SceneResult.pool(list(metric.scene_results.values()))
    assert pooled.scores['AA'] == pytest.approx(scores['AA'])


def test_metric_can_be_evaluated_again():
    pred, target = scene_maps()
    samples = window_samples(pred, target)
    wanted, metric = evaluate(samples)
    metric.process(None, window_samples(target % 3, target))
    assert metric.evaluate(len(samples))['OA'] == 1
    metric.process(None, samples)
    assert metric.evaluate(len(samples)) == wanted


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(pred_label=torch.tensor([3])), r'predicted labels must lie in 0 \.\. 2'),
        (dict(gt_label=torch.tensor([-1])), r'ground truth labels must lie in 0 \.\. 2'),
        (dict(row=14), 'lies outside the scene of 14 x 11'),
        (dict(col=-1), 'lies outside the scene'),
        (dict(scene_shape=(11, 14)), 'scene shapes|scene_shape'),
    ],
)
def test_wrong_samples_are_named(change, message):
    samples = window_samples(*scene_maps())
    with pytest.raises(ValueError, match=message):
        evaluate([*samples, {**samples[0], **change}])


@pytest.mark.parametrize('key', ['row', 'scene_name', 'scene_shape', 'pred_label'])
def test_missing_keys_are_named(key):
    samples = window_samples(*scene_maps())
    del samples[0][key]
    with pytest.raises(ValueError, match=key):
        evaluate(samples)


def test_class_names_are_needed():
    metric = METRICS.build(dict(type='mmhsi.SceneClassificationMetric'))
    with pytest.raises(ValueError, match="no 'classes'"):
        metric.process(None, window_samples(*scene_maps()))


def test_a_table_of_the_classes_is_logged(log):
    pred, target = scene_maps()
    _, metric = evaluate(window_samples(pred, target))
    line = next(line for line in log.text.splitlines() if 'Oats' in line)
    assert f'{100 * metric.results_detail["recall"][1]:.2f}' in line


def test_data_samples_of_the_libraries_are_understood():
    from mmengine.structures import PixelData
    from mmpretrain.structures import DataSample
    from mmseg.structures import SegDataSample

    pred, target = scene_maps()
    for samples in (window_samples(pred, target), tile_samples(target)):
        wanted, reference = evaluate(samples)
        packed = []
        for sample in samples:
            meta = {
                key: sample[key]
                for key in ('row', 'col', 'top', 'left', 'overlap', 'scene_name', 'scene_shape')
                if key in sample
            }
            if 'row' in sample:
                packed.append(
                    DataSample(metainfo=meta).set_pred_label(sample['pred_label']).set_gt_label(sample['gt_label'])
                )
            else:
                packed.append(
                    SegDataSample(
                        metainfo=meta,
                        pred_sem_seg=PixelData(**sample['pred_sem_seg']),
                        gt_sem_seg=PixelData(**sample['gt_sem_seg']),
                    )
                )
        evaluator = Evaluator(METRICS.build({'type': 'mmhsi.SceneClassificationMetric'}))
        evaluator.dataset_meta = {'classes': CLASSES}
        evaluator.process(packed)
        assert evaluator.evaluate(len(packed)) == wanted
        np.testing.assert_array_equal(
            evaluator.metrics[0].scene_results['scene'].prediction, reference.scene_results['scene'].prediction
        )


def test_uncertainty_of_windows_is_that_of_their_scores():
    pred, target = scene_maps()
    samples = window_samples(pred, target)
    probabilities = np.random.default_rng(3).dirichlet([0.5] * 3, SHAPE)
    probabilities[0, 0], probabilities[0, 1] = (1, 0, 0), (1 / 3,) * 3
    for sample in samples:
        sample['pred_score'] = torch.from_numpy(probabilities[sample['row'], sample['col']])
    left_out = samples.pop(5)
    scores, metric = evaluate(samples + samples[:7], len(samples), uncertainty=True)
    wanted, plain = evaluate(samples)
    result = metric.scene_results['scene']
    assert {key: scores[key] for key in wanted} == wanted
    evaluated = result.target != 255
    assert scores['NLL'] == pytest.approx(metrics.log_loss(target[evaluated], probabilities[evaluated]), rel=1e-4)
    confidence, correct = probabilities[evaluated].max(axis=-1), (pred == target)[evaluated]
    assert scores['ECE'] == pytest.approx(expected_calibration_error(confidence, correct), abs=1e-6)
    assert result.summary()['NLL'] == scores['NLL']
    np.testing.assert_array_equal(result.prediction, plain.scene_results['scene'].prediction)
    known = np.ones(SHAPE, bool)
    known[left_out['row'], left_out['col']] = False
    np.testing.assert_allclose(result.confidence[known], probabilities.max(axis=-1)[known], rtol=1e-6)
    np.testing.assert_allclose(result.entropy[known], entropy(probabilities, axis=-1, base=3)[known], atol=1e-6)
    assert np.isnan(result.confidence[~known]).all() and np.isnan(result.entropy[~known]).all()
    del samples[0]['pred_score']
    with pytest.raises(ValueError, match='needs the pred_score of every window'):
        evaluate(samples, uncertainty=True)


def test_what_refines_the_probabilities_makes_the_map():
    """A stand-in that turns the classes round: whatever it gives is evaluated and noted."""

    class Turn:
        def __call__(self, probabilities):
            assert probabilities.shape == (*SHAPE, 3)
            return probabilities[..., ::-1]

        parts: dict = {}

        def settings(self):
            return Refinement(strength=0.1, temperature=2.0).settings()

    pred, target = scene_maps()
    samples = window_samples(pred, target)
    for sample in samples:
        sample['pred_score'] = torch.eye(3)[sample['pred_label']].flatten() * 0.8 + 0.2 / 3
    evaluator = Evaluator(METRICS.build(dict(type='mmhsi.SceneClassificationMetric', uncertainty=True)))
    evaluator.dataset_meta = dict(classes=CLASSES)
    evaluator.metrics[0].refiners = {'scene': Turn()}
    evaluator.process(data_samples=[BaseDataElement(**sample) for sample in samples])
    evaluator.evaluate(len(samples))
    result = evaluator.metrics[0].scene_results['scene']
    np.testing.assert_array_equal(result.prediction, 2 - pred)
    assert result.summary()['settings'] == dict(refinement=dict(walker=0.1, temperature=2.0))


def test_uncertainty_of_tiles_is_stitched_as_the_labels_are():
    _, target = scene_maps()
    samples = tile_samples(target)
    generator = torch.Generator().manual_seed(0)
    for sample in samples:
        sample['seg_logits'] = dict(data=torch.randn(3, *sample['pred_sem_seg']['data'].shape[1:], generator=generator))
        sample['pred_sem_seg'] = dict(data=sample['seg_logits']['data'].argmax(0, keepdim=True))
    scores, metric = evaluate(samples[::-1], uncertainty=True)
    wanted, plain = evaluate(samples)
    result = metric.scene_results['scene']
    assert {key: scores[key] for key in wanted} == wanted and set(scores) - set(wanted) == {'NLL', 'ECE'}
    np.testing.assert_array_equal(result.prediction, plain.scene_results['scene'].prediction)
    probabilities = [sample['seg_logits']['data'].softmax(0).numpy() for sample in samples]
    places = [(sample['top'], sample['left']) for sample in samples]
    for found, tiles in (
        (result.confidence, [p.max(axis=0) for p in probabilities]),
        (result.entropy, [entropy(p, base=3) for p in probabilities]),
    ):
        np.testing.assert_allclose(found, TileGrid(8, 3).stitch(tiles, places, SHAPE), rtol=1e-5)
    del samples[0]['seg_logits']
    with pytest.raises(ValueError, match='needs the seg_logits of every tile'):
        evaluate(samples, uncertainty=True)
