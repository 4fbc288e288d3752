"""Tests of several scenes that are one set of data."""

import os
from pathlib import Path

import numpy as np
import pytest
import rasterio
from mmengine.config import Config
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score, cohen_kappa_score, f1_score, roc_auc_score
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from mmhsi.datasets import SceneSplit, TileDataset, WindowDataset, get_scene, get_scenes
from mmhsi.tasks import make_task
from mmhsi.tasks.pixel_classifiers import evaluate_pixel_classifier

TEST_DATA = Path(os.environ.get('MMHSI_TEST_DATA', Path(__file__).parents[3] / '../shared/data'))
SHAPES = ((9, 7), (5, 11), (6, 6))
NAMES = ('one', 'two', 'three')


def cubes_and_labels(seed=0, bands=6, classes=3):
    rng = np.random.default_rng(seed)
    spectra = rng.uniform(1, 5, (classes + 1, bands))
    labels = [rng.integers(0, classes + 1, shape).astype(np.uint8) for shape in SHAPES]
    return [(spectra[each] + rng.normal(0, 0.4, (*each.shape, bands))).astype(np.float32) for each in labels], labels


@pytest.fixture
def config(tmp_path):
    for name, cube, labels in zip(NAMES, *cubes_and_labels(), strict=True):
        for part, values in (('images', cube), ('labels', labels)):
            (tmp_path / part).mkdir(exist_ok=True)
            np.save(tmp_path / part / f'{name}.npy', values)
    return dict(
        image=[f'images/{name}.npy' for name in NAMES],
        labels='labels',
        data_root=str(tmp_path),
        split=dict(type='NumberSplit', train=4, val=2, seed=0),
        preprocessing=[dict(type='SpectralPCA', n_components=3, whiten=True)],
    )


def test_the_preprocessing_is_fitted_to_the_pixels_of_all(config):
    cubes, _ = cubes_and_labels()
    expected = PCA(3, whiten=True, svd_solver='full').fit(np.concatenate([cube.reshape(-1, 6) for cube in cubes]))
    scenes = get_scenes(config)
    scenes[1].prepare()  # whichever comes first
    for scene, cube in zip(scenes, cubes, strict=True):
        found = scene.window(0, 0, *cube.shape[:2]).reshape(-1, 3)
        np.testing.assert_allclose(np.abs(found), np.abs(expected.transform(cube.reshape(-1, 6))), atol=2e-3)
    assert get_scenes(config)[2] is scenes[2]


def test_the_split_is_drawn_over_the_pixels_of_all(config):
    scenes = get_scenes(config)
    counts = sum(scene.split.counts(scene.labels, 3) for scene in scenes)
    assert counts[0].tolist() == [4, 4, 4] and counts[1].tolist() == [2, 2, 2]
    assert counts.sum() == sum(np.count_nonzero(labels) for labels in cubes_and_labels()[1])
    assert scenes[0].classes == ('class 1', 'class 2', 'class 3')


def test_the_classes_are_those_of_all_scenes(config, tmp_path):
    _, labels = cubes_and_labels()
    np.save(tmp_path / 'labels/two.npy', np.where(labels[1] == 3, 4, labels[1]))
    scenes = get_scenes(config)
    assert scenes[0].labels.shape == SHAPES[0] and len(scenes[0].split.train)  # the labels of the first one hold three
    assert [len(scene.classes) for scene in scenes] == [4, 4, 4]


def test_a_split_by_places_is_drawn_in_each_scene(config):
    scenes = get_scenes({**config, 'split': dict(type='AreaSplit', train=[(0, 0, 2, 2)])})
    assert [scene.split.train.tolist() for scene in scenes] == [[0, 1, 7, 8], [0, 1, 11, 12], [0, 1, 6, 7]]


def test_no_block_lets_sets_meet_across_scenes(config):
    scenes = get_scenes({**config, 'split': dict(type='BlockSplit', train=0.3, val=0.1, block_size=3, guard=1)})
    for scene in scenes:
        train, test = (np.stack(np.divmod(getattr(scene.split, part), scene.width)) for part in ('train', 'test'))
        if train.size and test.size:
            assert np.abs(train[:, :, None] - test[:, None]).max(axis=0).min() > 1


