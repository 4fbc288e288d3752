import numpy as np
import pytest

from mmhsi.datasets.transforms.dihedral import RandomDihedral, dihedral


@pytest.fixture(autouse=True)
def seed():
    np.random.seed(0)


def test_poses_by_hand():
    image = np.array([[1, 2], [3, 4]])
    wanted = [
        [[1, 2], [3, 4]],
        [[3, 4], [1, 2]],
        [[2, 4], [1, 3]],
        [[1, 3], [2, 4]],
        [[4, 3], [2, 1]],
        [[2, 1], [4, 3]],
        [[3, 1], [4, 2]],
        [[4, 2], [3, 1]],
    ]
    np.testing.assert_array_equal([dihedral(image, pose) for pose in range(8)], wanted)
    with pytest.raises(ValueError, match='the poses are 0 to 7, there is no 8'):
        dihedral(image, 8)


def test_all_arrays_take_the_same_pose_and_all_poses_occur():
    low, high = np.random.rand(3, 3, 4), np.random.rand(6, 6, 4)
    labels = np.arange(9).reshape(3, 3)
    poses = set()
    for _ in range(80):
        found = RandomDihedral(keys=('img', 'gt', 'gt_seg_map'))(dict(img=low, gt=high, gt_seg_map=labels))
        poses.add(found['pose'])
        assert not found['bands_reversed']
        for key, image in (('img', low), ('gt', high), ('gt_seg_map', labels)):
            np.testing.assert_array_equal(found[key], dihedral(image, found['pose']))
            assert found[key].flags.c_contiguous
    assert poses == set(range(8))


def test_bands_are_reversed_where_asked_for():
    cube, labels = np.random.rand(3, 3, 4), np.arange(9).reshape(3, 3)
    transform = RandomDihedral(reverse_prob=0.5)
    reversed_ = 0
    for _ in range(200):
        found = transform(dict(img=cube, gt_seg_map=labels))
        wanted = dihedral(cube, found['pose'])
        np.testing.assert_array_equal(found['img'], wanted[..., ::-1] if found['bands_reversed'] else wanted)
        np.testing.assert_array_equal(found['gt_seg_map'], dihedral(labels, found['pose']))
        reversed_ += found['bands_reversed']
    assert 70 < reversed_ < 130


def test_what_cannot_be_turned_is_refused():
    for sample, message in (
        (dict(img=np.ones((2, 3, 4))), "square images, but 'img' has 2 x 3 pixels"),
        (dict(gt=np.ones((2, 2, 4))), 'the sample has none of them'),
    ):
        with pytest.raises(ValueError, match=message):
            RandomDihedral()(sample)
    with pytest.raises(ValueError, match=r'reverse_prob must lie in \[0, 1\]'):
        RandomDihedral(reverse_prob=2)
