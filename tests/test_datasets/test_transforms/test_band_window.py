import json

import numpy as np
import pytest
from mmcv.transforms import Compose, RandomFlip
from mmengine.registry import init_default_scope

from mmhsi.datasets.transforms import (
    RandomBands,
    RandomBandWindow,
    RandomRotate90,
    RandomTileCrop,
    ScaleValues,
    StandardizeTile,
)
from mmhsi.registry import TRANSFORMS


def sample(bands=10, size=6, row=0, stored_as_chw=True):
    """A tile whose values tell row, column and band: as a view of (C, h, w) that cannot be written, as from a shard."""
    rows, cols, numbers = np.ogrid[:size, :size, :bands]
    image = (10_000 * rows + 100 * cols + numbers).astype(np.int32)
    if stored_as_chw:
        image = np.ascontiguousarray(image.transpose(2, 0, 1)).transpose(1, 2, 0)
    image.flags.writeable = False
    return {
        'img': image,
        'bands': np.arange(bands),
        'source_bands': bands,
        'wavelengths': 400.0 + np.arange(bands),
        'origin': {'scene': 'scene', 'row': row, 'col': 0},
        'img_shape': (size, size),
    }


@pytest.mark.parametrize('per_sample', [True, False])
def test_window_is_consecutive_and_bands_and_wavelengths_follow(per_sample):
    np.random.seed(0)
    starts = set()
    for row in range(60):
        whole = sample(row=row)
        cut = RandomBandWindow(7, per_sample)(sample(row=row))
        start = cut['band_start']
        starts.add(start)
        assert cut['img'].dtype == np.float32 and cut['img'].flags.writeable
        np.testing.assert_array_equal(cut['img'], whole['img'][..., start : start + 7])
        assert cut['bands'].tolist() == list(range(start, start + 7))
        np.testing.assert_array_equal(cut['wavelengths'], 400.0 + cut['bands'])
    assert starts == {0, 1, 2, 3}


def test_windows_of_samples_are_equally_likely():
    np.random.seed(1)
    counts = np.bincount([RandomBandWindow(7)(sample(size=1))['band_start'] for _ in range(4000)])
    np.testing.assert_allclose(counts / 4000, [0.25] * 4, atol=0.03)


def test_windows_of_files_are_rounded_shares_of_the_spare_bands():
    counts = np.bincount(
        [RandomBandWindow(7, per_sample=False)(sample(size=1, row=row))['band_start'] for row in range(4000)]
    )
    # r in [0, 1/6], [1/6, 1/2], [1/2, 5/6], [5/6, 1]
    np.testing.assert_allclose(counts / 4000, [1 / 6, 1 / 3, 1 / 3, 1 / 6], atol=0.03)


@pytest.mark.parametrize('bands, share, start', [(105, 0.5, 2), (107, 0.5, 4), (100, 0.9, 0), (242, 0.25, 36)])
def test_start_of_a_file_is_rounded_half_to_even(monkeypatch, bands, share, start):
    monkeypatch.setattr('mmhsi.datasets.transforms.band_window._file_share', lambda results, seed: share)
    assert RandomBandWindow(per_sample=False)(sample(bands, 1))['band_start'] == start


def test_window_of_a_file_stays_whatever_is_drawn_before_and_depends_on_the_seed():
    windows = []
    for seed in (0, 0, 1):
        np.random.seed(len(windows))
        transform = RandomBandWindow(3, per_sample=False, seed=seed)
        windows.append([transform(sample(30, 1, row))['band_start'] for row in range(20)])
    assert windows[0] == windows[1] != windows[2]
    results = sample()
    del results['origin']
    with pytest.raises(ValueError, match="needs the 'origin'"):
        RandomBandWindow(7, per_sample=False)(results)


def test_too_few_bands_are_an_error_or_no_sample():
    assert RandomBandWindow(10)(sample())['img'].shape == (6, 6, 10)
    with pytest.raises(ValueError, match='takes 11 bands, but the tile at row 5, column 0 of scene has 10; .*skip'):
        RandomBandWindow(11)(sample(row=5))
    assert RandomBandWindow(11, too_few='skip')(sample()) is None
    with pytest.raises(ValueError, match="'error' or 'skip'"):
        RandomBandWindow(too_few='pad')
    with pytest.raises(ValueError, match='num_bands must be positive'):
        RandomBandWindow(0)


