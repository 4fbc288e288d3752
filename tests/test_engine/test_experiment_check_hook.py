"""Tests of the check of model and scenes before the first iteration."""

import copy
import logging

import numpy as np
import pytest
from mmengine.logging import MMLogger
from tiny_experiment import BANDS, CLASSES, tiny_config

from mmhsi.engine.distributed import build_runner


@pytest.fixture
def cfg(tmp_path):
    return tiny_config(tmp_path, tmp_path / 'runs', max_epochs=1)


def run(cfg):
    cfg.default_hooks = dict(copy.deepcopy(cfg.get('default_hooks', {})), check=dict(type='ExperimentCheckHook'))
    build_runner(cfg).train()


def test_number_of_classes(cfg):
    cfg.model.head.num_classes = CLASSES - 1
    with pytest.raises(
        ValueError,
        match=r'model.head.num_classes is 2, but train_dataloader.dataset.scene.classes of '
        "scene 'stripes' has 3 classes",
    ):
        run(cfg)


def test_number_of_bands(cfg):
    cfg.model.data_preprocessor.num_bands = BANDS + 1
    with pytest.raises(
        ValueError,
        match=r"model.data_preprocessor.num_bands is 13, but scene 'stripes' of "
        r'train_dataloader.dataset.scene has 12 bands after its preprocessing',
    ):
        run(cfg)


def test_number_of_drawn_bands(cfg):
    cfg.train_dataloader.dataset.pipeline = [
        dict(type='RandomBands', num_bands=BANDS - 4),
        *cfg.train_dataloader.dataset.pipeline,
    ]
    with pytest.raises(
        ValueError,
        match=r'model.data_preprocessor.num_bands is 12, but the pipeline of train_dataloader.dataset draws 8 bands',
    ):
        run(cfg)
    cfg.model.data_preprocessor.num_bands = BANDS - 4
    with pytest.raises(ValueError, match=r'num_bands is 8, but scene .* of val_dataloader.dataset.scene has 12 bands'):
        run(cfg)


def test_window(cfg):
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        cfg[loader].dataset.window_size = 7
    with pytest.raises(
        ValueError,
        match=r'the img_size in model is 5 x 5 pixels, the only size that it accepts, but '
        r'train_dataloader.dataset.window_size is 7',
    ):
        run(cfg)


def test_classes_without_pixels_are_told(cfg, tmp_path):
    labels = np.load(tmp_path / 'labels.npy')
    kept = np.flatnonzero(labels.ravel() == CLASSES)[:13]  # 8 to train, 4 to validate, 1 to test
    labels.ravel()[(labels.ravel() == CLASSES) & ~np.isin(np.arange(labels.size), kept)] = 0
    np.save(tmp_path / 'labels.npy', labels)
    messages, handler = [], logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())
    runner_logger = MMLogger.get_current_instance()
    runner_logger.addHandler(handler)
    logging.getLogger('mmengine').addHandler(handler)
    cfg.default_hooks = dict(check=dict(type='ExperimentCheckHook'))
    runner = build_runner(cfg)
    runner.logger.addHandler(handler)
    runner.train()
    assert any('1 of 3 classes have a single test pixel (class 3)' in message for message in messages)
