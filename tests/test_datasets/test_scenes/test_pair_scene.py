"""Two dates of one place."""

import logging

import numpy as np
import pytest
from mmengine.logging import MMLogger
from scipy.io import savemat

from mmhsi.datasets import PairScene, TileDataset, WindowDataset, get_scene

H, W, C = 10, 12, 3


@pytest.fixture
def dates():
    rng = np.random.default_rng(0)
    return rng.uniform(0, 50, (H, W, C)).astype(np.float32), rng.uniform(20, 90, (H, W, C)).astype(np.float32)


@pytest.fixture
def labels():
    return np.random.default_rng(1).integers(0, 3, (H, W))


def test_a_window_holds_both_dates_on_one_scale(dates, labels):
    scene = PairScene(
        dates, labels, label_codes=dict(changed=1, unchanged=2), preprocessing=[dict(type='MinMaxScale', per_band=True)]
    )
    assert scene.shape == (H, W, 2 * C) and scene.classes == ('unchanged', 'changed')
    both = np.stack(dates)
    low, high = both.min(axis=(0, 1, 2)), both.max(axis=(0, 1, 2))
    wanted = np.concatenate([(date - low) / (high - low) for date in dates], axis=-1)
    np.testing.assert_allclose(scene.window(2, 3, 4, 5), wanted[2:6, 3:8], rtol=1e-5)
    np.testing.assert_allclose(scene.pixels([0, 17]), wanted.reshape(-1, 2 * C)[[0, 17]], rtol=1e-5)
    mirrored = np.pad(wanted, ((2, 2), (2, 2), (0, 0)), 'symmetric')
    np.testing.assert_allclose(scene.window(-2, -2, 5, 5, 'symmetric'), mirrored[:5, :5], rtol=1e-5)
    np.testing.assert_array_equal(scene.labels, np.select([labels == 1, labels == 2], [1, 0], 255))


def test_separate_fits_standardise_each_date(dates):
    scene = PairScene(dates, preprocessing=[dict(type='Standardize')], joint=False)
    window = scene.window(0, 0, H, W).reshape(-1, 2 * C)
    np.testing.assert_allclose(window.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(window.std(axis=0), 1, atol=1e-4)
    state = scene.state_dict()
    assert set(state) == {f'{date}.0.Standardize.{name}' for date in ('first', 'second') for name in ('mean', 'std')}
    np.testing.assert_allclose(state['second.0.Standardize.mean'], dates[1].mean(axis=(0, 1)), rtol=1e-5)


@pytest.mark.parametrize('joint', [True, False])
def test_a_fitted_state_serves_another_pair(dates, joint):
    steps = [dict(type='Standardize')]
    fitted = PairScene(dates, preprocessing=steps, joint=joint)
    other = PairScene((dates[1] + 5, dates[0] * 2), preprocessing=steps, joint=joint)
    before = other.window(0, 0, H, W)
    other.load_state_dict(fitted.state_dict())
    after = other.window(0, 0, H, W)
    assert np.abs(after - before).max() > 0.1
    state = fitted.state_dict()
    mean, std = (state[f'{"" if joint else "second."}0.Standardize.{name}'] for name in ('mean', 'std'))
    np.testing.assert_allclose(after[..., C:], (dates[0] * 2 - mean) / (std + 1e-6), rtol=1e-4, atol=1e-5)


def test_joint_statistics_are_those_of_the_training_pixels_where_asked(dates, labels):
    scene = PairScene(
        dates,
        labels,
        label_codes=dict(changed=1, unchanged=2),
        fit_on='train',
        split=dict(type='NumberSplit', train=5, val=0),
        preprocessing=[dict(type='Standardize')],
    )
    pixels = np.concatenate([date.reshape(-1, C)[scene.split.train] for date in dates])
    np.testing.assert_allclose(scene.state_dict()['0.Standardize.mean'], pixels.mean(axis=0), rtol=1e-5)


def test_a_pixel_without_data_at_one_date_is_masked_at_both(dates, labels):
    first, second = dates[0].copy(), dates[1].copy()
    first[1, 2, 0] = np.nan
    second[3, 4] = np.inf
    scene = PairScene((first, second), np.ones_like(labels), label_codes=dict(changed=1))
    assert not scene.valid[1, 2] and not scene.valid[3, 4] and scene.valid.sum() == H * W - 2
    assert scene.labels[1, 2] == scene.labels[3, 4] == 255
    np.testing.assert_array_equal(scene.window(1, 2, 1, 1)[0, 0, :C], 0)


def test_datasets_cut_windows_and_tiles_of_both_dates(dates, labels):
    scene = PairScene(dates, labels, label_codes=dict(changed=1, unchanged=2))
    windows = WindowDataset(scene, 'all', evaluate_on='labelled', window_size=3)
    assert len(windows) == H * W and windows[W + 1]['img'].shape == (3, 3, 2 * C)
    np.testing.assert_array_equal(windows[W + 1]['img'][1, 1], np.concatenate([date[1, 1] for date in dates]))
    tiles = TileDataset(scene, 'labelled', tile_size=8, overlap=4)
    assert tiles[0]['img'].shape == (8, 8, 2 * C) and tiles.metainfo['classes'] == ('unchanged', 'changed')


def test_files_of_both_dates_are_read_and_shared(tmp_path, dates):
    savemat(tmp_path / 'Sa1.mat', {'T1': dates[0]})
    savemat(tmp_path / 'Sa2.mat', {'T2': dates[1]})
    config = dict(
        type='PairScene',
        image=(dict(path='Sa1.mat', key='T1'), dict(path='Sa2.mat', key='T2')),
        num_bands=C,
        data_root=str(tmp_path),
    )
    scene = get_scene(config)
    assert scene is get_scene(dict(config)) and scene.name == 'Sa1'
    np.testing.assert_array_equal(scene.window(0, 0, H, W), np.concatenate(dates, axis=-1))
    np.testing.assert_array_equal(scene.second.stored_bands([1])[0][..., 0], dates[1][..., 1])


@pytest.mark.parametrize(
    'second, message',
    [
        (np.zeros((H, W - 1, C)), 'same pixels: <array> has 10 x 12, <array> has 10 x 11'),
        (np.zeros((H, W, C + 1)), 'same bands: <array> has 3, <array> has 4'),
    ],
)
def test_dates_that_do_not_match_are_named(dates, second, message):
    with pytest.raises(ValueError, match=message):
        PairScene((dates[0], second))


def test_one_cube_is_no_pair(dates):
    with pytest.raises(ValueError, match='consists of two cubes, found ndarray'):
        PairScene(dates[0])
    with pytest.raises(ValueError, match='found tuple of 3'):
        PairScene((*dates, dates[0]))


def test_other_wavelengths_at_the_second_date_are_told(tmp_path, dates):
    for name, shift in (('a', 0), ('b', 30)):
        savemat(tmp_path / f'{name}.mat', {'cube': dates[0], 'wavelengths': np.array([450.0, 550.0, 650.0]) + shift})
    messages, logger, handler = [], MMLogger.get_current_instance(), logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())
    logger.addHandler(handler)
    PairScene(('a.mat', 'b.mat'), data_root=str(tmp_path))
    logger.removeHandler(handler)
    assert any('450.0 nm' in message and '480.0 nm' in message for message in messages)
