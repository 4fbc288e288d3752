"""Scenes with rare targets: truth, coarse scores, pseudo-labels and target spectrum."""

import numpy as np
import pytest
from scipy.io import savemat

from mmhsi.datasets import DetectionScene, TileDataset
from mmhsi.datasets.scenes.pseudo_labels import pseudo_labels
from mmhsi.datasets.scenes.target_spectrum import select_target_spectrum

H, W, C = 40, 50, 6
SPECTRUM = np.array([9.0, 1.0, 8.0, 2.0, 7.0, 3.0])


@pytest.fixture
def truth():
    mask = np.zeros((H, W), np.uint8)
    mask[10:12, 20:23] = 1
    return mask


@pytest.fixture
def cube(truth):
    rng = np.random.default_rng(0)
    background = rng.normal(5, 1, (H, W, C))
    return np.where(truth[..., None] == 1, SPECTRUM + rng.normal(0, 0.1, (H, W, C)), background).astype(np.float32)


@pytest.fixture
def coarse(truth):
    return truth + np.random.default_rng(1).uniform(0, 0.5, (H, W))


def test_zero_is_the_background_and_every_pixel_counts(cube, truth, coarse):
    scene = DetectionScene(cube, labels=truth, coarse=coarse)
    np.testing.assert_array_equal(scene.labels, truth)
    assert scene.classes == ('background', 'target') and scene.sample_meta == {}
    labels = scene.subset_labels('pseudo')
    assert [int((labels == value).sum()) for value in (0, 1, 255)] == [600, 3, 1397]
    assert truth[labels == 1].all() and coarse[labels == 0].max() < coarse[labels == 255].min()
    np.testing.assert_array_equal(scene.subset('pseudo'), np.flatnonzero(labels != 255))


def test_training_tiles_carry_pseudo_labels_and_the_target_spectrum(cube, truth, coarse):
    scene = DetectionScene(cube, labels=truth, coarse=coarse, target_spectrum={}, pseudo_shares=dict(target=0.003))
    tiles = TileDataset(scene, 'pseudo', tile_size=16, overlap=8)
    tile = tiles[3]
    labels = scene.subset_labels('pseudo')
    top, left = tile['top'], tile['left']
    np.testing.assert_array_equal(tile['gt_seg_map'], labels[top : top + 16, left : left + 16])
    np.testing.assert_allclose(tile['target_spectrum'], cube[truth == 1].mean(axis=0), rtol=1e-5)
    assert (labels == 1).sum() == 6
    test = TileDataset(scene, 'all', evaluate_on='labelled', tile_size=16, overlap=8)
    np.testing.assert_array_equal(test[0]['gt_seg_map'], truth[:16, :16])


def test_the_target_spectrum_goes_through_the_preprocessing(cube, truth, tmp_path):
    (tmp_path / 'target.csv').write_text('\n'.join(f'{value}' for value in SPECTRUM / 10))
    steps = [dict(type='SelectBands', bands=[0, 2, 3]), dict(type='Standardize')]
    scene = DetectionScene(
        cube,
        labels=truth,
        preprocessing=steps,
        data_root=str(tmp_path),
        target_spectrum=dict(path='target.csv', scale=10),
    )
    pixels = cube.reshape(-1, C)[:, [0, 2, 3]].astype(np.float64)
    wanted = (SPECTRUM[[0, 2, 3]] - pixels.mean(axis=0)) / pixels.std(axis=0)
    np.testing.assert_allclose(scene.target_spectrum, wanted, rtol=1e-4)


@pytest.mark.parametrize('detector', ['cem', 'rx'])
def test_a_classical_detector_makes_the_coarse_map(cube, truth, detector):
    scene = DetectionScene(
        cube, labels=truth, coarse=dict(detector=detector), target_spectrum={}, preprocessing=[dict(type='Standardize')]
    )
    labels = scene.subset_labels('pseudo')
    assert (labels == 1).sum() == 3 and truth[labels == 1].all()


