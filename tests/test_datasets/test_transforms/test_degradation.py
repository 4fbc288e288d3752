"""The small image of super-resolution: the formula by hand, the order of blur, reduction and noise, and sizes."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from mmhsi.datasets import EightPoses, PatchDataset
from mmhsi.datasets.transforms import BicubicDegradation, Dihedral, GaussianNoise, dihedral
from mmhsi.utils.imresize import imresize


def cube(height, width, bands=3, dtype=np.float32):
    return np.random.default_rng(5).random((height, width, bands)).astype(dtype)


def degraded(truth, scale, **options):
    return BicubicDegradation(scale, **options)(dict(gt=truth))


def keys_kernel(distance):
    x = abs(distance)
    return 1.5 * x**3 - 2.5 * x**2 + 1 if x <= 1 else -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x <= 2 else 0


@pytest.mark.parametrize('scale', [2, 3, 4, 8])
def test_the_reduction_by_hand(scale):
    """Every new pixel of a column: the kernel widened by the scale around its centre, the border mirrored."""
    length = 3 * scale
    column = np.random.default_rng(1).random(length)
    truth = np.tile(column[:, None, None], (1, scale, 1))  # the same in all columns
    found = degraded(truth, scale)
    for pixel in range(3):
        centre = (pixel + 0.5) * scale - 0.5
        total = weights = 0
        for source in range(-2 * length, 3 * length):
            weight = keys_kernel((source - centre) / scale)
            mirrored = source % (2 * length)
            total += weight * column[min(mirrored, 2 * length - 1 - mirrored)]
            weights += weight
        np.testing.assert_allclose(found['img'][pixel, :, 0], total / weights, rtol=1e-12)
    assert found['img'].shape == (3, 1, 1) and found['enlarged'].shape == truth.shape
    assert found['gt'] is truth


def test_the_enlarged_image_is_made_of_the_small_one():
    truth = cube(12, 20)
    found = degraded(truth, 4)
    np.testing.assert_array_equal(found['img'], imresize(truth, 0.25))
    np.testing.assert_array_equal(found['enlarged'], imresize(found['img'], 4))
    assert found['img'].dtype == found['enlarged'].dtype == np.float32


def test_constant_bands_and_values_outside_the_range_stay_what_they_are():
    truth = np.ones((8, 8, 3), np.float32) * np.float32([0.0, -2.0, 7.0])
    found = degraded(truth, 2)
    for key in ('img', 'enlarged'):
        np.testing.assert_allclose(found[key], np.broadcast_to([0.0, -2.0, 7.0], found[key].shape), rtol=1e-6)
    step = np.zeros((16, 16, 1))
    step[:, 8:] = 1  # overshoots on both sides, and nothing is clipped
    assert degraded(step, 2)['img'].min() < -0.01 and degraded(step, 2)['img'].max() > 1.01


def test_blur_comes_before_and_noise_behind_the_reduction():
    truth = cube(16, 16)
    blurred = np.stack([gaussian_filter(truth[..., band], 1.5) for band in range(3)], axis=-1)
    found = degraded(truth, 2, blur=1.5)
    np.testing.assert_allclose(found['img'], imresize(blurred, 0.5), atol=1e-6)
    np.testing.assert_array_equal(found['gt'], truth)
    noise = GaussianNoise(sigma=20, seed=3)
    found = degraded(truth, 2, noise=dict(type='GaussianNoise', sigma=20, seed=3))
    np.testing.assert_array_equal(found['img'], noise(dict(img=imresize(truth, 0.5)))['img'])
    np.testing.assert_array_equal(found['enlarged'], imresize(found['img'], 2))
    assert 10 < 255 * np.std(found['img'] - imresize(truth, 0.5)) < 30


@pytest.mark.parametrize(
    'truth, options, message',
    [
        (
            cube(145, 144),
            dict(scale=4),
            r'145 x 144 pixels, of which 4 does not divide both sides; .* at most 144 x 144',
        ),
        (cube(8, 9), dict(scale=2), 'at most 8 x 8'),
        (np.ones((8, 8, 1), np.uint16), dict(scale=2), 'of a float type, not uint16'),
        (cube(8, 8)[..., 0], dict(scale=2), r'takes a cube \(H, W, C\)'),
        (cube(8, 8), dict(scale=1), 'whole number of at least 2'),
        (cube(8, 8), dict(scale=2.5), 'whole number of at least 2'),
        (cube(8, 8), dict(scale=2, blur=-1), 'standard deviation in pixels'),
    ],
)
def test_what_cannot_be_reduced_is_refused(truth, options, message):
    with pytest.raises(ValueError, match=message):
        BicubicDegradation(**options)(dict(gt=truth))


def test_a_turned_crop_is_reduced_to_the_turned_image():
    """So that it makes no difference whether the crop is turned before or all three arrays behind."""
    truth = cube(24, 24, dtype=np.float64)
    straight = degraded(truth, 4)
    for pose in range(8):
        before = degraded(np.ascontiguousarray(dihedral(truth, pose)), 4)
        behind = Dihedral()(dict(straight, pose=pose))
        for key in ('gt', 'img', 'enlarged'):
            np.testing.assert_allclose(behind[key], before[key], atol=1e-12)
            assert behind[key].flags.c_contiguous


@pytest.fixture
def patches(tmp_path):
    from scipy.io import savemat

    for number in range(2):
        made = BicubicDegradation(2)(dict(gt=cube(8, 8) + number))
        savemat(tmp_path / f'{number}.mat', dict(gt=made['gt'], ms=made['img'], ms_bicubic=made['enlarged']))
    return dict(
        type='PatchDataset',
        path=str(tmp_path),
        keys=dict(gt='gt', img='ms', enlarged='ms_bicubic'),
        layout='HWC',
        scale=2,
    )


def test_each_sample_in_all_eight_poses(patches):
    plain = PatchDataset(**{key: value for key, value in patches.items() if key != 'type'})
    posed = EightPoses(dict(patches, pipeline=[dict(type='Dihedral')]))
    assert len(posed) == 16
    for index in range(16):
        sample, source = posed[index], plain[index // 8]
        assert sample['pose'] == index % 8 and sample['name'] == str(index // 8)
        for key in ('gt', 'img', 'enlarged'):
            np.testing.assert_array_equal(sample[key], dihedral(source[key], index % 8))
    assert len({posed[index]['gt'].tobytes() for index in range(16)}) == 16
    with pytest.raises(IndexError):
        posed[16]


def test_a_pose_needs_the_dataset_that_gives_it(patches):
    with pytest.raises(ValueError, match="the sample has no 'pose'; the dataset EightPoses adds one"):
        PatchDataset(**{key: value for key, value in patches.items() if key != 'type'}, pipeline=[Dihedral()])[0]
