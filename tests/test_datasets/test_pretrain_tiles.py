import copy
import logging
import os
import pickle
import random
from functools import partial

import numpy as np
import pytest
import torch
from mmengine.dataset import worker_init_fn
from mmengine.logging import MMLogger
from scipy.io import savemat
from shard_scenes import BANDS, SIDE, WAVELENGTHS, make_shards, smooth_cube
from torch.utils.data import DataLoader

from mmhsi.datasets import HSITileDataset, Scene, UnlabelledTileDataset
from mmhsi.datasets.sample_seeds import seed_sample
from mmhsi.registry import DATASETS


@pytest.fixture
def log(tmp_path_factory):
    """A function that returns the content of the log file of the run so far."""
    path = tmp_path_factory.mktemp('log') / 'run.log'
    handler = logging.FileHandler(path)
    logger = MMLogger.get_current_instance()
    logger.addHandler(handler)
    yield path.read_text
    logger.removeHandler(handler)
    handler.close()


def write_tiles(root, count=12, bands=BANDS):
    """The published layout, a tree of .mat files with (bands, rows, columns); returned as (rows, columns, bands)."""
    tiles = {}
    for number in range(count):
        name = f'EO1/{number % 3}/tile_{number:02d}.mat'
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        tiles[name] = smooth_cube(SIDE, SIDE, bands, seed=number, dtype=np.int16)
        savemat(root / name, {'img': tiles[name].transpose(2, 0, 1)})
    return tiles


def batches(dataset, workers, persistent=False, epochs=1, seed=0):
    """Samples of each epoch as MMEngine loads them: workers are seeded alike whenever they start."""
    loader = DataLoader(
        dataset,
        batch_size=2,
        collate_fn=list,
        num_workers=workers,
        persistent_workers=persistent,
        worker_init_fn=partial(worker_init_fn, num_workers=workers, rank=0, seed=seed),
    )
    torch.manual_seed(seed)
    np.random.seed(seed)
    return [[sample for batch in loader for sample in batch] for _ in range(epochs)]


def test_shards_become_samples(tmp_path):
    cubes = {'a': smooth_cube(8, 16), 'b': smooth_cube(8, 8, seed=1)}
    dataset = DATASETS.build(dict(type='HSITileDataset', data_root=str(make_shards(tmp_path, cubes))))
    assert len(dataset) == 3
    sample = dataset[1]
    np.testing.assert_array_equal(sample['img'], cubes['a'][:, 8:])
    assert sample['img'].flags.writeable
    assert sample['sample_idx'] == 1 and sample['origin'] == {'scene': 'a', 'row': 0, 'col': 8}
    assert sample['img_shape'] == sample['ori_shape'] == (8, 8)
    np.testing.assert_allclose(sample['wavelengths'], WAVELENGTHS)
    assert dataset[-1]['sample_idx'] == 2 and dataset.skipped == 0 and dataset.georeference(0) == (None, None)


def test_published_files_become_samples(tmp_path):
    tiles = write_tiles(tmp_path)
    dataset = HSITileDataset(tmp_path, tile_size=SIDE)
    assert [dataset[index]['origin']['scene'] for index in range(len(dataset))] == sorted(tiles)
    for sample in (dataset[0], dataset[7]):
        np.testing.assert_array_equal(sample['img'], tiles[sample['origin']['scene']])
        assert sample['img'].dtype == np.int16 and sample['source_bands'] == BANDS


def test_a_list_of_names_chooses_scenes_or_files(tmp_path):
    shards = make_shards(tmp_path, {name: smooth_cube(8, 8) for name in 'abc'})
    (shards / 'val.txt').write_text('c\na\n')
    dataset = HSITileDataset(shards, ann_file='val.txt')
    assert [dataset[index]['origin']['scene'] for index in range(2)] == ['c', 'a'] and len(dataset) == 2
    (shards / 'val.txt').write_text('c\nz\n')
    with pytest.raises(ValueError, match='1 of the 2 scenes asked for are not there: z'):
        HSITileDataset(shards, ann_file='val.txt')
    write_tiles(tmp_path / 'tiles')
    (tmp_path / 'tiles/val.txt').write_text('EO1/1/tile_04.mat\n')
    dataset = HSITileDataset(tmp_path / 'tiles', ann_file='val.txt', tile_size=SIDE)
    assert len(dataset) == 1 and dataset[0]['origin']['scene'] == 'EO1/1/tile_04.mat'


