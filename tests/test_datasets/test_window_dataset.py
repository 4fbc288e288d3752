import time
import timeit

import h5py
import numpy as np
import pytest
import rasterio
import torch
from mmengine.dataset import pseudo_collate
from rasterio import Affine
from torch.utils.data import DataLoader

from mmhsi.datasets import Scene, WindowDataset
from mmhsi.datasets.io import open_cube
from mmhsi.datasets.scenes import cube_source
from mmhsi.registry import DATASETS
from mmhsi.utils.windows import crop_window

HEIGHT, WIDTH, BANDS = 12, 15, 30


@pytest.fixture
def scene():
    rng = np.random.RandomState(0)
    cube = rng.rand(HEIGHT, WIDTH, BANDS).astype(np.float32)
    cube[3, 4, 7] = np.nan
    labels = rng.randint(0, 4, size=(HEIGHT, WIDTH))
    split = {'type': 'NumberSplit', 'train': 5, 'val': 3}
    return Scene(cube, labels, ['Corn', 'Oats', 'Wheat'], split=split, name='field')


def test_windows_are_centred_on_the_pixels_of_the_subset(scene):
    cube = scene.window(0, 0, HEIGHT, WIDTH)
    dataset = WindowDataset(scene, 'train', window_size=5)
    assert len(dataset) == 15
    for index, pixel in enumerate(scene.split.train):
        sample = dataset[index]
        row, col = divmod(int(pixel), WIDTH)
        assert (sample['row'], sample['col'], sample['sample_idx']) == (row, col, index)
        assert (sample['scene_name'], sample['scene_shape']) == ('field', (HEIGHT, WIDTH))
        assert sample['gt_label'] == scene.labels[row, col]
        assert sample['img'].dtype == np.float32
        np.testing.assert_array_equal(sample['img'], crop_window(cube, row - 2, col - 2, 5, 5))
        assert 'scene' not in sample
    assert dataset[-1]['sample_idx'] == 14


def test_padding_follows_pad_mode(scene):
    cube = scene.window(0, 0, HEIGHT, WIDTH)
    for mode in ('constant', 'symmetric', 'reflect'):
        sample = WindowDataset(scene, 'all', window_size=7, pad_mode=mode)[0]
        np.testing.assert_array_equal(sample['img'], crop_window(cube, -3, -3, 7, 7, mode))


def test_subset_all_has_every_valid_pixel_and_the_labels_of_the_test_pixels(scene):
    dataset = WindowDataset(scene, 'all', window_size=3)
    assert len(dataset) == HEIGHT * WIDTH - 1
    found = np.full((HEIGHT, WIDTH), 255)
    for sample in (dataset[index] for index in range(len(dataset))):
        found[sample['row'], sample['col']] = sample['gt_label']
    wanted = np.full(HEIGHT * WIDTH, 255)
    wanted[scene.split.test] = scene.labels.ravel()[scene.split.test]
    np.testing.assert_array_equal(found.ravel(), wanted)


@pytest.mark.parametrize(
    'subset, evaluate_on, labelled',
    [
        ('all', None, 'test'),
        ('all', 'val', 'val'),
        ('all', 'labelled', 'labelled'),
        ('labelled', None, 'labelled'),
        ('labelled', 'train', 'train'),
    ],
)
def test_labels_are_those_of_evaluate_on(scene, subset, evaluate_on, labelled):
    dataset = WindowDataset(scene, subset, evaluate_on, window_size=1)
    samples = [dataset[index] for index in range(len(dataset))]
    carrying = [sample['row'] * WIDTH + sample['col'] for sample in samples if sample['gt_label'] != 255]
    assert carrying == scene.subset(labelled).tolist()


def test_scene_without_split_evaluates_on_all_labels():
    dataset = WindowDataset(Scene(np.zeros((4, 4, 2)), np.eye(4, dtype=int)), 'all', window_size=3)
    assert [dataset[index]['gt_label'] for index in range(6)] == [0, 255, 255, 255, 255, 0]


