import zipfile

import numpy as np
import pytest
from scipy.io import savemat
from scipy.spatial.distance import cdist

from mmhsi.datasets import BlockSplit, FileSplit, MapSplit, NumberSplit, RatioSplit, Split
from mmhsi.datasets.splits.split import class_counts
from mmhsi.registry import TASK_UTILS


def random_labels(shape=(40, 50), counts=(300, 60, 150), seed=0):
    """Labels with the given number of pixels of each class, scattered over the scene."""
    labels = np.full(shape[0] * shape[1], 255, dtype=np.int64)
    where = np.random.RandomState(seed).permutation(labels.size)
    for label, pixels in enumerate(np.split(where, np.cumsum(counts))[:-1]):
        labels[pixels] = label
    return labels.reshape(shape)


def assert_complete(split, labels):
    """Every labelled pixel is in exactly one set (Split itself refuses a pixel in two)."""
    together = np.sort(np.concatenate([split.train, split.val, split.test]))
    np.testing.assert_array_equal(together, np.flatnonzero(labels != 255))


def test_number_split_draws_what_the_legacy_generator_shuffles():
    labels = random_labels()
    split = NumberSplit(train=7, val=4, seed=3)(labels)
    rng = np.random.RandomState(3)
    train = []
    for label in range(3):
        pixels = np.flatnonzero(labels.ravel() == label)
        rng.shuffle(pixels)
        train.extend(pixels[:7])
    assert split.train.tolist() == sorted(train)
    assert split.counts(labels, 3).tolist() == [[7, 7, 7], [4, 4, 4], [289, 49, 139]]
    assert_complete(split, labels)


def test_number_split_depends_on_the_seed_only():
    labels = random_labels()
    first, again, other = (NumberSplit(seed=seed)(labels) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.train, again.train)
    assert not np.array_equal(first.train, other.train)


def test_number_split_takes_a_number_for_each_class():
    labels = random_labels()
    split = NumberSplit(train=[30, 5, 15], val=[1, 2, 3])(labels)
    assert split.counts(labels, 3)[:2].tolist() == [[30, 5, 15], [1, 2, 3]]
    with pytest.raises(ValueError, match='train gives 2 numbers of pixels, but there are 3 classes'):
        NumberSplit(train=[30, 5])(labels)


@pytest.mark.parametrize(
    'count, expected',
    [(1, (1, 0, 0)), (2, (1, 0, 1)), (5, (4, 0, 1)), (11, (10, 0, 1)), (13, (10, 2, 1)), (16, (10, 5, 1))],
)
def test_small_class_keeps_a_test_pixel_and_is_logged(log, count, expected):
    labels = random_labels(counts=(100, count))
    split = NumberSplit(train=10, val=5)(labels, classes=['Corn', 'Oats'])
    assert tuple(split.counts(labels, 2)[:, 1]) == expected
    warned = [message for message in log.messages if 'Oats' in message]
    assert len(warned) == (expected != (10, 5, 1))
    if warned:
        assert '10 training and 5 validation pixels' in warned[0] and f'only {count} are labelled' in warned[0]


def test_small_class_can_be_an_error():
    labels = random_labels(counts=(100, 9))
    with pytest.raises(ValueError, match="class 'Oats': 10 training and 5 validation .* only 9 are labelled"):
        NumberSplit(train=10, val=5, small_class='error')(labels, classes=['Corn', 'Oats'])


def test_reference_mode_looks_at_the_class_before():
    # 15 > 9 + 1: ten are taken; then 10 > 11 + 1 is false, so the next small class is asked for all 15.
    labels = random_labels(counts=(100, 9, 11, 100))
    split = NumberSplit(train=15, val=4, small_class='reference')(labels)
    assert split.counts(labels, 4).tolist() == [[15, 9, 11, 15], [4, 0, 0, 4], [81, 0, 0, 81]]


