import json
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from matplotlib import colormaps
from PIL import Image
from products import read_product

from mmhsi.datasets import CubeInfo, DetectionScene, PairScene, Scene, write_raster
from mmhsi.evaluation import ChangeResult, DetectionResult, SceneResult
from mmhsi.tasks import write_results, write_scene_result
from mmhsi.visualization import select_rgb_bands, stretch
from mmhsi.visualization.figure import MARGIN, header_height

SHAPE = (50, 40)
SCALE = 20  # 1000 / 50
BLACK_WHITE = [(0, 0, 0), (255, 255, 255)]


def write_cube(path, seed=0):
    """A georeferenced cube of 5 bands whose first two rows hold no data."""
    cube = np.random.default_rng(seed).random((*SHAPE, 5)).astype(np.float32) + seed
    cube[:2] = -1
    georeference = CubeInfo(
        '', 'raster', *cube.shape, cube.dtype, crs='EPSG:32616', transform=(20, 0, 5e5, 0, -20, 4e6)
    )
    write_raster(path, cube, georeference, nodata=-1)
    return cube


@pytest.fixture
def target():
    target = np.zeros(SHAPE, np.uint8)
    target[10:14, 5:9] = 1
    return target


def shown(path):
    """The scene in a picture with title and second line, one value for each pixel of it."""
    with Image.open(path) as picture:
        array = np.asarray(picture.convert('RGB'))
    top = MARGIN + header_height('x', 'x')
    return array[top : top + SHAPE[0] * SCALE, MARGIN : MARGIN + SHAPE[1] * SCALE][
        SCALE // 2 :: SCALE, SCALE // 2 :: SCALE
    ]


def names(folder):
    return {path.name for path in folder.iterdir()}


def assert_georeferenced(file):
    assert file.crs.to_epsg() == 32616 and file.transform == rasterio.Affine(20, 0, 5e5, 0, -20, 4e6)


def detection(scene, target, **options):
    scores = np.random.default_rng(1).normal(size=SHAPE) + 3 * target
    labels = target.astype(int)
    labels[:2] = 255
    return DetectionResult.evaluate(scene.name, scores, labels, classes=scene.classes, palette=BLACK_WHITE, **options)


def test_files_of_a_detector(tmp_path, target):
    write_cube(tmp_path / 'field.tif')
    scene = DetectionScene(str(tmp_path / 'field.tif'), labels=target, classes=('background', 'anomaly'))
    result = detection(scene, target, threshold=1.5, settings=dict(detector='rx'))
    folder = tmp_path / 'new' / 'results'
    write_results(folder, {'field': result}, result.metrics, {'field': scene})
    pictures = ('false_colour', 'ground_truth', 'spectra', 'scores', 'roc', 'roc_threshold', 'error')
    assert names(folder) == {
        'metrics.json',
        *(f'field_{name}.png' for name in pictures),
        'field_scores.tif',
        'field_detected.tif',
        'field_detected.tif.aux.xml',
    }

    saved = read_product(folder, 'field', 'scores')
    assert np.isnan(saved[:2]).all()  # masked pixels, though they were predicted
    np.testing.assert_array_equal(saved[2:], result.scores[2:].astype(np.float32))
    with rasterio.open(folder / 'field_scores.tif') as file:
        assert_georeferenced(file)
        assert file.dtypes == ('float32',) and np.isnan(file.nodata)
        np.testing.assert_array_equal(file.read(1), saved.astype(np.float32))
    detected = read_product(folder, 'field', 'detected')
    assert (detected[:2] == 255).all()
    np.testing.assert_array_equal(detected[2:], result.scores[2:] > 1.5)
    with rasterio.open(folder / 'field_detected.tif') as file:
        assert_georeferenced(file)
        assert file.nodata == 0 and [file.colormap(1)[value][:3] for value in (1, 2)] == BLACK_WHITE
        np.testing.assert_array_equal(file.read(1), np.where(detected == 255, 0, detected + 1))

    found = json.loads((folder / 'metrics.json').read_text())
    assert found['metrics']['AUC'] == found['scenes']['field']['AUC'] == pytest.approx(result.metrics['AUC'])
    assert found['scenes']['field']['settings'] == dict(detector='rx')

    truth = shown(folder / 'field_ground_truth.png')
    np.testing.assert_array_equal(truth[2:], np.array(BLACK_WHITE)[target[2:]])
    assert (truth[:2] == 128).all()
    heat = shown(folder / 'field_scores.png').astype(int)
    scored = heat[2:].reshape(-1, 3)
    assert (scored[:, 0] >= scored[:, 1]).all() and (scored[:, 1] >= scored[:, 2]).all()  # black, red, yellow, white
    assert (np.ptp(heat[:2].reshape(-1, 3), axis=0) == 0).all() and heat[0, 0, 2] > heat[0, 0, 0]  # no score: bluish
    error = shown(folder / 'field_error.png').astype(int)
    hit = (detected == 1) & (target == 1)
    grey = (detected == 0) & (target == 0)
    assert np.unique(error[hit], axis=0).tolist() == [[0, 158, 115]]
    np.testing.assert_array_equal(error[grey][:, 0], error[grey][:, 1])  # the dimmed scene
    assert len(np.unique(error[grey])) > 20 and error[grey].max() <= 130