def test_the_coarse_detector_may_see_other_values_than_the_network(cube, truth):
    components = [dict(type='SpectralPCA', n_components=2, whiten=True)]
    standardised = [dict(type='Standardize')]
    for detector in ('sam', 'rx'):
        scene = DetectionScene(
            cube,
            labels=truth,
            preprocessing=components,
            target_spectrum={},
            coarse=dict(detector=detector, preprocessing=standardised),
        )
        other = DetectionScene(cube, labels=truth, preprocessing=standardised, target_spectrum={})
        np.testing.assert_array_equal(scene.coarse, other.detect(detector))
        assert not np.allclose(scene.coarse, scene.detect(detector)) and scene.bands == 2


def test_coarse_scores_are_read_from_a_file(cube, truth, coarse, tmp_path):
    savemat(tmp_path / 'map.mat', {'show': coarse})
    scene = DetectionScene(
        cube,
        labels=truth,
        coarse=dict(path='map.mat', key='show'),
        data_root=str(tmp_path),
        classes=('background', 'anomaly'),
    )
    np.testing.assert_array_equal(scene.coarse, coarse)
    savemat(tmp_path / 'small.mat', {'show': coarse[:, 1:]})
    scene = DetectionScene(cube, labels=truth, coarse='small.mat', data_root=str(tmp_path))
    with pytest.raises(ValueError, match=r'small.mat: the map has 40 x 49 pixels, expected 40 x 50'):
        scene.subset('pseudo')


def test_pixels_without_data_get_no_pseudo_label(cube, truth, coarse):
    cube[0] = np.nan
    coarse[0] = 9
    scene = DetectionScene(cube, labels=truth, coarse=coarse)
    labels = scene.subset_labels('pseudo')
    assert (labels[0] == 255).all() and truth[labels == 1].all()
    assert (labels == 0).sum() == int(0.3 * (H - 1) * W)


def test_what_is_missing_is_named(cube, truth, coarse):
    with pytest.raises(ValueError, match='the ground truth has no target pixel'):
        _ = DetectionScene(cube, labels=np.zeros_like(truth), target_spectrum={}).target_spectrum
    with pytest.raises(ValueError, match='has no coarse map'):
        DetectionScene(cube, labels=truth, name='field').subset('pseudo')
    with pytest.raises(ValueError, match="'cem' needs a target spectrum, which scene 'field' does not have"):
        DetectionScene(cube, labels=truth, name='field').detect('cem')
    with pytest.raises(ValueError, match="unknown detector 'magic'"):
        DetectionScene(cube, labels=truth, name='field').detect('magic')
    with pytest.raises(ValueError, match='coarse map has 40 x 49 pixels, expected 40 x 50'):
        DetectionScene(cube, labels=truth, coarse=coarse[:, 1:]).subset('pseudo')
    with pytest.raises(ValueError, match='has the classes background and target, found 3 classes'):
        DetectionScene(cube, labels=truth, classes='abc')
    with pytest.raises(ValueError, match='1 pixels have the label 7, but the codes'):
        _ = DetectionScene(cube, labels=np.where(np.arange(H * W).reshape(H, W) == 5, 7, truth)).labels


def test_pseudo_labels_need_scores_that_tell_something(coarse):
    with pytest.raises(ValueError, match='leaves no target pixel'):
        pseudo_labels(coarse[:10, :10])
    with pytest.raises(ValueError, match='all 2000 coarse scores are 3'):
        pseudo_labels(np.full((H, W), 3.0))
    with pytest.raises(ValueError, match='sum up to at most 1'):
        pseudo_labels(coarse, background=0.9, target=0.2)


def test_selected_spectra_by_hand():
    spectra = np.array([[1.0, 0.0], [2.0, 0.0], [3.0, 0.0], [10.0, 0.0], [0.0, 1.0]])
    np.testing.assert_allclose(select_target_spectrum(spectra), [3.2, 0.2])
    np.testing.assert_allclose(select_target_spectrum(spectra, 'nearest_to_mean'), [3, 0])
    np.testing.assert_allclose(select_target_spectrum(spectra, 'trimmed_mean'), spectra[[0, 1, 2, 4]].mean(axis=0))
    np.testing.assert_allclose(select_target_spectrum(spectra, 'medoid'), [2, 0])
    with pytest.raises(ValueError, match='zero spectrum'):
        select_target_spectrum(np.zeros((2, 2)), 'medoid', 'angle')
    with pytest.raises(ValueError, match='no target pixel'):
        select_target_spectrum(spectra[:0])
    with pytest.raises(ValueError, match="not 'best'"):
        select_target_spectrum(spectra, 'best')
