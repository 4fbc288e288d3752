import numpy as np
import pytest

from mmhsi.utils.tiling import (
    extract_tiles,
    pad_to_multiple,
    sliding_positions,
    stitch_tiles,
    tile_positions,
    tile_starts,
)


def test_tile_starts_by_hand():
    assert tile_starts(20, 8, 4).tolist() == [0, 4, 8, 12]
    assert tile_starts(23, 8, 4).tolist() == [0, 3, 7, 11, 15]
    assert tile_starts(8, 8).tolist() == [0]
    assert tile_starts(5, 8, 2).tolist() == [0]


@pytest.mark.parametrize('height, width, tile, overlap, count', [
    (149, 149, 145, 0, 4),  # Indian Pines
    (610, 340, 128, 32, 28),  # Pavia University
    (1217, 303, 128, 32, 39),  # HanChuan
    (940, 475, 128, 32, 50),  # HongHu
])
def test_number_of_tiles_of_the_published_settings(height, width, tile, overlap, count):
    assert len(tile_positions(height, width, tile, overlap)) == count


def test_tiles_cover_the_axis_with_at_least_the_overlap():
    for length in range(1, 60):
        starts = tile_starts(length, 8, 3)
        assert starts[0] == 0 and starts[-1] == max(length - 8, 0)
        assert (np.diff(starts) <= 5).all() and (np.diff(starts) > 0).all()


@pytest.mark.parametrize('length, tile, overlap', [(0, 3, 0), (5, 0, 0), (5, 3, 3), (5, 3, -1)])
def test_tile_starts_refuses_impossible_sizes(length, tile, overlap):
    with pytest.raises(ValueError, match='must be'):
        tile_starts(length, tile, overlap)


@pytest.mark.parametrize('blend', ['overwrite', 'average'])
@pytest.mark.parametrize('channels', [(), (3, )])
def test_stitching_tiles_of_an_image_gives_the_image(blend, channels):
    image = np.random.RandomState(0).rand(19, 14, *channels)
    positions = tile_positions(19, 14, 6, 3)
    np.testing.assert_allclose(stitch_tiles(extract_tiles(image, positions, 6), positions, (19, 14), 3, blend), image)


def test_later_tiles_overwrite_all_but_half_of_the_overlap():
    tiles = [np.full((4, 4), value) for value in range(4)]
    stitched = stitch_tiles(tiles, [(0, 0), (0, 2), (2, 0), (2, 2)], (6, 6), overlap=2)
    assert stitched.tolist() == [[0, 0, 0, 1, 1, 1]] * 3 + [[2, 2, 2, 3, 3, 3]] * 3


def test_average_is_the_mean_over_the_tiles():
    tiles = [np.full((2, 2), 1), np.full((2, 2), 4)]
    stitched = stitch_tiles(tiles, [(0, 0), (0, 1)], (2, 3), overlap=1, blend='average')
    assert stitched.tolist() == [[1, 2.5, 4]] * 2


def test_the_part_of_a_tile_outside_the_scene_is_cut_off():
    tile = np.arange(16).reshape(4, 4)
    np.testing.assert_array_equal(stitch_tiles([tile], [(0, 0)], (3, 2)), tile[:3, :2])


def test_sliding_positions_by_hand():
    assert sliding_positions(10, 8, 4, 2).tolist() == [[top, left] for top in (0, 2, 4, 6) for left in (0, 2, 4)]
    assert sliding_positions(5, 9, (5, 4), (5, 3)).tolist() == [[0, 0], [0, 3], [0, 5]]
    assert sliding_positions(4, 4, 4, 4).tolist() == [[0, 0]]


def test_sliding_positions_with_the_repetitions_of_the_published_code():
    # rows and columns at 0, 2, 4 and 6, of which the last two are moved to 3
    assert sliding_positions(7, 7, 4, 2, repeat_border=True).tolist() == [
        [0, 0], [0, 2], [0, 3], [0, 3], [2, 0], [2, 2], [2, 3], [2, 3],
        [3, 0], [3, 2], [3, 3], [3, 0], [3, 2], [3, 3]]
    assert sliding_positions(4, 6, 4, 2, repeat_border=True).tolist() == [[0, 0], [0, 2]] * 2


@pytest.mark.parametrize('repeat_border', [False, True])
def test_sliding_positions_cover_the_scene_and_no_more(repeat_border):
    for height, width in ((16, 16), (70, 53), (17, 40)):
        hits = np.zeros((height, width), int)
        for top, left in sliding_positions(height, width, (16, 12), (8, 12), repeat_border):
            assert hits[top:top + 16, left:left + 12].shape == (16, 12)
            hits[top:top + 16, left:left + 12] += 1
        assert hits.all()


def test_sliding_positions_name_what_is_wrong():
    with pytest.raises(ValueError, match='3 x 9 pixels is smaller than a window of 4 x 4'):
        sliding_positions(3, 9, 4, 2)
    for stride in (5, 0):
        with pytest.raises(ValueError, match=f'not larger than the window of 4 x 4 pixels, not {stride} x {stride}'):
            sliding_positions(9, 9, 4, stride)


def test_stitching_names_what_is_wrong():
    with pytest.raises(ValueError, match='2 of the 6 pixels'):
        stitch_tiles([np.zeros((2, 2))], [(0, 0)], (2, 3))
    with pytest.raises(ValueError, match='no tile'):
        stitch_tiles([], [], (2, 3))
    with pytest.raises(ValueError, match="'max'"):
        stitch_tiles([np.zeros((2, 2))], [(0, 0)], (2, 2), blend='max')


@pytest.mark.parametrize('shape', [(10, 13), (10, 13, 2), (12, 12)])
def test_reflect_padding_equals_numpy(shape):
    image = np.random.RandomState(0).rand(*shape)
    padding = [(0, -shape[0] % 6), (0, -shape[1] % 6)] + [(0, 0)] * (len(shape) - 2)
    np.testing.assert_array_equal(pad_to_multiple(image, 6), np.pad(image, padding, mode='reflect'))


def test_append_padding_repeats_the_last_rows_in_order():
    image = np.arange(10).reshape(5, 2)
    assert pad_to_multiple(image, 4, mode='append')[:, 0].tolist() == [0, 2, 4, 6, 8, 4, 6, 8]


def test_padding_names_what_is_wrong():
    with pytest.raises(ValueError, match='3 pixels are missing and 2 can be copied'):
        pad_to_multiple(np.zeros((3, 6)), 6)
    assert pad_to_multiple(np.zeros((3, 6)), 6, mode='append').shape == (6, 6)
    with pytest.raises(ValueError, match="'wrap'"):
        pad_to_multiple(np.zeros((3, 6)), 6, mode='wrap')