def test_config_builds_the_dataset_with_its_meta_information(tmp_path):
    np.save(tmp_path / 'cube.npy', np.zeros((9, 9, 3)))
    np.save(tmp_path / 'labels.npy', np.arange(81).reshape(9, 9) % 4)
    scene = {
        'type': 'Scene',
        'image': 'cube.npy',
        'labels': 'labels.npy',
        'data_root': str(tmp_path),
        'classes': ['a', 'b', 'c'],
        'split': {'type': 'RatioSplit', 'train': 0.2, 'val': 0.2},
    }
    built = [
        DATASETS.build({'type': 'WindowDataset', 'scene': scene, 'subset': subset, 'window_size': 3})
        for subset in ('train', 'val', 'test')
    ]
    assert built[0].scene is built[1].scene is built[2].scene
    assert sum(map(len, built)) == 60
    assert built[0].metainfo['classes'] == ('a', 'b', 'c') and len(built[0].metainfo['palette']) == 3


@pytest.mark.parametrize('loading', [[], [{'type': 'LoadSceneWindow'}]])
def test_pack_inputs_of_mmpretrain_carries_image_label_and_meta_keys(scene, loading):
    keys = ('sample_idx', 'row', 'col', 'scene_name', 'scene_shape', 'img_shape')
    pipeline = [
        *loading,
        {'type': 'RandomFlip', 'prob': 1.0, 'direction': 'horizontal'},
        {'type': 'RandomRotate90'},
        {'type': 'mmpretrain.PackInputs', 'meta_keys': keys},
    ]
    dataset = WindowDataset(scene, 'train', window_size=5, pipeline=pipeline)
    batch = pseudo_collate([dataset[index] for index in range(4)])
    assert [tuple(image.shape) for image in batch['inputs']] == [(BANDS, 5, 5)] * 4
    plain = WindowDataset(scene, 'train', window_size=5)[2]
    sample = batch['data_samples'][2]
    assert sample.gt_label.tolist() == [plain['gt_label']]
    assert {key: sample.metainfo[key] for key in keys} == {key: plain[key] for key in keys}
    assert torch.equal(batch['inputs'][2][:, 2, 2], torch.from_numpy(plain['img'][2, 2]))


@pytest.mark.parametrize('cache', [True, False])
def test_workers_give_the_same_samples(tmp_path, cache):
    cube = np.random.RandomState(0).rand(BANDS, HEIGHT, WIDTH).astype(np.float32)
    profile = {'height': HEIGHT, 'width': WIDTH, 'count': BANDS, 'dtype': 'float32', 'transform': Affine.scale(30, -30)}
    with rasterio.open(tmp_path / 'cube.tif', 'w', driver='GTiff', **profile) as file:
        file.write(cube)
    scene = Scene(str(tmp_path / 'cube.tif'), cache=cache, preprocessing=[{'type': 'Standardize'}])
    dataset = WindowDataset(scene, 'all', window_size=5)
    loader = DataLoader(dataset, batch_size=32, num_workers=2, collate_fn=pseudo_collate)
    images = np.concatenate([batch['img'] for batch in loader])
    np.testing.assert_array_equal(images, [dataset[index]['img'] for index in range(len(dataset))])


def test_subset_of_the_samples_shares_the_scene(scene):
    dataset = WindowDataset(scene, 'train', window_size=3, indices=4)
    assert len(dataset) == 4
    part = WindowDataset(scene, 'train', window_size=3).get_subset([3, 1])
    assert part.scene is scene and len(part) == 2
    assert part[1]['row'] * WIDTH + part[1]['col'] == scene.split.train[1]
    assert dataset.get_cat_ids(2) == [dataset[2]['gt_label']]


def test_lazy_dataset_prepares_the_scene_at_the_first_sample():
    cube = np.full((6, 6, 3), np.nan)
    dataset = WindowDataset(Scene(cube), 'all', window_size=3, lazy_init=True)
    cube[:] = 1
    assert dataset[0]['img'].sum() == 12


def test_a_window_costs_little():
    scene = Scene(np.random.rand(60, 60, 30).astype(np.float32))
    dataset = WindowDataset(scene, 'all', window_size=11)
    positions = np.random.RandomState(0).permutation(len(dataset))[:500].tolist()
    runs = timeit.repeat(lambda: [dataset[index] for index in positions], time.process_time, number=1, repeat=5)
    assert min(runs) / len(positions) < 50e-6  # seconds of this process, however busy the machine is