def test_whole_scenes_for_the_test(config):
    split = dict(type='SceneSplit', val=['three'], test=['two'])
    one, two, three = get_scenes({**config, 'split': split, 'fit_on': 'train'})
    assert np.array_equal(one.split.train, one.subset('labelled')) and not len(one.split.test)
    assert np.array_equal(two.split.test, two.subset('labelled')) and not len(two.split.train)
    assert np.array_equal(three.split.val, three.subset('labelled'))
    two.prepare()
    np.testing.assert_allclose(
        one.transforms[0].state_dict()['mean'], cubes_and_labels()[0][0][one.labels != 255].mean(0), rtol=1e-5
    )
    for names, message in ((['four'], "no scene 'four'"), (list(NAMES), 'no scene is left for training')):
        with pytest.raises(ValueError, match=message):
            get_scenes({**config, 'split': dict(type='SceneSplit', test=names)})[0].split  # noqa: B018
    with pytest.raises(ValueError, match='config is of a single one'):
        SceneSplit(['a'])(np.zeros((2, 2), int))


def test_windows_of_several_scenes(config):
    dataset = WindowDataset(config, subset='train', window_size=3, pipeline=[])
    assert len(dataset) == 12 and dataset.metainfo['classes'] == ('class 1', 'class 2', 'class 3')
    seen = set()
    for index in range(len(dataset)):
        sample = dataset[index]
        scene = dataset.scenes[NAMES.index(sample['scene_name'])]
        row, col = sample['row'], sample['col']
        assert sample['scene_shape'] == scene.shape[:2] and sample['gt_label'] == scene.labels[row, col]
        assert dataset.get_cat_ids(index) == [sample['gt_label']]
        np.testing.assert_array_equal(sample['img'], scene.window(row - 1, col - 1, 3, 3))
        assert row * scene.width + col in scene.split.train
        seen.add((sample['scene_name'], row, col))
    assert len(seen) == 12


def test_tiles_of_several_scenes_do_not_reach_into_each_other(config):
    dataset = TileDataset(config, subset='all', tile_size=4, overlap=1, pipeline=[])
    covered = {name: np.zeros(shape, bool) for name, shape in zip(NAMES, SHAPES, strict=True)}
    for index in range(len(dataset)):
        sample = dataset[index]
        scene = dataset.scenes[NAMES.index(sample['scene_name'])]
        top, left = sample['top'], sample['left']
        np.testing.assert_array_equal(sample['img'], scene.window(top, left, 4, 4, 'reflect'))
        covered[scene.name][top : top + 4, left : left + 4] = True
        assert set(dataset.get_cat_ids(index)) == set(np.unique(sample['gt_seg_map'])) - {255}
    assert all(mask.all() for mask in covered.values())


def test_a_classifier_learns_from_all_and_is_scored_on_all(config):
    task, scenes = make_task('classification'), get_scenes(config)
    results = task.run_method(scenes, 'svm')
    assert list(results) == list(NAMES)
    for scene in scenes:
        alone = evaluate_pixel_classifier(scene)
        np.testing.assert_array_equal(alone.prediction, results[scene.name].prediction)
    target, found = (
        np.concatenate([getattr(result, part)[result.target != 255] for result in results.values()])
        for part in ('target', 'prediction')
    )
    pooled = task.pooled(list(results.values()))
    assert pooled.scores['OA'] == pytest.approx(accuracy_score(target, found)) and pooled.scores['OA'] > 0.9
    assert pooled.scores['kappa'] == pytest.approx(cohen_kappa_score(target, found))
    assert len(target) == sum(len(scene.split.test) for scene in scenes)


