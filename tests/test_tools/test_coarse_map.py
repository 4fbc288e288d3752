"""Tests of tools/dataset_converters/coarse_map.py: the map is that of the formula and lies where it is expected."""

import runpy
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin
from scipy.io import loadmat, savemat

from mmhsi.classical import ace, cem, crd, fitting_windows, local_rx, rx
from mmhsi.datasets import DetectionScene

TOOL = Path(__file__).parents[2] / 'tools/dataset_converters/coarse_map.py'
H, W, C = 20, 24, 5
CONFIG = """
scene = dict(type='DetectionScene', data_root={root!r}, image=dict(path='scene.mat', key='X'),
             labels=dict(path='scene.mat', key='TL'), coarse={coarse}, {spectrum}
             preprocessing=[dict(type='Standardize')])
test_dataloader = dict(dataset=dict(type='TileDataset', scene=scene, subset='all', tile_size=8))
"""


@pytest.fixture(scope='module')
def main():
    return runpy.run_path(str(TOOL))['main']


@pytest.fixture
def truth():
    mask = np.zeros((H, W), np.uint8)
    mask[4:6, 10:13] = 1
    return mask


@pytest.fixture
def cube(truth):
    rng = np.random.default_rng(0)
    cube = rng.normal(5, 1, (H, W, C))
    cube[truth == 1] += 3 * np.array([1.0, -1.0, 1.0, -1.0, 1.0])
    return cube.astype(np.float32)


@pytest.fixture
def folder(tmp_path, cube, truth, monkeypatch):
    monkeypatch.chdir(tmp_path)
    savemat('scene.mat', {'X': cube, 'TL': truth})
    return tmp_path


def write_config(folder, coarse="dict(path='coarse_det/Scene.mat', key='Scene')", spectrum='target_spectrum={},'):
    (folder / 'config.py').write_text(CONFIG.format(root=str(folder), coarse=coarse, spectrum=spectrum))
    return 'config.py'


def standardised(cube):
    return (cube - cube.mean(axis=(0, 1), dtype=np.float64)) / cube.std(axis=(0, 1), dtype=np.float64)


def test_the_map_of_a_config_lies_where_its_scene_reads_it(main, folder, cube, truth):
    main([write_config(folder)])
    stored = loadmat('coarse_det/Scene.mat')['Scene']
    normalised = standardised(cube)
    wanted = cem(normalised, normalised[truth == 1].mean(axis=0))
    np.testing.assert_allclose(stored, wanted, atol=1e-4)
    scene = DetectionScene(
        dict(path='scene.mat', key='X'),
        coarse=dict(path='coarse_det/Scene.mat', key='Scene'),
        pseudo_shares=dict(target=0.01),
    )
    assert truth.ravel()[scene.subset('pseudo')].sum() == 4


def test_without_target_spectrum_anomalies_are_sought(main, folder, cube):
    main([write_config(folder, spectrum='')])
    np.testing.assert_allclose(loadmat('coarse_det/Scene.mat')['Scene'], rx(cube), rtol=1e-3)


def test_the_scene_of_a_base_of_the_package_has_a_scope(main, folder, cube):
    config = Path(write_config(folder, spectrum=''))
    config.write_text(config.read_text().replace("type='DetectionScene'", "type='DetectionScene', _scope_='mmhsi'"))
    assert "_scope_='mmhsi'" in config.read_text()
    main([str(config)])
    assert Path('coarse_det/Scene.mat').is_file()


def test_a_recommended_config_gives_the_map_of_its_teacher(main, folder, cube):
    base = Path(__file__).parents[2] / 'configs/recommended/anomaly_detection.py'
    text = f"_base_ = [{str(base)!r}]\nscene = dict(image=dict(path='scene.mat', key='X'), labels=None)\n"
    Path('own.py').write_text(text)
    main(['own.py', '--out', 'teacher.mat'])
    inner, outer = fitting_windows([rx(cube)])
    np.testing.assert_allclose(loadmat('teacher.mat')['coarse'], crd(cube, inner=inner, outer=outer), rtol=1e-3)


def test_options_of_the_command_line_come_first(main, folder, cube, truth):
    np.savetxt('target.csv', cube[truth == 1][0] / 100)
    main(
        [
            write_config(folder),
            '--detector',
            'ace',
            '--raw',
            '--spectrum',
            'target.csv',
            '--spectrum-scale',
            '100',
            '--out',
            'other.npy',
        ]
    )
    np.testing.assert_allclose(np.load('other.npy'), ace(cube, cube[truth == 1][0]), atol=1e-5)
    assert not Path('coarse_det').exists()


