import numpy as np
import pytest
from figure_texts import clipped_texts, texts

from mmhsi.visualization import (
    change_map_figure,
    colour_changes,
    colour_detections,
    compare_binary,
    detection_map_figure,
    figure_to_rgb,
)
from mmhsi.visualization.palette import CORRECT, MISSED, NOT_EVALUATED, WRONG

PREDICTION = np.array([[1, 0, 1, 0, 1, 0, 255, 255]])
TARGET = np.array([[1, 0, 0, 1, 255, 255, 1, 0]])


def test_outcomes_are_told_apart():
    assert compare_binary(PREDICTION, TARGET).tolist() == [[0, 1, 2, 3, 4, 4, 4, 4]]
    assert compare_binary(PREDICTION == 1, TARGET == 1).tolist() == [[0, 1, 2, 3, 2, 1, 3, 1]]


def test_changes_have_the_customary_colours():
    grey = [128, 128, 128]
    assert colour_changes(PREDICTION, TARGET).tolist() == [
        [[255, 255, 255], [0, 0, 0], [255, 0, 0], [0, 255, 0], grey, grey, grey, grey]
    ]


def test_detections_are_shown_on_the_dimmed_scene():
    picture = np.full((1, 8, 3), (255, 0, 0), np.uint8)
    image = [tuple(pixel) for pixel in colour_detections(PREDICTION, TARGET, picture)[0]]
    assert image == [CORRECT, (43, 43, 43), WRONG, MISSED] + [NOT_EVALUATED] * 4  # a third of 130
    assert tuple(colour_detections(PREDICTION, TARGET)[0, 1]) == (0, 0, 0)
    white = colour_detections(PREDICTION, TARGET, np.full((1, 8, 3), 255, np.uint8))
    assert white[0, 1].tolist() == [130, 130, 130]


@pytest.mark.parametrize('colour', [colour_changes, colour_detections])
def test_wrong_maps_are_named(colour):
    with pytest.raises(ValueError, match='differ in size'):
        colour(np.zeros((2, 3)), np.zeros((3, 2)))
    with pytest.raises(ValueError, match='the prediction must hold 0, 1 or 255, found 2'):
        colour(np.array([[2]]), np.array([[1]]))
    with pytest.raises(ValueError, match='the target must hold 0, 1 or 255, found -1'):
        colour(np.array([[1]]), np.array([[-1]]))


@pytest.fixture
def maps():
    prediction, target = np.zeros((60, 50), int), np.zeros((60, 50), int)
    target[:10], prediction[:8] = 1, 1  # 400 found, 100 missed
    prediction[20:23] = 1  # 150 false alarms
    target[50:] = 255  # 500
    return prediction, target


@pytest.mark.parametrize(
    ('draw', 'names'),
    [
        (
            change_map_figure,
            ('changed, found (TP)', 'unchanged (TN)', 'false alarm (FP)', 'missed change (FN)', 'unlabelled'),
        ),
        (detection_map_figure, ('hit', 'correct rejection', 'false alarm', 'miss', 'not evaluated')),
    ],
)
def test_figures_count_their_pixels(maps, draw, names):
    figure = draw(*maps, 'Scene', 'scores')
    picture = figure_to_rgb(figure)
    assert not clipped_texts(figure)
    assert texts(figure) == [
        'Scene',
        'scores',
        names[0],
        '400',
        names[1],
        '1,850',
        names[2],
        '150',
        names[3],
        '100',
        names[4],
        '500',
    ]
    colour = colour_changes if draw is change_map_figure else colour_detections
    for pixel in np.unique(colour(*maps).reshape(-1, 3), axis=0):
        assert (picture == pixel).all(axis=-1).any()


def test_legend_names_unlabelled_pixels_only_where_there_are_some():
    assert 'unlabelled' not in texts(change_map_figure(np.zeros((9, 9), int), np.zeros((9, 9), int)))
