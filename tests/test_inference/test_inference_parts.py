"""The parts of the inferencer: lists of scenes, joining of tiles, staging, units, batch sizes."""

import json
import os
import resource

import numpy as np
import pytest
import rasterio
import torch
from inference_cases import classifier, config
from mmengine.registry import init_default_scope
from spectral import envi

from mmhsi.datasets import MinMaxScale, ScaleValues, SelectBands, SpectralPCA, Standardize, open_cube, write_raster
from mmhsi.datasets.transforms.chain import SpectralChain
from mmhsi.datasets.transforms.percentile import PercentileScale
from mmhsi.datasets.transforms.units import file_units
from mmhsi.inference.batches import choose_batch_size, smaller_batches
from mmhsi.inference.inputs import files_of, list_inputs
from mmhsi.inference.staging import Staging
from mmhsi.inference.tiled import tile_strips
from mmhsi.inference.windowed import plan_blocks
from mmhsi.registry import MODELS
from mmhsi.tasks.networks import Classifier
from mmhsi.utils.tiling import TileGrid


def test_strips_and_blocks_cover_the_scene_once():
    grid = TileGrid((16, 16), (8, 8))
    strips = tile_strips(grid.starts(1, 200), 16, 200, 60)
    assert strips[0][0] == 0 and strips[-1][1] == 200 and len(strips) > 2
    assert all(first[1] == second[0] for first, second in zip(strips, strips[1:], strict=False))
    for height, width, window, pixels in ((30, 40, 5, 10**9), (30, 40, 5, 400), (3, 1000, 13, 500), (100, 3, 1, 50)):
        seen = np.zeros((height, width), int)
        for top, left, rows, cols in plan_blocks(height, width, window, pixels):
            seen[top : top + rows, left : left + cols] += 1
            lowest = (2 * window + window - 1) * (window + window - 1)
            assert (rows + window - 1) * (cols + window - 1) <= max(pixels, lowest)
        assert (seen == 1).all()


def test_a_list_that_names_itself_is_refused(tmp_path):
    (tmp_path / 'one.txt').write_text('two.lst\n')
    (tmp_path / 'two.lst').write_text('one.txt\n')
    with pytest.raises(ValueError, match='one.txt: the list names itself'):
        list_inputs(tmp_path / 'one.txt')


def test_a_folder_without_scenes_does_not_hold_up_others(tmp_path):
    (tmp_path / 'empty').mkdir()
    np.save(tmp_path / 'a.npy', np.ones((3, 3, 2)))
    with pytest.raises(ValueError, match='empty: the folder holds no scene'):
        list_inputs([tmp_path / 'empty'])
    scenes = list_inputs([tmp_path / 'empty', tmp_path / 'a.npy'])  # it fails when it is opened
    assert [scene.name for scene in scenes] == ['empty', 'a']


def test_scenes_of_folders_and_lists(tmp_path):
    for name in ('b.tif', 'a.npy', 'notes.txt', '.hidden.tif'):
        (tmp_path / name).write_bytes(b'x')
    write_raster(tmp_path / 'c.img', np.ones((4, 5, 2), np.float32))
    assert [path.name for path in files_of(tmp_path)] == ['a.npy', 'b.tif', 'c.hdr']
    assert [scene.name for scene in list_inputs(tmp_path)] == ['a', 'b', 'c']
    (tmp_path / 'list.txt').write_text('# scenes\na.npy\n\nb.tif\n')
    scenes = list_inputs(tmp_path / 'list.txt', options=dict(key='data', layout=None))
    assert [scene.image for scene in scenes] == [
        dict(path=str(tmp_path / name), key='data') for name in ('a.npy', 'b.tif')
    ]
    (tmp_path / 'pairs.txt').write_text('a.npy\tb.tif\nb.tif\ta.npy\n')
    pairs = list_inputs(tmp_path / 'pairs.txt', pairs=True)
    assert [scene.name for scene in pairs] == ['a', 'b'] and pairs[0].sources[1]['path'].endswith('b.tif')
    with pytest.raises(ValueError, match='a pair of dates is given, but the model takes one scene at a time'):
        list_inputs(tmp_path / 'pairs.txt')
    (tmp_path / 'none.txt').write_text('# nothing\n')
    with pytest.raises(ValueError, match='none.txt: the list contains no scene'):
        list_inputs(tmp_path / 'none.txt')
    with pytest.raises(TypeError, match='found int'):
        list_inputs(3)


def test_equal_names_get_their_folder(tmp_path):
    for folder in ('first', 'second'):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / 'scene.tif').write_bytes(b'x')
    paths = [tmp_path / folder / 'scene.tif' for folder in ('first', 'second')]
    assert [scene.name for scene in list_inputs(paths)] == ['first_scene', 'second_scene']
    with pytest.raises(ValueError, match="two scenes are named .*scene': .*give each scene once"):
        list_inputs([paths[0], paths[0]])


