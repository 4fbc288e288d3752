import numpy as np
import pytest
import torch

from mmhsi.datasets import Scene, TileDataset
from mmhsi.utils.tiling import TileGrid

HEIGHT, WIDTH, BANDS = 20, 23, 30


@pytest.fixture
def scene():
    rng = np.random.RandomState(0)
    labels = rng.randint(0, 4, size=(HEIGHT, WIDTH))
    cube = rng.rand(HEIGHT, WIDTH, BANDS).astype(np.float32)
    split = {'type': 'NumberSplit', 'train': 2, 'val': 1}
    return Scene(cube, labels, ['Corn', 'Oats', 'Wheat'], split=split, name='field')


def test_tiles_cover_the_scene(scene):
    dataset = TileDataset(scene, 'all', tile_size=8, overlap=4)
    samples = [dataset[index] for index in range(len(dataset))]
    positions = [(sample['top'], sample['left']) for sample in samples]
    np.testing.assert_array_equal(positions, TileGrid(8, 4).positions(HEIGHT, WIDTH))
    stitched = TileGrid(8, 4).stitch([sample['img'] for sample in samples], positions, (HEIGHT, WIDTH))
    np.testing.assert_array_equal(stitched, scene.window(0, 0, HEIGHT, WIDTH))
    sample = samples[3]
    assert (sample['sample_idx'], sample['scene_name'], sample['scene_shape']) == (3, 'field', (HEIGHT, WIDTH))
    assert sample['img_shape'] == sample['ori_shape'] == (8, 8) and sample['overlap'] == 4


@pytest.mark.parametrize(
    'subset, labelled',
    [('train', 'train'), ('val', 'val'), ('test', 'test'), ('labelled', 'labelled'), ('all', 'test')],
)
def test_label_maps_hold_the_pixels_of_the_subset(scene, subset, labelled):
    dataset = TileDataset(scene, subset, tile_size=8, overlap=2)
    wanted = np.full(HEIGHT * WIDTH, 255)
    pixels = scene.subset(labelled)
    wanted[pixels] = scene.labels.ravel()[pixels]
    wanted = wanted.reshape(HEIGHT, WIDTH)
    for sample in (dataset[index] for index in range(len(dataset))):
        top, left = sample['top'], sample['left']
        assert sample['gt_seg_map'].dtype == np.uint8
        np.testing.assert_array_equal(sample['gt_seg_map'], wanted[top : top + 8, left : left + 8])


def test_tiles_without_a_pixel_of_the_subset_are_left_out(scene):
    train = TileDataset(scene, 'train', tile_size=4)
    rows, cols = np.divmod(scene.split.train, WIDTH)
    wanted = [
        (top, left)
        for top, left in TileGrid(4).positions(HEIGHT, WIDTH).tolist()
        if ((top <= rows) & (rows < top + 4) & (left <= cols) & (cols < left + 4)).any()
    ]
    assert [(train[index]['top'], train[index]['left']) for index in range(len(train))] == wanted
    assert 0 < len(wanted) < len(TileDataset(scene, 'all', tile_size=4)) == 30
    sample = train[1]
    assert train.get_cat_ids(1) == sorted(set(sample['gt_seg_map'].ravel().tolist()) - {255})


@pytest.mark.parametrize('tile', [8, 23, 25])
def test_fixed_grid_hangs_over_the_border(scene, tile):
    dataset = TileDataset(scene, 'all', tile_size=tile, fixed_grid=True, pad_mode='append')
    padded = scene.window(0, 0, HEIGHT, WIDTH)
    for axis, length in enumerate((HEIGHT, WIDTH)):  # the last rows and columns once more, in their order
        padded = np.take(padded, [*range(length), *range(length - -length % tile, length)], axis)
    corners = [(top, left) for top in range(0, HEIGHT, tile) for left in range(0, WIDTH, tile)]
    samples = [dataset[index] for index in range(len(dataset))]
    assert [(sample['top'], sample['left']) for sample in samples] == corners
    for (top, left), sample in zip(corners, samples, strict=True):
        np.testing.assert_array_equal(sample['img'], padded[top : top + tile, left : left + tile])
        assert (sample['gt_seg_map'][HEIGHT - top :] == 255).all()
    stitched = TileGrid(tile).stitch([sample['img'] for sample in samples], corners, (HEIGHT, WIDTH))
    np.testing.assert_array_equal(stitched, scene.window(0, 0, HEIGHT, WIDTH))


def test_tiles_of_a_fixed_grid_do_not_overlap(scene):
    with pytest.raises(ValueError, match='an overlap of 2 is given'):
        TileDataset(scene, 'all', tile_size=8, overlap=2, fixed_grid=True)


def test_scene_smaller_than_a_tile_is_mirrored_and_the_rest_ignored(scene):
    dataset = TileDataset(scene, 'labelled', tile_size=30)
    assert len(dataset) == 1
    sample = dataset[0]
    whole = scene.window(0, 0, HEIGHT, WIDTH)
    np.testing.assert_array_equal(sample['img'], np.pad(whole, [(0, 10), (0, 7), (0, 0)], mode='reflect'))
    np.testing.assert_array_equal(sample['gt_seg_map'][:HEIGHT, :WIDTH], scene.labels)
    assert (sample['gt_seg_map'][HEIGHT:] == 255).all() and (sample['gt_seg_map'][:, WIDTH:] == 255).all()
    np.testing.assert_array_equal(TileGrid(30).stitch([sample['img']], [(0, 0)], (HEIGHT, WIDTH)), whole)


def test_a_tile_much_larger_than_the_scene_is_mirrored_several_times_or_refused(scene):
    wanted = np.pad(scene.window(0, 0, HEIGHT, WIDTH), [(0, 70 - HEIGHT), (0, 70 - WIDTH), (0, 0)], 'reflect')
    np.testing.assert_array_equal(TileDataset(scene, 'all', tile_size=70)[0]['img'], wanted)
    assert TileDataset(scene, 'all', tile_size=40, pad_mode='append')[0]['img'].shape == (40, 40, BANDS)
    with pytest.raises(ValueError, match="tiles of 41 x 41 .* scene 'field' of 20 x 23: .* extends 21 pixels"):
        TileDataset(scene, 'all', tile_size=41, pad_mode='append')


def test_pack_seg_inputs_of_mmseg_carries_image_labels_and_meta_keys(scene):
    keys = ('sample_idx', 'top', 'left', 'overlap', 'scene_name', 'scene_shape', 'img_shape', 'ori_shape')
    pipeline = [
        {'type': 'RandomFlip', 'prob': 1.0, 'direction': 'vertical'},
        {'type': 'mmseg.PackSegInputs', 'meta_keys': keys},
    ]
    packed = TileDataset(scene, 'test', tile_size=8, pipeline=pipeline)[2]
    plain = TileDataset(scene, 'test', tile_size=8)[2]
    assert torch.equal(packed['inputs'], torch.from_numpy(plain['img'][::-1].transpose(2, 0, 1).copy()))
    np.testing.assert_array_equal(packed['data_samples'].gt_sem_seg.data[0], plain['gt_seg_map'][::-1])
    assert {key: packed['data_samples'].metainfo[key] for key in keys} == {key: plain[key] for key in keys}


def test_a_sample_is_not_tied_to_the_label_map_of_the_scene(scene):
    dataset = TileDataset(scene, 'labelled', tile_size=8)
    dataset[0]['gt_seg_map'][:] = 77
    dataset[0]['img'][:] = 77
    assert 77 not in dataset[0]['gt_seg_map'] and 77 not in dataset[0]['img']
