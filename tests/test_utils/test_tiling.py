import numpy as np
import pytest
import torch
from scipy.ndimage import uniform_filter

from mmhsi.utils.tiling import BLENDS, Mosaic, TileGrid, slide_grid

COVERING = ('even', 'stepped', 'repeated', 'overhanging')
GRIDS = [
    TileGrid(size, overlap, blend, layout)
    for size, overlap in ((6, 3), ((5, 7), (4, 0)), (8, 7))
    for blend in BLENDS
    for layout in COVERING
]


def cut(image, grid, positions):
    """Tiles (h, w, ...) of an image that is continued by zeros at the bottom and the right."""
    padded = np.pad(image, [(0, size) for size in grid.size] + [(0, 0)] * (image.ndim - 2))
    return [padded[top : top + grid.size[0], left : left + grid.size[1]] for top, left in positions]


def test_starts_by_hand():
    assert TileGrid(8, 4).starts(0, 20).tolist() == [0, 4, 8, 12]
    assert TileGrid(8, 4).starts(1, 23).tolist() == [0, 3, 7, 11, 15]
    assert TileGrid((8, 5), (4, 0), layout='stepped').starts(0, 23).tolist() == [0, 4, 8, 12, 15]
    assert TileGrid((8, 5), (4, 0), layout='overhanging').starts(1, 23).tolist() == [0, 5, 10, 15, 20]
    assert TileGrid(8, 4, layout='inside').starts(0, 23).tolist() == [0, 4, 8, 12]
    for layout in COVERING:
        assert TileGrid(8, layout=layout).starts(0, 8).tolist() == [0]
        assert TileGrid(8, 2, layout=layout).starts(0, 5).tolist() == [0]


@pytest.mark.parametrize(
    'height, width, tile, overlap, count',
    [
        (149, 149, 145, 0, 4),  # Indian Pines
        (610, 340, 128, 32, 28),  # Pavia University
        (1217, 303, 128, 32, 39),  # HanChuan
        (940, 475, 128, 32, 50),  # HongHu
    ],
)
def test_number_of_tiles_of_the_published_settings(height, width, tile, overlap, count):
    assert len(TileGrid(tile, overlap).positions(height, width)) == count


@pytest.mark.parametrize('layout', COVERING)
def test_tiles_cover_the_axis_with_at_least_the_overlap(layout):
    for length in range(1, 60):
        starts = TileGrid(8, 3, layout=layout).starts(0, length)
        assert starts[0] == 0 and (np.diff(starts) <= 5).all() and (np.diff(starts) > 0).all()
        reached = starts[-1] + 8 - length
        assert reached == max(8 - length, 0) if layout != 'overhanging' else 0 <= reached < 8


def test_spans_are_where_tiles_count():
    assert TileGrid(4, 2).spans(0, 9).tolist() == [[0, 2], [2, 4], [4, 6], [6, 9]]
    assert TileGrid(4, 2, 'average').spans(0, 9).tolist() == [[0, 4], [1, 5], [3, 7], [5, 9]]
    assert TileGrid(4, 2, 'smooth', 'overhanging').spans(0, 5).tolist() == [[0, 4], [2, 5]]
    assert TileGrid(8, 4, 'smooth').spans(0, 15).tolist() == [[0, 7], [4, 10], [8, 15]]


def test_positions_by_hand():
    assert TileGrid.sliding(4, 2).positions(10, 8).tolist() == [
        [top, left] for top in (0, 2, 4, 6) for left in (0, 2, 4)
    ]
    assert TileGrid.sliding((5, 4), (5, 3)).positions(5, 9).tolist() == [[0, 0], [0, 3], [0, 5]]
    grid = TileGrid.sliding(4, (3, 2), layout='inside')
    assert grid.positions(7, 9).tolist() == [[0, 0], [0, 2], [0, 4], [3, 0], [3, 2], [3, 4]]
    assert TileGrid.sliding(4, 5, layout='inside').positions(4, 9).tolist() == [[0, 0], [0, 5]]


def test_repetitions_of_the_published_code():
    grid = TileGrid.sliding(4, 2, layout='repeated')
    # rows and columns at 0, 2, 4 and 6, of which the last two are moved to 3
    positions = grid.positions(7, 7)
    assert positions.tolist() == [
        [0, 0],
        [0, 2],
        [0, 3],
        [0, 3],
        [2, 0],
        [2, 2],
        [2, 3],
        [2, 3],
        [3, 0],
        [3, 2],
        [3, 3],
        [3, 0],
        [3, 2],
        [3, 3],
    ]
    assert grid.positions(4, 6).tolist() == [[0, 0], [0, 2]] * 2
    for shape in ((7, 7), (4, 6), (16, 16), (70, 53), (3, 11)):
        distinct, counts = np.unique(grid.positions(*shape), axis=0, return_counts=True)
        assert distinct.tolist() == TileGrid.sliding(4, 2).positions(*shape).tolist()
        assert grid.repeats(*shape).ravel().tolist() == counts.tolist()


