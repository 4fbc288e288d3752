"""Prediction by windows: filters that are applied once per block, number formats, lattices, and the announced time."""

import json
import logging

import numpy as np
import pytest
import rasterio
import torch
from inference_cases import BANDS, classifier, config, save_checkpoint, segmentor, toy_cube
from mmengine.logging import MMLogger

from mmhsi.apis import HSIInferencer
from mmhsi.inference import estimate, windowed
from mmhsi.utils.windows import centred_window, crop_window

WINDOW = 7


def build(folder, cfg, **kwargs) -> HSIInferencer:
    weights = save_checkpoint(folder / 'toy.pth', cfg)
    return HSIInferencer(cfg, weights, device='cpu', show_progress=False, **kwargs)


def smoothing_classifier() -> dict:
    model = classifier(bands=2 * BANDS)
    model['data_preprocessor'].update(num_bands=BANDS, smoothing=dict(sigmas=(0.7, 2.0), size=3))
    return model


@torch.no_grad()
def by_single_windows(inferencer, cube, pad_mode):
    """Probabilities (H, W, K) of windows that are cut out and put through the whole model one by one."""
    height, width = cube.shape[:2]
    windows = [
        crop_window(cube, *centred_window(row, col, WINDOW), pad_mode=pad_mode)
        for row in range(height)
        for col in range(width)
    ]
    inputs = [torch.from_numpy(window.transpose(2, 0, 1).copy()) for window in windows]
    data = inferencer.model.data_preprocessor(dict(inputs=inputs))
    return inferencer.model(data['inputs'], mode='tensor').softmax(dim=1).reshape(height, width, -1).numpy()


@pytest.mark.parametrize('model', [classifier, smoothing_classifier])
@pytest.mark.parametrize('pad_mode', ['constant', 'reflect'])
def test_filters_of_a_block_are_those_of_its_windows(tmp_path, monkeypatch, model, pad_mode):
    monkeypatch.setattr(windowed, '_TILE', 8)
    inferencer = build(tmp_path, config(model(), dict(preprocessing=[]), window_size=WINDOW, pad_mode=pad_mode))
    cube = toy_cube(19, 23)
    cube[3:6, 4:9] = np.nan
    (found,) = inferencer(cube, scores=True)['predictions']
    expected = by_single_windows(inferencer, np.nan_to_num(cube), pad_mode)
    valid = np.isfinite(cube).all(axis=-1)
    np.testing.assert_allclose(found['scores'].transpose(1, 2, 0)[valid], expected[valid], atol=2e-5)
    assert (found['classes'][~valid] == 255).all()


def test_a_precision_stands_in_the_summary_and_changes_little(tmp_path):
    inferencer = build(tmp_path, config(classifier(), window_size=WINDOW))
    cube = toy_cube(12, 15)
    whole, half = (
        inferencer(cube, scores=True, precision=precision)['predictions'][0] for precision in ('fp32', 'bf16')
    )
    assert whole['summary']['precision'] == 'fp32' and half['summary']['precision'] == 'bf16'
    assert 'precision' not in whole['summary']['settings'] and half['summary']['settings']['precision'] == 'bf16'
    difference = np.abs(whole['scores'] - half['scores'])
    assert 0 < difference.max() < 0.02
    with pytest.raises(ValueError, match="'tf32' does not suit the device 'cpu'"):
        inferencer(cube, precision='tf32')


@pytest.mark.parametrize('driver, suffix', [('GTiff', 'tif'), ('ENVI', 'img')])
def test_a_lattice_is_told_of(tmp_path, driver, suffix):
    inferencer = build(tmp_path, config(classifier(), window_size=WINDOW))
    cube = np.repeat(np.repeat(toy_cube(3, 4), 12, axis=0), 12, axis=1)  # fields of one spectrum each
    np.save(tmp_path / 'scene.npy', cube)
    (every,) = inferencer(cube)['predictions']
    (found,) = inferencer(tmp_path / 'scene.npy', tmp_path, lattice=2, driver=driver)['predictions']
    summary = json.loads((tmp_path / 'scene_prediction.json').read_text())
    assert summary['lattice']['step'] == 2 and summary['settings']['lattice'] == 2
    assert 0 < summary['lattice']['predicted_windows'] < 0.7 * cube[..., 0].size
    assert 'lattice' not in every['summary']
    assert (found['classes'] == every['classes']).mean() > 0.98
    if driver == 'GTiff':
        with rasterio.open(tmp_path / f'scene_classes.{suffix}') as file:
            note = file.tags()['TIFFTAG_IMAGEDESCRIPTION']
    else:
        note = (tmp_path / 'scene_classes.hdr').read_text()
    assert f'{summary["lattice"]["predicted_windows"]} of {cube[..., 0].size} pixels were predicted' in note


def test_a_lattice_is_refused_where_no_classes_are_predicted_by_windows(tmp_path):
    inferencer = build(tmp_path, config(segmentor(), tile_size=16, overlap=4))
    with pytest.raises(ValueError, match='but the config predicts tiles'):
        inferencer(toy_cube(20, 20), lattice=2)
    inferencer = build(tmp_path, config(classifier(), window_size=WINDOW))
    with pytest.raises(ValueError, match='a side of at least 1 pixel, not 0'):
        inferencer(toy_cube(20, 20), lattice=0)


def test_a_long_prediction_is_announced_with_what_shortens_it(tmp_path, monkeypatch):
    messages = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())
    inferencer = build(tmp_path, config(classifier(), window_size=WINDOW))
    cube = toy_cube(12, 15)
    (quick,) = inferencer(cube)['predictions']
    assert 'estimated_seconds' not in quick['summary']
    monkeypatch.setattr(estimate, '_LONG', 1e-6)
    logger = MMLogger.get_current_instance()
    logger.addHandler(handler)
    (slow,) = inferencer(cube)['predictions']
    inferencer(cube, precision='bf16', lattice=2)
    logger.removeHandler(handler)
    assert 0 < slow['summary']['estimated_seconds'] < 60
    first, second = [message for message in messages if 'at most' in message]
    assert '180 windows of ' in first and 'on cpu in fp32' in first
    assert all(word in first for word in ('bf16', 'lattice 2', 'tiles', 'GPU'))
    assert "'bf16'" not in second and 'lattice' not in second and 'GPU' in second


def test_durations_are_told_in_the_unit_that_suits_them():
    assert [estimate.in_words(seconds) for seconds in (90, 150, 7300, 200000)] == [
        '90 seconds',
        '2 minutes',
        '2 hours',
        '2 days',
    ]