def test_empty_class_is_named(log):
    labels = random_labels(counts=(100, 0, 50))
    split = NumberSplit()(labels, classes=['Corn', 'Oats', 'Wheat'])
    assert split.counts(labels, 3)[0].tolist() == [10, 0, 10]
    assert "class 'Oats' has no labelled pixel in the scene" in log.messages


def test_ratio_split_rounds_up():
    labels = random_labels(counts=(300, 61, 5))
    split = RatioSplit(train=0.1, val=0.05)(labels)
    assert split.counts(labels, 3).tolist() == [[30, 7, 1], [15, 4, 1], [255, 50, 3]]
    assert_complete(split, labels)


@pytest.mark.parametrize('mode, expected', [('shrink', [1, 0, 1]), ('reference', [1, 1, 0])])
def test_ratio_split_of_a_tiny_class(mode, expected):
    labels = random_labels(counts=(100, 2))
    assert RatioSplit(0.1, 0.1, small_class=mode)(labels).counts(labels, 2)[:, 1].tolist() == expected


@pytest.mark.parametrize('splitter', [RatioSplit, BlockSplit])
@pytest.mark.parametrize('train, val', [(0, 0.1), (0.6, 0.4), (0.1, -0.1)])
def test_impossible_ratios_are_refused(splitter, train, val):
    with pytest.raises(ValueError, match='sum up to less than 1'):
        splitter(train, val)


def test_impossible_arguments_are_refused():
    with pytest.raises(ValueError, match='"shrink", "error" or "reference"'):
        NumberSplit(small_class='ignore')
    with pytest.raises(ValueError, match='at least 1 training'):
        NumberSplit(train=0)
    with pytest.raises(ValueError, match='one number'):
        NumberSplit(train=[1, 2], small_class='reference')
    with pytest.raises(ValueError, match='no labelled pixel'):
        NumberSplit()(np.full((3, 3), 255))
    with pytest.raises(ValueError, match=r'\(9,\)'):
        NumberSplit()(np.zeros(9))
    with pytest.raises(ValueError, match='block_size must be at least 1'):
        BlockSplit(block_size=0)


def patchy_labels(seed=0):
    """Labels in fields of 6 x 6 pixels, with a few unlabelled fields."""
    fields = np.random.RandomState(seed).randint(0, 5, size=(10, 12))
    fields[fields == 4] = 255
    return np.kron(fields, np.ones((6, 6), dtype=np.int64))


