import numpy as np
import pytest
from figure_texts import clipped_texts, texts

from mmhsi.visualization import colour_scores, figure_to_rgb, heat_limits, heat_map_figure, heat_style
from mmhsi.visualization.figure import MARGIN, header_height
from mmhsi.visualization.palette import NO_SCORE


@pytest.mark.parametrize(
    ('style', 'colours'),
    [
        ('target', {0: (0, 0, 0), 128: (0, 192, 0), 255: (255, 255, 255)}),
        ('anomaly', {0: (0, 0, 0), 85: (255, 0, 0), 170: (255, 255, 0), 255: (255, 255, 255)}),
    ],
)
def test_scores_run_through_the_customary_colours(style, colours):
    ramp = np.arange(256.0).reshape(1, 256)
    image = colour_scores(ramp, style, (0, 255))
    assert image.dtype == np.uint8
    for score, colour in colours.items():
        np.testing.assert_allclose(image[0, score], colour, atol=2)
    assert (np.diff(image.astype(int).sum(-1)) >= 0).all()  # never darker for a larger score


def test_scores_beyond_the_limits_and_missing_ones():
    image = colour_scores(np.array([[-9.0, 0, 1, 9, np.nan, np.inf]]), limits=(0, 1))
    assert image[0, :4].tolist() == [[0, 0, 0], [0, 0, 0], [255, 255, 255], [255, 255, 255]]
    assert [tuple(pixel) for pixel in image[0, 4:]] == [NO_SCORE] * 2


def test_limits_leave_out_outliers_but_not_rare_targets():
    scores = np.linspace(0, 1, 10_001).reshape(73, 137)
    scores.ravel()[[5, 6, 7]] = -50, 1e6, np.nan
    low, high = heat_limits(scores)
    assert low == pytest.approx(0.02, abs=1e-3) and high == pytest.approx(0.999, abs=1e-3)
    rare = np.zeros((100, 100))
    rare[3, 4:7] = 0.7  # fewer than 0.1 % of the pixels
    assert heat_limits(rare) == (0, 0.7)
    assert (colour_scores(rare)[3, 4] == 255).all()
    assert heat_limits(np.full((2, 2), np.nan)) == (0, 1)
    assert (colour_scores(np.full((2, 2), 3.0)) == 0).all()


def test_style_follows_the_name_of_the_class():
    assert heat_style('Anomaly') == heat_style('anomalous pixels') == 'anomaly'
    assert heat_style('target') == heat_style('aircraft') == 'target'
    with pytest.raises(ValueError, match="'target', 'anomaly'"):
        colour_scores(np.zeros((2, 2)), 'jet')


def test_figure_shows_the_map_and_its_scale():
    scores = np.random.default_rng(0).normal(size=(145, 145))
    scores[:2, :2] = np.nan
    figure = heat_map_figure(scores, 'Scene: scores', 'AUC 0.9', 'anomaly', (-1, 2))
    picture = figure_to_rgb(figure)
    assert {'Scene: scores', 'AUC 0.9', 'no score', '0', '0.6', '1.2'} < set(texts(figure))
    top, scale = MARGIN + header_height('x', 'x'), 7  # 1000 / 145, rounded
    shown = picture[top : top + 145 * scale, MARGIN : MARGIN + 145 * scale]
    wanted = colour_scores(scores, 'anomaly', (-1, 2))
    np.testing.assert_array_equal(shown[scale // 2 :: scale, scale // 2 :: scale], wanted)
    beside = picture[top:, MARGIN + 145 * scale + 1 :]
    for colour in ((255, 0, 0), (255, 255, 0), NO_SCORE):
        assert (np.abs(beside.astype(int) - colour).max(axis=-1) <= 6).any()
    bar = figure.axes[1]
    assert bar.get_ylim() == (-1, 2)


def test_no_legend_of_missing_scores_where_there_are_none():
    assert 'no score' not in texts(heat_map_figure(np.random.default_rng(0).random((20, 20))))


@pytest.mark.parametrize('shape', [(145, 145), (349, 1905), (1476, 256), (7, 9), (16, 900)])
@pytest.mark.parametrize('factor', [1e-7, 1.0, 12345678.0])
def test_figures_of_any_scene_clip_nothing(shape, factor):
    scores = factor * np.random.default_rng(0).random(shape)
    scores[0, 0] = np.nan
    figure = heat_map_figure(scores, 'A scene with a long name: scores', 'AUC is undefined: ' + 'a long reason ' * 9)
    figure_to_rgb(figure)
    assert not clipped_texts(figure)
    box = figure.axes[0].get_window_extent()
    assert box.width / box.height == pytest.approx(shape[1] / shape[0], rel=0.02)