def test_windows_too_large_for_the_scene_are_refused(scene):
    assert WindowDataset(scene, 'train', window_size=23)[0]['img'].shape == (23, 23, BANDS)
    with pytest.raises(ValueError, match="windows of 25 x 25 .* scene 'field' of 12 x 15: .* between 1 and 24"):
        WindowDataset(scene, 'train', window_size=25)
    assert WindowDataset(scene, 'train', window_size=24, pad_mode='reflect')[0]['img'].shape == (24, 24, BANDS)
    with pytest.raises(ValueError, match='begins 2 pixels before an axis cannot be filled with pad_mode "append"'):
        WindowDataset(scene, 'train', window_size=5, pad_mode='append')


def test_empty_subset_is_named(scene):
    split = {'type': 'NumberSplit', 'train': 1, 'val': 0}
    no_val = Scene(np.zeros((4, 4, 2)), np.eye(4, dtype=int), split=split, name='x')
    with pytest.raises(ValueError, match="subset 'val' of scene 'x' has no pixel"):
        WindowDataset(no_val, 'val', window_size=3)


def test_jitter_moves_the_window_and_keeps_the_label(scene):
    cube = scene.window(0, 0, HEIGHT, WIDTH)
    dataset = WindowDataset(scene, 'train', window_size=5, pipeline=[{'type': 'LoadSceneWindow', 'jitter': 1}])
    row, col = divmod(int(scene.split.train[0]), WIDTH)
    shifted = {(i, j): crop_window(cube, row + i - 2, col + j - 2, 5, 5) for i in (-1, 0, 1) for j in (-1, 0, 1)}
    np.random.seed(0)
    seen = set()
    for _ in range(100):
        sample = dataset[0]
        assert sample['gt_label'] == scene.labels[row, col]
        seen.update(shift for shift, window in shifted.items() if np.array_equal(window, sample['img']))
    assert seen == set(shifted)
    with pytest.raises(ValueError, match='jitter must not be negative'):
        WindowDataset(scene, 'train', window_size=5, pipeline=[{'type': 'LoadSceneWindow', 'jitter': -1}])


def test_blocks_that_make_windows_slow_are_named(tmp_path, monkeypatch):
    cube = np.zeros((16, 40, 6), np.uint16)
    shape = dict(driver='GTiff', height=16, width=40, count=6, dtype='uint16')
    transform = Affine(1, 0, 0, 0, -1, 0)
    for name, profile in (
        ('plain', {}),
        ('strips', dict(compress='deflate', blockysize=2, interleave='band')),
        ('tiles', dict(compress='deflate', interleave='pixel', tiled=True, blockxsize=16, blockysize=16)),
    ):
        with rasterio.open(tmp_path / f'{name}.tif', 'w', transform=transform, **shape, **profile) as file:
            file.write(np.moveaxis(cube, -1, 0))
    with h5py.File(tmp_path / 'lines.mat', 'w') as file:  # a MATLAB file, whose axes are reversed
        file.create_dataset('cube', data=cube.transpose(2, 1, 0), chunks=(6, 40, 2), compression='gzip')
    found = {path.stem: open_cube(path) for path in sorted(tmp_path.iterdir())}
    assert {name: reader.blocks for name, reader in found.items()} == {
        'lines': (2, 40, 6),
        'plain': None,
        'strips': (2, 40, 1),
        'tiles': (16, 16, 6),
    }
    # 4 rows touch 5 of 2 on average, 4 columns all 40, and 6 bands themselves
    assert found['lines'].unpacked_share(4, 4, 6) == pytest.approx(5 / 4 * 40 / 4)
    assert found['plain'].unpacked_share(4, 4, 6) == 1
    scene = dict(image=str(tmp_path / 'strips.tif'), cache=False)
    view = Scene(**scene).view
    assert view.advise(4, 4) is None  # all of it fits into the cache
    monkeypatch.setattr(cube_source, 'BLOCK_CACHE', 1000)
    assert 'unpack 12 times as many values' in view.advise(4, 4) and '2 x 40 pixels and 1 bands' in view.advise(4, 4)
    assert Scene(str(tmp_path / 'plain.tif'), cache=False).view.advise(4, 4) is None
    logged = []
    monkeypatch.setattr('mmhsi.datasets.scene_dataset.print_log', lambda text, *_: logged.append(text))
    WindowDataset(dict(scene, type='Scene'), subset='all', window_size=4, pipeline=[]).full_init()
    assert len(logged) == 1 and 'cache=True keeps the scene in memory' in logged[0]
