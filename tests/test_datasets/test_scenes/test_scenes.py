import copy
import gc
import os
import pickle
import weakref
from pathlib import Path

import numpy as np
import pytest
import rasterio
from scipy.io import loadmat, savemat

from mmhsi.datasets import CLASS_INFO, PairScene, Scene, SpectralPCA, Split, get_class_info, get_scene
from mmhsi.datasets.io import CubeReader
from mmhsi.datasets.transforms.chain import SpectralChain
from mmhsi.utils.windows import crop_window

TEST_DATA = Path(os.environ.get('MMHSI_TEST_DATA', Path(__file__).parents[3] / '../shared/data'))
needs_data = pytest.mark.skipif(
    not TEST_DATA.is_dir(), reason=f'no real scenes in {TEST_DATA}; set MMHSI_TEST_DATA to their folder'
)


@pytest.fixture
def cube():
    return np.random.RandomState(0).randint(100, 9000, size=(20, 30, 6)).astype(np.uint16)


@pytest.fixture
def labels():
    """Three classes and unlabelled pixels, as in a file."""
    return np.random.RandomState(1).randint(0, 4, size=(20, 30)).astype(np.uint8)


@pytest.fixture
def files(tmp_path, cube, labels):
    np.save(tmp_path / 'field.npy', cube)
    savemat(tmp_path / 'field.mat', {'cube': cube})
    savemat(tmp_path / 'field_gt.mat', {'gt': labels})
    return tmp_path


STEPS = [{'type': 'MinMaxScale'}, {'type': 'SpectralPCA', 'n_components': 3}]


def scene_of(files, image='field.npy', **options):
    return Scene(**{'image': image, 'labels': 'field_gt.mat', 'data_root': str(files), **options})


def test_scene_describes_its_file(files, cube, labels):
    scene = scene_of(files, num_bands=6, classes=['a', 'b', 'c'])
    assert (scene.height, scene.width, scene.bands, scene.shape) == (20, 30, 6, (20, 30, 6))
    assert (scene.name, scene.classes, scene.info.shape) == ('field', ('a', 'b', 'c'), (20, 30, 6))
    np.testing.assert_array_equal(scene.labels, np.where(labels == 0, 255, labels.astype(int) - 1))
    assert scene.valid.all() and scene.split is None
    np.testing.assert_array_equal(scene.window(0, 0, 20, 30), cube)
    np.testing.assert_array_equal(scene.pixels([0, 31, 599]), cube.reshape(-1, 6)[[0, 31, 599]])
    np.testing.assert_array_equal(scene.subset('labelled'), np.flatnonzero(labels))
    assert len(scene.subset('all')) == 600


def test_key_may_be_a_list_of_candidates(files, cube):
    scene = scene_of(
        files,
        image={'path': 'field.mat', 'key': ['data', 'cube']},
        labels={'path': 'field_gt.mat', 'key': ['groundT', 'gt']},
    )
    np.testing.assert_array_equal(scene.window(0, 0, 20, 30), cube)


def test_missing_key_names_the_file_and_what_it_holds(files):
    with pytest.raises(ValueError, match='field.mat.*other.*cube'):
        scene_of(files, image={'path': 'field.mat', 'key': 'other'})
    with pytest.raises(ValueError, match='field_gt.mat.*other.*gt'):
        scene_of(files, labels={'path': 'field_gt.mat', 'key': 'other'}).labels  # noqa: B018
    with pytest.raises(FileNotFoundError, match='none.mat'):
        scene_of(files, image='none.mat')


def test_other_number_of_bands_is_named(files):
    with pytest.raises(ValueError, match='field.npy: 200 bands are expected, but the file has 6'):
        scene_of(files, num_bands=200)


