import json

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from mmhsi.datasets import CubeReadError, PatchDataset, PatchStore, write_patches
from mmhsi.datasets.patch_dataset import natural_key

C = 3


def images(count: int, size: int = 8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((count, size, size + 2, C)).astype(np.float32)


def write_pairs(folder, numbers, layout=(2, 0, 1)) -> dict[int, np.ndarray]:
    """Files as the denoising test has them; clean images by number, the noisy ones are 1 more."""
    folder.mkdir(parents=True, exist_ok=True)
    clean = dict(zip(numbers, images(len(numbers)), strict=True))
    for number, image in clean.items():
        savemat(folder / f'test_{number}.mat', dict(gt=image.transpose(layout), input=image.transpose(layout) + 1))
    return clean


def test_natural_order():
    names = ['a10.mat', 'a9.mat', 'b1.mat', '2.mat', 'a9_10.mat', 'a9_2.mat', '10.mat']
    assert sorted(names, key=natural_key) == ['2.mat', '10.mat', 'a9.mat', 'a9_2.mat', 'a9_10.mat', 'a10.mat', 'b1.mat']


def test_files_in_the_order_of_their_numbers(tmp_path):
    # a digit in the name of the folder must not count
    clean = write_pairs(tmp_path / 'Case5', [10, 9, 1])
    dataset = PatchDataset(tmp_path / 'Case5', num_bands=C, size=(8, 10))
    assert [sample['name'] for sample in dataset] == ['test_1', 'test_9', 'test_10']
    for number, sample in zip((1, 9, 10), dataset, strict=True):
        np.testing.assert_array_equal(sample['gt'], clean[number])
        np.testing.assert_allclose(sample['img'], clean[number] + 1, atol=1e-6)
        assert sample['img'].dtype == np.float32 and sample['ori_shape'] == (8, 10)


def test_one_file_of_many_images(tmp_path):
    large, small = images(4, 8), np.random.default_rng(1).random((4, 4, 5, C))
    savemat(tmp_path / 'houston_test.mat', dict(gt=large, ms=small, ms_bicubic=large + 1))
    keys = dict(gt='gt', img='ms', enlarged='ms_bicubic')
    dataset = PatchDataset(tmp_path / 'houston_test.mat', keys, 'NHWC', scale=2, size=(4, 5))
    assert [sample['name'] for sample in dataset] == [f'houston_test_{index}' for index in range(4)]
    np.testing.assert_array_equal(dataset[2]['gt'], large[2])
    np.testing.assert_array_equal(dataset[2]['img'], small[2].astype(np.float32))
    np.testing.assert_array_equal(dataset[2]['enlarged'], large[2] + 1)


def test_a_file_of_version_73_and_a_numpy_file(tmp_path):
    image = images(1)[0]
    with h5py.File(tmp_path / 'new.mat', 'w') as file:
        file['gt'] = image.transpose(2, 0, 1).T  # MATLAB's axes appear reversed
        file['input'] = image.transpose(2, 0, 1).T
    np.testing.assert_array_equal(PatchDataset(tmp_path / 'new.mat')[0]['gt'], image)
    np.save(tmp_path / 'many.npy', images(3))
    dataset = PatchDataset(tmp_path / 'many.npy', dict(gt=''), 'NHWC')
    np.testing.assert_array_equal(dataset[1]['gt'], images(3)[1])
    np.testing.assert_array_equal(dataset[1]['img'], dataset[1]['gt'])


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(keys=dict(gt='gt', img='noisy')), r"test_1.mat: key 'noisy' not found"),
        (dict(layout='NCHW'), r"test_1.mat: 'gt' has the shape \(3, 8, 10\), expected an array of the layout NCHW"),
        (
            dict(layout='HWC', num_bands=C),
            'test_1.mat: 3 bands are expected, but the images have 10; the layout is HWC',
        ),
        (dict(size=8), 'test_1.mat: images of 8 x 8 pixels are expected, but this one has 8 x 10'),
        (dict(scale=2), r"test_1.mat: 'gt' has the shape \(8, 10, 3\).*expected \(16, 20, 3\)"),
        (dict(layout='WHC'), "layout 'WHC', expected one of"),
    ],
)
def test_files_that_are_not_as_expected(options, message, tmp_path):
    write_pairs(tmp_path / 'pairs', [1])
    with pytest.raises(ValueError, match=message):
        PatchDataset(tmp_path / 'pairs', **options)[0]


