import os
import re
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from scipy.io import loadmat, savemat

from mmhsi.classical import fcls, vca
from mmhsi.datasets import CentreSplit, UnmixingScene, WindowDataset, get_scene
from mmhsi.evaluation import UnmixingResult

ROOT = Path(__file__).parents[3]
DATA = Path(os.environ.get('MMHSI_TEST_DATA', ROOT.parent / 'shared/data')) / 'unmixing'
HEIGHT, WIDTH, BANDS, ENDMEMBERS = 7, 9, 12, 3


@pytest.fixture
def truth():
    """Cube (H, W, C), abundances (P, H, W), endmembers (P, C); the first pixels are pure."""
    rng = np.random.default_rng(0)
    spectra = rng.uniform(0.1, 1, (ENDMEMBERS, BANDS))
    abundances = rng.dirichlet(np.ones(ENDMEMBERS), HEIGHT * WIDTH).T
    abundances[:, :ENDMEMBERS] = np.eye(ENDMEMBERS)
    abundances = abundances.reshape(ENDMEMBERS, HEIGHT, WIDTH)
    return np.moveaxis(abundances, 0, -1) @ spectra, abundances, spectra


LAYOUTS = {
    'phw': lambda maps: maps,
    'hwp': lambda maps: np.moveaxis(maps, 0, -1),
    'pwh': lambda maps: maps.transpose(0, 2, 1),
    'phw as a matrix': lambda maps: maps.reshape(len(maps), -1),
    'pwh as a matrix': lambda maps: np.stack([one.ravel(order='F') for one in maps]),
}


@pytest.mark.parametrize('layout', LAYOUTS)
@pytest.mark.parametrize('columns', [True, False])
def test_truth_is_read_in_every_layout(layout, columns, truth, tmp_path):
    cube, abundances, spectra = truth
    stored = LAYOUTS[layout](abundances)
    savemat(tmp_path / 'scene.mat', dict(cube=cube, A=stored, M=spectra.T if columns else spectra))
    scene = UnmixingScene(
        dict(path='scene.mat', key='cube'),
        data_root=str(tmp_path),
        abundances=dict(path='scene.mat', key='A', layout=layout[:3]),
        endmembers=dict(path='scene.mat', key='M', layout='columns' if columns else 'rows'),
    )
    np.testing.assert_array_equal(scene.abundances, abundances)
    np.testing.assert_array_equal(scene.endmembers, spectra)
    assert scene.num_endmembers == ENDMEMBERS and scene.classes == ('endmember 1', 'endmember 2', 'endmember 3')


@pytest.mark.parametrize('layout, order', [('chw', 'C'), ('cwh', 'F')])
def test_image_is_read_from_a_list_of_pixels(layout, order, truth, tmp_path):
    cube = truth[0]
    pixels = np.stack([band.ravel(order=order) for band in np.moveaxis(cube, -1, 0)])
    savemat(tmp_path / 'list.mat', dict(Y=pixels, other=np.ones((3, 4))))
    source = dict(path=str(tmp_path / 'list.mat'), key='Y', layout=layout, size=(HEIGHT, WIDTH))
    scene = UnmixingScene(source, num_bands=BANDS)
    np.testing.assert_array_equal(scene.window(0, 0, HEIGHT, WIDTH), cube.astype(np.float32))
    assert scene.name == 'list' and scene.info.path == source['path']
    with pytest.raises(ValueError, match=r'list.mat: the bands have the shape \(12, 63\), expected a row of 7 x 8 '):
        UnmixingScene(dict(source, size=(HEIGHT, 8)))
    with pytest.raises(ValueError, match="list.mat: key 'X' not found; the file holds 'Y'"):
        UnmixingScene(dict(source, key='X'))
    with pytest.raises(ValueError, match='list.mat: an image with size is a list of pixels.*, not scaled'):
        UnmixingScene(dict(source, scaled=False))
    with pytest.raises(ValueError, match='list.mat: 13 bands are expected, but the file has 12'):
        UnmixingScene(source, num_bands=13)


