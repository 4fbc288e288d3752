import json
import logging

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as multiprocessing
from mmengine.logging import MMLogger
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from mmhsi.evaluation import RestorationMetric, RestorationResult
from mmhsi.utils.imresize import imresize

H, W, C = 12, 10, 3


def samples(count: int = 5, scale: int = 1, seed: int = 0) -> list[dict]:
    """Dicts as mmagic's data samples become."""
    rng = np.random.default_rng(seed)
    made = []
    for index in range(count):
        clean = rng.random((C, scale * H, scale * W), np.float32)
        noisy = rng.random((C, H, W), np.float32) if scale > 1 else clean + rng.normal(0, 0.1, clean.shape)
        restored = clean + rng.normal(0, 0.02 * (index + 1), clean.shape)
        made.append(
            dict(
                output=dict(pred_img=torch.tensor(restored, dtype=torch.float32)),
                input=torch.tensor(noisy, dtype=torch.float32),
                gt_img=torch.tensor(clean),
                name=f'image_{index}',
                scene_name='place',
                sample_idx=index,
                scale=1.0,
                top=7 * index,
                left=2,
            )
        )
    return made


def run(made: list[dict], size: int | None = None, **options):
    metric = RestorationMetric(**options)
    for start in range(0, len(made), 2):
        metric.process(None, made[start : start + 2])
    return metric.evaluate(len(made) if size is None else size), metric


def hwc(tensor) -> np.ndarray:
    return tensor.numpy().transpose(1, 2, 0).astype(np.float64)


def test_means_over_images_agree_with_scikit_image():
    made = samples()
    scores, metric = run(made)
    pairs = [(hwc(sample['output']['pred_img']), hwc(sample['input']), hwc(sample['gt_img'])) for sample in made]
    for prefix, which in (('', 0), ('input_', 1)):
        band = [
            [peak_signal_noise_ratio(pair[2][..., b], pair[which][..., b], data_range=1) for b in range(C)]
            for pair in pairs
        ]
        assert scores[f'{prefix}PSNR'] == pytest.approx(np.mean(band))
        similarity = [structural_similarity(pair[which], pair[2], data_range=1, channel_axis=-1) for pair in pairs]
        assert scores[f'{prefix}SSIM'] == pytest.approx(np.mean(similarity))
        roots = [np.sqrt(((pair[which] - pair[2]) ** 2).mean()) for pair in pairs]
        assert scores[f'{prefix}RMSE'] == pytest.approx(np.mean(roots))
        assert scores[f'{prefix}RMSE_255'] == pytest.approx(255 * np.mean(roots))
        np.testing.assert_allclose(metric.results_detail[f'{prefix}band_PSNR'], np.mean(band, axis=0))
    result = metric.scene_results['image_1']
    assert (result.scene_name, result.area) == ('place', (7, 2, H, W))
    np.testing.assert_allclose(result.clean, hwc(made[1]['gt_img']), atol=1e-7)


def test_hand_made_numbers():
    clean = np.full((8, 8, 2), 0.5)
    clean[::2] = 0.25
    restored = clean + np.array([0.1, -0.01])
    result = RestorationResult.evaluate('one', restored, clean, clean + 0.2)
    # errors of 0.1 and 0.01 are 20 and 40 dB
    np.testing.assert_allclose(result.band_psnr, [20, 40])
    assert result.scores['PSNR'] == pytest.approx(30)
    assert result.input_scores['PSNR'] == pytest.approx(20 * np.log10(5))
    assert result.scores['RMSE'] == pytest.approx(np.sqrt((0.01 + 0.0001) / 2))
    assert result.scores['ERGAS'] == pytest.approx(100 * np.sqrt((0.01 + 0.0001) / 2) / 0.375)
    assert result.scores['CC'] == pytest.approx(1)
    summary = result.summary()
    assert summary['gain'] == pytest.approx(30 - 20 * np.log10(5)) and summary['band_PSNR'] == pytest.approx([20, 40])


def test_a_perfectly_restored_constant_band_is_defined_and_reported():
    made = samples(1)
    made[0]['gt_img'][1] = 0.5
    made[0]['output']['pred_img'] = made[0]['gt_img'].clone()
    scores, metric = run(made)
    assert scores['PSNR'] == 100 and scores['SSIM'] == pytest.approx(1) and scores['SAM'] == pytest.approx(0, abs=1e-3)
    assert scores['CC'] == pytest.approx(1) and scores['RMSE'] == scores['ERGAS'] == 0
    assert metric.scene_results['image_0'].perfect_bands == C
    assert json.dumps(metric.scene_results['image_0'].summary(), allow_nan=False)