def test_labels_outside_the_class_range_are_named(files, labels):
    number = np.count_nonzero(labels == 3)
    with pytest.raises(ValueError, match=f'field_gt.mat: {number} pixels have the label 3, but labels are 1 to 2'):
        scene_of(files, classes=['a', 'b']).labels  # noqa: B018
    with pytest.raises(ValueError, match='label array: 2 pixels have the label 256, 300'):
        Scene(np.zeros((2, 3, 4)), labels=np.array([[0, 300, 256], [1, 0, 0]])).labels  # noqa: B018


def test_label_map_of_another_size_is_named(files, labels):
    savemat(files / 'small_gt.mat', {'gt': labels[:-1]})
    with pytest.raises(ValueError, match=r'small_gt.mat: the label map has 19 x 30 pixels, .*field.npy has 20 x 30'):
        scene_of(files, labels='small_gt.mat').labels  # noqa: B018


def test_label_maps_are_laid_over_each_other(files, labels):
    left, right = labels.copy(), labels.copy()
    left[:, 15:] = 0
    right[:, :15] = 0
    savemat(files / 'both.mat', {'left': left, 'right': right, 'wrong': np.full_like(left, 2)})
    maps = [{'path': 'both.mat', 'key': key} for key in ('left', 'right', 'wrong')]
    np.testing.assert_array_equal(scene_of(files, labels=maps[:2]).labels, scene_of(files).labels)
    with pytest.raises(ValueError, match='both.mat: .* another label than in the label map that it is laid over'):
        scene_of(files, labels=maps).labels  # noqa: B018


def test_classes_and_colours(files):
    assert scene_of(files).classes == ('class 1', 'class 2', 'class 3')
    assert scene_of(files, labels=None).classes == ()
    named = scene_of(files, classes='indian_pines')
    assert (named.classes[1], named.palette[2], len(named.palette)) == ('Corn-notill', (0, 0, 255), 16)
    with pytest.raises(ValueError, match='3 classes, but 1 colours'):
        scene_of(files, classes=['a', 'b', 'c'], palette=[[0, 0, 0]])
    with pytest.raises(ValueError, match="no class names are known for the scene 'mars'.*indian_pines"):
        scene_of(files, classes='mars')


def test_every_public_scene_has_a_colour_for_each_class():
    sizes = {name: len(info.classes) for name, info in CLASS_INFO.items()}
    assert sizes == {
        'indian_pines': 16,
        'pavia_university': 9,
        'hanchuan': 16,
        'honghu': 22,
        'houston2013': 15,
        'xiongan': 20,
        'zy1_02d': 23,
    }
    for name in sizes:
        info = get_class_info(name)
        assert len(set(info.palette)) == len(info.palette) == len(set(info.classes)) == sizes[name]


@pytest.mark.parametrize('image', ['field.npy', 'field.mat'])
def test_cached_and_windowed_scenes_agree(files, image):
    split = {'type': 'NumberSplit', 'train': 5, 'val': 2}
    cached = scene_of(files, image, preprocessing=STEPS, split=split)
    windowed = scene_of(files, image, preprocessing=STEPS, split=split, cache=False)
    assert (cached.cached, windowed.cached) == (True, image == 'field.mat')  # .mat cannot be read in windows
    assert cached.bands == windowed.bands == 3
    np.testing.assert_array_equal(cached.split.train, windowed.split.train)
    for window in [(0, 0, 20, 30), (3, 4, 5, 6), (-2, -3, 5, 5), (17, 28, 6, 4)]:
        for mode in ('constant', 'symmetric', 'reflect'):
            np.testing.assert_allclose(cached.window(*window, mode), windowed.window(*window, mode), atol=1e-5)
    np.testing.assert_allclose(cached.pixels([7, 300]), windowed.pixels([7, 300]), atol=1e-5)


def test_windows_equal_crops_of_the_padded_cube(files, cube):
    for options in ({}, {'cache': False}):
        scene = scene_of(files, **options)
        for window in [(-2, -3, 9, 9), (15, 25, 9, 9), (-4, 3, 28, 5), (-9, 0, 5, 5), (0, 40, 3, 3)]:
            wanted = crop_window(cube.astype(np.float32), *window, pad_value=-1)
            np.testing.assert_array_equal(scene.window(*window, pad_value=-1), wanted)