def test_a_window_of_the_maps_of_a_larger_scene(truth, tmp_path):
    cube, abundances, spectra = truth
    whole = np.zeros((ENDMEMBERS, 20, 30))
    whole[:, 5 : 5 + HEIGHT, 11 : 11 + WIDTH] = abundances
    savemat(tmp_path / 'whole.mat', dict(A=np.stack([one.ravel(order='F') for one in whole])))
    source = dict(path=str(tmp_path / 'whole.mat'), key='A', layout='pwh', size=(20, 30), window=(5, 11, HEIGHT, WIDTH))
    np.testing.assert_array_equal(UnmixingScene(cube, abundances=source).abundances, abundances)
    outside = dict(source, window=(15, 11, HEIGHT, WIDTH))
    with pytest.raises(ValueError, match='whole.mat: the window .* lies outside the abundances of 20 x 30 pixels'):
        UnmixingScene(cube, abundances=outside).abundances  # noqa: B018
    without = {key: value for key, value in source.items() if key not in ('size', 'window')}
    with pytest.raises(ValueError, match=r'whole.mat: the abundances have the shape \(3, 600\), expected a row of'):
        UnmixingScene(cube, abundances=without).abundances  # noqa: B018


def test_without_truth(truth):
    scene = UnmixingScene(truth[0], num_endmembers=4)
    assert scene.abundances is scene.endmembers is scene.initial_endmembers is None
    assert scene.classes[-1] == 'endmember 4' and (scene.labels == 255).all()
    with pytest.raises(ValueError, match='the number of endmembers is not known, give num_endmembers'):
        UnmixingScene(truth[0]).classes  # noqa: B018


def test_initial_endmembers(truth, tmp_path):
    cube, _, spectra = truth
    pixels = cube.astype(np.float32).reshape(-1, BANDS)
    for seed in (0, 3):
        scene = UnmixingScene(cube, num_endmembers=3, initial_endmembers=dict(type='vca', seed=seed))
        np.testing.assert_array_equal(scene.initial_endmembers, vca(pixels, 3, seed)[0])
    np.testing.assert_array_equal(
        UnmixingScene(cube, num_endmembers=3, initial_endmembers='vca').initial_endmembers, vca(pixels, 3, 0)[0]
    )
    np.save(tmp_path / 'start.npy', spectra.T)
    source = dict(path=str(tmp_path / 'start.npy'), layout='columns')
    np.testing.assert_array_equal(UnmixingScene(cube, initial_endmembers=source).initial_endmembers, spectra)
    with pytest.raises(ValueError, match="scene 'even': the pixels have no more than . vertices, but 3 endmembers"):
        UnmixingScene(np.ones_like(cube), name='even', num_endmembers=3, initial_endmembers='vca').initial_endmembers  # noqa: B018
    with pytest.raises(ValueError, match="initial endmembers of type 'nfindr' are not known, expected 'vca'"):
        UnmixingScene(cube, initial_endmembers=dict(type='nfindr'))


def test_invalid_pixels_take_no_part(truth):
    cube, abundances, _ = truth
    cube = cube.copy()
    cube[0, 0, 3] = np.nan  # a pure pixel
    abundances = abundances.copy()
    abundances[:, 0, 0] = 9
    scene = UnmixingScene(cube, abundances=abundances, initial_endmembers='vca')
    assert not (scene.initial_endmembers == 0).all(axis=1).any()
    found = fcls(scene.pixels(scene.subset('all')), scene.initial_endmembers)
    maps = np.full((3, HEIGHT, WIDTH), np.nan)
    maps[:, scene.valid] = found.T
    result = UnmixingResult.of_scene(scene, scene.initial_endmembers, maps)
    assert result.summary()['counts'] == dict(pixels=63, evaluated=62) and np.isfinite(result.scores['aRMSE'])


@pytest.mark.parametrize(
    'change, message',
    [
        (lambda maps: maps * 1.02, '63 of 63 pixels do not sum to one, at most 0.0200 apart'),
        (
            lambda maps: maps + np.array([0.25, 0, -0.25])[:, None, None],
            r"abundances are negative, at least -0.2500 \('c'\)",
        ),
    ],
)
def test_doubtful_abundances_are_reported(change, message, truth, log):
    cube, abundances, _ = truth
    scene = UnmixingScene(cube, abundances=change(abundances), endmember_names=('a', 'b', 'c'))
    np.testing.assert_array_equal(scene.abundances, change(abundances))
    log.clear()
    UnmixingScene(cube, abundances=change(abundances), endmember_names=('a', 'b', 'c')).abundances  # noqa: B018
    assert len(log.records) == 1
    assert re.search(message, log.text)


