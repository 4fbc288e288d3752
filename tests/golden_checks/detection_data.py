"""Goldens of the data steps of target, anomaly and change detection."""

import re

import numpy as np

from golden_checks.case import GoldenCase
from mmhsi.datasets import DetectionScene, NumberSplit, PairScene, WindowDataset
from mmhsi.datasets.scenes.target_spectrum import select_target_spectrum

# The official numbers of the ways to choose a target spectrum.
SELECTORS = [
    ('mean', 'euclidean'),
    ('trimmed_mean', 'euclidean'),
    ('trimmed_mean', 'angle'),
    ('median', 'euclidean'),
    ('median', 'angle'),
    ('medoid', 'euclidean'),
    ('medoid', 'angle'),
    ('nearest_to_mean', 'euclidean'),
    ('nearest_to_mean', 'angle'),
]


def check_target_spectrum(case: GoldenCase) -> None:
    """All selectors on the target pixels of a cube."""
    pixels = case.tensors['cube'][case.tensors['gt'] == 1]
    for number, (select, distance) in enumerate(SELECTORS):
        found = select_target_spectrum(pixels, select, distance)
        np.testing.assert_allclose(found, case.tensors[f'type{number}'].ravel(), rtol=1e-12)


def check_pseudo_label(case: GoldenCase) -> None:
    """Background, targets and ignored pixels of a coarse map, with the official shares."""
    coarse, expected = case.tensors['coarse'], case.json['expected']
    scene = DetectionScene(np.ones((*coarse.shape, 2), np.uint8), labels=np.zeros(coarse.shape, int), coarse=coarse)
    found = scene.subset_labels('pseudo')
    np.testing.assert_array_equal(found, case.tensors['label'])
    assert np.count_nonzero(found == 0) == expected['n_background']
    assert np.count_nonzero(found == 1) == expected['n_target']


def check_change_windows(case: GoldenCase) -> None:
    """Jointly normalised windows of two dates, the pixels drawn for training, and all labelled ones in raster order.

    The official class 0 is changed and 1 unchanged; ours are the other way round.
    """
    tensors, expected = case.tensors, case.json['expected']
    scene = PairScene(
        (tensors['t1'], tensors['t2']),
        labels=tensors['label'],
        label_codes=dict(changed=1, unchanged=2),
        split=NumberSplit(expected['train_number'], 0, expected['numpy_legacy_seed'])(_classes(tensors['label'])),
        preprocessing=[dict(type='MinMaxScale', per_band=True)],
    )
    bands = tensors['t1'].shape[-1]
    sizes = sorted({int(name[1:].split('/')[0]) for name in tensors if re.match(r'w\d+/', name)})
    assert sizes
    for size in sizes:
        wanted = case.group(f'w{size}/')
        train = _samples(scene, 'train', size)
        order = np.argsort([1 - sample['gt_label'] for sample in train], kind='stable')  # changed ones first
        dates = np.stack([train[index]['img'] for index in order]).transpose(0, 3, 1, 2)
        np.testing.assert_allclose(dates[:, :bands], wanted['train_t1'], rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal([1 - train[index]['gt_label'] for index in order], wanted['train_label'])

        test = _samples(scene, 'labelled', size)
        order = np.argsort([1 - sample['gt_label'] for sample in test], kind='stable')
        np.testing.assert_array_equal([1 - test[index]['gt_label'] for index in order], wanted['test_label'])
        positions = [(test[index]['row'], test[index]['col']) for index in order]
        np.testing.assert_array_equal(positions, wanted['test_position'])
        first, last = ([test[index]['img'].transpose(2, 0, 1) for index in part] for part in (order[:4], order[-4:]))
        np.testing.assert_allclose(np.stack(first)[:, :bands], wanted['test_t1_first4'], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(np.stack(last)[:, bands:], wanted['test_t2_last4'], rtol=1e-5, atol=1e-6)


def _classes(stored: np.ndarray) -> np.ndarray:
    return np.select([stored == 1, stored == 2], [1, 0], 255)


def _samples(scene: PairScene, subset: str, size: int) -> list[dict]:
    dataset = WindowDataset(scene, subset, window_size=size, pad_mode='symmetric')
    return [dataset[index] for index in range(len(dataset))]