def test_the_map_of_a_cube(main, folder, cube, truth):
    codes = np.where(truth == 1, 7, 2).astype(np.uint8)
    np.save('truth.npy', codes)
    main(['scene.mat', '--key', 'X', '--labels', 'truth.npy', '--target-code', '7', '--out', 'maps/coarse.mat'])
    normalised = standardised(cube)
    wanted = cem(normalised, normalised[truth == 1].mean(axis=0))
    np.testing.assert_allclose(loadmat('maps/coarse.mat')['coarse'], wanted, atol=1e-4)


def test_a_raster_keeps_its_georeference_and_its_pixels_without_data(main, folder, cube):
    place = from_origin(500000, 4000000, 30, 30)
    cube[0, :3] = -1
    with rasterio.open(
        'scene.tif',
        'w',
        driver='GTiff',
        height=H,
        width=W,
        count=C,
        dtype='float32',
        nodata=-1,
        crs='EPSG:32633',
        transform=place,
    ) as file:
        file.write(cube.transpose(2, 0, 1))
    main(['scene.tif', '--detector', 'local_rx', '--options', 'inner=3', 'outer=9', '--out', 'coarse.tif'])
    with rasterio.open('coarse.tif') as file:
        scores = file.read(1)
        assert (file.crs.to_epsg(), file.transform, np.isnan(file.nodata)) == (32633, place, True)
    assert np.argwhere(np.isnan(scores)).tolist() == [[0, 0], [0, 1], [0, 2]]
    scene = DetectionScene('scene.tif', coarse='coarse.tif', pseudo_shares=dict(target=0.01))
    assert (scene.subset_labels('pseudo')[0, :3] == 255).all()


@pytest.mark.parametrize(
    'arguments, message',
    [
        (['config.py', '--labels', 'truth.npy'], '--labels belongs to a cube, but config.py is a config'),
        (['scene.mat', '--key', 'X'], 'scene.mat does not say where its coarse map lies: give --out'),
        (['scene.mat', '--key', 'X', '--out', 'map.png'], 'map.png: expected a name that ends in .mat, .npy, .tif'),
        (['scene.mat', '--key', 'X', '--out', 'scene.mat'], 'scene.mat exists already; --overwrite replaces it'),
        (['scene.mat', '--key', 'Y', '--out', 'map.mat'], "scene.mat: .*'Y'"),
        (['scene.mat', '--key', 'X', '--detector', 'cem', '--out', 'map.mat'], "'cem' needs a target spectrum"),
        (['scene.mat', '--key', 'X', '--select', 'median', '--out', 'map.mat'], '--select takes the target spectrum'),
        (
            [
                'scene.mat',
                '--key',
                'X',
                '--labels',
                'scene.mat',
                '--labels-key',
                'TL',
                '--target-code',
                '5',
                '--out',
                'map.mat',
            ],
            r'scene.mat: no pixel has the value 5 of a target; there are \[0, 1\]',
        ),
        (['absent.tif', '--out', 'map.mat'], 'absent.tif'),
    ],
)
def test_what_does_not_suit_is_named(main, folder, arguments, message):
    write_config(folder)
    before = (folder / 'scene.mat').read_bytes()
    with pytest.raises(SystemExit, match=message):
        main(arguments)
    assert (folder / 'scene.mat').read_bytes() == before and not Path('map.mat').exists()


def test_a_config_that_computes_its_map_needs_a_place(main, folder, cube):
    config = write_config(folder, coarse="dict(detector='cem')")
    with pytest.raises(SystemExit, match='config.py does not say where its coarse map lies'):
        main([config])
    config = write_config(folder, coarse="dict(detector='local_rx', inner=3, outer=9, preprocessing=[])")
    main([config, '--out', 'map.npy'])
    np.testing.assert_allclose(np.load('map.npy'), local_rx(cube, inner=3, outer=9), rtol=1e-6)


def test_a_config_without_detection_scene_is_named(main, folder):
    Path('config.py').write_text("test_dataloader = dict(dataset=dict(scene=dict(type='Scene', image='scene.mat')))")
    with pytest.raises(SystemExit, match='config.py: the test dataset has no DetectionScene'):
        main(['config.py'])
