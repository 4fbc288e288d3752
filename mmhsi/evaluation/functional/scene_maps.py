"""Maps of a scene from the values of its windows or tiles, independent of their order and of repetitions."""

import numpy as np

from mmhsi.utils.labels import IGNORE_INDEX


def place_pixels(
    rows: np.ndarray, cols: np.ndarray, labels: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, int]:
    """Write one label per position into a map.

    A position that occurs more than once (a distributed sampler repeats samples to fill the last round) gets its
    smallest label, so that neither order nor repetition matters.

    Args:
        rows (np.ndarray): (N,) rows.
        cols (np.ndarray): (N,) columns.
        labels (np.ndarray): (N,) labels, 0 .. 255.
        shape (tuple[int, int]): Height and width of the scene.

    Returns:
        tuple[np.ndarray, int]: The (H, W) uint8 map, 255 where there is no label, and the number of entries that
        disagree with it.

    Raises:
        ValueError: If a position lies outside the scene.
    """
    rows, cols, labels = (np.asarray(values) for values in (rows, cols, labels))
    outside = (rows < 0) | (rows >= shape[0]) | (cols < 0) | (cols >= shape[1])
    if outside.any():
        first = np.flatnonzero(outside)[0]
        raise ValueError(
            f'pixel at row {rows[first]}, column {cols[first]} lies outside the scene of {shape[0]} x {shape[1]} pixels'
        )
    placed = np.full(shape, IGNORE_INDEX, np.uint8)
    np.minimum.at(placed, (rows, cols), labels.astype(np.uint8))
    return placed, int(np.count_nonzero((placed[rows, cols] != labels) & (labels != IGNORE_INDEX)))


def merge_tiles(tiles: list[np.ndarray], tops: list[int], lefts: list[int]) -> tuple[dict, int]:
    """Reduce repeated tiles to one per position, in row-major order.

    Args:
        tiles (list[np.ndarray]): (h, w) label tiles, or (h, w, K) tiles of K values each.
        tops (list[int]): First row of each tile.
        lefts (list[int]): First column of each tile.

    Returns:
        tuple[dict, int]: Tile by (top, left), with the smaller value of each pixel where copies disagree; and the
        number of such values.

    Raises:
        ValueError: If two tiles at one position differ in size.
    """
    merged: dict[tuple[int, int], np.ndarray] = {}
    conflicts = 0
    for tile, top, left in zip(tiles, tops, lefts, strict=True):
        known = merged.get((top, left))
        if known is None:
            merged[top, left] = tile
            continue
        if known.shape != tile.shape:
            raise ValueError(f'the tile at row {top}, column {left} has two sizes, {known.shape} and {tile.shape}')
        conflicts += int(np.count_nonzero(known != tile))
        merged[top, left] = np.minimum(known, tile)
    return dict(sorted(merged.items())), conflicts


def overlay_labels(tiles: dict, shape: tuple[int, int]) -> tuple[np.ndarray, int]:
    """Overlay label tiles with gaps, e.g. the ground truth of tiles.

    Args:
        tiles (dict): (h, w) label tile by (top, left); parts outside the scene must be 255.
        shape (tuple[int, int]): Height and width of the scene.

    Returns:
        tuple[np.ndarray, int]: The (H, W) uint8 map with the smallest label of each pixel, 255 in gaps, and the number
        of tile pixels with another label.
    """
    placed = np.full(shape, IGNORE_INDEX, np.uint8)
    for (top, left), tile in tiles.items():
        window = placed[top : top + tile.shape[0], left : left + tile.shape[1]]
        np.minimum(window, tile[: window.shape[0], : window.shape[1]], out=window)
    conflicts = 0
    for (top, left), tile in tiles.items():
        window = placed[top : top + tile.shape[0], left : left + tile.shape[1]]
        tile = tile[: window.shape[0], : window.shape[1]]
        conflicts += int(np.count_nonzero((tile != IGNORE_INDEX) & (tile != window)))
    return placed, conflicts