@pytest.mark.parametrize('shape', [(19, 14), (6, 7), (4, 30), (3, 2)])
@pytest.mark.parametrize('grid', GRIDS, ids=str)
def test_weights_sum_to_one_and_are_not_negative(grid, shape):
    """The share of a tile is the map if this tile is 1 and all others are 0."""
    positions = grid.positions(*shape)
    shares = np.array(
        [
            grid.stitch(
                [np.full(grid.size, float(number == chosen)) for number in range(len(positions))], positions, shape
            )
            for chosen in range(len(positions))
        ]
    )
    assert shares.min() >= 0
    np.testing.assert_allclose(shares.sum(axis=0), 1, rtol=1e-12)


@pytest.mark.parametrize('grid', GRIDS, ids=str)
def test_a_constant_is_reproduced_exactly(grid):
    positions = grid.positions(19, 14)
    for value in np.float32([1 / 3, 1e-30, -7e20]):
        stitched = grid.stitch([np.full((*grid.size, 2), value)] * len(positions), positions, (19, 14))
        assert stitched.dtype == np.float32 and stitched.shape == (19, 14, 2) and (stitched == value).all()


@pytest.mark.parametrize('channels', [(), (3,)])
@pytest.mark.parametrize('grid', GRIDS, ids=str)
def test_stitching_tiles_of_an_image_gives_the_image(grid, channels):
    image = np.random.RandomState(0).rand(19, 14, *channels)
    positions = grid.positions(19, 14)
    stitched = grid.stitch(cut(image, grid, positions), positions, (19, 14))
    np.testing.assert_allclose(stitched, image, rtol=1e-12)


def fading_weight(place, start, size, overlap, length, guard):
    """Of a row or column of a tile: 0 in the guard, then rising over the overlap, 1 at a border of the scene."""
    before = 1 if start == 0 else (place - start + 1 - guard) / (overlap - 2 * guard + 1)
    behind = 1 if start + size >= length else (start + size - place - guard) / (overlap - 2 * guard + 1)
    return max(min(before, behind, 1), 0)


@pytest.mark.parametrize('layout', COVERING)
@pytest.mark.parametrize('blend', ['average', 'linear', 'smooth'])
def test_blends_are_weighted_means(blend, layout):
    """Against the sum of the weighted tiles over that of the weights, pixel by pixel."""
    grid, shape, (tall, wide), (down, right) = TileGrid((9, 5), (8, 2), blend, layout), (14, 11), (9, 5), (8, 2)
    positions = grid.positions(*shape).tolist()
    tiles = np.random.default_rng(0).normal(size=(len(positions), tall, wide))
    wanted = np.empty(shape)
    for row, col in np.ndindex(shape):
        pairs = []
        for (top, left), tile in zip(positions, tiles, strict=True):
            if top <= row < top + tall and left <= col < left + wide:
                weight = fading_weight(row, top, tall, down, 14, 2 if blend == 'smooth' else 0)
                weight *= fading_weight(col, left, wide, right, 11, 0)
                pairs.append((1 if blend == 'average' else weight, tile[row - top, col - left]))
        wanted[row, col] = sum(weight * value for weight, value in pairs) / sum(weight for weight, _ in pairs)
    np.testing.assert_allclose(grid.stitch(tiles, positions, shape), wanted, rtol=1e-9)


def test_smooth_tiles_fade_and_their_borders_do_not_count():
    grid = TileGrid(16, 8, 'smooth')
    assert grid.starts(0, 24).tolist() == [0, 8] and grid.spans(0, 24).tolist() == [[0, 14], [10, 24]]
    first, second = np.full((16, 16), np.nan), np.full((16, 16), 5.0)
    first[:14] = 0  # what does not count need not be a number
    stitched = grid.stitch([first, second], [(0, 0), (8, 0)], (24, 16))[:, 0]
    np.testing.assert_allclose(stitched, [0] * 10 + [1, 2, 3, 4] + [5] * 10, rtol=1e-12)


@pytest.mark.parametrize('overlap', [8, 11, 15])
@pytest.mark.parametrize('shape', [(45, 52), (17, 90), (20, 5)])
def test_smooth_tiles_of_a_network_that_sees_little_are_the_whole(shape, overlap):
    """A sum over 5 x 5 pixels, with zeros around what it is given: it sees two pixels around each."""
    image, grid = np.random.default_rng(0).normal(size=shape), TileGrid(16, overlap, 'smooth')
    network = lambda x: uniform_filter(x, 5, mode='constant')  # noqa: E731
    positions = grid.positions(*shape)
    tiles = [network(image[top : top + 16, left : left + 16]) for top, left in positions]
    np.testing.assert_allclose(grid.stitch(tiles, positions, shape), network(image), atol=1e-12)


def test_later_tiles_overwrite_all_but_half_of_the_overlap():
    tiles = [np.full((4, 4), value, np.uint8) for value in range(4)]
    stitched = TileGrid(4, 2).stitch(tiles, [(0, 0), (0, 2), (2, 0), (2, 2)], (6, 6))
    assert stitched.dtype == np.uint8
    assert stitched.tolist() == [[0, 0, 0, 1, 1, 1]] * 3 + [[2, 2, 2, 3, 3, 3]] * 3


