import numpy as np
import pytest

from mmhsi.inference.lattice import predict_lattice


def fields(shape=(41, 37), classes=3):
    """Probabilities (L, h, w) of a scene of a few large fields, and their classes."""
    rng = np.random.default_rng(0)
    rows, cols = np.indices(shape)
    centres = rng.uniform(0, min(shape), (classes, 2))
    scores = np.exp(-np.stack([np.hypot(rows - row, cols - col) for row, col in centres]) / 10)
    return (scores / scores.sum(axis=0)).astype(np.float32)


def run(scores, valid, step):
    asked = []

    def predict(places):
        asked.extend(places.tolist())
        return scores.reshape(len(scores), -1).T[places]

    values, count = predict_lattice(valid, step, predict)
    assert len(asked) == len(set(asked)) == count
    assert valid.ravel()[asked].all()
    return values, asked


@pytest.mark.parametrize('step', [2, 3, 4, 8])
def test_classes_of_large_fields_are_those_of_every_pixel(step):
    scores = fields()
    valid = np.ones(scores.shape[1:], bool)
    values, asked = run(scores, valid, step)
    np.testing.assert_array_equal(values.argmax(axis=0), scores.argmax(axis=0))
    assert len(asked) < 0.6 * valid.size
    places = np.unravel_index(asked, valid.shape)
    np.testing.assert_array_equal(values[:, *places], scores[:, *places])
    np.testing.assert_allclose(values.sum(axis=0), 1, rtol=1e-5)


def test_a_filled_cell_is_interpolated():
    scores = np.stack([np.add.outer(np.arange(5.0), 2 * np.arange(5.0)), np.full((5, 5), -1)]).astype(np.float32)
    values, asked = run(scores, np.ones((5, 5), bool), 4)
    assert sorted(asked) == [0, 4, 20, 24]
    np.testing.assert_allclose(values, scores, atol=1e-6)


def test_classes_that_change_from_pixel_to_pixel_are_predicted_one_by_one():
    scores = np.random.default_rng(0).random((5, 23, 19), np.float32)
    valid = np.random.default_rng(1).random((23, 19)) > 0.2
    values, asked = run(scores, valid, 2)
    known = np.zeros(valid.size, bool)
    known[asked] = True
    assert known.mean() > 0.7
    np.testing.assert_array_equal(values.reshape(5, -1)[:, known], scores.reshape(5, -1)[:, known])


@pytest.mark.parametrize('shape', [(1, 1), (1, 9), (8, 1), (2, 2), (3, 5)])
def test_areas_of_any_shape_are_covered(shape):
    scores = np.eye(2, dtype=np.float32)[np.zeros(shape, int)].transpose(2, 0, 1)
    values, _ = run(scores, np.ones(shape, bool), 4)
    np.testing.assert_array_equal(values, scores)
    assert predict_lattice(np.zeros(shape, bool), 4, None) == (None, 0)
