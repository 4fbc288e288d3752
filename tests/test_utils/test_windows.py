import numpy as np
import pytest

from mmhsi.utils.windows import centred_window, crop_window, source_indices


@pytest.mark.parametrize('pad_mode', ['constant', 'symmetric', 'reflect'])
@pytest.mark.parametrize('shape', [(7, 9), (7, 9, 3)])
def test_crop_window_equals_a_crop_of_the_padded_image(pad_mode, shape):
    image = np.random.RandomState(0).rand(*shape)
    padded = np.pad(image, [(5, 5), (5, 5)] + [(0, 0)] * (len(shape) - 2), mode=pad_mode)
    for top, left in [(-5, -5), (-2, 3), (0, 0), (4, 6), (6, -4)]:
        window = crop_window(image, top, left, 6, 5, pad_mode)
        np.testing.assert_array_equal(window, padded[top + 5 : top + 11, left + 5 : left + 10])


def test_crop_window_copies():
    image = np.zeros((4, 4))
    crop_window(image, 0, 0, 2, 2)[:] = 1
    crop_window(image, -1, -1, 3, 3)[:] = 1
    assert not image.any()


def test_crop_window_fills_with_the_pad_value():
    window = crop_window(np.zeros((2, 2), np.uint8), -1, 0, 2, 3, pad_value=255)
    assert window.tolist() == [[255, 255, 255], [0, 0, 255]]
    assert window.dtype == np.uint8


@pytest.mark.parametrize('pad_mode', ['symmetric', 'reflect'])
def test_an_axis_is_mirrored_as_often_as_needed(pad_mode):
    for size in (1, 2, 3, 7):
        padded = np.pad(np.arange(size), 25, pad_mode)
        for start, length in ((-25, size + 50), (-9, 4), (size + 2, 11), (0, size)):
            np.testing.assert_array_equal(
                source_indices(start, length, size, pad_mode), padded[25 + start : 25 + start + length]
            )


def test_constant_marks_what_lies_outside():
    assert source_indices(-1, 3, 1).tolist() == [-1, 0, -1]


def test_append_repeats_the_last_elements_in_their_order():
    image = np.arange(20.0).reshape(4, 5)
    wanted = np.concatenate([image, image[-2:]])
    wanted = np.concatenate([wanted, wanted[:, -3:]], axis=1)
    np.testing.assert_array_equal(crop_window(image, 1, 2, 5, 6, 'append'), wanted[1:, 2:])
    np.testing.assert_array_equal(crop_window(image, 1, 2, 3, 3, 'append'), image[1:, 2:])
    with pytest.raises(ValueError, match='extends 5 pixels beyond an axis of 4'):
        crop_window(image, 0, 0, 9, 5, 'append')
    with pytest.raises(ValueError, match='begins 1 pixels before an axis'):
        crop_window(image, -1, 0, 4, 4, 'append')


def test_unknown_pad_mode_is_named():
    with pytest.raises(ValueError, match="not 'wrap'"):
        crop_window(np.zeros((3, 3)), -1, 0, 3, 3, 'wrap')


def test_centred_window_of_odd_and_even_size():
    assert centred_window(4, 5, 3) == (3, 4, 3, 3)
    assert centred_window(4, 5, 4) == (2, 3, 4, 4)