def test_block_split_never_shares_a_block():
    labels = patchy_labels()
    split = BlockSplit(train=0.2, val=0.1, block_size=8, seed=1)(labels)
    blocks = [
        set(map(tuple, np.stack(np.divmod(part, labels.shape[1]), 1) // 8))
        for part in (split.train, split.val, split.test)
    ]
    assert not blocks[0] & blocks[1] and not blocks[0] & blocks[2] and not blocks[1] & blocks[2]
    assert_complete(split, labels)
    counts = split.counts(labels, 4)
    assert (counts[0] >= 0.2 * counts.sum(0)).all() and (counts[1] >= 0.1 * counts.sum(0)).all()
    assert (counts[2] > 0.3 * counts.sum(0)).all()


def test_block_split_guard_keeps_the_sets_apart():
    labels = patchy_labels()
    split = BlockSplit(train=0.2, val=0.1, block_size=12, guard=3, seed=1)(labels)
    train, val, test = (np.stack(np.divmod(part, labels.shape[1]), 1) for part in (split.train, split.val, split.test))
    for first, second in ((train, val), (train, test), (val, test)):
        assert cdist(first, second, 'chebyshev').min() == 4
    assert (class_counts(labels, 4) > split.counts(labels, 4).sum(0)).any()


def test_block_split_gives_the_only_block_of_a_class_to_training(log):
    labels = np.zeros((32, 32), dtype=np.int64)
    labels[:4, :4] = 1
    split = BlockSplit(train=0.1, val=0.1, block_size=8)(labels, classes=['Corn', 'Oats'])
    assert split.counts(labels, 2)[:, 1].tolist() == [16, 0, 0]
    assert any("'Oats' has no test pixel" in message for message in log.messages)


def test_block_split_leaves_a_block_of_each_class_for_testing():
    labels = np.zeros((32, 32), dtype=np.int64)
    labels[:4, :4] = labels[20:24, 20:24] = 1
    for seed in range(5):
        counts = BlockSplit(train=0.5, val=0.2, block_size=8, seed=seed)(labels).counts(labels, 2)
        assert counts[:, 1].tolist() == [16, 0, 16]


def test_split_survives_its_file(tmp_path):
    split = NumberSplit()(random_labels())
    split.save(tmp_path / 'made' / 'split.npz')
    loaded = Split.load(tmp_path / 'made' / 'split.npz')
    for name in ('train', 'val', 'test'):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(split, name))
    assert loaded.shape == (40, 50)


def test_file_split_is_checked_against_the_scene(tmp_path):
    labels = random_labels()
    path = str(tmp_path / 'split.npz')
    NumberSplit()(labels).save(path)
    split = TASK_UTILS.build({'type': 'FileSplit', 'path': path})(labels)
    assert_complete(split, labels)
    with pytest.raises(ValueError, match='split.npz: the split is of a scene of 40 x 50 pixels, .* has 50 x 40'):
        FileSplit(path)(labels.T)
    with pytest.raises(ValueError, match='pixels of the split are unlabelled in this scene'):
        FileSplit(path)(random_labels(seed=1))


def test_files_that_are_no_split_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='none.npz: no such split file'):
        Split.load(tmp_path / 'none.npz')
    np.savez(tmp_path / 'other.npz', train=np.arange(3))
    with pytest.raises(ValueError, match=r"other.npz: .*'shape'.* holds \('train',\)"):
        Split.load(tmp_path / 'other.npz')
    np.save(tmp_path / 'array.npy', np.arange(3))
    with pytest.raises(ValueError, match='array.npy: not a split file'):
        Split.load(tmp_path / 'array.npy')
    (tmp_path / 'text.npz').write_text('no archive')
    with pytest.raises(ValueError, match='text.npz: not a split file'):
        Split.load(tmp_path / 'text.npz')


def test_a_split_that_unpacks_to_hundreds_of_times_its_file_is_refused(tmp_path):
    with (
        zipfile.ZipFile(tmp_path / 'bomb.npz', 'w', zipfile.ZIP_DEFLATED) as archive,
        archive.open('train.npy', 'w') as stream,
    ):
        np.lib.format.write_array_header_1_0(stream, dict(descr='<i8', fortran_order=False, shape=(34 * 10**6,)))
        for _ in range(34):
            stream.write(bytes(8 * 10**6))
    with pytest.raises(ValueError, match=r'bomb\.npz: the split unpacks from \d+ to 272\d+ bytes'):
        Split.load(tmp_path / 'bomb.npz')


@pytest.mark.parametrize(
    'name, value, message',
    [
        ('train', [1.5], "expected a list of whole numbers as 'train' of a split file, found float64"),
        ('train', [np.nan], "expected a list of whole numbers as 'train'"),
        ('val', [1j], "expected a list of whole numbers as 'val' of a split file, found complex128"),
        ('val', [True], "expected a list of whole numbers as 'val' of a split file, found bool"),
        ('test', ['a'], "expected a list of whole numbers as 'test'"),
        ('test', 3, r"expected a list of whole numbers as 'test' of a split file, found int64 of the shape \(\)"),
        ('shape', [-4, -5], "expected two sizes as 'shape'"),
        ('shape', [4], "expected two sizes as 'shape'"),
        ('train', [99], 'split.npz: the train pixels of the split run from 99 to 99'),
    ],
)
def test_files_that_cannot_be_a_split_are_named(tmp_path, name, value, message):
    arrays = dict(train=[1, 2], val=[3], test=[4.0, 5.0], shape=[4, 5])
    np.savez(tmp_path / 'good.npz', **arrays)
    assert Split.load(tmp_path / 'good.npz').test.tolist() == [4, 5]
    np.savez(tmp_path / 'split.npz', **dict(arrays, **{name: value}))
    with pytest.raises(ValueError, match=f'split.npz: .*{message}|{message}'):
        Split.load(tmp_path / 'split.npz')