def test_pipeline_loads_a_window_of_bands_as_float(tmp_path):
    cube = smooth_cube(8, 8)
    pipeline = [dict(type='RandomBandWindow', num_bands=5), dict(type='ScaleValues', factor=1 / 4000)]
    sample = HSITileDataset(make_shards(tmp_path, {'a': cube}), pipeline)[0]
    start = sample['band_start']
    assert sample['img'].dtype == np.float32 and sample['img'].transpose(2, 0, 1).flags.c_contiguous
    np.testing.assert_allclose(sample['img'], cube[..., start : start + 5] / 4000, rtol=1e-6)
    np.testing.assert_allclose(sample['wavelengths'], WAVELENGTHS[start : start + 5])


@pytest.mark.slow
def test_samples_are_packed_for_the_frameworks_of_pre_training(tmp_path):
    cube = smooth_cube(8, 8)
    pipeline = [
        dict(type='RandomBandWindow', num_bands=5),
        dict(type='ScaleValues', factor=1 / 4000),
        dict(type='RandomFlip', prob=1.0, direction='vertical'),
        dict(type='RandomRotate90'),
        dict(type='mmpretrain.PackInputs', meta_keys=('sample_idx', 'origin', 'band_start', 'rotate90')),
    ]
    packed = HSITileDataset(make_shards(tmp_path, {'a': cube}), pipeline)[0]
    meta = packed['data_samples']
    image = np.rot90(cube[::-1, :, meta.band_start : meta.band_start + 5] / np.float32(4000), meta.rotate90)
    assert packed['inputs'].dtype == torch.float32 and packed['inputs'].is_contiguous()
    np.testing.assert_allclose(packed['inputs'], image.transpose(2, 0, 1), rtol=1e-6)
    assert meta.origin == {'scene': 'a', 'row': 0, 'col': 0} and meta.sample_idx == 0


@pytest.mark.parametrize(
    'damage, sentence',
    [
        (lambda path: path.write_bytes(path.read_bytes()[:300]), 'truncated'),
        (lambda path: path.write_bytes(b''), 'the file is empty'),
        (lambda path: path.unlink(), 'no such file'),
        (
            lambda path: savemat(path, {'img': np.ones((BANDS, 7, 8))}),
            '7 x 8 pixels of 12 bands, expected tiles of 8 x 8',
        ),
        (lambda path: savemat(path, {'cube': np.ones((BANDS, 8, 8))}), "key 'img' not found"),
        (lambda path: savemat(path, {'img': np.zeros((BANDS, 8, 8))}), 'all values are 0.0, the tile holds no data'),
    ],
)
@pytest.mark.parametrize('test_mode', [False, True])
def test_a_tile_that_cannot_be_read_is_named_counted_and_replaced(tmp_path, log, damage, sentence, test_mode):
    tiles = write_tiles(tmp_path)
    dataset = HSITileDataset(tmp_path, tile_size=SIDE, test_mode=test_mode)
    name = sorted(tiles)[5]
    damage(tmp_path / name)
    np.random.seed(0)
    sample = dataset[5]
    assert sample['origin']['scene'] != name and dataset.skipped == 1
    if test_mode:
        assert sample['sample_idx'] == 6
    np.testing.assert_array_equal(sample['img'], tiles[sample['origin']['scene']])
    said = log()
    assert name in said and sentence in said and '(skipped; 1 of 12 tiles so far)' in said
    assert dataset[5] is not None and dataset.skipped == 1
    assert log() == said  # said once


def test_missing_values_of_published_files_are_zero(tmp_path):
    cube = smooth_cube(8, 8, dtype=np.float32)
    cube[0, 0, 0], cube[1, 1, 1] = np.nan, -np.inf
    savemat(tmp_path / 'tile.mat', {'img': cube.transpose(2, 0, 1)})
    np.testing.assert_array_equal(HSITileDataset(tmp_path, tile_size=8)[0]['img'], np.nan_to_num(cube, neginf=0))


def test_a_cut_off_shard_is_found_at_the_start(tmp_path, log):
    cubes = {name: smooth_cube(8, 8 * count, seed=count) for name, count in (('a', 2), ('b', 1), ('c', 17))}
    shards = make_shards(tmp_path, cubes)
    os.truncate(shards / 'shards/a.npy', 1000)
    (shards / 'shards/b.npy').unlink()
    with pytest.raises(ValueError, match='3 of 20 tiles cannot be read, more than the share of 0.1 .* max_corrupt'):
        HSITileDataset(shards)
    dataset = HSITileDataset(shards, max_corrupt=0.2)
    assert len(dataset) == 17 and dataset.skipped == 3
    assert {dataset[index]['origin']['scene'] for index in range(17)} == {'c'}
    said = log()
    assert 'shards/a.npy: the shard is cut off: it has 1000 bytes' in said
    assert 'shards/b.npy: the shard cannot be read: No such file' in said


