import numpy as np
import pytest
import torch
from scipy.ndimage import zoom
from torch.utils.data import DataLoader

from mmhsi.datasets import AreaSplit, CropDataset, GaussianNoise, NoiseChain, Scene

H, W, C = 40, 30, 4
TRAIN, VAL, TEST = [(0, 0, 20, 30), (30, 0, 10, 30)], [(20, 20, 10, 10)], [(20, 0, 10, 18)]


def cube(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((H, W, C)).astype(np.float32)


def test_areas_are_whole_samples():
    values = cube()
    dataset = CropDataset(Scene(values, name='place'), areas=TEST + VAL)
    assert len(dataset) == 2
    first, second = dataset[0], dataset[1]
    np.testing.assert_array_equal(first['gt'], values[20:30, :18])
    np.testing.assert_array_equal(second['gt'], values[20:30, 20:])
    assert first['img'] is not first['gt'] and np.array_equal(first['img'], first['gt'])
    assert (first['top'], first['left'], first['area'], first['ori_shape']) == (20, 0, TEST[0], (10, 18))
    assert (first['name'], second['name'], first['scene_name']) == ('place_20_0', 'place_20_20', 'place')
    assert [sample['sample_idx'] for sample in (first, second)] == [0, 1]
    whole = CropDataset(Scene(values, name='place'))
    assert len(whole) == 1 and whole[0]['name'] == 'place' and whole[0]['gt'].shape == (H, W, C)


def test_crops_of_all_scales_are_those_of_the_windows():
    values = cube()
    dataset = CropDataset(Scene(values), areas=TRAIN[:1], crop_size=8, stride=(4, 2, 4), scales=(1, 0.5, 1.5))
    wanted = []
    for scale, step in ((1, 4), (0.5, 2), (1.5, 4)):
        copy = zoom(values[:20], (scale, scale, 1), order=3)
        wanted += [
            copy[top : top + 8, left : left + 8]
            for top in range(0, copy.shape[0] - 7, step)
            for left in range(0, copy.shape[1] - 7, step)
        ]
    assert len(dataset) == len(wanted)
    np.testing.assert_array_equal(np.stack([dataset[i]['gt'] for i in range(len(dataset))]), wanted)
    last = dataset[-1]
    assert last['scale'] == 1.5 and last['name'].endswith('_x1.5')
    assert last['top'] >= 0 and last['top'] + 8 / 1.5 <= 20 + 1
    assert len({dataset[i]['name'] for i in range(len(dataset))}) == len(dataset)


def test_a_first_sample_of_several_keeps_its_name():
    names = [CropDataset(Scene(cube(), name='place'), crop_size=8, indices=count)[0]['name'] for count in (1, 2)]
    assert names == ['place_0_0', 'place_0_0']


def test_preprocessing_is_fitted_on_the_training_areas_alone():
    values = cube()
    values[20:30] += 100
    split = dict(type='mmhsi.AreaSplit', train=TRAIN, val=VAL, test=TEST)
    scene = Scene(values, split=split, fit_on='train', preprocessing=[dict(type='mmhsi.PercentileScale')])
    train = CropDataset(scene, areas=TRAIN)
    part = np.concatenate([values[:20].reshape(-1, C), values[30:].reshape(-1, C)]).astype(np.float64)
    low, high = np.percentile(part, [2, 98], axis=0)
    wanted = (np.clip(values[:20], low, high) - low) / (high - low + 1e-3)
    np.testing.assert_allclose(train[0]['gt'], wanted, atol=1e-6)
    # what is fitted elsewhere does not know the test area: all its values lie beyond the range
    np.testing.assert_allclose(
        CropDataset(scene, areas=TEST)[0]['gt'],
        np.broadcast_to((high - low) / (high - low + 1e-3), (10, 18, C)),
        atol=1e-6,
    )


def test_crops_of_several_scenes(tmp_path):
    values = {name: cube(seed)[:height] * 10 + seed for name, seed, height in (('a', 1, 40), ('b', 2, 24))}
    for name, array in values.items():
        np.save(tmp_path / f'{name}.npy', array)
    areas = dict(train=dict(a=[(0, 0, 20, 30)], b=[(0, 0, 16, 30)]), test=dict(b=[(16, 0, 8, 30)]))
    split = dict(type='mmhsi.AreaSplit', **areas)
    scene = dict(image=str(tmp_path), split=split, fit_on='train', preprocessing=[dict(type='mmhsi.Standardize')])
    train = CropDataset(scene, areas=areas['train'], crop_size=8)
    pixels = np.concatenate([values['a'][:20].reshape(-1, C), values['b'][:16].reshape(-1, C)])
    wanted = {name: (array - pixels.mean(0)) / pixels.std(0) for name, array in values.items()}
    corners = [(name, row, col) for name in 'ab' for row in (0, 8) for col in (0, 8, 16)]
    found = [train[index] for index in range(len(train))]
    assert sorted((each['scene_name'], each['top'], each['left']) for each in found) == sorted(corners)
    for each in found:
        top, left = each['top'], each['left']
        crop = wanted[each['scene_name']][top : top + 8, left : left + 8]
        np.testing.assert_allclose(each['gt'], crop, atol=1e-4)
        assert each['name'] == f'{each["scene_name"]}_{top}_{left}'
    test = CropDataset(scene, areas=areas['test'], test_mode=True)
    assert len(test) == 1 and test[0]['name'] == 'b'
    np.testing.assert_allclose(test[0]['img'], wanted['b'][16:], atol=1e-4)
    assert [len(CropDataset(scene, **options)) for options in ({}, dict(areas=[(0, 0, 9, 9), (9, 0, 9, 9)]))] == [2, 4]
    with pytest.raises(ValueError, match="areas are given for the scene 'c'; the scenes are a, b"):
        CropDataset(scene, areas=dict(c=[(0, 0, 8, 8)]))


def test_pixels_without_data_do_not_take_part_in_the_fit():
    values = cube() + 5
    values[2, 3, 1] = np.nan
    scene = Scene(
        values,
        split=dict(type='mmhsi.AreaSplit', train=TRAIN),
        fit_on='train',
        preprocessing=[dict(type='mmhsi.PercentileScale', low=0, high=100)],
    )
    pixels = np.concatenate([values[:20].reshape(-1, C), values[30:].reshape(-1, C)])
    scene.prepare()
    np.testing.assert_allclose(scene.transforms[0].lower, np.delete(pixels, 2 * W + 3, axis=0).min(axis=0))


@pytest.mark.parametrize(
    'areas, message',
    [
        (
            dict(train=[(0, 0, 41, 30)]),
            r'train areas of the split: the area \(top 0, left 0, height 41, width 30\) does not'
            ' lie inside the scene of 40 x 30',
        ),
        (dict(train=TRAIN, test=[(19, 0, 2, 2)]), 'must be disjoint'),
        (dict(train=[(0, 0, 2)]), r'an area is \(top, left, height, width\)'),
    ],
)
def test_wrong_areas_of_a_split(areas, message):
    with pytest.raises(ValueError, match=message):
        AreaSplit(**areas)(np.zeros((H, W)))


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(areas=[(35, 0, 6, 8)]), "scene 'place': the area .* does not lie inside"),
        (dict(areas=[(0, 0, 8.5, 8)]), 'whole pixels'),
        (dict(crop_size=31), r'scene .place., area \(0, 0, 40, 30\) at scale 1: .* smaller than a window'),
        (dict(crop_size=16, scales=(1, 0.25)), r'at scale 0.25: a scene of 10 x 8'),
        (dict(crop_size=8, scales=(1, 0.5), stride=(1, 2, 3)), '2 scales and 3 strides'),
        (dict(scales=()), 'positive scales'),
        (dict(scales=(-1,)), 'positive scales'),
    ],
)
def test_wrong_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        CropDataset(Scene(cube(), name='place'), **options)