def test_windowed_scene_reads_only_windows(files, monkeypatch):
    scene = scene_of(files, cache=False, preprocessing=STEPS)
    scene.prepare()
    read = []
    original = CubeReader.read

    def recording(self, window=None, bands=None):
        read.append(window)
        return original(self, window, bands)

    monkeypatch.setattr(CubeReader, 'read', recording)
    scene.window(-2, 5, 7, 7)
    assert read == [(0, 5, 5, 7)]


def test_preprocessing_is_fitted_on_a_sample_of_a_large_scene(files):
    full, sampled, again = (scene_of(files, preprocessing=STEPS, fit_pixels=number) for number in (600, 200, 200))
    np.testing.assert_array_equal(sampled.window(0, 0, 5, 5), again.window(0, 0, 5, 5))
    assert not np.array_equal(full.state_dict()['1.SpectralPCA.mean'], sampled.state_dict()['1.SpectralPCA.mean'])
    windowed = scene_of(files, preprocessing=STEPS, fit_pixels=200, cache=False)
    np.testing.assert_allclose(windowed.window(0, 0, 5, 5), sampled.window(0, 0, 5, 5), atol=1e-5)


def test_fit_on_train_uses_training_pixels_only(files, cube):
    options = {'split': {'type': 'NumberSplit', 'train': 10, 'val': 2}, 'preprocessing': [{'type': 'Standardize'}]}
    scene = scene_of(files, fit_on='train', **options)
    train = cube.reshape(-1, 6)[scene.split.train].astype(np.float64)
    np.testing.assert_allclose(scene.state_dict()['0.Standardize.mean'], train.mean(0))
    everything = scene_of(files, **options).state_dict()['0.Standardize.mean']
    np.testing.assert_allclose(everything, cube.reshape(-1, 6).mean(0))
    apart = scene_of(files, fit_on='unevaluated', **options)
    seen = np.setdiff1d(np.arange(apart.height * apart.width), np.concatenate([apart.split.val, apart.split.test]))
    assert len(seen) > len(apart.split.train)  # those without a label too
    np.testing.assert_allclose(apart.state_dict()['0.Standardize.mean'], cube.reshape(-1, 6)[seen].mean(0), rtol=1e-5)
    with pytest.raises(ValueError, match='needs a split'):
        scene_of(files, fit_on='train')
    with pytest.raises(ValueError, match='fit_on="unevaluated" needs a split'):
        scene_of(files, fit_on='unevaluated')
    with pytest.raises(ValueError, match="not 'test'"):
        scene_of(files, fit_on='test')


def test_state_fitted_on_one_scene_serves_another(files, cube):
    fitted = scene_of(files, preprocessing=STEPS)
    np.save(files / 'later.npy', cube[5:15, ::-1])
    for cache in (True, False):
        later = scene_of(files, 'later.npy', labels=None, preprocessing=STEPS, cache=cache)
        before = later.window(0, 0, 10, 30)
        later.load_state_dict(fitted.state_dict())
        np.testing.assert_allclose(later.window(0, 0, 10, 30), fitted.window(5, 0, 10, 30)[:, ::-1], atol=1e-6)
        assert not np.allclose(before, later.window(0, 0, 10, 30), atol=1e-3)
    with pytest.raises(ValueError, match="scene 'field': the state of the preprocessing consists of"):
        scene_of(files).load_state_dict(fitted.state_dict())


def test_leading_band_selection_happens_at_reading(files, cube):
    steps = [{'type': 'SelectBands', 'bands': [4, 1]}, {'type': 'ScaleValues', 'factor': 2}]
    scene = scene_of(files, preprocessing=steps)
    assert scene.bands == 2
    np.testing.assert_array_equal(scene.window(0, 0, 20, 30), cube[..., [4, 1]] * 2.0)
    with pytest.raises(ValueError, match='field.npy: SelectBands names band 6'):
        scene_of(files, preprocessing=[{'type': 'SelectBands', 'bands': [6]}])


