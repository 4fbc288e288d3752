import numpy as np
import pytest
from figure_texts import clipped_texts, texts
from PIL import Image

from mmhsi.visualization import (
    class_map_figure,
    colour_errors,
    colour_labels,
    confusion_figure,
    error_map_figure,
    figure_to_rgb,
    image_figure,
    save_figure,
)
from mmhsi.visualization.figure import MARGIN, header_height
from mmhsi.visualization.palette import CORRECT, NOT_EVALUATED, WRONG

PALETTE = [(255, 0, 0), (0, 128, 255), (10, 200, 30)]
CLASSES = ('Bare soil', 'Woods', 'Self-blocking bricks')


def test_labels_take_the_colours_of_their_classes():
    image = colour_labels(np.array([[0, 1], [2, 255]]), 3, PALETTE)
    assert image.dtype == np.uint8
    assert image.tolist() == [[[255, 0, 0], [0, 128, 255]], [[10, 200, 30], [0, 0, 0]]]
    assert colour_labels(np.array([[255]]), 3, PALETTE, background=(9, 9, 9)).tolist() == [[[9, 9, 9]]]


def test_labels_outside_the_classes_are_refused():
    with pytest.raises(ValueError, match=r'0 \.\. 2 or be 255, found 0 \.\. 3'):
        colour_labels(np.array([[0, 3]]), 3, PALETTE)


def test_errors_are_told_apart_from_pixels_that_are_not_evaluated():
    image = colour_errors(np.array([[0, 1, 2, 255]]), np.array([[0, 2, 255, 255]]))
    assert [tuple(pixel) for pixel in image[0]] == [CORRECT, WRONG, NOT_EVALUATED, NOT_EVALUATED]
    with pytest.raises(ValueError, match='differ in size'):
        colour_errors(np.zeros((2, 3)), np.zeros((3, 2)))


def test_class_map_shows_the_scene_at_whole_pixels_and_names_the_classes():
    labels = np.random.default_rng(0).integers(0, 3, (145, 145))
    labels[0, 0] = 255
    figure = class_map_figure(labels, CLASSES, PALETTE, 'Scene: prediction', 'OA 0.9', ['90.1 %', '88.0 %', '–'])
    assert {*CLASSES, 'Scene: prediction', 'OA 0.9', '90.1 %', '88.0 %', '–', 'unlabelled'} == set(texts(figure))
    picture = figure_to_rgb(figure)
    top = MARGIN + header_height('x', 'x')
    scale = 7  # 1000 / 145, rounded
    shown = picture[top : top + 145 * scale, MARGIN : MARGIN + 145 * scale]
    np.testing.assert_array_equal(shown[scale // 2 :: scale, scale // 2 :: scale], colour_labels(labels, 3, PALETTE))
    swatches = picture[top:, MARGIN + 145 * scale + 1 :]
    for colour in PALETTE:
        assert (swatches == colour).all(axis=-1).any()


def test_legend_names_unlabelled_pixels_only_where_there_are_some():
    assert 'unlabelled' not in texts(class_map_figure(np.zeros((4, 4), int), CLASSES))
    labels = np.full((4, 4), 255)
    figure = class_map_figure(labels, CLASSES, ignore_label='not predicted', background=(9, 80, 90))
    assert 'not predicted' in texts(figure)
    assert ((figure_to_rgb(figure) == (9, 80, 90)).all(axis=-1)).sum() > 10_000


@pytest.mark.parametrize('shape', [(145, 145), (610, 340), (349, 1905), (1476, 256), (7, 9), (3750, 1580), (16, 900)])
def test_figures_of_any_scene_have_a_sensible_size_and_clip_nothing(shape, tmp_path):
    classes = [f'A class with a long name, {index}' for index in range(22)]
    labels = np.zeros(shape, np.uint8)
    figure = class_map_figure(
        labels, classes, None, 'A scene with a long name: prediction', 'OA 0.95' * 5, ['12,345'] * 22
    )
    assert not clipped_texts(figure)
    path = save_figure(figure, tmp_path / 'new' / 'map.png')
    with Image.open(path) as image:
        width, height = image.size
        assert (width, height) == figure.canvas.get_width_height()
    assert max(shape) <= max(width, height) + 1350
    assert 500 <= max(width, height) <= 3200
    # the scene keeps its proportions: its axes are the only ones
    box = figure.axes[0].get_window_extent()
    assert box.width / box.height == pytest.approx(shape[1] / shape[0], rel=0.02)


def test_error_map_counts_its_pixels():
    prediction, target = np.zeros((30, 50), int), np.full((30, 50), 255)
    target[:10], target[10:14] = 0, 1
    found = texts(error_map_figure(prediction, target, 'Scene: errors'))
    assert {'correct', 'wrong', 'not evaluated', '500', '200', '800'} <= set(found)
    assert '500 of 700 evaluated pixels correct (71.4 %)' in found
    assert '0 of 0 evaluated pixels correct' in texts(error_map_figure(prediction, np.full((30, 50), 255)))


def test_confusion_matrix_is_shown_in_per_cent_of_the_true_class():
    figure = confusion_figure(np.array([[97, 3, 0], [1, 999, 0], [0, 0, 0]]), CLASSES, 'Scene: confusion')
    found = texts(figure)
    assert [found.count(text) for text in ('97', '3', '100', '<1')] == [1, 1, 2, 1]  # 100 also counts pixels
    assert found.count('1,000') == 1 and all(found.count(name) == 2 for name in CLASSES)
    values = figure.axes[0].images[0].get_array()
    np.testing.assert_allclose(values[0], [97, 3, 0])
    assert values.mask[2].all() and not values.mask[:2].any()
    with pytest.raises(ValueError, match='3 x 3'):
        confusion_figure(np.eye(2), CLASSES)


@pytest.mark.parametrize('count', [2, 16, 40])
def test_confusion_matrix_clips_nothing(count):
    classes = [f'Buildings-Grass-Trees-Drives {index}' for index in range(count)]
    figure = confusion_figure(
        np.diag(np.full(count, 1000)),
        classes,
        'A scene with a long name: confusion matrix',
        'per cent of the true class, OA 1.0000',
    )
    assert not clipped_texts(figure)


def test_names_are_shown_as_they_are():
    # a pair of dollar signs would be typeset as a formula
    figure = class_map_figure(np.zeros((20, 20), int), ['a $x_1$ b'])
    figure_to_rgb(figure)
    assert not clipped_texts(figure) and texts(figure) == ['a $x_1$ b']


def test_an_image_alone_needs_neither_title_nor_legend():
    image = np.random.default_rng(0).integers(0, 256, (500, 400, 3), np.uint8)
    picture = figure_to_rgb(image_figure(image))
    assert picture.shape == (1000 + 2 * MARGIN, 800 + 2 * MARGIN, 3)
    np.testing.assert_array_equal(picture[MARGIN:-MARGIN:2, MARGIN:-MARGIN:2], image)