def test_workers_count_together_and_what_they_say_reaches_the_log(tmp_path, log):
    tiles = write_tiles(tmp_path, 40)
    dataset = HSITileDataset(tmp_path, tile_size=SIDE, max_corrupt=0.2)
    bad = sorted(tiles)[3:36:8]
    for name in bad:
        (tmp_path / name).write_bytes(b'no tile')
    epochs = batches(dataset, workers=2, epochs=2)
    assert [len(epoch) for epoch in epochs] == [40, 40]
    assert not {sample['origin']['scene'] for epoch in epochs for sample in epoch} & set(bad)
    assert dataset.skipped == len(bad) == 5
    for name in bad:
        assert log().count(name) == 1  # though the workers of the second epoch are new
    # the main process goes on counting where the workers stopped
    for index in (0, 1, 2):
        (tmp_path / sorted(tiles)[index]).write_bytes(b'no tile')
        assert dataset[index] is not None
    (tmp_path / sorted(tiles)[39]).write_bytes(b'no tile')
    with pytest.raises(ValueError, match='9 of 40 tiles cannot be read, more than the share of 0.2 .*tile_38.mat'):
        dataset[39]


def test_scenes_of_too_few_bands_stop_or_are_left_out_as_the_window_says(tmp_path, log):
    shards = make_shards(tmp_path, {'few': smooth_cube(8, 8, 5), 'many': smooth_cube(8, 24)})
    with pytest.raises(ValueError, match='takes 10 bands, but the tile at row 0, column 0 of few has 5'):
        HSITileDataset(shards, [dict(type='RandomBandWindow', num_bands=10)])[0]
    dataset = HSITileDataset(shards, [dict(type='RandomBandWindow', num_bands=10, too_few='skip')])
    assert dataset[0]['origin']['scene'] == 'many' and dataset.skipped == 1
    assert 'few.npy, tile 0: a transform of the pipeline rejected the tile' in log()
    none = HSITileDataset(shards, [dict(type='RandomBandWindow', num_bands=100, too_few='skip')], max_refetch=20)
    with pytest.raises(ValueError, match='none of 21 tiles could be used'):
        none[0]


def test_folders_without_tiles_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match='nowhere: no such folder of tiles'):
        HSITileDataset(tmp_path / 'nowhere')
    with pytest.raises(ValueError, match='neither an index of shards .index.json. nor any file that ends in .mat'):
        HSITileDataset(tmp_path)
    shards = make_shards(tmp_path, {'a': smooth_cube(8, 8)})
    (shards / 'index.json').unlink()
    with pytest.raises(FileNotFoundError, match='no index yet; run .* --merge'):
        HSITileDataset(shards)
    (shards / 'index.json').write_text('{}')
    with pytest.raises(ValueError, match='index.json: the file does not have the format'):
        HSITileDataset(shards)


def test_subsets_and_pickled_datasets_read_the_same_tiles(tmp_path):
    dataset = HSITileDataset(make_shards(tmp_path, {'a': smooth_cube(8, 80)}))
    subset = dataset.get_subset([7, 2])
    assert [subset[index]['origin']['col'] for index in (0, 1)] == [56, 16]
    assert subset.store is dataset.store and copy.deepcopy(dataset).store is dataset.store
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(dataset))[3]['img'], dataset[3]['img'])
    assert len(HSITileDataset(dataset.store.root, indices=4)) == 4