def test_staging_goes_on_and_refuses_a_second_writer(tmp_path):
    staging = Staging(tmp_path / '.x.part', dict(model='a'))
    staging.create('map', (1, 3, 4), 'float32', np.nan)
    staging.write('map', (slice(0, 1), slice(None)), np.full((1, 1, 4), 7))
    staging.advance(5, last=True)
    with pytest.raises(RuntimeError, match='another process is predicting this scene'):
        Staging(tmp_path / '.x.part', dict(model='a'))
    staging.close()
    again = Staging(tmp_path / '.x.part', dict(model='a'))
    again.create('map', (1, 3, 4), 'float32', 0)
    assert again.done == 5 and (again.arrays['map'][0, 0] == 7).all() and np.isnan(again.arrays['map'][0, 1]).all()
    again.close()
    other = Staging(tmp_path / '.x.part', dict(model='b'))
    assert other.done == 0 and not other.arrays
    other.create('map', (1, 3, 4), 'uint8', 0)
    other.advance(2, last=True)
    other.close()
    record = tmp_path / '.x.part/record.json'
    record.write_text(json.dumps(dict(json.loads(record.read_text()), arrays=dict(map=[[1, 3, 5], '|u1']))))
    damaged = Staging(tmp_path / '.x.part', dict(model='b'))
    assert damaged.done == 0
    damaged.remove()
    assert not (tmp_path / '.x.part').exists()