def test_detection_in_several_scenes(config, tmp_path):
    rng = np.random.default_rng(1)
    for name, cube in zip(NAMES, cubes_and_labels()[0], strict=True):
        truth = np.zeros(cube.shape[:2], np.uint8)
        if name != 'two':  # a scene without a target is searched with the spectrum of the others
            truth[2, 3] = truth[4, 1] = 1
            cube[truth == 1] = np.linspace(8, 9, 6) + rng.normal(0, 0.1, (2, 6))
        np.save(tmp_path / 'images' / f'{name}.npy', cube)
        np.save(tmp_path / 'labels' / f'{name}.npy', truth)
    scene = {key: config[key] for key in ('image', 'labels', 'data_root')}
    coarse = dict(detector='cem', preprocessing=[dict(type='SpectralPCA', n_components=3)])
    scenes = get_scenes(dict(type='DetectionScene', target_spectrum=dict(select='mean'), coarse=coarse, **scene))
    assert scenes[1].target_spectrum.tolist() == scenes[0].target_spectrum.tolist()
    assert scenes[1].target_spectrum.mean() == pytest.approx(8.5, abs=0.1)
    assert np.isfinite(scenes[1].coarse).all() and scenes[0].coarse[2, 3] > 0.5
    task = make_task('target_detection')
    results = list(task.run_method(scenes, 'sam').values())
    scores, target = (
        np.concatenate([getattr(each, part).ravel() for each in results]) for part in ('scores', 'target')
    )
    assert task.pooled(results).metrics['AUC'] == pytest.approx(roc_auc_score(target, scores))
    assert results[1].undefined is not None


@pytest.fixture
def pairs(tmp_path):
    """Pairs of dates, in which the changed pixels differ, and their arrays."""
    rng, found = np.random.default_rng(2), []
    for name, shape in zip(NAMES, SHAPES, strict=True):
        changed = rng.random(shape) < 0.4
        first = rng.normal(0, 0.2, (*shape, 4)) + np.arange(4)
        second = 3 * first + rng.normal(0, 0.2, first.shape) + np.where(changed[..., None], [0, 4, -4, 2], 0)
        found.append((first.astype(np.float32), second.astype(np.float32), changed))
        for part, values in zip(('before', 'after', 'changes'), (*found[-1][:2], changed + np.uint8(1)), strict=True):
            (tmp_path / part).mkdir(exist_ok=True)
            np.save(tmp_path / part / f'{name}.npy', values)
    config = dict(
        type='PairScene',
        image=('before', 'after'),
        labels='changes',
        label_codes=dict(unchanged=1, changed=2),
        data_root=str(tmp_path),
        split=dict(type='NumberSplit', train=8, val=4, seed=0),
        preprocessing=[dict(type='Standardize')],
    )
    order = sorted(range(3), key=NAMES.__getitem__)
    return config, [found[number] for number in order]


@pytest.mark.parametrize('joint', (True, False))
@pytest.mark.parametrize('limit', (None, 10**6))
def test_dates_of_several_pairs_are_fitted_together_or_apart(pairs, joint, limit):
    config, arrays = pairs
    scenes = get_scenes({**config, 'joint': joint, 'fit_pixels': limit})
    assert [scene.name for scene in scenes] == sorted(NAMES)
    dates = [np.concatenate([each[date].reshape(-1, 4) for each in arrays]) for date in (0, 1)]
    for scene, each in zip(scenes[::-1], arrays[::-1], strict=True):
        window = scene.window(0, 0, scene.height, scene.width)
        for date in (0, 1):
            pixels = np.concatenate(dates) if joint else dates[date]
            expected = (each[date] - pixels.mean(0)) / pixels.std(0)
            np.testing.assert_allclose(window[..., 4 * date : 4 * date + 4], expected, atol=1e-4)


def test_a_classifier_of_changes_learns_from_all_pairs(pairs):
    config, _ = pairs
    scenes = get_scenes(config)
    assert sum(scene.split.counts(scene.labels, 2) for scene in scenes)[0].tolist() == [8, 8]
    task = make_task('change_detection')
    results = task.run_method(scenes, 'svm', difference=True)
    pixels = [np.concatenate([scene.pixels(scene.subset(part)) for scene in scenes]) for part in ('train', 'test')]
    train, test = (values[:, 4:] - values[:, :4] for values in pixels)
    labels, truth = (
        np.concatenate([scene.labels.ravel()[scene.subset(part)] for scene in scenes]) for part in ('train', 'test')
    )
    settings = results['one'].settings
    machine = SVC(C=settings['C'], gamma=settings['gamma'])
    scaler = StandardScaler().fit(train)
    expected = machine.fit(scaler.transform(train), labels).predict(scaler.transform(test))
    pooled = task.pooled(list(results.values()))
    assert pooled.scores['OA'] == pytest.approx(accuracy_score(truth, expected)) and pooled.scores['OA'] > 0.9
    assert pooled.scores['F1'] == pytest.approx(f1_score(truth, expected))
    assert {each.method for each in task.contestants(scenes[0])} >= {'cva', 'svm'}