def test_crops_without_data_are_left_out_of_a_training():
    values = cube()
    values[3, 3, 2] = np.nan
    dataset = CropDataset(Scene(values), crop_size=10)
    assert dataset.skipped == 1 and len(dataset) == 11
    assert (0, 0) not in {(sample['top'], sample['left']) for sample in dataset}
    assert all(np.isfinite(sample['gt']).all() for sample in dataset)


def test_crops_of_copies_near_pixels_without_data_are_left_out():
    values = np.random.default_rng(0).random((120, 60, 2)).astype(np.float32)
    values[10, 10] = np.nan
    dataset = CropDataset(Scene(values), crop_size=8, scales=(0.5,))
    kept = {(sample['top'] // 2, sample['left'] // 2): sample['gt'] for sample in dataset}
    assert (0, 0) not in kept and (8, 8) not in kept and (40, 16) in kept
    # the others do not depend on the value that stands for the missing one
    other = np.where(np.isnan(values), 7, values)
    copy = zoom(other, (0.5, 0.5, 1), order=3)
    for (top, left), crop in kept.items():
        np.testing.assert_allclose(crop, copy[top : top + 8, left : left + 8], atol=1e-5)


def test_areas_without_data_are_an_error_in_a_test():
    values = cube()
    values[25, 3, 2] = np.nan
    CropDataset(Scene(values), areas=VAL, test_mode=True)
    with pytest.raises(ValueError, match=r'1 crops hold pixels without data .*area \(20, 0, 10, 18\); a test needs'):
        CropDataset(Scene(values), areas=TEST, test_mode=True)
    values[:, :, 0] = np.nan
    values[0, 0] = 1
    with pytest.raises(ValueError, match='no crop is left, all 12 hold pixels without data'):
        len(CropDataset(Scene(values), crop_size=10))


def test_a_noisy_scene_has_no_clean_image():
    sample = CropDataset(Scene(cube()), clean=False)[0]
    assert 'gt' not in sample and sample['img'].shape == (H, W, C)


def test_windows_are_read_from_disk(tmp_path):
    values = cube()
    np.save(tmp_path / 'scene.npy', values)
    dataset = CropDataset(dict(image=str(tmp_path / 'scene.npy'), cache=False), crop_size=10)
    np.testing.assert_array_equal(dataset[4]['gt'], values[10:20, 10:20])


def test_noise_differs_between_samples_workers_and_epochs_and_repeats_with_the_seed():
    dataset = CropDataset(Scene(cube()), crop_size=10, pipeline=[GaussianNoise(30)])

    def epochs(seed: int) -> np.ndarray:
        loader = DataLoader(dataset, num_workers=2, collate_fn=list, generator=torch.Generator().manual_seed(seed))
        return np.stack([np.stack([sample['img'] - sample['gt'] for (sample,) in loader]) for _ in range(2)])

    first = epochs(0)
    assert first.shape == (2, 12, 10, 10, C) and len(np.unique(first[..., 0, 0, 0].round(7))) == 24
    np.testing.assert_array_equal(epochs(0), first)
    assert not np.array_equal(epochs(1), first)


def test_noise_of_a_test_is_that_of_the_seed_and_the_sample():
    made = [CropDataset(Scene(cube()), crop_size=10, pipeline=[NoiseChain('case1', seed=seed)]) for seed in (0, 0, 1)]
    noises = [np.stack([sample['img'] for sample in dataset]) for dataset in made]
    np.testing.assert_array_equal(noises[0], noises[1])
    assert not np.array_equal(noises[0], noises[2])
