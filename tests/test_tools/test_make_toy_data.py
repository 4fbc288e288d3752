"""Tests of tools/misc/make_toy_data.py: the look-alikes have the layout of the originals, and something to learn."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from config_runs import ROOT, look_alikes
from mmengine.config import Config
from scipy.io import loadmat
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from mmhsi.datasets import get_scene
from mmhsi.datasets.io import read_cube, read_labels

# the files of the originals: file, key of the cube, bands (None where they are not known), key of the map, its codes
CLASSIFICATION = {
    'indian_pines': (
        'Indian_pines_corrected.mat',
        'indian_pines_corrected',
        200,
        'Indian_pines_gt.mat',
        'indian_pines_gt',
        16,
    ),
    'pavia_university': ('PaviaU.mat', 'paviaU', 103, 'PaviaU_gt.mat', 'paviaU_gt', 9),
    'hanchuan': ('WHU_Hi_HanChuan.mat', 'WHU_Hi_HanChuan', 274, 'WHU_Hi_HanChuan_gt.mat', 'WHU_Hi_HanChuan_gt', 16),
    'honghu': ('WHU_Hi_HongHu.mat', 'WHU_Hi_HongHu', 270, 'WHU_Hi_HongHu_gt.mat', 'WHU_Hi_HongHu_gt', 22),
    'houston': ('Houston.mat', 'Houston', 144, 'Houston_GT.mat', 'Houston_GT', 15),
    'zy1_02d': ('ZY_hhk.mat', 'ZY_hhk_0628_data', 119, 'ZY_hhk_gt.mat', 'data_gt', 23),
}
DETECTION = {  # file, keys of cube and map, bands, coarse map and its key
    'mosaic': ('mosaic.mat', 'X', 'TL', None, 'Mosaic.mat', 'Mosaic'),
    'aviris': ('aviris.mat', 'X', 'TL', 189, 'AVIRIS.mat', 'AVIRIS'),
    'renourban': ('renourban.mat', 'X', 'TL', None, 'Renourban.mat', 'Renourban'),
    'pavia': ('Paiva_108_120_102_43.mat', 'hsi', 'hsi_gt', 102, 'Pavia_coarse_det_map.mat', 'show'),
    'cri': ('Nuance_Cri_400_400_46_1254.mat', 'hsi', 'hsi_gt', 46, 'Cri_coarse_det_map.mat', 'show'),
    'viareggio': ('viareggio.mat', 'hsi', 'hsi_gt', None, 'Viareggio_coarse_det_map.mat', 'show'),
}
CHANGE = {  # file and key of both dates and of the map, bands, codes of the map, those that stand for a change
    'hermiston': ('Sa1.mat', 'T1', 'Sa2.mat', 'T2', 'SaGT.mat', 'GT', 154, [1, 2], [1]),
    'farmland': ('Farm1.mat', 'imgh', 'Farm2.mat', 'imghl', 'GTChina1.mat', 'label', 155, [0, 1, 2], [0, 2]),
    'bay_area': ('BayArea.mat', 'T1', 'BayArea.mat', 'T2', 'BayArea.mat', 'GT', 224, [0, 1, 2], [1]),
    'santa_barbara': ('Barbara.mat', 'T1', 'Barbara.mat', 'T2', 'Barbara.mat', 'GT', 224, [0, 1, 2], [1]),
}
NAMES = [*CLASSIFICATION, *DETECTION, *CHANGE, 'oscd']
RELEASE = 'Onera Satellite Change Detection dataset - '
SPACING = dict(B01=60, B02=10, B03=10, B04=10, B05=20, B06=20, B07=20, B08=10, B8A=20, B09=60, B10=60, B11=20, B12=20)


@pytest.fixture(scope='module')
def root(tmp_path_factory) -> Path:
    return look_alikes(tmp_path_factory.mktemp('toy'), NAMES)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob('*') if path.is_file()}


def read(path: Path, key: str) -> np.ndarray:
    """An array of a MATLAB file, which mmhsi reads as scipy does."""
    values = loadmat(path)[key]
    if values.ndim == 3:
        read_again, info = read_cube(path, key)
        assert info.shape == values.shape
    else:
        read_again = read_labels(path, key, values.shape)
    np.testing.assert_array_equal(read_again, values)
    return values


def test_all_is_small(root):
    sizes = {name: len(content) for name, content in contents(root).items()}
    assert max(sizes.values()) < 2e6 and sum(sizes.values()) < 15e6


@pytest.mark.parametrize('name', CLASSIFICATION)
def test_classification_scene(name, root):
    cube_file, cube_key, bands, labels_file, labels_key, classes = CLASSIFICATION[name]
    cube, labels = read(root / name / cube_file, cube_key), read(root / name / labels_file, labels_key)
    assert cube.shape == (*labels.shape, bands) and cube.shape[0] != cube.shape[1] and labels.dtype == np.uint8
    assert np.unique(labels).tolist() == list(range(classes + 1))
    assert cube.dtype == {'hanchuan': np.float32, 'honghu': np.float32, 'zy1_02d': np.int16}.get(name, np.uint16)


@pytest.mark.parametrize('name', CLASSIFICATION)
def test_no_class_is_too_small_for_the_split_of_its_config(name, root, monkeypatch):
    monkeypatch.setenv('MMHSI_DATA', str(root))
    config = Config.fromfile(ROOT / f'configs/_base_/datasets/{name.replace("_", "-")}_seg.py').scene
    scene = get_scene(config)
    train, val, test = scene.split.counts(scene.labels, len(scene.classes))
    assert set(train) == {config.split.train} and set(val) == {config.split.val} and test.min() > 0


def test_maps_of_houston_share_out_its_labels(root):
    labels, train, test = (read(root / 'houston' / f'{key}.mat', key) for key in ('Houston_GT', 'TRLabel', 'TSLabel'))
    assert not np.any((train > 0) & (test > 0))
    np.testing.assert_array_equal(np.maximum(train, test), labels)
    assert np.unique(train).tolist() == np.unique(test).tolist() == list(range(16))


def test_classes_are_learnable_but_not_trivial(root):
    labels = read(root / 'pavia_university/PaviaU_gt.mat', 'paviaU_gt').ravel()
    pixels = read(root / 'pavia_university/PaviaU.mat', 'paviaU').reshape(labels.size, -1).astype(float)
    rng = np.random.default_rng(0)
    train = np.concatenate([rng.permutation(np.flatnonzero(labels == label))[:10] for label in range(1, 10)])
    test = np.setdiff1d(np.flatnonzero(labels), train)
    scale = StandardScaler().fit(pixels[train])
    correct = (
        SVC(C=100).fit(scale.transform(pixels[train]), labels[train]).score(scale.transform(pixels[test]), labels[test])
    )
    assert 0.7 < correct < 0.99


@pytest.mark.parametrize('name', DETECTION)
def test_detection_scene(name, root):
    file, cube_key, truth_key, bands, coarse_file, coarse_key = DETECTION[name]
    cube, truth = read(root / name / file, cube_key), read(root / name / file, truth_key)
    coarse = loadmat(root / name / 'coarse_det' / coarse_file)[coarse_key]
    assert cube.shape[:2] == truth.shape == coarse.shape and truth.shape[0] != truth.shape[1]
    assert min(truth.shape) > 32  # pixels of a tile
    assert bands in (None, cube.shape[2])
    assert np.unique(truth).tolist() == [0, 1] and 0.005 < truth.mean() < 0.03
    if name == 'pavia':
        assert truth.sum() == 43
    # what the coarse map is for: the highest 0.15 % are targets, the lowest 30 % background
    assert roc_auc_score(truth.ravel(), coarse.ravel()) > 0.9 and 0 <= coarse.min() < coarse.max() <= 1
    order = np.argsort(coarse.ravel())
    assert truth.ravel()[order[-int(0.0015 * truth.size) :]].all()
    assert not truth.ravel()[order[: int(0.3 * truth.size)]].any()


@pytest.mark.parametrize('name', CHANGE)
def test_change_scene(name, root):
    *files, bands, codes, changed_codes = CHANGE[name]
    first, second, labels = (read(root / name / file, key) for file, key in zip(files[::2], files[1::2], strict=True))
    assert first.shape == second.shape == (*labels.shape, bands) and first.dtype == second.dtype == np.int16
    assert np.unique(labels).tolist() == codes and labels.shape[0] != labels.shape[1]
    changed = np.isin(labels, changed_codes)
    known = np.ones_like(changed) if name in ('hermiston', 'farmland') else labels > 0
    # the published protocol draws 500 training pixels of each
    assert (changed & known).sum() > 500 and (~changed & known).sum() > 500
    intensity = np.linalg.norm(first.astype(float) - second, axis=-1)
    assert 0.8 < roc_auc_score(changed[known], intensity[known]) < 0.999


@pytest.mark.filterwarnings('ignore::rasterio.errors.NotGeoreferencedWarning')  # of the maps
def test_oscd_release(root):
    folder = root / 'oscd'
    images = folder / f'{RELEASE}Images'
    listed = {subset: (images / f'{subset}.txt').read_text().strip().split(',') for subset in ('train', 'test')}
    assert 'pisa' in listed['train']  # a city that the config takes for validation
    assert sorted(sum(listed.values(), [])) == sorted(path.name for path in images.iterdir() if path.is_dir())
    for subset, cities in listed.items():
        for city in cities:
            changes = read_labels(folder / f'{RELEASE}{subset.capitalize()} Labels' / city / 'cm' / f'{city}-cm.tif')
            assert np.unique(changes).tolist() == [1, 2] and min(changes.shape) >= 128
            picture = folder / f'{RELEASE}{subset.capitalize()} Labels' / city / 'cm/cm.png'
            with rasterio.open(picture) as file:
                assert file.count == 4
            np.testing.assert_array_equal(read_labels(picture), np.where(changes == 2, 255, 0))
            assert (images / city / 'dates.txt').read_text().startswith('date_1: 2016')
            (sizes, extent), (sizes_2, extent_2) = (check_bands(images / city / f'imgs_{date}') for date in (1, 2))
            assert sizes[10] == changes.shape
            assert (sizes_2 == sizes) == (city != 'abudhabi')  # as in the original
            np.testing.assert_allclose(extent, extent_2, rtol=0, atol=1e-9)


def check_bands(folder: Path) -> tuple[dict[int, tuple[int, int]], tuple[float, ...]]:
    """Check the 13 files of a date: one band each, the same ground. Returns the sizes by spacing, and the ground."""
    sizes, extents = {}, []
    files = sorted(folder.glob('*.tif'))
    assert [path.stem.split('_')[-1] for path in files] == sorted(SPACING)
    for path in files:
        values, info = read_cube(path)
        assert values.dtype == np.uint16 and info.bands == 1 and 'WGS 84' in info.crs
        sizes.setdefault(SPACING[path.stem.split('_')[-1]], info.shape[:2])
        assert sizes[SPACING[path.stem.split('_')[-1]]] == info.shape[:2]
        step_x, _, left, _, step_y, top = info.transform[:6]
        extents.append((left, top, left + step_x * info.width, top + step_y * info.height))
    np.testing.assert_allclose(extents, [extents[0]] * 13, rtol=0, atol=1e-9)
    for spacing in (20, 60):
        np.testing.assert_allclose(np.array(sizes[spacing]) * spacing / 10, sizes[10], atol=spacing / 20)
    return sizes, extents[0]


def test_oscd_as_converted(root):
    folder = root / 'oscd'
    cities = ','.join((folder / f'{subset}.txt').read_text().strip() for subset in ('train', 'test'))
    pooled = []
    for city in cities.split(','):
        changes = read_labels(folder / city / 'cm/cm.png')
        pair = [read_cube(folder / city / f'imgs_{date}_rect/ms_data.npy')[0] for date in (1, 2)]
        assert pair[0].shape == pair[1].shape == (*changes.shape, 13) and pair[0].dtype == np.uint16
        pooled.append((changes.ravel() > 0, np.linalg.norm(pair[0].astype(float) - pair[1], axis=-1).ravel()))
        for index, band in enumerate(SPACING):
            if SPACING[band] == 10:
                released = read_cube(next((folder / f'{RELEASE}Images' / city / 'imgs_1').glob(f'*_{band}.tif')))[0]
                np.testing.assert_array_equal(released[..., 0], pair[0][..., index])
    assert 0.8 < roc_auc_score(*(np.concatenate(parts) for parts in zip(*pooled, strict=True))) < 0.99


def test_command_writes_the_same_bytes_for_the_same_seed(root, tmp_path):
    names = ['pavia_university', 'mosaic', 'hermiston', 'oscd']
    tool = [sys.executable, str(ROOT / 'tools/misc/make_toy_data.py'), str(tmp_path / 'again'), '--datasets', *names]
    printed = subprocess.run(tool, check=True, capture_output=True, text=True)
    assert 'Warning' not in printed.stderr
    assert [line.split()[1] for line in printed.stdout.splitlines()] == [str(tmp_path / 'again' / n) for n in names]
    for name in names:
        assert contents(tmp_path / 'again' / name) == contents(root / name)
    look_alikes(tmp_path / 'other', ['mosaic'], seed=1)
    assert contents(tmp_path / 'other/mosaic').keys() == contents(root / 'mosaic').keys()
    other = loadmat(tmp_path / 'other/mosaic/mosaic.mat')
    assert not np.array_equal(other['TL'], loadmat(root / 'mosaic/mosaic.mat')['TL'])


def test_what_may_be_real_is_not_overwritten(tmp_path):
    (tmp_path / 'cri').mkdir()
    (tmp_path / 'cri/Nuance_Cri_400_400_46_1254.mat').write_bytes(b'real')
    with pytest.raises(FileExistsError, match='cri holds files and no LOOK-ALIKE.txt'):
        look_alikes(tmp_path, ['cri'])
    assert [path.name for path in (tmp_path / 'cri').iterdir()] == ['Nuance_Cri_400_400_46_1254.mat']
    look_alikes(tmp_path, ['mosaic'])
    look_alikes(tmp_path, ['mosaic'], seed=1)  # a look-alike may be


def test_unknown_dataset_is_named(tmp_path):
    with pytest.raises(ValueError, match="no look-alike of 'salinas' can be made; known are indian_pines, .*oscd"):
        look_alikes(tmp_path, ['mosaic', 'salinas'])
    assert not list(tmp_path.iterdir())
