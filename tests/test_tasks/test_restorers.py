import json
import runpy

import numpy as np
import pytest
from config_runs import ROOT
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope

from mmhsi.apis import evaluate_restorer
from mmhsi.classical import low_rank
from mmhsi.datasets import CropDataset, GaussianNoise, Scene
from mmhsi.evaluation import RestorationMetric
from mmhsi.evaluation.functional import psnr, ssim
from mmhsi.tasks.restorers import restoration_dataset

AREAS = [(0, 0, 16, 20), (16, 0, 16, 20)]


def scene() -> Scene:
    rng = np.random.default_rng(0)
    return Scene((rng.random((32, 20, 2)) @ rng.random((2, 12)) / 2).astype(np.float32), name='place')


def test_images_are_restored_and_scored():
    dataset = CropDataset(scene(), areas=AREAS, pipeline=[GaussianNoise(30, seed=4)])
    results, scores = evaluate_restorer(dataset, 'low_rank', rank=2)
    assert list(results) == ['place_0_0', 'place_16_0']
    restored = [low_rank(sample['img'], 2).astype(np.float32) for sample in dataset]
    assert scores['PSNR'] == pytest.approx(
        np.mean([psnr(*pair) for pair in zip(restored, (sample['gt'] for sample in dataset), strict=True)])
    )
    assert scores['input_SSIM'] == pytest.approx(np.mean([ssim(sample['img'], sample['gt']) for sample in dataset]))
    result = results['place_16_0']
    np.testing.assert_array_equal(result.restored, restored[1])
    assert result.settings == dict(method='low_rank', options=dict(rank=2)) and result.area == AREAS[1]
    assert evaluate_restorer(dataset, 'low_rank')[1]['PSNR'] > scores['input_PSNR'] + 5


def test_images_without_a_clean_one_and_small_images():
    dataset = CropDataset(scene(), clean=False)
    results, scores = evaluate_restorer(dataset, lambda image: image / 2)
    assert scores == {} and results['place'].settings['method'] == '<lambda>'
    np.testing.assert_array_equal(results['place'].restored, dataset[0]['img'] / 2)
    small = [dict(img=image[::2, ::2], gt=image, name='small') for image in (dataset[0]['img'],)]
    results, scores = evaluate_restorer(small, 'nearest', RestorationMetric(scale=2))
    np.testing.assert_array_equal(results['small'].restored[::2, ::2], small[0]['img'])
    assert scores['PSNR'] != scores['input_PSNR']


def test_unknown_methods():
    with pytest.raises(ValueError, match="the method is 'bicubic', expected one of wavelet"):
        evaluate_restorer([], 'bicubic')
    with pytest.raises(ValueError, match='expected one of bicubic'):
        evaluate_restorer([], 'wavelet', RestorationMetric(scale=2))


def test_samples_stay_arrays():
    init_default_scope('mmhsi')
    cfg = ConfigDict(type='CropDataset', scene=scene(), pipeline=[dict(type='PackRestoration')])
    assert set(restoration_dataset(cfg)[0]) >= {'img', 'gt', 'name'}


@pytest.mark.parametrize('noise', ['gaussian', 'complex'])
def test_tool_on_a_config(noise, tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(0)
    cube = (1000 + 5000 * rng.random((145, 145, 3)) @ rng.random((3, 200)) / 3).astype(np.uint16)
    (tmp_path / 'indian_pines').mkdir()
    np.save(tmp_path / 'indian_pines/cube.npy', cube)
    np.save(tmp_path / 'indian_pines/labels.npy', np.ones((145, 145), np.uint8))
    monkeypatch.setenv('MMHSI_DATA', str(tmp_path))
    main = runpy.run_path(str(ROOT / 'tools/test_classical.py'))['main']
    config = str(ROOT / f'configs/denoising/hypersigma-tiny_indian-pines_{noise}.py')
    options = [
        '--work-dir',
        str(tmp_path / 'out'),
        '--cfg-options',
        'test_dataloader.dataset.areas=[(0,0,16,24)]',
        'test_dataloader.dataset.scene.image=cube.npy',
        'test_dataloader.dataset.scene.labels=labels.npy',
    ]
    results = main([config, 'low_rank', *options])['low_rank']
    written = json.loads((tmp_path / 'out/classical/low_rank/metrics.json').read_text())['metrics']
    assert written['PSNR'] == results['indian-pines'].scores['PSNR'] > written['input_PSNR'] + 5
    printed = capsys.readouterr().out
    assert f'{written["PSNR"]:.4f}' in printed and f'{written["input_PSNR"]:.4f}' in printed
    assert (tmp_path / 'out/classical/low_rank/indian-pines_restoration.png').is_file()
    with pytest.raises(ValueError, match="unknown method 'cva'; the methods of this task are wavelet, low_rank"):
        main([config, 'cva', *options])