@pytest.mark.parametrize('cache', [True, False])
def test_pixels_without_data_are_masked(files, cube, labels, log, cache):
    holes = cube.astype(np.float32)
    holes[2, 3, 1] = np.nan
    holes[4, 5, 0] = np.inf
    holes[6, 7] = -9999
    np.save(files / 'holes.npy', holes)
    labels[2, 3], labels[4, 5], labels[6, 7] = 1, 2, 0
    savemat(files / 'field_gt.mat', {'gt': labels})
    scene = scene_of(files, 'holes.npy', nodata=-9999, cache=cache, preprocessing=STEPS)
    assert np.argwhere(~scene.valid).tolist() == [[2, 3], [4, 5], [6, 7]]
    assert (scene.labels[2, 3], scene.labels[4, 5]) == (255, 255)
    for _ in range(2):
        window = scene.window(0, 0, 20, 30)
    assert np.isfinite(window).all() and not window[~scene.valid].any()
    assert not scene.pixels([2 * 30 + 3]).any()
    masked = [message for message in log.messages if 'are masked' in message]
    assert len(masked) == 1 and 'holes.npy: 3 of 600 pixels hold NaN or nodata (-9999)' in masked[0]
    assert any('2 labelled pixels hold no data' in message for message in log.messages)

    # What is masked has no part in the fit.
    pixels = cube.reshape(-1, 6)[scene.valid.ravel()].astype(np.float64)
    assert scene.state_dict()['0.MinMaxScale.minimum'] == pixels.min()
    np.testing.assert_allclose(window[scene.valid].mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(window[scene.valid].std(0, ddof=1), 1, atol=1e-3)


def test_stored_bands_are_those_of_the_file(files, cube):
    holes = cube.astype(np.float32)
    holes[1, 1, 5] = holes[2, 2, 0] = np.nan
    np.save(files / 'holes.npy', holes)
    scene = scene_of(files, 'holes.npy', preprocessing=[{'type': 'SelectBands', 'exclude': [0]}, *STEPS])
    values, valid = scene.stored_bands([4, 0])
    assert np.argwhere(~valid).tolist() == [[1, 1], [2, 2]]
    np.testing.assert_array_equal(values[valid], cube[valid][:, [4, 0]])


def test_bands_without_any_data_are_named_and_can_be_left_out(files, cube):
    empty = cube.copy()
    empty[..., 2] = empty[..., 4] = 7
    np.save(files / 'empty.npy', empty)
    with pytest.raises(ValueError, match=r'empty.npy: no pixel holds data .*bands \[2, 4\] hold none.*SelectBands'):
        scene_of(files, 'empty.npy', nodata=7).prepare()
    scene = scene_of(files, 'empty.npy', nodata=7, preprocessing=[{'type': 'SelectBands', 'exclude': [2, 4]}])
    assert scene.valid.all() and scene.bands == 4


def test_nodata_of_the_file_is_used(files, cube):
    path = str(files / 'georeferenced.tif')
    cube[1, 2] = 0
    profile = {'driver': 'GTiff', 'height': 20, 'width': 30, 'count': 6, 'dtype': 'uint16', 'nodata': 0}
    with rasterio.open(path, 'w', transform=rasterio.Affine(30, 0, 5e5, 0, -30, 4e6), **profile) as file:
        file.write(cube.transpose(2, 0, 1))
    scene = Scene(path)
    assert np.argwhere(~scene.valid).tolist() == [[1, 2]]
    np.testing.assert_array_equal(scene.window(0, 0, 20, 30), cube)


def test_split_belongs_to_the_scene(files):
    scene = scene_of(files, split={'type': 'NumberSplit', 'train': 4, 'val': 3, 'seed': 5})
    assert len(scene.subset('train')) == 12 and len(scene.subset('val')) == 9
    assert scene.split is scene.split
    with pytest.raises(ValueError, match='split is of a scene of 3 x 4 pixels, but this one has 20 x 30'):
        scene_of(files, split=Split([0], [1], [2], (3, 4))).split  # noqa: B018
    with pytest.raises(ValueError, match="scene 'field' has no split"):
        scene_of(files).subset('train')
    with pytest.raises(ValueError, match="not 'valid'"):
        scene.subset('valid')


def test_arrays_make_a_scene(cube, labels):
    scene = Scene(cube, labels, preprocessing=[SpectralPCA(2)], name='field')
    assert scene.shape == (20, 30, 2) and scene.name == 'field'
    with pytest.raises(ValueError, match=r'shape \(H, W, C\), not \(20, 30\)'):
        Scene(labels)


def test_equal_configs_share_a_scene(files):
    config = {'image': 'field.npy', 'data_root': str(files), 'preprocessing': STEPS}
    scene = get_scene(config)
    assert get_scene(copy.deepcopy(config)) is get_scene({'type': 'Scene', **config}) is get_scene(scene) is scene
    assert get_scene({**config, 'cache': False}) is not scene
    assert copy.deepcopy(scene) is scene
    alive = weakref.ref(scene)
    del scene
    gc.collect()
    assert alive() is None


@pytest.mark.parametrize('cache', [True, False])
def test_scene_survives_pickling(files, cache):
    scene = scene_of(files, preprocessing=STEPS, cache=cache)
    window = scene.window(2, 3, 4, 5)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(scene)).window(2, 3, 4, 5), window)