def test_crop_is_at_every_place_and_says_where():
    np.random.seed(0)
    places = set()
    for _ in range(200):
        cut = RandomTileCrop(4)(sample())
        top, left, height, width = cut['crop']
        places.add((top, left))
        assert cut['img_shape'] == (height, width) == (4, 4)
        np.testing.assert_array_equal(cut['img'], sample()['img'][top : top + 4, left : left + 4])
    assert places == {(row, col) for row in range(3) for col in range(3)}
    with pytest.raises(ValueError, match='takes 7 x 7 pixels, but the tile at row 0, column 0 of scene has 6 x 6'):
        RandomTileCrop(7)(sample())


def test_the_whole_pipeline_of_pre_training_keeps_pixels_and_bands_together():
    """Undo what the sample says was done to it: scaling, window, flip and rotation all really happened."""
    init_default_scope('mmhsi')
    pipeline = Compose(
        [
            TRANSFORMS.build(step)
            for step in (
                dict(type='RandomTileCrop', size=5),
                dict(type='RandomBandWindow', num_bands=7),
                dict(type='ScaleValues', factor=1 / 4000),
                dict(type='RandomFlip', prob=[0.4, 0.4], direction=['horizontal', 'vertical']),
                dict(type='RandomRotate90'),
            )
        ]
    )
    assert isinstance(pipeline.transforms[3], RandomFlip) and isinstance(pipeline.transforms[4], RandomRotate90)
    np.random.seed(0)
    seen = set()
    for _ in range(100):
        results = pipeline(sample())
        image = np.rot90(results['img'], -results['rotate90'])
        direction = results['flip_direction']
        if direction is not None:
            image = np.flip(image, {'horizontal': 1, 'vertical': 0}[direction])
        top, left, *_ = results['crop']
        whole = sample()['img'][top : top + 5, left : left + 5, results['bands']]
        np.testing.assert_allclose(image, whole / np.float32(4000), rtol=1e-6)
        seen.add((direction, results['rotate90'], results['band_start']))
    assert {direction for direction, *_ in seen} == {None, 'horizontal', 'vertical'}
    assert {turns for _, turns, _ in seen} == {0, 1, 2, 3} == {start for *_, start in seen}


def test_the_given_array_is_left_alone():
    results = sample()
    image = results['img']
    ScaleValues(factor=2)(RandomBandWindow(10)(RandomTileCrop(6)(results)))
    np.testing.assert_array_equal(image, sample()['img'])


def test_tiles_are_standardised_by_the_statistics_of_their_bands(tmp_path):
    statistics = {
        'sensors': [
            {'source_bands': 10, 'mean': [*map(float, range(9)), None], 'std': [2.0] * 9 + [None]},
            {'source_bands': 3, 'mean': [7.0] * 3, 'std': [1.0] * 3},
        ]
    }
    path = tmp_path / 'statistics.json'
    path.write_text(json.dumps(statistics))
    transform = TRANSFORMS.build(dict(type='StandardizeTile', statistics=str(path), eps=0.0))
    np.random.seed(3)
    cut = RandomBandWindow(4)({**sample(9), 'source_bands': 10})
    start = cut['band_start']
    assert start > 0
    raw = cut['img'].copy()
    np.testing.assert_allclose(transform(cut)['img'], (raw - np.arange(start, start + 4)) / 2)
    np.testing.assert_allclose(transform(sample(3))['img'], sample(3)['img'] - 7.0)
    with pytest.raises(ValueError, match='statistics.json: no statistics of the bands 0 to 9 of a source of 10 bands'):
        transform(sample())
    with pytest.raises(ValueError, match='a source of 5 bands'):
        transform(sample(5))
    with pytest.raises(FileNotFoundError, match='no such file of statistics'):
        StandardizeTile(tmp_path / 'absent.json')


def test_random_bands_are_distinct_descending_and_equally_likely():
    np.random.seed(0)
    counts = np.zeros(10)
    for _ in range(2000):
        taken = RandomBands(3)(sample(size=1))
        bands = taken['bands'].tolist()
        assert bands == sorted(set(bands), reverse=True) and len(bands) == 3
        np.testing.assert_array_equal(taken['img'], sample(size=1)['img'][..., bands])
        np.testing.assert_array_equal(taken['wavelengths'], 400.0 + taken['bands'])
        counts[bands] += 1
    assert taken['img'].dtype == np.float32
    np.testing.assert_allclose(counts / 2000, [0.3] * 10, atol=0.04)


def test_random_bands_of_too_few():
    with pytest.raises(ValueError, match="takes 11 bands, but the tile at row 0, .* has 10; too_few='skip'"):
        RandomBands(11)(sample())
    assert RandomBands(11, too_few='skip')(sample()) is None
    with pytest.raises(ValueError, match='num_bands must be positive'):
        RandomBands(0)
