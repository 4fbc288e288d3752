import numpy as np
import pytest
from scipy import ndimage

from mmhsi.datasets import FieldSplit


@pytest.fixture
def labels():
    """Class 0 in three fields of 40, 20 and 10 pixels, class 1 in two that touch others, class 2 in a single one."""
    labels = np.full((20, 24), 255)
    labels[0:5, 0:8], labels[8:12, 0:5], labels[15:17, 0:5] = 0, 0, 0
    labels[0:5, 8:12], labels[8:10, 5:10] = 1, 1
    labels[12:20, 12:16] = 2
    labels[16, 0] = 255
    return labels


def test_fields_are_whole_and_their_classes_are_tested_in_both_folds(labels):
    splits = [FieldSplit(train=6, val=3, fold=fold, seed=4)(labels) for fold in (0, 1)]
    flat = labels.ravel()
    for split in splits:
        assert set(flat[split.test]) == {0, 1}  # the class of a single field is never tested
        assert np.bincount(flat[split.train]).tolist() == [6, 6, 6]
        assert np.bincount(flat[split.val]).tolist() == [3, 3, 3]
        for label in (0, 1):
            fields = ndimage.label(labels == label, np.ones((3, 3)))[0].ravel()
            assert not set(fields[split.test]) - {0} & set(fields[np.concatenate([split.train, split.val])]) - {0}
    together = np.sort(np.concatenate([split.test for split in splits]))
    np.testing.assert_array_equal(together, np.flatnonzero((flat == 0) | (flat == 1)))
    # the largest field of 40 against those of 20 and 9
    assert sorted(np.count_nonzero(flat[split.test] == 0) for split in splits) == [29, 40]


def test_small_fields_train_with_what_they_have(labels):
    split = FieldSplit(train=30, val=5, fold=0, seed=4)(labels)
    train, val = (np.bincount(labels.ravel()[pixels], minlength=3) for pixels in (split.train, split.val))
    assert train.max() == 27 and (train >= 1).all() and (val == 5).all()  # 32 pixels of class 2
    assert len(FieldSplit(train=1, val=0, folds=3, fold=2)(labels).test) > 0


@pytest.mark.parametrize(
    ('options', 'message'), [(dict(train=0), 'at least 1 training'), (dict(folds=2, fold=2), 'fold 2 of 2')]
)
def test_impossible_folds_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        FieldSplit(**options)
