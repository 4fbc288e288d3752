import numpy as np
import pytest
from mmcv.transforms import RandomFlip

from mmhsi.datasets.transforms import RandomBandNoise, RandomRotate90


def sample(bands=30, size=8):
    rng = np.random.RandomState(0)
    return {'img': rng.rand(size, size, bands).astype(np.float32), 'gt_seg_map': rng.randint(0, 9, (size, size))}


def test_rotation_is_one_of_four_quarter_turns_of_image_and_labels():
    np.random.seed(0)
    seen = set()
    for _ in range(40):
        before, after = sample(), RandomRotate90()(sample())
        turns = after['rotate90']
        seen.add(turns)
        np.testing.assert_array_equal(after['img'], np.rot90(before['img'], turns))
        np.testing.assert_array_equal(after['gt_seg_map'], np.rot90(before['gt_seg_map'], turns))
    assert seen == {0, 1, 2, 3}


def test_rotation_needs_square_windows():
    with pytest.raises(ValueError, match='not 4 x 5'):
        RandomRotate90()({'img': np.zeros((4, 5, 2))})


def test_flip_of_mmcv_serves_many_bands_and_labels():
    np.random.seed(0)
    axes = {'horizontal': 1, 'vertical': 0, 'diagonal': (0, 1)}
    seen = set()
    for _ in range(40):
        before, after = sample(), RandomFlip(prob=0.75, direction=list(axes))(sample())
        direction = after['flip_direction']
        seen.add(direction)
        for key in before:
            wanted = before[key] if direction is None else np.flip(before[key], axes[direction])
            np.testing.assert_array_equal(after[key], wanted)
    assert seen == {*axes, None}


def test_band_noise_has_the_deviation_asked_for():
    np.random.seed(0)
    noise = RandomBandNoise(0.3, prob=1.0)(sample())['img'] - sample()['img']
    assert noise.dtype == np.float32
    assert noise.mean() == pytest.approx(0, abs=0.03) and noise.std() == pytest.approx(0.3, abs=0.02)


def test_noise_is_added_with_the_probability_asked_for():
    np.random.seed(0)
    changed = [not np.array_equal(RandomBandNoise(prob=0.3)(sample())['img'], sample()['img']) for _ in range(300)]
    assert np.mean(changed) == pytest.approx(0.3, abs=0.08)
    with pytest.raises(ValueError, match='must lie in'):
        RandomBandNoise(prob=1.5)


def test_augmentation_leaves_the_given_array_alone():
    results = sample()
    image = results['img']
    RandomBandNoise(prob=1.0)(results)
    np.testing.assert_array_equal(image, sample()['img'])


def test_rotation_may_leave_out_the_identity():
    np.random.seed(0)
    rotate = RandomRotate90(turns=(1, 2, 3))
    assert {rotate(sample())['rotate90'] for _ in range(40)} == {1, 2, 3}
    with pytest.raises(ValueError, match='quarter turns from 0 to 3, found'):
        RandomRotate90(turns=(0, 4))