@pytest.mark.parametrize(
    'train, test, message',
    [
        ([0, 1], [1, 2], '1 pixels occur more than once'),
        ([0, 0], [1, 2], '1 pixels occur more than once'),
        ([0, 1], [2, 12], 'test pixels of the split run from 2 to 12'),
        ([-1, 1], [2, 3], 'train pixels of the split run from -1 to 1'),
    ],
)
def test_split_refuses_what_is_not_disjoint_or_outside(train, test, message):
    with pytest.raises(ValueError, match=message):
        Split(np.array(train), np.array([]), np.array(test), (3, 4))


def write_maps(folder, **maps):
    for name, values in maps.items():
        savemat(folder / f'{name}.mat', {'map': values.astype(np.uint8)})
    return [{'path': str(folder / f'{name}.mat'), 'key': 'map'} for name in maps]


def test_map_split_follows_the_maps(tmp_path):
    labels = random_labels()
    stored = np.where(labels == 255, 0, labels + 1)
    in_train = np.random.RandomState(0).rand(*labels.shape) < 0.3
    maps = write_maps(tmp_path, train=stored * in_train, test=stored * ~in_train)
    split = MapSplit(*maps)(labels)
    assert split.train.tolist() == np.flatnonzero((stored > 0) & in_train).tolist()
    assert split.test.tolist() == np.flatnonzero((stored > 0) & ~in_train).tolist()
    np.testing.assert_array_equal(MapSplit(maps[0])(labels).test, split.test)

    drawn = MapSplit(*maps, val_number=3)(labels)
    assert drawn.counts(labels, 3)[1].tolist() == [3, 3, 3]
    assert set(drawn.val) <= set(split.train)
    assert_complete(drawn, labels)
    share = MapSplit(*maps, val_ratio=0.1)(labels).counts(labels, 3)
    assert share[1].tolist() == np.ceil(0.1 * split.counts(labels, 3)[0]).tolist()
    with pytest.raises(ValueError, match='at most one'):
        MapSplit(*maps, val_number=3, val_ratio=0.1)


def test_map_split_takes_a_validation_map(tmp_path):
    labels = np.arange(4).reshape(2, 2)
    train, val = np.array([[1, 0], [0, 0]]), np.array([[0, 2], [0, 0]])
    split = MapSplit(*write_maps(tmp_path, train=train), val=write_maps(tmp_path, val=val)[0])(labels)
    assert (split.train.tolist(), split.val.tolist(), split.test.tolist()) == ([0], [1], [2, 3])


def test_map_split_refuses_maps_of_another_scene(tmp_path):
    labels = random_labels()
    stored = np.where(labels == 255, 0, labels + 1)
    swapped, small = write_maps(tmp_path, swapped=np.where(stored == 1, 2, stored), small=stored[:-1])
    with pytest.raises(ValueError, match='swapped.mat: 300 of 510 pixels have another class'):
        MapSplit(swapped)(labels)
    with pytest.raises(ValueError, match=r'small.mat.*39 x 50.*40 x 50'):
        MapSplit(small)(labels)


def test_map_split_leaves_masked_pixels_out(tmp_path, log):
    labels = random_labels()
    stored = np.where(labels == 255, 0, labels + 1)
    masked = labels.copy()
    masked[:5] = 255
    split = MapSplit(*write_maps(tmp_path, train=stored))(masked)
    assert len(split.train) == (masked != 255).sum()
    assert any('unlabelled or masked in the scene and left out' in message for message in log.messages)
