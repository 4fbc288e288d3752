"""Pictures of sampled points."""

import numpy as np
import pytest
from figure_texts import clipped_texts, texts

from mmhsi.visualization.figure import figure_to_rgb
from mmhsi.visualization.sampling_map import sampling_figure


def test_points_inside_are_painted_by_weight_and_those_outside_are_hollow():
    picture = np.full((8, 12, 3), 90, np.uint8)
    points = np.array([[[1.0, 2.0], [11.4, 7.4]], [[-0.6, 3.0], [40.0, 3.0]]])
    weights = np.array([[0.9, 0.1], [0.5, 0.5]])
    full = np.arange(6.0).reshape(2, 3) / 15
    figure = sampling_figure(
        picture, (4, 8, 4, 4), [points, None], [weights, full], ['layer 1', 'layer 2'], 'title', 'rows 0 to 7'
    )
    figure_to_rgb(figure)
    found = texts(figure)
    assert {'2 heads, 2 points, 2 outside', 'full attention, at most 0.333', 'title'} <= set(found)
    assert not clipped_texts(figure)
    sparse, dense, _ = figure.axes
    inside, outside = sparse.collections
    np.testing.assert_array_equal(inside.get_offsets(), points[0])
    np.testing.assert_array_equal(inside.get_array(), weights[0])
    np.testing.assert_array_equal(outside.get_offsets(), [[-0.6, 3], [11.5 + 3, 3]])  # the farther one at the border
    assert len(outside.get_facecolors()) == 0
    assert dense.images[1].get_extent() == [-0.5, 11.5, 7.5, -0.5]  # the grid of patches of 4 pixels
    (patch,) = sparse.patches
    assert (patch.get_x(), patch.get_y(), patch.get_width(), patch.get_height()) == (7.5, 3.5, 4, 4)
    with pytest.raises(ValueError, match='found 1, 2 and 1'):
        sampling_figure(picture, (0, 0, 4, 4), [points], [weights, full], ['layer 1'])