def test_a_target_detector_is_green_and_without_a_threshold_there_is_no_binary_map(tmp_path, target):
    scene = DetectionScene(np.random.default_rng(0).random((*SHAPE, 4)).astype(np.float32), labels=target, name='a/b')
    write_scene_result(detection(scene, target), tmp_path, scene)
    pictures = ('false_colour', 'ground_truth', 'spectra', 'scores', 'roc', 'roc_threshold')
    assert names(tmp_path) == {*(f'a_b_{name}.png' for name in pictures), 'a_b_scores.tif'}
    heat = shown(tmp_path / 'a_b_scores.png').astype(int)
    assert (heat[..., 1] >= heat[..., 0]).all() and (heat[..., 0] == heat[..., 2]).all()


def test_a_scene_without_targets_has_maps_and_a_reason(tmp_path, target):
    result = DetectionResult.evaluate('a', np.arange(2000.0).reshape(SHAPE), target * 0, threshold=5)
    write_results(tmp_path, {'a': result}, {'AUC': float('nan')})
    assert names(tmp_path) == {
        'metrics.json',
        'a_ground_truth.png',
        'a_scores.png',
        'a_scores.tif',
        'a_error.png',
        'a_detected.tif',
        'a_detected.tif.aux.xml',
    }
    found = json.loads((tmp_path / 'metrics.json').read_text())
    assert found['metrics'] == {'AUC': None}
    assert found['scenes']['a']['undefined'] == 'all 2000 evaluated pixels are background'