def test_sound_abundances_are_not_reported(truth, log):
    UnmixingScene(truth[0], abundances=truth[1] + 1e-7).abundances  # noqa: B018
    assert not log.records


@pytest.mark.parametrize(
    'given, message',
    [
        (dict(num_endmembers=13), '13 endmembers are expected in 12 bands; more endmembers than bands'),
        (dict(endmembers=np.ones((13, 12))), 'there are 13 endmembers in 12 bands'),
        (dict(endmembers=np.ones((3, 11))), 'the array of endmembers: the endmembers have 11 bands, expected 12'),
        (dict(endmembers=np.ones((3, 12)), num_endmembers=4), '3 endmembers are found, expected 4'),
        (dict(abundances=np.ones((4, 7, 9)) / 4, endmember_names='abc'), '4 abundance maps are found, expected 3'),
        (dict(abundances=np.ones((3, 9, 7)) / 3), r'abundances have the shape \(3, 9, 7\), expected \(P, 7, 9\)'),
        (dict(abundances=np.full((3, 7, 9), np.nan)), '189 abundances are NaN or infinite'),
        (dict(initial_endmembers=np.full((3, 12), np.inf)), 'the initial endmembers hold NaN or infinity'),
        (dict(num_endmembers=2, endmember_names='abc'), '2 endmembers are expected, but there are 3 names: a, b, c'),
    ],
)
def test_wrong_input_is_named(given, message, truth):
    with pytest.raises(ValueError, match=message):
        scene = UnmixingScene(truth[0], **given)
        scene.endmembers, scene.abundances, scene.initial_endmembers  # noqa: B018


def test_files_are_named(truth, tmp_path):
    savemat(tmp_path / 'truth.mat', dict(A=np.moveaxis(truth[1], 0, -1), M=truth[2]))
    path = str(tmp_path / 'truth.mat')
    for given, message in (
        (dict(abundances=dict(path=path, key='A')), 'have 9 x 3 pixels with layout .phw., expected 7 x 9'),
        (dict(abundances=dict(path=path, key='S')), "key 'S' not found; the file holds 'A' .*'M'"),
        (dict(abundances=dict(path=path, key='A', layout='wph')), "layout 'wph' of the abundances, expected one"),
        (dict(endmembers=dict(path=path, key='M')), "have 3 bands, expected 12, .* layout is 'columns'"),
        (dict(endmember_names=dict(path=path, key='cood')), "key 'cood' of the names of the endmembers not found"),
    ):
        with pytest.raises(ValueError, match='truth.mat: .*' + message):
            scene = UnmixingScene(truth[0], **given)
            scene.abundances, scene.endmembers  # noqa: B018
    with pytest.raises(FileNotFoundError, match='absent.mat: no such file'):
        UnmixingScene(truth[0], abundances=str(tmp_path / 'absent.mat')).abundances  # noqa: B018


def test_endmembers_follow_a_selection_of_bands(truth):
    cube, _, spectra = truth
    scene = UnmixingScene(cube, endmembers=spectra, preprocessing=[dict(type='SelectBands', exclude=[0, 5])])
    np.testing.assert_array_equal(scene.endmembers, np.delete(spectra, [0, 5], axis=1))


def test_names_are_read_from_a_cell_array(truth, tmp_path):
    savemat(tmp_path / 'names.mat', dict(cood=np.array([['1-tree'], ['2-water '], ['3-road']], dtype=object)))
    scene = UnmixingScene(truth[0], endmember_names=dict(path='names.mat', key='cood'), data_root=str(tmp_path))
    assert scene.classes == ('1-tree', '2-water', '3-road') and scene.num_endmembers == 3


def test_training_windows_lie_around_random_pixels(truth):
    cube = truth[0]
    scene = UnmixingScene(cube, num_endmembers=3, split=dict(type='CentreSplit', train=20, seed=4))
    dataset = WindowDataset(scene, 'train', window_size=6, pad_mode='symmetric')
    chosen = np.sort(np.random.RandomState(4).choice(HEIGHT * WIDTH, 20, replace=False))
    padded = np.pad(cube.astype(np.float32), [(3, 3), (3, 3), (0, 0)], 'symmetric')
    assert len(dataset) == 20
    for index, pixel in enumerate(chosen):
        row, col = divmod(pixel, WIDTH)
        window = dataset[index]['img']
        np.testing.assert_array_equal(window, padded[row : row + 6, col : col + 6])
        np.testing.assert_array_equal(window[3, 3], cube.astype(np.float32)[row, col])
    with pytest.raises(ValueError, match='64 distinct pixels are to be drawn from a scene of 7 x 9'):
        CentreSplit(64)(scene.labels)


