"""Windows that are standardised by their own scene."""

import pickle

import numpy as np
import pytest

from mmhsi.datasets import PairScene, Scene, WholeSceneDataset
from mmhsi.datasets.transforms import LoadStandardizedWindow

H, W, C = 12, 10, 3


@pytest.fixture
def cube():
    return np.random.default_rng(0).normal((10, -5, 200), (2, 1, 50), (H, W, C)).astype(np.float32)


def sample(scene, window):
    return {'scene': scene, 'window': window, 'target_map': np.zeros((H, W), np.uint8)}


def test_bands_have_mean_0_and_deviation_1_over_the_scene(cube):
    whole = LoadStandardizedWindow()(sample(Scene(cube), (0, 0, H, W)))['img']
    assert whole.dtype == np.float32
    np.testing.assert_allclose(whole.mean(axis=(0, 1)), 0, atol=1e-5)
    np.testing.assert_allclose(whole.std(axis=(0, 1)), 1, atol=1e-5)
    part = LoadStandardizedWindow()(sample(Scene(cube), (3, 2, 4, 5)))
    np.testing.assert_array_equal(part['img'], whole[3:7, 2:7])
    assert part['gt_seg_map'].shape == (4, 5) and 'scene' not in part


def test_each_date_of_a_pair_and_each_scene_has_statistics_of_its_own(cube):
    load = LoadStandardizedWindow()
    pairs = [PairScene((cube, 3 * cube + 7)), PairScene((cube[::-1] * 2, cube - 100))]
    for pair in pairs:
        image = load(sample(pair, (0, 0, H, W)))['img']
        np.testing.assert_allclose(image.mean(axis=(0, 1)), 0, atol=1e-4)
        np.testing.assert_allclose(image.std(axis=(0, 1)), 1, atol=1e-4)
    image = load(sample(pairs[0], (0, 0, H, W)))['img']
    np.testing.assert_allclose(image[..., C:], image[..., :C], atol=1e-4)  # gain and offset do not matter


def test_values_are_clipped(cube):
    cube[4, 4] = 5000
    free, clipped = (LoadStandardizedWindow(clip)(sample(Scene(cube), (0, 0, H, W)))['img'] for clip in (None, 2.0))
    assert free.max() > 5 and clipped.max() == 2 and clipped.min() >= -2
    np.testing.assert_allclose(clipped, np.clip(free, -2, 2))


def test_what_holds_no_data_and_lies_outside_is_0(cube):
    cube[0, 0, 1] = np.nan
    scene = Scene(cube)
    image = LoadStandardizedWindow()(sample(scene, (-2, -1, 6, 6)))['img']
    assert not image[:2].any() and not image[:, 0].any() and not image[2, 1].any()
    pixels = cube.reshape(-1, C)[1:]
    wanted = (cube[:4, :5] - pixels.mean(axis=0)) / pixels.std(axis=0)
    np.testing.assert_allclose(image[3:, 1:], wanted[1:], rtol=1e-4, atol=1e-4)
    mirrored = LoadStandardizedWindow(pad_mode='symmetric')(sample(scene, (-2, 0, 6, 6)))['img']
    np.testing.assert_array_equal(mirrored[1], mirrored[2])


def test_statistics_of_a_sample_of_the_pixels(cube):
    load = LoadStandardizedWindow(pixels=40)
    mean, deviation = load.statistics(Scene(cube))
    drawn = np.sort(np.random.RandomState(0).choice(np.arange(H * W), 40, replace=False))
    np.testing.assert_allclose(mean, cube.reshape(-1, C)[drawn].mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(deviation, cube.reshape(-1, C)[drawn].std(axis=0), rtol=1e-5)


def test_it_takes_the_place_of_the_loading_of_a_dataset(cube, tmp_path):
    for name, gain in (('a', 1), ('b', 4)):
        np.save(tmp_path / f'{name}.npy', gain * cube)
    scene = dict(type='Scene', data_root=str(tmp_path), image='{name}.npy', labels=np.ones((H, W), int))
    dataset = WholeSceneDataset(
        scene,
        ['a', 'b'],
        pipeline=[dict(type='RandomSceneCrop', size=6), dict(type='LoadStandardizedWindow', clip=3.0)],
    )
    assert len(dataset.pipeline.transforms) == 2
    np.random.seed(0)
    first = dataset[0]
    np.random.seed(0)
    np.testing.assert_allclose(dataset[1]['img'], first['img'], atol=1e-5)
    copied = pickle.loads(pickle.dumps(dataset.pipeline.transforms[1]))  # as workers that are spawned get it
    assert copied.clip == 3


@pytest.mark.parametrize('options', [dict(clip=0.0), dict(clip=-1.0), dict(pixels=0)])
def test_arguments_are_checked(options):
    with pytest.raises(ValueError, match='clip and pixels must be positive'):
        LoadStandardizedWindow(**options)