def test_what_is_one_scene_by_its_nature_is_told(config):
    with pytest.raises(
        ValueError, match=r'endmembers belong to one scene, but the image stands for 3 \(one, two, three'
    ):
        get_scene({**config, 'type': 'UnmixingScene', 'num_endmembers': 2})


def test_what_is_no_set_is_named(config, tmp_path):
    with pytest.raises(ValueError, match='one scene is expected, but the config stands for 3: one, two, three'):
        get_scene(config)
    np.save(tmp_path / 'images' / 'two.npy', np.zeros((5, 11, 4)))
    with pytest.raises(ValueError, match='must have the same bands: .*one.npy has 6, .*two.npy has 4'):
        get_scenes({**config, 'preprocessing': []})
    paths = [write_tile(tmp_path, 0, (500, 600, 700)), write_tile(tmp_path, 5, (500, 600, 720))]
    with pytest.raises(ValueError, match='band 2 lies at 700.0 nm in .*0.tif, at 720.0 nm in'):
        get_scenes(dict(image=paths))


def write_tile(folder, left, wavelengths):
    """A GeoTIFF of 3 x 4 pixels of 10 m, its left edge moved to the right by a number of pixels."""
    path = str(folder / f'{left}.tif')
    with rasterio.open(
        path,
        'w',
        driver='GTiff',
        height=3,
        width=4,
        count=3,
        dtype='float32',
        crs='EPSG:32633',
        transform=rasterio.transform.from_origin(10 * left, 0, 10, 10),
    ) as file:
        file.write(np.ones((3, 3, 4), np.float32))
        for band, wavelength in enumerate(wavelengths, 1):
            file.update_tags(band, wavelength=wavelength, wavelength_units='nm')
    return path


def test_scenes_on_the_same_ground_are_told(tmp_path, log):
    get_scenes(dict(image=[write_tile(tmp_path, left, (500, 600, 700)) for left in (0, 2, 6)]))
    assert '1 pair of scenes shares ground' in log.text and '(6 pixels)' in log.text


@pytest.mark.skipif(
    not TEST_DATA.is_dir(), reason=f'no real scenes in {TEST_DATA}; set MMHSI_TEST_DATA to their folder'
)
def test_tiles_of_enmap_as_one_set(monkeypatch):
    root = TEST_DATA / 'classification' / 'enmap-potsdam'
    monkeypatch.setenv('MMHSI_DATA', str(root.parent))
    config = Config.fromfile(Path(__file__).parents[3] / 'configs/_base_/datasets/enmap-potsdam.py').scene.to_dict()
    scenes = get_scenes({**config, 'preprocessing': []})
    assert len(scenes) == 9 and {scene.bands for scene in scenes} == {218}  # without the six bands that hold no data
    counts = sum(scene.split.counts(scene.labels, 6) for scene in scenes)
    assert (
        counts[0].tolist() == [20] * 6
        and counts[1].tolist() == [10] * 6
        and counts.sum(axis=0).tolist() == [257, 580, 1115, 1097, 67, 303]
    )
    task = make_task('classification')
    results = task.run_method(scenes, 'forest')
    pooled = task.pooled(list(results.values()))
    assert pooled.matrix.sum() == counts[2].sum()

    spectra, labels, train = [], [], []
    for scene in scenes:
        with rasterio.open(root / 'images' / f'{scene.name}.tif') as file:
            cube = np.moveaxis(file.read() * np.array(file.scales)[:, None, None], 0, -1)
        with rasterio.open(root / 'labels' / f'{scene.name}.tif') as file:
            labels.append(file.read(1).ravel())
        spectra.append(np.delete(cube, np.s_[129:135], axis=-1).reshape(-1, 218).astype(np.float32))
        train.append(np.isin(np.arange(scene.height * scene.width), scene.split.train))
    spectra, labels, train = map(np.concatenate, (spectra, labels, train))
    forest = RandomForestClassifier(500, random_state=0).fit(spectra[train], labels[train])
    test = np.concatenate([result.target.ravel() != 255 for result in results.values()])
    assert pooled.scores['OA'] == pytest.approx(forest.score(spectra[test], labels[test]), abs=0.01)
