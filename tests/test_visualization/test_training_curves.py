"""Figures of trainings."""

import numpy as np
import pytest
from figure_texts import clipped_texts, texts

from mmhsi.visualization.figure import figure_to_rgb
from mmhsi.visualization.training_curves import training_curves_figure


def test_a_panel_for_each_key_and_a_line_for_each_run():
    places = np.arange(1.0, 5)
    runs = {
        'run a': {'loss': (places, 10.0**-places), 'OA': (places, places / 10)},
        'a run with a longer name': {'loss': (places, 2 * 10.0**-places)},
    }
    figure = training_curves_figure(runs, 'epoch', 'title')
    figure_to_rgb(figure)
    assert {'title', 'loss', 'OA', 'epoch', *runs} <= set(texts(figure)) and not clipped_texts(figure)
    panels = [axes for axes in figure.axes if axes.get_xlabel()]
    assert [len(axes.lines) for axes in panels] == [2, 1]
    assert [axes.get_yscale() for axes in panels] == ['log', 'linear']  # three powers of ten
    np.testing.assert_array_equal(panels[0].lines[1].get_ydata(), 2 * 10.0**-places)
    assert panels[0].lines[0].get_color().tolist() != panels[0].lines[1].get_color().tolist()
    assert panels[0].lines[0].get_color().tolist() == panels[1].lines[0].get_color().tolist()


def test_one_run_needs_no_legend_and_no_curve_is_refused():
    figure = training_curves_figure({'alone': {'loss': (np.arange(2), np.array([np.nan, 1]))}}, 'iteration')
    assert 'alone' not in texts(figure)
    with pytest.raises(ValueError, match='there is no curve'):
        training_curves_figure({'alone': {}})