def test_average_and_linear_by_hand():
    tiles = [np.full((2, 2), 1), np.full((2, 2), 4)]
    assert TileGrid(2, 1, 'average').stitch(tiles, [(0, 0), (0, 1)], (2, 3)).tolist() == [[1, 2.5, 4]] * 2
    # the weights of four columns that overlap by two are 1/3, 2/3
    tiles = [np.full((4, 4), 1.0), np.full((4, 4), 4.0)]
    stitched = TileGrid(4, 2, 'linear').stitch(tiles, [(0, 0), (0, 2)], (4, 6))
    np.testing.assert_allclose(stitched, [[1, 1, 2, 3, 4, 4]] * 4, rtol=1e-12)


def test_the_part_of_a_tile_outside_the_scene_is_cut_off():
    tile = np.arange(16).reshape(4, 4)
    np.testing.assert_array_equal(TileGrid(4).stitch([tile], [(0, 0)], (3, 2)), tile[:3, :2])


def test_pixels_without_a_tile_are_named_or_filled():
    with pytest.raises(ValueError, match='2 of the 6 pixels of the 2 x 3 scene'):
        TileGrid(2).stitch([np.zeros((2, 2))], [(0, 0)], (2, 3))
    for blend in BLENDS:
        stitched = TileGrid(2, 0, blend).stitch([np.ones((2, 2, 1))], [(0, 0)], (2, 3), np.nan)
        np.testing.assert_array_equal(stitched[..., 0], [[1, 1, np.nan]] * 2)
    with pytest.raises(ValueError, match='no tile'):
        TileGrid(2).stitch([], [], (2, 3))


@pytest.mark.parametrize('kind', [np.float32, torch.Tensor])
@pytest.mark.parametrize('blend', BLENDS)
def test_a_part_of_a_map_is_that_part_of_the_whole_map(blend, kind):
    """From top to bottom, a row of tiles at a time, at twice the size of the scene."""
    grid, (height, width), (first, end) = TileGrid((6, 5), (3, 2), blend), (14, 23), (7, 16)
    positions = grid.positions(height, width).tolist()
    tiles = np.random.default_rng(0).normal(size=(len(positions), 2, 12, 10)).astype(np.float32)
    whole = Mosaic(np.zeros((2, 2 * height, 2 * width), np.float32), grid, (height, width), scale=2)
    for tile, position in zip(tiles, positions, strict=True):
        whole.add(tile, position)
    zeros = np.zeros((2, 12, 2 * (end - first)), np.float32)
    part = Mosaic(zeros if kind is np.float32 else torch.from_numpy(zeros), grid, (height, width), 2, (0, first))
    tops = grid.starts(0, height).tolist()
    for top, bottom in zip(tops, [*tops[1:], height], strict=True):
        for tile, position in zip(tiles, positions, strict=True):
            if position[0] == top:
                part.add(tile if kind is np.float32 else torch.from_numpy(tile), position)
        np.testing.assert_allclose(
            part.values[:, : 2 * (bottom - top)],
            whole.values[:, 2 * top : 2 * bottom, 2 * first : 2 * end],
            rtol=1e-6,
            atol=1e-7,
        )
        if kind is np.float32:
            part.scroll(bottom - top)
        else:
            break  # memory of a tensor must not overlap when it is moved


def test_windows_of_the_slide_mode():
    grid = slide_grid(dict(mode='slide', crop_size=(8, 6), stride=(4, 3)))
    assert grid == TileGrid((8, 6), (4, 3), 'average', 'stepped')
    repeated = slide_grid(dict(crop_size=8, stride=8, repeat_border_windows=True))
    assert repeated == TileGrid(8, 0, 'average', 'repeated')


@pytest.mark.parametrize(
    'make, message',
    [
        (lambda: TileGrid(0), 'the size of a tile must be positive, not 0 x 0'),
        (lambda: TileGrid(3, 3), 'smaller than the tile of 3 pixels, not 3'),
        (lambda: TileGrid((9, 5), (1, -1)), 'at least 0 and smaller than the tile of 5 pixels, not -1'),
        (lambda: TileGrid(3, blend='max'), "blend of tiles must be one of .*'smooth'.*, not 'max'"),
        (lambda: TileGrid(3, layout='random'), "layout of tiles must be one of .*'even'.*, not 'random'"),
        (lambda: TileGrid.sliding(4, 5), 'of 4 x 4 pixels must be positive and not larger than the window, not 5 x 5'),
        (lambda: TileGrid.sliding(4, 0, layout='inside'), 'of 4 x 4 pixels must be positive, not 0 x 0'),
        (lambda: TileGrid(4).starts(0, 0), 'the length of an axis must be positive, not 0'),
        (lambda: TileGrid(4, layout='inside').positions(3, 9), '3 x 9 pixels is smaller than a window of 4 x 4'),
        (lambda: TileGrid(4, layout='inside').starts(0, 3), 'an axis of 3 pixels is smaller than a window of 4'),
    ],
)
def test_what_cannot_be_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
