import numpy as np
import pytest
from figure_texts import clipped_texts, texts

from mmhsi.evaluation import DetectionResult
from mmhsi.visualization import figure_to_rgb, roc_figure, roc_points, threshold_figure
from mmhsi.visualization.palette import LINES


@pytest.fixture
def results():
    rng = np.random.default_rng(0)
    target = (rng.random((30, 40)) < 0.05).astype(int)
    return {
        f'method {gain}': DetectionResult.evaluate('a', rng.normal(size=target.shape) + gain * target, target)
        for gain in (1, 3)
    }


def at(x, y, where):
    """Values of a drawn line at some places, which must not be corners."""
    return np.interp(where, x, y)


def test_points_follow_the_straight_curve_between_two_rates():
    # from (0, 0) to (.5, .8) to (1, 1): below .5 the curve is 1.6 Pf
    x, y = roc_points([0, 0.5, 1], [0, 0.8, 1], 1e-3, per_segment=50)
    assert (x[0], y[0]) == pytest.approx((1e-3, 1.6e-3))
    assert (x[-1], y[-1]) == (1, 1)
    np.testing.assert_allclose(y[x <= 0.5], 1.6 * x[x <= 0.5], rtol=1e-12)
    np.testing.assert_allclose(y[x > 0.5], 0.8 + 0.4 * (x[x > 0.5] - 0.5), rtol=1e-12)
    assert (np.diff(np.log10(x)) < 0.06).all()  # no long chord that a logarithmic axis would bend


def test_points_of_steps_stay_upright_and_drop_what_lies_on_a_line():
    x, y = roc_points([0, 0, 0, 0.1, 0.1, 0.2, 0.3, 1], [0, 0.25, 0.5, 0.5, 0.75, 0.75, 0.75, 1], 0.01, per_segment=2)
    corners = {(0.01, 0.0), (0.01, 0.5), (0.1, 0.5), (0.1, 0.75), (0.3, 0.75), (1.0, 1.0)}
    assert corners <= set(zip(x.tolist(), y.tolist(), strict=True))
    assert len(x) == 2 * 5 + 1  # five segments between six corners
    assert (np.diff(x) >= 0).all() and (np.diff(y) >= 0).all()


def test_roc_figure_draws_the_rates_of_each_method(results):
    figure = roc_figure(results, 'Scene: ROC')
    axes = figure.axes[0]
    assert axes.get_xscale() == 'log' and axes.get_xlim() == (1e-4, 1)  # 1,1xx background pixels
    assert len(axes.lines) == 2
    for line, colour, result in zip(axes.lines, LINES, results.values(), strict=False):
        np.testing.assert_allclose(line.get_color(), np.divide(colour, 255))
        scores, target = result.scores, result.target
        for threshold in (1.01, 0.01, -0.51):
            false_alarms = (scores[target == 0] >= threshold).mean() - 1e-9  # left of where it rises, if it does
            assert at(*line.get_data(), false_alarms) <= (scores[target == 1] >= threshold).mean() + 1e-9
            assert at(*line.get_data(), false_alarms + 2e-9) >= (scores[target == 1] >= threshold).mean() - 1e-9
    for name, result in results.items():
        assert {name, f'AUC {result.metrics["AUC"]:.4f}'} < set(texts(figure))


@pytest.mark.parametrize(('background', 'lowest'), [(2, 0.1), (10, 0.1), (100, 0.01), (101, 0.001), (9942, 1e-4)])
def test_axis_begins_at_the_power_of_ten_below_one_pixel(background, lowest):
    target = np.append(np.zeros(background, int), 1)[None]
    figure = roc_figure({'a': DetectionResult.evaluate('a', np.arange(target.size)[None], target)})
    assert figure.axes[0].get_xlim() == (pytest.approx(lowest), 1)
    x, y = figure.axes[0].lines[0].get_data()
    assert x.min() == pytest.approx(lowest) and y.max() == 1


def test_threshold_figure_draws_both_rates(results):
    figure = threshold_figure(results, 'Scene')
    for axes, wanted in zip(figure.axes, (1, 0), strict=False):
        for line, result in zip(axes.lines, results.values(), strict=True):
            scores, target = result.scores, result.target
            low, high = scores.min(), scores.max()
            for threshold in (0.2, 0.5, 0.8):
                rate = (scores[target == wanted] >= low + threshold * (high - low)).mean()
                # the curve runs straight between two scores: at most one pixel of the class aside
                assert abs(at(*line.get_data(), threshold) - rate) <= 1.5 / (target == wanted).sum()
    for result in results.values():
        assert f'{result.metrics["AUC_Pd_tau"]:.4f} and {result.metrics["AUC_Pf_tau"]:.4f}' in texts(figure)


def test_methods_without_curves_are_named(results):
    results['empty'] = DetectionResult.evaluate('a', np.arange(4.0).reshape(2, 2), np.zeros((2, 2), int))
    for figure in (roc_figure(results), threshold_figure(results)):
        assert {'empty', 'undefined'} < set(texts(figure))
        assert len(figure.axes[0].lines) == 2
    assert roc_figure({'empty': results['empty']}).axes[0].get_xlim() == (1e-3, 1)
    with pytest.raises(ValueError, match='no result'):
        roc_figure({})


def test_many_methods_differ_and_nothing_is_clipped(results):
    result = results['method 3']
    many = {f'A method with quite a long name, number {index}': result for index in range(25)}
    for figure in (
        roc_figure(many, 'A scene with a long name: ROC of all methods', 'pixels ' * 20),
        threshold_figure(many, 'A scene with a long name: over the threshold', 'pixels ' * 20),
    ):
        figure_to_rgb(figure)
        assert not clipped_texts(figure)
        lines = figure.axes[0].lines
        assert len({(tuple(line.get_color()), line.get_linestyle()) for line in lines}) == 25


def test_labels_are_plain_numbers(results):
    axes = roc_figure(results).axes[0]
    axes.figure.canvas.draw()
    labels = [label.get_text() for label in [*axes.get_xticklabels(), *axes.get_xticklabels(minor=True)]]
    assert {'0.001', '0.01', '0.1', '1'} <= set(labels)
    assert not any('$' in label for label in labels)  # a formula, for which matplotlib looks for fonts
