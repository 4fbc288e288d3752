"""Bags of windows of one scene and of their neighbours."""

import numpy as np
import pytest
from scipy.io import savemat

from mmhsi.datasets import NeighbourBagDataset


@pytest.fixture
def scene(tmp_path):
    """Two scenes whose values are the numbers of their pixels, the second one from 1000; only the first has labels."""
    for name, first, width, classes in (('a', 0, 12, 3), ('b', 1000, 9, 0)):
        cube = first + np.arange(10 * width, dtype=np.float32).reshape(10, width, 1) * np.ones(4, np.float32)
        labels = np.arange(10 * width).reshape(10, width) % (classes + 1)
        savemat(tmp_path / f'{name}.mat', dict(cube=cube, labels=labels.astype(np.uint8)))
    path = str(tmp_path / '{name}.mat')
    return dict(image=dict(path=path, key='cube'), labels=dict(path=path, key='labels'))


def middles(sample):
    """Numbers of the middle pixels (2 N,), first those of the windows, then those of their neighbours."""
    assert sample['inputs'].shape[1:] == (4, 3, 3)
    return sample['inputs'][:, 0, 1, 1].numpy().astype(int)


def test_pairs_are_neighbours_of_one_scene(scene):
    np.random.seed(0)
    dataset = NeighbourBagDataset(scene, names=['a', 'b'], window_size=3, pairs=20, bags=8)
    seen = set()
    assert len(dataset) == 8
    for sample in (dataset[number] for number in range(8)):
        numbers, groups = middles(sample), sample['data_samples'].group.numpy()
        first, width = (1000, 9) if numbers.min() >= 1000 else (0, 12)
        seen.add(first)
        rows, cols = np.divmod(numbers - first, width)
        assert rows.max() < 10 and max(abs(rows[:20] - rows[20:]).max(), abs(cols[:20] - cols[20:]).max()) == 1
        np.testing.assert_array_equal(groups[:20], groups[20:])
        if first:  # without labels only the two of a pair belong together
            assert len(set(groups)) == 20
        else:
            labels = numbers[:20] % 4
            assert labels.all() and all(len(set(labels[groups[:20] == group])) == 1 for group in groups)
            assert len(set(groups)) == 3
    assert seen == {0, 1000}


def test_labels_are_optional_and_scenes_can_be_left_out(scene):
    np.random.seed(0)
    dataset = NeighbourBagDataset(
        scene, names=['a', 'b'], exclude=['b'], window_size=3, pairs=20, bags=1, use_labels=False
    )
    sample = dataset[0]
    assert middles(sample).max() < 1000 and len(set(sample['data_samples'].group.tolist())) == 20
    with pytest.raises(FileNotFoundError):
        NeighbourBagDataset(scene, names=['a', 'c'], window_size=3)
