"""Windows that are smoothed before they are cut out are those that are smoothed one by one."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmpretrain.datasets import PackInputs

from mmhsi.datasets import Scene, WindowDataset
from mmhsi.datasets.filtered_windows import FilteredWindows
from mmhsi.datasets.transforms import RandomDihedral, RandomRotate90
from mmhsi.engine.hooks import WindowFilterHook
from mmhsi.models import HSIDataPreprocessor

HEIGHT, WIDTH, BANDS = 21, 75, 4


@pytest.fixture
def scene():
    rng = np.random.default_rng(0)
    cube = rng.uniform(size=(HEIGHT, WIDTH, BANDS)).astype(np.float32)
    labels = rng.integers(0, 3, size=(HEIGHT, WIDTH))
    return Scene(cube, labels, ['corn', 'oats'], split={'type': 'NumberSplit', 'train': 5, 'val': 3}, name='field')


def preprocessor(**kwargs) -> HSIDataPreprocessor:
    return HSIDataPreprocessor(
        num_bands=BANDS, mean=0.4, std=0.3, smoothing=dict(sigmas=(0.0, 1.5), size=3, scales=(1.0, 0.5)), **kwargs
    )


def run(dataset: WindowDataset, model: HSIDataPreprocessor) -> None:
    loader = SimpleNamespace(dataset=dataset)
    runner = SimpleNamespace(
        model=SimpleNamespace(data_preprocessor=model), test_dataloader=loader, train_dataloader=loader
    )
    (WindowFilterHook().before_test if dataset.subset == 'all' else WindowFilterHook().before_train)(runner)


@pytest.mark.parametrize(
    ('subset', 'window', 'pad_mode'), [('all', 9, 'reflect'), ('all', 8, 'constant'), ('train', 9, 'symmetric')]
)
def test_filtered_windows_are_those_of_the_forward_pass(scene, subset, window, pad_mode):
    dataset = WindowDataset(scene, subset, window_size=window, pad_mode=pad_mode, pipeline=[PackInputs()])
    samples = [dataset[number] for number in range(len(dataset))]
    model = preprocessor()
    expected = model(dict(inputs=[sample['inputs'] for sample in samples]))['inputs']
    run(dataset, model)
    found = [dataset[number]['inputs'] for number in range(len(dataset))]
    assert found[0].shape == (2 * BANDS, 3, 3)
    torch.testing.assert_close(model(dict(inputs=found))['inputs'], expected, rtol=1e-5, atol=1e-5)
    # windows that nothing has filtered, of another dataset, are still taken
    torch.testing.assert_close(model(dict(inputs=[sample['inputs'] for sample in samples]))['inputs'], expected)


def test_each_area_is_filtered_once(scene):
    calls = []

    def filtered(area):
        calls.append(area.shape)
        return np.lib.stride_tricks.sliding_window_view(area, (9, 9), (0, 1))[:, :, :, :1, :1].transpose(0, 1, 3, 4, 2)

    dataset = WindowDataset(scene, 'all', window_size=9)
    dataset.filter_windows(filtered)
    for number in range(len(dataset)):
        dataset[number]
    assert len(calls) == 16  # 4 x 4 parts of 8 x 32 places, the first of which begin four pixels beyond the border


def test_windows_are_filtered_alone_where_the_order_matters(scene):
    def filtered(window=9, model=None, **kwargs) -> bool:
        dataset = WindowDataset(scene, 'train', window_size=window, **kwargs)
        run(dataset, model or preprocessor())
        return bool(dataset.filtered)

    turned = [RandomRotate90(), PackInputs()]
    assert filtered(pipeline=turned)
    assert filtered(pipeline=[dict(type='RandomFlip', prob=0.5), *turned])
    assert filtered(pipeline=[RandomDihedral(), PackInputs()])
    assert not filtered(pipeline=[RandomDihedral(reverse_prob=0.5), PackInputs()])
    assert not filtered(8, pipeline=turned)  # its middle is elsewhere after a turn
    assert not filtered(3, pipeline=[PackInputs()])
    single = HSIDataPreprocessor(num_bands=BANDS, smoothing=dict(sigmas=(1.0,), size=1))
    assert filtered(model=single, pipeline=[PackInputs()])
    assert not filtered(model=single, pipeline=turned)
    assert not filtered(pipeline=[dict(type='RandomBandNoise'), PackInputs()])
    assert not filtered(pipeline=[dict(type='LoadSceneWindow', jitter=1), PackInputs()])
    assert not filtered(model=HSIDataPreprocessor(num_bands=BANDS), pipeline=[PackInputs()])
    assert not filtered(model=HSIDataPreprocessor(smoothing=dict(sigmas=(1.0,), size=3)), pipeline=[PackInputs()])


def test_everything_but_the_windows_is_that_of_the_scene(scene):
    filtered = FilteredWindows(scene, 9, lambda area: area, dense=False)
    assert (filtered.name, filtered.height, filtered.classes) == (scene.name, HEIGHT, scene.classes)