def test_values_outside_the_declared_range_are_reported():
    made = samples(2)
    made[1]['gt_img'] *= 200
    messages = []
    metric = RestorationMetric()
    for sample in made:
        metric.process(None, [sample])
    logger = MMLogger.get_current_instance()
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())
    logger.addHandler(handler)
    try:
        metric.evaluate(2)
    finally:
        logger.removeHandler(handler)
    outside = int((made[1]['gt_img'] > 1).sum())
    assert any(
        f'{outside} values of clean images lie outside the declared range of 0 to 1' in message
        and "'image_1'" in message
        for message in messages
    )
    assert metric.scene_results['image_1'].outside['clean'] == outside
    scores, _ = run(samples(1), data_range=10.0)
    assert scores['PSNR'] == pytest.approx(run(samples(1))[0]['PSNR'] + 20)
    assert scores['RMSE'] == pytest.approx(run(samples(1))[0]['RMSE'] / 10)


def test_undefined_scores_are_left_out_of_the_mean():
    made = samples(2)
    made[0]['gt_img'][0] = 0
    scores, metric = run(made)
    assert np.isnan(metric.scene_results['image_0'].scores['ERGAS'])
    assert scores['ERGAS'] == metric.scene_results['image_1'].scores['ERGAS']
    assert metric.scene_results['image_0'].summary()['ERGAS'] is None


def test_super_resolution_is_compared_with_the_enlarged_input():
    made = samples(2, scale=2)
    scores, metric = run(made, scale=2)
    enlarged = imresize(hwc(made[0]['input']).astype(np.float32), 2)
    np.testing.assert_allclose(metric.scene_results['image_0'].degraded, enlarged, atol=1e-6)
    given = [dict(sample, enlarged=sample['gt_img']) for sample in made]
    assert run(given, scale=2)[0]['input_PSNR'] == 100
    fixed = run(made, scale=2, ergas_ratio=4)[0]
    assert scores['ERGAS'] == pytest.approx(2 * fixed['ERGAS']) and 'RMSE_255' not in scores


def test_pixels_of_zeros_count_unless_they_are_left_out():
    made = samples(1)
    made[0]['gt_img'][:, :3] = 0
    kept, left_out = (run(made, skip_zeros=skip)[0]['SAM'] for skip in (False, True))
    assert kept > left_out + 10


@pytest.mark.parametrize(
    'change, message',
    [
        (lambda sample: sample.pop('name'), 'a data sample has no name'),
        (lambda sample: sample.pop('output'), 'a data sample has no output'),
        (
            lambda sample: sample.update(input=sample['input'][:, 1:]),
            "image 'image_0': the restored image has the shape",
        ),
        (lambda sample: sample.update(gt_img=sample['gt_img'][1:]), "image 'image_0': .* must have the same shape"),
        (
            lambda sample: sample['output']['pred_img'].fill_(np.nan),
            "image 'image_0': 360 of 360 values of the restored",
        ),
    ],
)
def test_samples_that_cannot_be_scored(change, message):
    made = samples(1)
    change(made[0])
    with pytest.raises(ValueError, match=message):
        run(made)


def test_images_without_a_clean_one_are_kept_but_not_scored():
    made = samples(2)
    for sample in made:
        del sample['gt_img']
    scores, metric = run(made)
    assert scores == {} and metric.scene_results['image_1'].scores == {}
    assert metric.scene_results['image_1'].restored.shape == (H, W, C)
    assert set(metric.scene_results['image_1'].summary()) == {'values_outside_range'}


def test_cubes_of_the_first_images_are_kept():
    _, metric = run(samples(4), keep_images=2)
    assert [result.restored is not None for result in metric.scene_results.values()] == [True, True, False, False]


def test_images_of_one_name_are_both_there():
    made = samples(2)
    made[1]['name'] = 'image_0'
    scores, metric = run(made)
    assert list(metric.scene_results) == ['image_0', 'image_0_1'] and scores == run(samples(2))[0]


def _evaluate_in_process(rank: int, world_size: int, folder: str) -> None:
    dist.init_process_group('gloo', init_method=f'file://{folder}/group', rank=rank, world_size=world_size)
    MMLogger.get_instance('test', logger_name='test')
    made = samples()
    filled = made + made[: -len(made) % world_size]
    scores, metric = run(filled[rank::world_size], len(made), collect_dir=f'{folder}/parts')
    with open(f'{folder}/{rank}.json', 'w') as file:
        json.dump(scores, file)
    if rank == 0:
        np.save(f'{folder}/restored.npy', metric.scene_results['image_3'].restored)
    dist.destroy_process_group()


def test_two_processes_count_no_image_twice(tmp_path):
    multiprocessing.start_processes(_evaluate_in_process, (2, str(tmp_path)), 2, start_method='fork')
    wanted, metric = run(samples())
    for rank in range(2):
        assert json.loads((tmp_path / f'{rank}.json').read_text()) == wanted
    np.testing.assert_array_equal(np.load(tmp_path / 'restored.npy'), metric.scene_results['image_3'].restored)


@pytest.mark.parametrize('options', [dict(scale=0), dict(data_range=0)])
def test_wrong_options(options):
    with pytest.raises(ValueError, match='scale must be at least 1'):
        RestorationMetric(**options)