@pytest.fixture
def small_files():
    """No file of over 200 kB can be written, as on a full disk or at the limit of a quota."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize('fill', [0, np.nan])
def test_a_full_disk_is_an_error_that_names_the_layer(tmp_path, small_files, monkeypatch, fill):
    staging = Staging(tmp_path / '.x.part', dict(model='a'))
    staging.create('small', (2, 50, 60), 'float32', fill)
    with pytest.raises(OSError, match=r".x.part: the layer 'large' of 1.0 MiB cannot be written: File too large"):
        staging.create('large', (3, 300, 300), 'float32', fill)
    assert not {'large'} & set(staging.arrays)
    monkeypatch.setattr('os.posix_fallocate', lambda *args: None)
    if fill == 0:
        monkeypatch.setattr('mmhsi.inference.staging._reserve', lambda *args: os.truncate(*args))
        with pytest.raises(OSError, match='cannot be written'):
            staging.create('large', (3, 300, 300), 'float32', fill)
    staging.close()
    again = Staging(tmp_path / '.x.part', dict(model='a'))
    assert set(again.arrays) == {'small'} and again.arrays['small'].shape == (2, 50, 60)
    again.remove()


def test_writing_parts_of_layers_to_files_equals_assignment(tmp_path):
    rng = np.random.default_rng(0)
    staging, memory = Staging(tmp_path / '.x.part', {}), Staging()
    for target in (staging, memory):
        target.create('scores', (3, 21, 17), 'float32', np.nan)
    for _ in range(20):
        top, left = rng.integers(0, 10, 2)
        rows, cols = rng.integers(0, 8, 2)
        if rng.random() < 0.3:
            left, cols = 0, 17
        values = rng.normal(size=(3, rows, cols))
        for target in (staging, memory):
            target.write('scores', (slice(top, top + rows), slice(left, left + cols)), values)
    np.testing.assert_array_equal(staging.arrays['scores'], memory.arrays['scores'])
    assert not staging.arrays['scores'].flags.writeable
    staging.remove()


@pytest.mark.parametrize(
    'change',
    [
        dict(arrays={'../../map': [[1, 3, 4], '<f4']}),
        dict(arrays=3),
        dict(done=-1),
        dict(done='x'),
        dict(settings=None),
        dict(arrays=dict(map=[[1, 3, 4], 'x'])),
    ],
)
def test_a_record_of_a_staging_that_is_damaged_begins_anew(tmp_path, change):
    np.save(tmp_path / 'map.npy', np.zeros((1, 3, 4), np.float32))
    staging = Staging(tmp_path / '.x.part', dict(model='a'))
    staging.create('map', (1, 3, 4), 'float32', 0)
    staging.advance(5, last=True)
    staging.close()
    record = tmp_path / '.x.part/record.json'
    record.write_text(json.dumps(dict(json.loads(record.read_text()), **change)))
    again = Staging(tmp_path / '.x.part', dict(model='a'))
    assert again.done == 0 and not again.arrays
    again.remove()


def test_preprocessed_values_come_back_to_the_units_of_the_file():
    rng = np.random.default_rng(0)
    pixels = rng.uniform(100, 5000, (50, 6)).astype(np.float32)
    for steps in (
        [],
        [ScaleValues(1e-4, 0.1)],
        [SelectBands([1, 4]), Standardize()],
        [MinMaxScale(), Standardize(), SelectBands([3, 0])],
        [MinMaxScale(per_band=True), ScaleValues(2)],
        [PercentileScale(0, 100)],
    ):
        chain = SpectralChain(steps)
        chain.bind(6, None)
        source = pixels if chain.source_bands is None else pixels[:, chain.source_bands]
        chain.fit(source)
        factor, offset = file_units(chain.transforms)
        expected = pixels[:, [3, 0]] if len(steps) == 3 else source
        np.testing.assert_allclose(chain(source) * factor + offset, expected, rtol=1e-4)
    assert file_units([SpectralPCA(2)]) is None


def test_batches_fit_into_the_memory():
    init_default_scope('mmhsi')
    network = Classifier(MODELS.build(config(classifier()).model))
    sample = torch.zeros(1, 6, 10, 10)
    # two convolutions and a tanh of 8 channels, flattened pooling, and 3 logits
    needed = 4 * (3 * 8 * 100 + 8 + 3)
    assert choose_batch_size(network, sample, 10 * needed + needed // 2) in (9, 10)
    assert choose_batch_size(network, sample, 1) == 1
    assert choose_batch_size(network, sample, 2**40) == 256


class Device:
    """A network on a GPU with a number of free bytes, some of which a sample takes and some the weights."""

    device = torch.device('cuda')

    def __init__(self, monkeypatch, weights, sample, free):
        self.sizes, self.sample, self.free, self.used, self.most = [], sample, free, weights, weights
        for name, fake in dict(
            memory_allocated=lambda device: self.used,
            max_memory_allocated=lambda device: self.most,
            reset_peak_memory_stats=lambda device: setattr(self, 'most', self.used),
            empty_cache=lambda: None,
            mem_get_info=lambda device: (self.free, 2 * self.free),
        ).items():
            monkeypatch.setattr(torch.cuda, name, fake)

    def __call__(self, batch, positions=()):
        self.sizes.append(len(batch))
        if len(batch) * self.sample > self.free:
            raise torch.cuda.OutOfMemoryError(f'{len(batch)} samples')
        self.most = max(self.most, self.used + len(batch) * self.sample)
        return batch.sum(dim=(1, 2, 3))[:, None] + torch.tensor([[left] for _, left in positions])


def test_on_a_gpu_batches_fill_half_of_what_is_measured_to_be_free(monkeypatch):
    sample = torch.zeros(1, 2, 3, 3)
    assert choose_batch_size(Device(monkeypatch, 500, 10, 1000), sample, 0) == 50
    assert choose_batch_size(Device(monkeypatch, 500, 900, 2000), sample, 0) == 1
    assert choose_batch_size(Device(monkeypatch, 500, 1, 2**40), sample, 0) == 1024


def test_a_batch_that_does_not_fit_on_the_gpu_is_halved(monkeypatch):
    network = Device(monkeypatch, 0, 10, 35)
    batch, positions = torch.rand(7, 2, 3, 3), [(0, left) for left in range(7)]
    found = smaller_batches(network, batch, positions)
    torch.testing.assert_close(found, batch.sum(dim=(1, 2, 3))[:, None] + torch.arange(7)[:, None])
    assert network.sizes == [7, 3, 4, 2, 2]
    with pytest.raises(torch.cuda.OutOfMemoryError, match='1 samples'):
        smaller_batches(Device(monkeypatch, 0, 40, 35), batch, positions)


def test_envi_class_maps_are_read_by_spectral(tmp_path):
    labels = np.random.default_rng(0).integers(0, 3, (1, 300, 40)).astype(np.uint8)
    facts = dict(
        nodata=0,
        colormap={0: (0, 0, 0), 1: (1, 2, 3), 2: (4, 5, 6)},
        class_names={0: 'no data', 1: 'water', 2: 'grass, dry'},
        band_names=['class'],
    )
    write_raster(tmp_path / 'map.img', labels[0], **facts)
    image = envi.open(str(tmp_path / 'map.hdr'), str(tmp_path / 'map.img'))
    np.testing.assert_array_equal(image.read_band(0), labels[0])
    assert image.metadata['class names'] == ['no data', 'water', 'grass dry']
    assert image.metadata['class lookup'] == ['0', '0', '0', '1', '2', '3', '4', '5', '6']
    with rasterio.open(tmp_path / 'map.img') as dataset:
        assert dataset.colormap(1)[2][:3] == (4, 5, 6)


def test_cubes_keep_their_wavelengths_and_widths(tmp_path):
    cube = np.random.default_rng(0).normal(size=(3, 270, 20)).astype(np.float32)
    waves, widths = np.array([450.0, 550.5, 2200.0]), np.array([5.0, 6.0, 10.0])
    for driver, name in (('GTiff', 'cube.tif'), ('ENVI', 'cube.img')):
        write_raster(
            tmp_path / name, cube.transpose(1, 2, 0), nodata=np.nan, wavelengths=waves, fwhm=widths, driver=driver
        )
        with open_cube(tmp_path / name) as reader:
            np.testing.assert_array_equal(reader.info.wavelengths, waves)
            np.testing.assert_array_equal(reader.info.fwhm, widths)
            np.testing.assert_array_equal(reader.read(), cube.transpose(1, 2, 0))
    with rasterio.open(tmp_path / 'cube.tif') as dataset:
        assert dataset.profile['tiled'] and dataset.profile['compress'] == 'deflate'