def resident_bytes():
    with open('/proc/self/statm') as stream:
        return int(stream.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')


@pytest.mark.skipif(not os.path.exists('/proc/self/statm'), reason='memory is read from /proc')
def test_memory_does_not_grow_with_what_was_read(tmp_path):
    cubes = {str(number): smooth_cube(128, 1024, seed=number) for number in range(4)}
    shards = make_shards(tmp_path, cubes, tile_size=64)  # 13 MB
    dataset = HSITileDataset(shards, [dict(type='RandomBandWindow', num_bands=10)])
    for index in range(16):
        dataset[index]
    before = resident_bytes()
    for index in np.random.default_rng(0).permutation(np.arange(1000) % len(dataset)):
        dataset[index]
    assert resident_bytes() - before < 4 * 2**20


def windows_of(epochs):
    return [[sample['img'][0, 0].tolist() for sample in epoch] for epoch in epochs]


class Draws:
    """A transform that puts what the three generators give into the sample."""

    def __call__(self, results):
        results['img'] = np.array([[[np.random.rand(), random.random(), torch.rand(()).item()]]])
        return results


@pytest.mark.parametrize('persistent', [False, True])
def test_random_numbers_differ_between_workers_and_epochs_and_repeat_with_the_seed(tmp_path, persistent):
    dataset = HSITileDataset(make_shards(tmp_path, {'a': smooth_cube(8, 128)}), [Draws()])
    first = windows_of(batches(dataset, 2, persistent, epochs=3))
    numbers = [number for epoch in first for sample in epoch for number in sample]
    assert len(set(numbers)) == len(numbers) == 3 * 16 * 3
    assert windows_of(batches(dataset, 2, persistent, epochs=3)) == first
    assert windows_of(batches(dataset, 2, persistent, epochs=3, seed=1)) != first


def test_a_resumed_run_draws_what_the_uninterrupted_one_would(tmp_path):
    dataset = HSITileDataset(make_shards(tmp_path, {'a': smooth_cube(8, 128)}), [Draws()])

    def run(first, last, workers=2):
        loader = DataLoader(
            dataset,
            batch_size=2,
            collate_fn=list,
            num_workers=workers,
            worker_init_fn=partial(worker_init_fn, num_workers=workers, rank=0, seed=5),
        )
        epochs = []
        for epoch in range(first, last):
            torch.manual_seed(100 + epoch)  # as IterationSeedHook does, by the iteration
            epochs.append([sample for batch in loader for sample in batch])
        return windows_of(epochs)

    assert run(2, 4) == run(0, 4)[2:]


def test_random_numbers_of_the_main_process_are_not_touched():
    np.random.seed(0)
    expected = np.random.rand(2)
    np.random.seed(0)
    seed_sample(3)
    np.testing.assert_array_equal(np.random.rand(2), expected)


def test_tiles_of_scenes_at_hand(tmp_path):
    first, second = smooth_cube(20, 16, dtype=np.float32), smooth_cube(8, 8, 9, dtype=np.float32)
    first[:8, :4] = np.nan
    labels = np.full((20, 16), 7)
    scenes = [
        Scene(first, labels, name='first', preprocessing=[dict(type='ScaleValues', factor=0.5)]),
        Scene(second, name='second'),
    ]
    dataset = UnlabelledTileDataset(
        scenes, tile_size=8, overlap=2, pipeline=[dict(type='RandomBandWindow', num_bands=9)]
    )
    origins = [dataset[index]['origin'] for index in range(len(dataset))]
    # 6 pixels from tile to tile; columns 0, 4, 8 and rows 0, 6, 12, without the tiles that touch the missing pixels
    # in more than 5 percent
    expected = [('first', row, col) for row in (0, 6, 12) for col in (0, 4, 8) if not (row < 8 and col < 4)]
    assert [tuple(origin.values()) for origin in origins] == [*expected, ('second', 0, 0)]
    assert dataset.skipped == 2
    for index, origin in enumerate(origins[:-1]):
        sample = dataset[index]
        row, col = origin['row'], origin['col']
        np.testing.assert_array_equal(
            sample['img'], first[row : row + 8, col : col + 8, sample['bands']] * np.float32(0.5)
        )
        assert set(sample) == {
            'img',
            'bands',
            'source_bands',
            'origin',
            'sample_idx',
            'img_shape',
            'ori_shape',
            'band_start',
        }
    np.testing.assert_array_equal(dataset[len(origins) - 1]['img'], second)


def test_labels_of_a_scene_are_not_read(tmp_path):
    np.save(tmp_path / 'cube.npy', smooth_cube(8, 8))
    scene = dict(
        image=str(tmp_path / 'cube.npy'),
        labels=str(tmp_path / 'absent.mat'),
        cache=False,
        split=dict(type='NumberSplit', train=1),
    )
    dataset = DATASETS.build(dict(type='UnlabelledTileDataset', scene=scene, tile_size=8))
    assert len(dataset) == 1 and dataset[0]['origin'] == {'scene': 'cube', 'row': 0, 'col': 0}


def test_scenes_without_a_whole_tile_are_refused():
    with pytest.raises(ValueError, match="scene 'small' of 7 x 9 pixels is smaller than a tile of 8 x 8"):
        UnlabelledTileDataset(Scene(smooth_cube(7, 9), name='small'), tile_size=8)
    cube = smooth_cube(8, 8, dtype=np.float32)
    cube[:, 0] = np.nan
    with pytest.raises(ValueError, match='no tile is left: in all 1, more than the share of 0.05'):
        UnlabelledTileDataset(Scene(cube), tile_size=8)
