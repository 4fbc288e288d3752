import numpy as np
import pytest

from mmhsi.utils.palette import default_palette
from mmhsi.visualization import resolve_palette


@pytest.mark.parametrize('count', [0, 1, 2, 16, 22, 60, 255])
def test_default_palette_has_different_colours_for_any_number_of_classes(count):
    palette = default_palette(count)
    assert palette.shape == (count, 3) and palette.dtype == np.uint8
    assert len(np.unique(palette, axis=0)) == count
    assert not (palette == 0).all(axis=1).any()  # black is unlabelled


def test_colours_of_few_classes_are_far_apart():
    palette = default_palette(22).astype(float)
    distance = np.linalg.norm(palette[:, None] - palette[None], axis=-1)
    assert distance[~np.eye(22, dtype=bool)].min() > 50


def test_a_shorter_palette_is_the_beginning_of_a_longer_one():
    np.testing.assert_array_equal(default_palette(7), default_palette(40)[:7])


def test_given_palette_is_used_and_checked():
    np.testing.assert_array_equal(resolve_palette([(1, 2, 3), (255, 0, 9)], 2), [[1, 2, 3], [255, 0, 9]])
    for wrong in ([(1, 2, 3)], [(1, 2, 3), (4, 5, 256)], [(1, 2), (3, 4)]):
        with pytest.raises(ValueError, match='palette of 2 RGB colours'):
            resolve_palette(wrong, 2)