def test_damaged_and_absent_files_are_named(tmp_path):
    write_pairs(tmp_path, [1, 2])
    whole = (tmp_path / 'test_2.mat').read_bytes()
    (tmp_path / 'test_2.mat').write_bytes(whole[: len(whole) // 2])
    dataset = PatchDataset(tmp_path)
    dataset[0]
    with pytest.raises(CubeReadError, match=r'test_2.mat: the file is truncated'):
        dataset[1]
    savemat(tmp_path / 'test_2.mat', dict(gt=np.full((C, 4, 4), np.nan), input=np.zeros((C, 4, 4))))
    with pytest.raises(CubeReadError, match=r"test_2.mat: 48 values of 'gt' are NaN or infinite"):
        dataset[1]
    for path, message in ((tmp_path / 'nowhere', 'no such file or folder'), (tmp_path, 'folder holds no such file')):
        with pytest.raises(FileNotFoundError, match=message):
            PatchDataset(path, suffix='.h5')


def test_store_round_trip(tmp_path):
    patches = images(5)
    assert write_patches(tmp_path / 'store', iter(patches), dict(scene='place')) == 5
    dataset = PatchDataset(tmp_path / 'store', num_bands=C)
    assert len(dataset) == 5 and PatchStore(tmp_path / 'store').description == dict(scene='place')
    for index, sample in enumerate(dataset):
        np.testing.assert_array_equal(sample['gt'], patches[index])
        assert sample['name'] == f'store_{index}' and sample['gt'].flags.writeable
        assert sample['img'] is not sample['gt'] and np.array_equal(sample['img'], sample['gt'])


def test_a_damaged_store_is_found(tmp_path):
    write_patches(tmp_path, images(3))
    path, index = tmp_path / 'patches.npy', tmp_path / 'patches.json'
    whole, listed = path.read_bytes(), index.read_text()
    path.write_bytes(whole[:-4])
    with pytest.raises(CubeReadError, match=r'patches.npy: the file is truncated: by the index it has \d+ bytes'):
        PatchDataset(tmp_path)
    changed = bytearray(whole)
    changed[-4] ^= 1
    path.write_bytes(changed)
    dataset = PatchDataset(tmp_path)
    dataset[0]
    with pytest.raises(CubeReadError, match='patch 2 is damaged'):
        dataset[2]
    path.write_bytes(whole)
    content = json.loads(listed)
    for key, value in (
        ('format', 'other'),
        ('shape', [3, 8, 10, 4]),
        ('checksums', [1]),
        ('checksums', 3),
        ('bytes', 'x'),
    ):
        index.write_text(json.dumps({**content, key: value}))
        with pytest.raises(CubeReadError, match='patches'):
            PatchDataset(tmp_path)
    for damaged in (listed[:40], '[' * 100_000):
        index.write_text(damaged)
        with pytest.raises(CubeReadError, match='patches.json: the index of the patches is damaged'):
            PatchDataset(tmp_path)
    index.unlink()
    with pytest.raises(FileNotFoundError, match='patches.json: no such file'):
        PatchStore(tmp_path)


def test_patches_of_different_shapes_leave_no_store(tmp_path):
    with pytest.raises(ValueError, match='does not fit'):
        write_patches(tmp_path, [np.zeros((4, 4, 2)), np.zeros((4, 5, 2))])
    assert not (tmp_path / 'patches.json').exists() and not (tmp_path / 'patches.npy').exists()
    with pytest.raises(ValueError, match='no patch'):
        write_patches(tmp_path, [])
