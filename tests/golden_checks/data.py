"""Goldens of windows, splits, principal components, tiling and padding."""

import numpy as np

from golden_checks.case import GoldenCase
from mmhsi.datasets import NumberSplit, RatioSplit, ScaleValues, Scene, SpectralPCA
from mmhsi.datasets.class_info import IGNORE_INDEX
from mmhsi.datasets.splits.split import BaseSplitter
from mmhsi.utils.tiling import TileGrid
from mmhsi.utils.windows import centred_window, crop_window


def check_windows_split(case: GoldenCase) -> None:
    """Zero-padded windows around every pixel, and the pixels drawn by number and by ratio, in the order drawn."""
    tensors, expected = case.tensors, case.json['expected']
    scene = Scene(image=tensors['image'], labels=tensors['gt'])
    height, width = tensors['gt'].shape
    windows = [scene.window(*centred_window(*divmod(i, width), expected['window'])) for i in range(height * width)]
    np.testing.assert_array_equal(np.stack(windows), tensors['windows'])
    stored = np.where(scene.labels == IGNORE_INDEX, 0, scene.labels + 1)
    np.testing.assert_array_equal(stored.ravel(), tensors['window_labels'])

    seed = expected['numpy_legacy_seed']
    for index, (train, val) in enumerate(expected['split_number']):
        splitter = NumberSplit(train, val, seed=seed, small_class='reference')
        _check_split(splitter, tensors['split_gt'], case.group(f'split{index}/'))
    splitter = RatioSplit(*expected['split_ratio'], seed=seed, small_class='reference')
    _check_split(splitter, tensors['split_gt'], case.group('ratio/'))


def _check_split(splitter: BaseSplitter, stored: np.ndarray, wanted: dict[str, np.ndarray]) -> None:
    labels = np.where(stored > 0, stored - 1, IGNORE_INDEX)[None]
    split = splitter(labels)
    drawn = zip(*splitter.per_class(labels, list(range(stored.max()))), strict=True)
    for name, parts in zip(('train', 'val', 'test'), drawn, strict=True):
        np.testing.assert_array_equal(np.concatenate(parts), wanted[name])
        np.testing.assert_array_equal(getattr(split, name), np.sort(wanted[name]))


def check_pca_whiten(case: GoldenCase) -> None:
    """Whitened principal components, each up to its sign."""
    cube, wanted = case.tensors['cube'], case.tensors['components']
    pca = SpectralPCA(case.json['expected']['num_components'])
    pca.fit(cube.reshape(-1, cube.shape[-1]))
    found = pca(cube)
    signs = np.sign((found * wanted).sum(axis=(0, 1)))
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found * signs, wanted, rtol=1e-4, atol=1e-4)


def check_tile_stitch(case: GoldenCase) -> None:
    """Tile positions and the map stitched from the labels of the tiles."""
    for index, size in enumerate(case.json['expected']['cases']):
        wanted = case.group(f'{index}/')
        shape, tile, overlap = (size['height'], size['width']), size['tile'], size['overlap']
        grid = TileGrid(tile, overlap)
        np.testing.assert_array_equal(grid.starts(0, shape[0]), wanted['row_start'])
        np.testing.assert_array_equal(grid.starts(1, shape[1]), wanted['col_start'])
        positions = grid.positions(*shape)
        assert len(positions) == size['tiles']
        first = positions @ [shape[1], 1]
        bands = max(wanted['tile_first_pixel_index'].max() // max(first.max(), 1), 1)  # counted in the flattened cube
        np.testing.assert_array_equal(first * bands, wanted['tile_first_pixel_index'])
        stitched = grid.stitch(wanted['tile_labels'], positions, shape)
        np.testing.assert_array_equal(stitched, wanted['stitched'])


def check_pad_tiles(case: GoldenCase) -> None:
    """Padding by a copy of the last rows and columns, and the tiles cut from the result."""
    expected = case.json['expected']
    image, tile = case.tensors['image'], expected['tile']
    np.testing.assert_array_equal(
        crop_window(image, 0, 0, *case.tensors['padded'].shape[:2], 'append'), case.tensors['padded']
    )
    positions = TileGrid(tile, layout='overhanging').positions(*image.shape[:2])
    assert len(positions) == expected['num_h'] * expected['num_w']
    tiles = [crop_window(image, top, left, tile, tile, 'append') for top, left in positions]
    np.testing.assert_array_equal(tiles, case.tensors['tiles'])


def check_sliding(case: GoldenCase) -> None:
    """Normalisation, the repeated windows of a large image, and the mean of the logits of the windows."""
    tensors, expected = case.tensors, case.json['expected']
    scale = ScaleValues(factor=1 / 58.395, offset=-123.675 / 58.395)
    np.testing.assert_allclose(scale(tensors['image']), tensors['normalised'], rtol=1e-5, atol=1e-5)
    shape, crop = tensors['image'].shape[:2], expected['crop']
    grid = TileGrid.sliding(crop, crop // 2, layout='repeated')
    positions = grid.positions(*shape)
    np.testing.assert_array_equal(positions, tensors['coords'])
    once = TileGrid.sliding(crop, crop // 2).positions(*shape)
    assert len(once) == expected['unique_tiles']
    np.testing.assert_array_equal(once, np.unique(positions, axis=0))
    merged = grid.stitch(tensors['tile_logits'].transpose(0, 2, 3, 1), positions, shape)
    np.testing.assert_allclose(merged.transpose(2, 0, 1)[None], tensors['merged_logits'], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(merged.argmax(-1)[None], tensors['pred'])
