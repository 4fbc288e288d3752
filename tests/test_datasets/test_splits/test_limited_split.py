import numpy as np
import pytest

from mmhsi.datasets import BlockSplit, LimitedSplit
from mmhsi.registry import TASK_UTILS

BLOCKS = dict(type='BlockSplit', train=0.2, val=0.1, block_size=8, seed=3)


@pytest.fixture(scope='module')
def labels() -> np.ndarray:
    labels = np.random.default_rng(0).integers(0, 3, (64, 60))
    labels[:, :4] = 255
    return labels


def test_draws_few_pixels_of_another_split(labels):
    whole, split = BlockSplit(0.2, 0.1, 8, seed=3)(labels), LimitedSplit(BLOCKS, 10, 4)(labels)
    assert set(split.train) < set(whole.train) and set(split.val) < set(whole.val)
    assert split.counts(labels, 3)[:2].tolist() == [[10] * 3, [4] * 3]
    np.testing.assert_array_equal(split.test, whole.test)
    np.testing.assert_array_equal(LimitedSplit(BLOCKS, 10, 4)(labels).train, split.train)
    other = LimitedSplit(BLOCKS, 10, 4, seed=1)(labels)
    assert set(other.train) != set(split.train) and set(other.train) < set(whole.train)


def test_all_are_taken_where_there_are_no_more(labels):
    whole, split = BlockSplit(0.2, 0.1, 8, seed=3)(labels), LimitedSplit(BLOCKS, 10_000, 10_000)(labels)
    for name in ('train', 'val', 'test'):
        np.testing.assert_array_equal(getattr(split, name), getattr(whole, name))


@pytest.mark.parametrize('guard', [1, 5])
def test_guard_keeps_windows_apart(labels, guard):
    split, loose = LimitedSplit(BLOCKS, 5, 4, guard)(labels), LimitedSplit(BLOCKS, 5, 4)(labels)
    rows, cols = np.divmod(np.arange(labels.size), labels.shape[1])
    distance = np.min([np.maximum(abs(rows - rows[pixel]), abs(cols - cols[pixel])) for pixel in split.train], axis=0)
    assert distance[split.test].min() > guard and distance[split.val].min() > guard
    np.testing.assert_array_equal(split.test, loose.test[distance[loose.test] > guard])
    assert len(split.test) < len(loose.test)


def test_what_makes_no_sense_is_refused(labels):
    with pytest.raises(ValueError, match='found 0, 5 and 0'):
        LimitedSplit(BLOCKS, 0)
    with pytest.raises(ValueError, match='a guard of 64 pixels around 30 training pixels leaves none'):
        LimitedSplit(BLOCKS, guard=64)(labels)


def test_is_made_from_a_config(labels):
    split = TASK_UTILS.build(dict(type='LimitedSplit', split=BLOCKS, train=2, val=0))(labels)
    assert (len(split.train), len(split.val)) == (6, 0)
