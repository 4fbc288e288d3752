import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from scipy.io import loadmat, savemat

from mmhsi.classical import cem
from mmhsi.datasets import DetectionScene, read_cube, read_spectra
from mmhsi.datasets.implant import Block, draw_blocks, implant_targets

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope='module')
def tool():
    spec = importlib.util.spec_from_file_location('implant_tool', ROOT / 'tools/dataset_converters/implant_targets.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make_cube(dtype=np.float64, shape=(12, 15, 4)):
    return np.random.default_rng(0).integers(100, 900, shape).astype(dtype)


def test_pixels_are_mixed_and_others_kept():
    cube, target = make_cube(), np.array([1.0, 2, 3, 4])
    result = implant_targets(cube, target, [(0, 0), (11, 14), (5, 2)], [0.1, 1, 0.25])
    np.testing.assert_allclose(result[0, 0], 0.1 * target + 0.9 * cube[0, 0])
    np.testing.assert_allclose(result[11, 14], target)
    np.testing.assert_allclose(result[5, 2], 0.25 * target + 0.75 * cube[5, 2])
    changed = np.zeros((12, 15), bool)
    changed[[0, 11, 5], [0, 14, 2]] = True
    np.testing.assert_array_equal((result != cube).any(axis=-1), changed)
    assert cube[0, 0, 0] == make_cube()[0, 0, 0]


def test_a_target_for_each_position_and_one_fraction():
    cube, targets = make_cube(), np.arange(8.0).reshape(2, 4)
    result = implant_targets(cube, targets, np.array([[3, 4], [4, 3]]), 0.5)
    np.testing.assert_allclose(result[[3, 4], [4, 3]], (targets + cube[[3, 4], [4, 3]]) / 2)


@pytest.mark.parametrize(
    'dtype, expected',
    [(np.uint16, np.float32), (np.float32, np.float32), (np.int32, np.float64), (np.float64, np.float64)],
)
def test_type_holds_what_the_cube_holds(dtype, expected):
    assert implant_targets(make_cube(dtype), np.ones(4), [(1, 1)], 0.5).dtype == expected


@pytest.mark.parametrize(
    'change, message',
    [
        (dict(positions=[(0, 15)]), 'row 0, column 15 lies outside the scene of 12 x 15 pixels'),
        (dict(positions=[(-1, 3)]), 'row -1, column 3 lies outside'),
        (dict(positions=[(2, 2), (2, 2)]), 'a position occurs twice'),
        (dict(positions=[1, 2]), r'the positions have the shape \(2,\)'),
        (dict(positions=[(1.0, 2)]), 'type float64, expected integers'),
        (dict(positions=np.zeros((0, 2), int)), r'the positions have the shape \(0, 2\)'),
        (dict(fractions=0), 'fractions from 0 to 0, expected above 0 and up to 1'),
        (dict(fractions=[1.01]), 'fractions from 1.01 to 1.01'),
        (dict(fractions=[np.nan]), 'expected above 0'),
        (dict(fractions=[0.1, 0.2]), 'there are 2 fractions for 1 positions'),
        (dict(target=np.ones(5)), r'the target has the shape \(5,\), but the cube has 4 bands'),
        (dict(target=np.ones((2, 4))), r'the target has the shape \(2, 4\)'),
        (dict(target=np.array([1, 2, np.inf, 3])), 'the target holds NaN or infinity'),
        (dict(cube=np.ones((3, 4))), r'the cube has the shape \(3, 4\)'),
        (dict(cube=np.full((12, 15, 4), np.nan)), 'the pixel at row 1, column 2 holds no data'),
    ],
)
def test_wrong_input_is_named(change, message):
    arguments = dict(cube=make_cube(), target=np.ones(4), positions=[(1, 2)], fractions=0.5)
    with pytest.raises(ValueError, match=message):
        implant_targets(**{**arguments, **change})


def test_drawn_blocks_keep_apart_and_off_what_is_not_allowed():
    allowed = np.ones((30, 40), bool)
    allowed[:, 20:] = allowed[10:14] = False
    blocks = draw_blocks(allowed, 12, (1, 2, 3), (0.1, 0.5), np.random.default_rng(0))
    assert [block.side for block in blocks] == [1, 2, 3] * 4
    assert [block.fraction for block in blocks] == [0.1] * 3 + [0.5] * 3 + [0.1] * 3 + [0.5] * 3
    owner = np.full((30, 40), -1)
    for index, block in enumerate(blocks):
        assert len(block.positions) == block.side**2 and allowed[tuple(block.positions.T)].all()
        near = owner[
            max(block.row - 1, 0) : block.row + block.side + 1, max(block.column - 1, 0) : block.column + block.side + 1
        ]
        assert (near == -1).all()
        owner[tuple(block.positions.T)] = index
    assert blocks == draw_blocks(allowed, 12, (1, 2, 3), (0.1, 0.5), np.random.default_rng(0))
    assert blocks != draw_blocks(allowed, 12, (1, 2, 3), (0.1, 0.5), np.random.default_rng(1))


def test_fractions_are_drawn_from_a_range():
    blocks = draw_blocks(np.ones((60, 60), bool), 200, (1,), (0.2, 0.4), np.random.default_rng(0), uniform=True)
    fractions = np.array([block.fraction for block in blocks])
    assert 0.2 <= fractions.min() < 0.21 and 0.39 < fractions.max() <= 0.4 and abs(fractions.mean() - 0.3) < 0.01


@pytest.mark.parametrize(
    'arguments, message',
    [
        (dict(count=0), '0 blocks with the sides'),
        (dict(sides=(0,)), 'sides of at least one pixel'),
        (dict(fractions=()), 'expected at least one of each'),
        (dict(sides=(7,)), 'no place for a block of 7 x 7 pixels in the scene of 6 x 6 pixels next to the 0 blocks'),
        (dict(sides=(3,), count=5), 'no place for a block of 3 x 3 pixels .* next to the [1-4] blocks'),
        (dict(fractions=(0.4, 0.2), uniform=True), 'expected the lowest and the highest'),
    ],
)
def test_blocks_that_cannot_be_drawn_are_named(arguments, message):
    defaults = dict(allowed=np.ones((6, 6), bool), count=1, sides=(1,), fractions=(0.5,), rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match=message):
        draw_blocks(**{**defaults, **arguments})


def test_positions_of_a_block():
    assert Block(3, 5, 2, 0.5).positions.tolist() == [[3, 5], [3, 6], [4, 5], [4, 6]]


@pytest.fixture
def scene(tmp_path):
    """A GeoTIFF with wavelengths and a nodata corner, and labels with a class 3 of nine pixels."""
    rng = np.random.default_rng(0)
    cube = (500 + 100 * rng.dirichlet(np.ones(3), (30, 30)) @ rng.normal(size=(3, 8))).astype(np.int16)
    cube[:2, :2] = -999
    with rasterio.open(
        tmp_path / 'scene.tif',
        'w',
        'GTiff',
        30,
        30,
        8,
        dtype='int16',
        nodata=-999,
        transform=rasterio.Affine(30, 0, 0, 0, -30, 0),
    ) as file:
        for band in range(8):
            file.write(cube[..., band], band + 1)
            file.update_tags(band + 1, wavelength=str(450 + 50 * band), wavelength_units='nm')
    labels = np.ones((30, 30), np.uint8)
    labels[10:13, 20:23] = 3
    savemat(tmp_path / 'labels.mat', {'labels': labels})
    return tmp_path, cube, labels


def run(tool, monkeypatch, folder, *arguments):
    monkeypatch.setattr(sys, 'argv', ['implant_targets.py', str(folder / 'scene.tif'), *map(str, arguments)])
    tool.main()


def test_mean_of_a_class_is_implanted(tool, scene, monkeypatch, capsys):
    folder, cube, labels = scene
    run(
        tool,
        monkeypatch,
        folder,
        '--labels',
        folder / 'labels.mat',
        '--target-class',
        3,
        '--count',
        6,
        '--sides',
        1,
        2,
        '--fractions',
        0.3,
        0.6,
        '--out',
        folder / 'out/set.mat',
    )
    written, description = loadmat(folder / 'out/set.mat'), json.loads((folder / 'out/set.json').read_text())
    target = cube[labels == 3].mean(axis=0)
    np.testing.assert_allclose(written['target'].ravel(), target)
    np.testing.assert_array_equal(written['wavelengths'].ravel(), np.arange(450, 801, 50))
    codes, abundance = written['map'], written['abundance']
    assert np.bincount(codes.ravel()).tolist() == [4 + 9, 900 - 13 - 15, 15]
    assert (codes[labels == 3] == 0).all() and (codes[:2, :2] == 0).all()
    assert sorted(abundance[codes == 2].tolist()) == pytest.approx([0.3] * 10 + [0.6] * 5)
    assert (abundance[codes != 2] == 0).all()
    expected = abundance[..., None] * target + (1 - abundance[..., None]) * cube
    assert np.isnan(written['data'][:2, :2]).all()
    np.testing.assert_allclose(written['data'][2:], expected[2:], rtol=1e-5)
    assert description['label_codes'] == {'background': 1, 'target': 2} and len(description['blocks']) == 6
    assert description['target_source']['class'] == 3 and description['target_source']['pixels'] == 9
    for block in description['blocks']:
        rows = slice(block['row'], block['row'] + block['side'])
        columns = slice(block['column'], block['column'] + block['side'])
        assert (codes[rows, columns] == 2).all()
        np.testing.assert_allclose(abundance[rows, columns], block['fraction'])
    assert '6 targets, 15 of 900 pixels; 13 pixels are not to be evaluated' in capsys.readouterr().out
    assert not list((folder / 'out').glob('*.part'))


def test_written_scene_is_read_back_for_detection(tool, scene, monkeypatch):
    folder = scene[0]
    target = np.array([300.0, 900, 200, 800, 100, 700, 150, 600])
    np.save(folder / 'paint.npy', target)
    run(
        tool,
        monkeypatch,
        folder,
        '--spectrum',
        folder / 'paint.npy',
        '--count',
        4,
        '--fractions',
        0.2,
        '--out',
        folder / 's.mat',
    )
    path = folder / 's.mat'
    assert read_cube(path, 'data')[1].wavelengths[0] == 450
    np.testing.assert_array_equal(read_spectra(path).select().values, target)
    detection = DetectionScene(
        dict(path=str(path), key='data'),
        labels=dict(path=str(path), key='map'),
        label_codes=dict(background=1, target=2),
        target_spectrum=dict(select='mean'),
    )
    assert np.bincount(detection.labels.ravel())[[0, 1, 255]].tolist() == [892, 4, 4]
    scores = cem(loadmat(path)['data'], target, detection.valid)
    assert set(np.argsort(np.nan_to_num(scores), axis=None)[-4:]) == set(np.flatnonzero(detection.labels == 1))


def test_target_from_a_file_of_other_bands_and_units(tool, scene, monkeypatch):
    folder = scene[0]
    (folder / 'paint.csv').write_text('nm,red,blue\n' + ''.join(f'{nm},{nm / 1000},.1\n' for nm in range(400, 901, 20)))
    run(
        tool,
        monkeypatch,
        folder,
        '--spectrum',
        folder / 'paint.csv',
        '--spectrum-name',
        'red',
        '--spectrum-scale',
        1e4,
        '--positions',
        '4,5',
        '8,9',
        '--sides',
        2,
        '--fractions',
        1,
        0.5,
        '--out',
        folder / 'flat.npy',
    )
    data, codes = np.load(folder / 'flat.npy'), np.load(folder / 'flat_map.npy')
    np.testing.assert_allclose(data[4, 5], np.arange(450, 801, 50) * 10)
    np.testing.assert_allclose(data[9, 10], (np.arange(450, 801, 50) * 10 + scene[1][9, 10]) / 2, rtol=1e-5)
    assert np.argwhere(codes == 2).tolist() == [[4, 5], [4, 6], [5, 5], [5, 6], [8, 9], [8, 10], [9, 9], [9, 10]]
    np.testing.assert_allclose(np.load(folder / 'flat_abundance.npy')[[4, 9], [6, 9]], [1, 0.5])
    assert json.loads((folder / 'flat.json').read_text())['wavelengths_nm'][1] == 500


def test_noise_and_range_depend_on_the_seed(tool, scene, monkeypatch):
    folder = scene[0]
    arrays = []
    for seed in (3, 3, 4):
        run(
            tool,
            monkeypatch,
            folder,
            '--target-pixel',
            20,
            7,
            '--count',
            1,
            '--sides',
            20,
            '--fraction-range',
            0.9,
            1,
            '--snr',
            20,
            '--seed',
            seed,
            '--out',
            folder / 'n.mat',
        )
        arrays.append(loadmat(folder / 'n.mat'))
    np.testing.assert_array_equal(arrays[0]['data'], arrays[1]['data'])
    assert not np.array_equal(arrays[0]['data'], arrays[2]['data'], equal_nan=True)
    target, share = scene[1][20, 7], arrays[0]['abundance'].max()
    assert 0.9 <= share <= 1
    pixels = arrays[0]['map'] == 2
    noise = (arrays[0]['data'][pixels] - (1 - share) * scene[1][pixels]) / share - target
    assert noise.std() == pytest.approx(np.sqrt(np.mean(target.astype(float) ** 2)) / 10, rel=0.05)


@pytest.mark.parametrize(
    'arguments, message',
    [
        (('--target-class', 3), '--target-class needs --labels'),
        (('--target-class', 9, '--labels', 'labels.mat'), 'labels.mat: no pixel with data has the label 9'),
        (('--target-pixel', 0, 0), 'row 0, column 0 lies outside the scene of 30 x 30 pixels or holds no data'),
        (('--target-pixel', 30, 0), 'row 30, column 0 lies outside'),
        (('--target-pixel', 5, 5, '--positions', '29,29', '--sides', 2), 'row 29, column 30 lies outside'),
        (('--target-pixel', 5, 5, '--positions', '1,1'), 'a target lies on pixels that hold no data'),
        (('--target-pixel', 5, 5, '--positions', '1;1'), "position '1;1', expected ROW,COLUMN"),
        (('--target-pixel', 5, 5, '--fractions', 1.5), 'fractions from 1.5 to 1.5, expected above 0 and up to 1'),
        (('--spectrum', 'short.csv'), 'does not cover the target band'),
        (('--spectrum', 'absent.csv'), 'absent.csv: no such file'),
    ],
)
def test_wrong_arguments_end_with_a_sentence(tool, scene, monkeypatch, arguments, message):
    folder = scene[0]
    (folder / 'short.csv').write_text('nm,red\n500,1\n600,2\n700,3\n')
    arguments = [folder / value if str(value).endswith(('.mat', '.csv')) else value for value in arguments]
    with pytest.raises(SystemExit, match=message):
        run(tool, monkeypatch, folder, *arguments, '--out', folder / 'x.mat')
    assert not (folder / 'x.mat').exists()


def test_unknown_format_is_named(tool, scene, monkeypatch):
    with pytest.raises(SystemExit, match='ends in .mat or .npy'):
        run(tool, monkeypatch, scene[0], '--target-pixel', 5, 5, '--out', scene[0] / 'x.tif')