@needs_data
def test_enmap_tile_with_empty_bands():
    folder = TEST_DATA / 'classification/enmap-potsdam'
    name = 'enmap_potsdam_tile_64_0.tif'
    options = {'labels': str(folder / 'labels' / name), 'nodata': -32768, 'num_bands': 224}
    with pytest.raises(ValueError, match=r'bands \[129, 130, 131, 132, 133, 134\] hold none'):
        Scene(dict(path=str(folder / 'images' / name), keep_bad_bands=True), **options).prepare()
    steps = [{'type': 'SelectBands', 'exclude': [(129, 134)]}, *STEPS]
    scene = Scene(str(folder / 'images' / name), preprocessing=steps, **options)
    with rasterio.open(folder / 'images' / name) as file:
        raw = np.delete(file.read().transpose(1, 2, 0), np.arange(129, 135), axis=2)
    assert (scene.valid == (raw != -32768).all(-1)).all() and scene.valid.any()
    # the file marks these bands as bad, so that nobody needs to name them
    without = Scene(str(folder / 'images' / name), **options)
    assert without.bands == 218 and (without.valid == scene.valid).all()
    np.testing.assert_allclose(without.window(0, 0, 32, 32)[scene.valid], raw[scene.valid] * 1e-4, rtol=1e-6)
    window = scene.window(0, 0, 32, 32)[scene.valid]
    np.testing.assert_allclose(window.astype(np.float64).std(0, ddof=1), 1, atol=1e-2)
    assert set(np.unique(scene.labels)) <= {0, 1, 2, 3, 4, 5, 255}


@needs_data
def test_houston_maps_make_scene_and_split():
    path = str(TEST_DATA / 'classification/ground-truths-only/houston_gt.mat')
    maps = {key: {'path': path, 'key': f'houston_gt_{key}'} for key in ('tr', 'te')}
    scene = Scene(
        np.zeros((349, 1905, 1), np.uint8),
        list(maps.values()),
        classes='houston2013',
        split={'type': 'MapSplit', 'train': maps['tr'], 'test': maps['te']},
    )
    stored = loadmat(path)
    assert len(scene.split.train) == np.count_nonzero(stored['houston_gt_tr'])
    assert len(scene.split.test) == np.count_nonzero(stored['houston_gt_te'])