@pytest.mark.skipif(not (DATA / 'samson/Samson.mat').is_file(), reason=f'no Samson below {DATA}')
def test_samson():
    """The list of pixels and the maps of Samson belong together; the two references of the scene differ."""
    config = Config.fromfile(ROOT / 'configs/_base_/datasets/samson.py').scene.to_dict()
    scene = get_scene(dict(config, data_root=str(DATA / 'samson')))
    assert scene.shape == (95, 95, 156) and scene.classes == ('soil', 'tree', 'water')
    assert scene.abundances.sum(axis=0) == pytest.approx(np.ones((95, 95)))
    # pixels of nearly one material have its spectrum
    for number, spectrum in enumerate(scene.endmembers):
        pure = scene.pixels(np.flatnonzero(scene.abundances[number] > 0.98)).mean(axis=0)
        cosine = pure @ spectrum / np.linalg.norm(pure) / np.linalg.norm(spectrum)
        assert np.arccos(cosine) < 0.15
    other = get_scene(
        dict(
            config,
            data_root=str(DATA / 'samson'),
            abundances=dict(path='A_true.mat', key='A_true', layout='hwp'),
            endmembers=dict(path='E.mat', key='E', layout='columns'),
        )
    )
    pixels = other.pixels(other.subset('all'))
    np.testing.assert_allclose(fcls(pixels, other.endmembers).T.reshape(3, 95, 95), other.abundances, atol=1e-5)
    assert np.abs(other.abundances - scene.abundances).max() > 0.9


@pytest.mark.skipif(not (DATA / 'urban/subimage_Urban_R162.mat').is_file(), reason=f'no Urban below {DATA}')
def test_urban_crop():
    config = Config.fromfile(ROOT / 'configs/_base_/datasets/urban-crop.py').scene.to_dict()
    scene = get_scene(dict(config, data_root=str(DATA / 'urban')))
    names = loadmat(DATA / 'urban/_EndUrban_R162.mat', simplify_cells=True)['cood']
    assert all(name.lower() in stored.lower() for name, stored in zip(scene.classes, names, strict=True))
    lengths = np.linalg.norm(scene.pixels(scene.subset('all')), axis=1, keepdims=True)
    unit = scene.endmembers / np.linalg.norm(scene.endmembers, axis=1, keepdims=True)
    found = fcls(scene.pixels(scene.subset('all')) / lengths, unit).T.reshape(scene.abundances.shape)
    assert np.sqrt(((found - scene.abundances) ** 2).mean()) < 0.05


@pytest.mark.parametrize('layout', ['chw', 'cwh', 'hwc', 'whc'])
def test_lists_of_pixels_of_all_orders(tmp_path, layout):
    cube = np.random.default_rng(0).uniform(size=(4, 6, 5)).astype(np.float32)
    axes = ['hwc'.index(axis) for axis in layout]
    flat = cube.transpose(axes)
    flat = flat.reshape(5, 24) if layout[0] == 'c' else flat.reshape(24, 5)
    savemat(tmp_path / 'mix.mat', dict(Y=flat, S=np.full((4, 6, 3), 1 / 3)))
    path = str(tmp_path / 'mix.mat')
    scene = UnmixingScene(dict(path=path, key='Y', layout=layout, size=(4, 6)), num_endmembers=3)
    assert np.array_equal(scene.window(0, 0, 4, 6), cube)
    with pytest.raises(ValueError, match="'S' .* is the only 3-D array, but 'Y' .* lists as many pixels"):
        UnmixingScene(path, num_endmembers=3)  # not the abundances instead of the cube
    with pytest.raises(ValueError, match=r'a list of pixels, .* size=\(rows, columns\)' if layout == 'cwh' else 'Y'):
        UnmixingScene(dict(path=path, key='Y', layout='cwh' if layout == 'cwh' else 'auto'), num_endmembers=3)
    other = {'chw': 'hwc', 'cwh': 'whc', 'hwc': 'chw', 'whc': 'cwh'}[layout]
    with pytest.raises(ValueError, match='has as many: layout'):
        UnmixingScene(dict(path=path, key='Y', layout=other, size=(4, 6)), num_endmembers=3)