def test_files_of_change_detection(tmp_path, target):
    first, second = (write_cube(tmp_path / f'{name}.tif', seed) for seed, name in enumerate(('before', 'after')))
    labels = target + 1
    labels[30:] = 0  # unlabelled
    scene = PairScene(
        [str(tmp_path / 'before.tif'), str(tmp_path / 'after.tif')], labels=labels, palette=BLACK_WHITE, name='pair'
    )
    prediction = np.zeros(SHAPE, int)
    prediction[:12], prediction[40:] = 1, 1
    result = ChangeResult.evaluate('pair', prediction, scene.labels, scene.classes, scene.palette)
    write_results(tmp_path / 'out', {'pair': result}, scenes={'pair': scene})
    folder = tmp_path / 'out'
    assert names(folder) == {
        'metrics.json',
        'pair_false_colour_1.png',
        'pair_false_colour_2.png',
        'pair_ground_truth.png',
        'pair_classes.png',
        'pair_classes.tif',
        'pair_classes.tif.aux.xml',
    }

    saved = read_product(folder, 'pair', 'classes')
    assert (saved[:2] == 255).all()  # masked pixels are not changed, whatever was predicted there
    np.testing.assert_array_equal(saved[2:], prediction[2:])
    with rasterio.open(folder / 'pair_classes.tif') as file:
        assert_georeferenced(file)
        assert file.nodata == 0 and [file.colormap(1)[value][:3] for value in (1, 2)] == BLACK_WHITE
        np.testing.assert_array_equal(file.read(1), np.where(saved == 255, 0, saved + 1))

    picture = shown(folder / 'pair_classes.png')
    for rows, cols, colour in (
        (slice(10, 12), slice(5, 9), (255, 255, 255)),
        (slice(12, 14), slice(5, 9), (0, 255, 0)),
        (slice(2, 10), slice(0, 40), (255, 0, 0)),
        (slice(14, 30), slice(0, 40), (0, 0, 0)),
        (slice(30, 50), slice(0, 40), (128,) * 3),
        (slice(0, 2), slice(0, 40), (128,) * 3),
    ):
        assert (picture[rows, cols] == colour).all()
    assert json.loads((folder / 'metrics.json').read_text())['scenes']['pair']['counts']['tp'] == 8

    # both dates in one stretch: the second one, larger by 1, is brighter throughout
    dates = [shown(folder / f'pair_false_colour_{date}.png') for date in (1, 2)]
    valid = np.ones((100, 40), bool)
    valid[[0, 1, 50, 51]] = False
    wanted = stretch(np.concatenate([first, second])[..., list(select_rgb_bands(5))], valid)
    np.testing.assert_array_equal(np.concatenate(dates), wanted)
    assert dates[0][2:].mean() + 100 < dates[1][2:].mean()


def test_change_maps_are_written_without_the_scene(tmp_path, target):
    write_scene_result(ChangeResult.evaluate('a', target, target), tmp_path)
    assert names(tmp_path) == {'a_ground_truth.png', 'a_classes.png', 'a_classes.tif', 'a_classes.tif.aux.xml'}


def test_classified_scenes_are_written_by_the_same_function(tmp_path, target):
    scene = Scene(np.random.default_rng(0).random((*SHAPE, 4)).astype(np.float32), labels=target + 1, name='field')
    write_scene_result(SceneResult.evaluate('field', target, target, ('a', 'b')), str(tmp_path), scene)
    pictures = ('false_colour', 'ground_truth', 'spectra', 'classes', 'error', 'confusion_matrix')
    assert names(tmp_path) == {
        *(f'field_{name}.png' for name in pictures),
        'field_classes.tif.aux.xml',
        'field_classes.tif',
    }


def test_uncertainty_of_a_classified_scene(tmp_path, target):
    write_cube(tmp_path / 'field.tif')
    scene = Scene(str(tmp_path / 'field.tif'), labels=target + 1, name='field')
    confidence = np.linspace(0.5, 1, target.size).reshape(SHAPE)
    result = replace(
        SceneResult.evaluate('field', target, target, ('a', 'b')), confidence=confidence, entropy=1 - confidence
    )
    write_scene_result(result, tmp_path / 'out', scene)
    assert {'field_confidence.png', 'field_entropy.png', 'field_uncertainty.tif'} < names(tmp_path / 'out')
    with rasterio.open(tmp_path / 'out' / 'field_uncertainty.tif') as file:
        assert_georeferenced(file)
        assert file.descriptions == ('confidence', 'entropy')
        bands = file.read()
    assert np.isnan(bands[:, :2]).all()  # masked pixels
    np.testing.assert_allclose(bands[:, 2:], np.stack([confidence, 1 - confidence])[:, 2:], rtol=1e-6)
    low = shown(tmp_path / 'out' / 'field_confidence.png')[2, 0]
    np.testing.assert_allclose(low, np.multiply(colormaps['viridis']((confidence[2, 0] - 0.5) * 2)[:3], 255), atol=3)


def test_unknown_kinds_of_results_are_refused(tmp_path):
    with pytest.raises(TypeError, match='results of type dict do not belong to any task'):
        write_scene_result({}, tmp_path)