@pytest.mark.parametrize(
    'image',
    [np.zeros((4, 4, 3), complex), np.full((4, 4, 3), 'a'), np.zeros((4, 4, 0)), np.empty((4, 4, 3), object), 3],
    ids=['complex', 'text', 'no bands', 'objects', 'a number'],
)
def test_arrays_that_no_file_could_hold_are_refused(image):
    with pytest.raises((ValueError, TypeError), match='expected real numbers, found|expected a path, a dict'):
        Scene(image)


@pytest.mark.parametrize(
    'labels, message',
    [
        (np.full((4, 4), 1.5), 'label 1.5 at row 0, column 0, expected whole numbers'),
        (np.full((4, 4), np.nan), 'give ignore=nan'),
        (np.full((4, 4), -1), 'give ignore=-1'),
        (np.full((4, 4), 'x'), 'expected real numbers, found <U1'),
        (np.ones((4, 4), complex), 'expected real numbers, found complex128'),
        (np.ones((3, 4), int), 'the label map has 3 x 4 pixels'),
        (np.ones((4, 4, 3), int), 'the label map has 4 x 4 x 3 pixels'),
    ],
)
def test_label_arrays_pass_the_checks_of_files(labels, message):
    with pytest.raises(ValueError, match=message):
        _ = Scene(np.ones((4, 4, 3)), labels=labels).labels


def test_class_names_are_unique():
    with pytest.raises(ValueError, match="the classes 'corn' are named twice"):
        Scene(np.ones((4, 4, 3)), classes=['corn', 'soy', 'corn'])


def test_masked_values_of_an_array_hold_no_data():
    cube = np.ma.masked_array(np.ones((4, 4, 3), np.uint8), np.zeros((4, 4, 3), bool))
    cube.mask[1, 2, 0] = True
    assert np.argwhere(~Scene(cube).valid).tolist() == [[1, 2]]


@pytest.mark.parametrize('fit_on', ['all', 'unevaluated', 'train'])
@pytest.mark.parametrize('cache', [True, False])
def test_preprocessing_is_fitted_block_by_block(tmp_path, monkeypatch, fit_on, cache):
    """A file in blocks of few rows, with pixels without data, against the transforms on all pixels in memory."""
    rng = np.random.default_rng(0)
    cube = (rng.normal(size=(23, 17, 4)) @ rng.normal(size=(4, 4)) + 10).astype(np.float32)
    cube[5:8, 3:9] = np.nan
    np.save(tmp_path / 'cube.npy', cube)
    labels = rng.integers(0, 3, (23, 17))
    steps = [
        dict(type='MinMaxScale', per_band=True),
        dict(type='Standardize'),
        dict(type='MinimumNoiseFraction', n_components=4),
        dict(type='SpectralPCA', n_components=2),
    ]
    monkeypatch.setattr('mmhsi.datasets.scenes.cube_source.BLOCK_BYTES', 4 * 17 * 4 * 4)  # four rows
    split = dict(type='NumberSplit', train=60, val=20)
    scene = Scene(
        str(tmp_path / 'cube.npy'), labels=labels, split=split, fit_on=fit_on, preprocessing=steps, cache=cache
    )
    found = scene.state_dict()
    indices = scene.fit_indices()
    chain = SpectralChain(steps)
    chain.bind(4, None)
    beside = (np.diff(indices) == 1) & (indices[1:] % 17 != 0)
    chain.fit(cube.reshape(-1, 4)[indices], beside)
    for name, expected in chain.state_dict().items():
        np.testing.assert_allclose(found[name], expected, rtol=1e-5, atol=1e-5)


def test_two_dates_are_fitted_block_by_block(monkeypatch):
    first, second = np.random.default_rng(0).normal(size=(2, 9, 8, 3)).astype(np.float32)
    monkeypatch.setattr('mmhsi.datasets.scenes.cube_source.BLOCK_BYTES', 4 * 8 * 3)
    scene = PairScene((first, second + 2), preprocessing=[dict(type='Standardize')])
    together = np.concatenate([first, second + 2]).reshape(-1, 3)
    np.testing.assert_allclose(scene.state_dict()['0.Standardize.mean'], together.mean(axis=0), rtol=1e-5)
