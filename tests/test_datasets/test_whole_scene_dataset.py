"""Datasets of several whole scenes, and crops of them."""

import numpy as np
import pytest

from mmhsi.datasets import WholeSceneDataset
from mmhsi.datasets.scenes.scene_list import scene_names
from mmhsi.datasets.transforms import RandomSceneCrop

SIZES = {'a': (20, 24), 'b': (30, 16), 'c': (12, 12)}
BANDS = 4
CROP = dict(type='RandomSceneCrop', size=16)


@pytest.fixture
def root(tmp_path):
    rng = np.random.default_rng(0)
    for number, (name, size) in enumerate(SIZES.items()):
        for date in (1, 2):
            np.save(tmp_path / f'{name}_{date}.npy', rng.integers(100 * number, 1000, (*size, BANDS), np.uint16))
        np.save(tmp_path / f'{name}_cm.npy', (rng.random(size) < 0.1).astype(np.uint8) * 255)
    return tmp_path


def scene(root, **options):
    return dict(
        type='PairScene',
        data_root=str(root),
        image=('{name}_1.npy', '{name}_2.npy'),
        labels='{name}_cm.npy',
        label_codes=dict(unchanged=0, changed=255),
        **options,
    )


def test_each_sample_is_a_whole_scene(root):
    dataset = WholeSceneDataset(scene(root), list('abc'))
    assert len(dataset) == 3 and dataset.metainfo['classes'] == ('unchanged', 'changed')
    for name, sample in zip('abc', dataset, strict=True):
        dates = [np.load(root / f'{name}_{date}.npy') for date in (1, 2)]
        np.testing.assert_array_equal(sample['img'], np.concatenate(dates, axis=-1))
        np.testing.assert_array_equal(sample['gt_seg_map'], np.load(root / f'{name}_cm.npy') // 255)
        assert (sample['scene_name'], sample['scene_shape']) == (name, SIZES[name])
        assert (sample['top'], sample['left'], sample['overlap']) == (0, 0, 0)


def test_the_preprocessing_is_fitted_on_all_scenes_together(root):
    dataset = WholeSceneDataset(scene(root, preprocessing=[dict(type='Standardize')]), list('abc'))
    pixels = np.concatenate(
        [np.load(root / f'{name}_{date}.npy').reshape(-1, BANDS) for name in 'abc' for date in (1, 2)]
    )
    for each in dataset.scenes:
        np.testing.assert_allclose(each.state_dict()['0.Standardize.mean'], pixels.mean(axis=0), rtol=1e-6)
    wanted = (np.load(root / 'c_2.npy') - pixels.mean(axis=0)) / pixels.std(axis=0)
    np.testing.assert_allclose(dataset[2]['img'][..., BANDS:], wanted, rtol=1e-4, atol=1e-4)


def test_names_come_from_a_file_and_some_are_left_out(root):
    (root / 'train.txt').write_text('a,b\nc\n')
    dataset = WholeSceneDataset(scene(root), str(root / 'train.txt'), exclude=['b'])
    assert [each.name for each in dataset.scenes] == ['a', 'c']


@pytest.mark.parametrize(
    'names, exclude, message',
    [
        ('aa', (), "'a' occurs twice"),
        ('ab', ('z',), "'z' is to be left out, but is not among a, b"),
        ('ab', ('a', 'b'), 'there is no scene'),
    ],
)
def test_lists_of_names_are_checked(names, exclude, message):
    with pytest.raises(ValueError, match=message):
        scene_names(list(names), exclude)


@pytest.mark.parametrize('cache', [True, False])
def test_a_crop_lies_in_its_scene_or_is_padded(root, cache):
    dataset = WholeSceneDataset(scene(root, cache=cache), list('abc'), pipeline=[CROP])
    np.random.seed(0)
    places = set()
    for _ in range(20):
        sample = dataset[0]
        assert sample['img'].shape == (16, 16, 2 * BANDS)
        top, left = sample['top'], sample['left']
        places.add((top, left))
        assert 0 <= top <= 4 and 0 <= left <= 8
        place = (slice(top, top + 16), slice(left, left + 16))
        np.testing.assert_array_equal(sample['img'][..., :BANDS], np.load(root / 'a_1.npy')[place])
        np.testing.assert_array_equal(sample['gt_seg_map'], np.load(root / 'a_cm.npy')[place] // 255)
    assert len(places) > 10
    small = dataset[2]  # 12 x 12 pixels in a crop of 16 x 16
    assert -4 <= small['top'] <= 0 and (small['gt_seg_map'] != 255).sum() == 144
    inside = small['gt_seg_map'] != 255
    np.testing.assert_array_equal(small['img'][inside][:, :BANDS], np.load(root / 'c_1.npy').reshape(-1, BANDS))
    assert not small['img'][~inside].any()


def test_a_crop_of_one_class_is_tried_again():
    labels = np.zeros((40, 40), np.uint8)
    labels[:, 30:] = 1  # a quarter
    crop = RandomSceneCrop(8, max_share=0.75, tries=200)
    np.random.seed(1)
    for _ in range(10):
        top, left, *_ = crop({'window': (0, 0, 40, 40), 'target_map': labels})['window']
        part = labels[top : top + 8, left : left + 8]
        assert 0.25 <= part.mean() <= 0.75


def test_crop_arguments_are_checked():
    with pytest.raises(ValueError, match='max_share must lie in'):
        RandomSceneCrop(8, max_share=0)
    with pytest.raises(ValueError, match='size and tries must be positive'):
        RandomSceneCrop(0)
