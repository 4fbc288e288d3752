"""Tests of mmhsi init: what is found in files of many kinds, what is written, and that it runs."""

import os
import runpy
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio
from mmengine.config import Config
from mmengine.registry import init_default_scope
from rasterio.transform import from_origin
from scipy.io import savemat

from mmhsi.analysis.init_scene.main import TASKS, main
from mmhsi.analysis.init_scene.plan import Request
from mmhsi.analysis.init_scene.plans import _PLANS, make_plan
from mmhsi.analysis.init_scene.write import init_scene
from mmhsi.cli.data import main as check_data
from mmhsi.datasets import get_scene, get_scenes

TOOLS = Path(__file__).resolve().parents[2] / 'tools'
DATA = Path(os.environ.get('MMHSI_TEST_DATA', Path(__file__).parents[2] / '../shared/data'))
HEIGHT, WIDTH, BANDS = 84, 48, 30


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmhsi')


@pytest.fixture(scope='module')
def scene():
    """A smooth cube of three materials, and their labels with unlabelled rows."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    labels = (1 + (rows // 28 + columns // 16) % 3).astype(np.uint8)
    cube = rng.uniform(200, 3000, (4, BANDS))[labels] + rng.normal(0, 30, (HEIGHT, WIDTH, BANDS))
    labels[::7] = 0
    return cube.astype(np.float32), labels


def request(task, *paths, **options):
    return Request([str(path) for path in paths], task, **options)


def arguments(plan):
    return {name: value for name, value, _ in plan.scene}


def write_raster(path, array, **profile):
    array = array[None] if array.ndim == 2 else np.moveaxis(array, -1, 0)
    with rasterio.open(
        path, 'w', driver='GTiff', height=HEIGHT, width=WIDTH, count=len(array), dtype=array.dtype, **profile
    ) as file:
        file.write(array)


def test_a_raster_is_described_and_its_odd_values_are_told(scene, tmp_path, capsys):
    cube, labels = scene
    cube, labels = cube.copy(), labels.astype(np.int16)
    cube[:, :, 7] = -9999
    cube[:, :, 20] = 5
    labels[0], labels[labels == 3] = -1, 40
    where = dict(crs='EPSG:32633', transform=from_origin(370000, 5810000, 10, 10))
    write_raster(tmp_path / 'cube.tif', cube, **where)
    write_raster(tmp_path / 'labels.tif', labels, **where)
    found = request('classification', tmp_path / 'cube.tif', tmp_path / 'labels.tif', classes=['a', 'b', 'c'])
    plan, dataset, config = init_scene(found, tmp_path / 'out')
    assert arguments(plan)['labels'] == dict(path='labels.tif', ignore=-1)
    assert arguments(plan)['label_codes'] == dict(a=1, b=2, c=40)
    assert arguments(plan)['nodata'] == -9999 and plan.left_out == [7, 20]
    cfg = Config.fromfile(config)
    built = get_scene({**cfg.scene.to_dict(), 'preprocessing': cfg.scene.preprocessing[:1]})
    assert built.bands == BANDS - 2 and built.valid.all()
    assert [int((built.labels == label).sum()) for label in range(3)] == [
        int((labels == code).sum()) for code in (1, 2, 40)
    ]
    assert '# -1 at 48 pixels' not in dataset.read_text() and '-1 at 48 pixels: taken for "no label"' in (
        ' '.join(dataset.read_text().split())
    )
    assert main([*found.paths, '--task', 'classification', '--out', str(tmp_path / 'out')]) == 2
    assert 'exists already' in capsys.readouterr().err
    assert main([*found.paths, '--task', 'classification', '--out', str(tmp_path / 'out'), '--overwrite']) == 0
    text = capsys.readouterr().out
    for words in ('EPSG:32633, pixels of 10 x 10', '2 are empty or constant', '40: ', 'train', 'predict'):
        assert words in text, words


@pytest.mark.parametrize('axes, layout', [((0, 1, 2), None), ((2, 0, 1), 'chw'), ((0, 2, 1), 'bil')])
def test_a_map_tells_the_axes_of_an_array(scene, tmp_path, axes, layout):
    cube, labels = scene
    savemat(tmp_path / 'scene.mat', dict(cube=cube.transpose(axes), thumbnail=cube[..., :3], gt=labels))
    np.save(tmp_path / 'gt.npy', labels)
    plan = make_plan(request('classification', tmp_path / 'scene.mat', tmp_path / 'gt.npy', key=['cube']))
    assert plan.cube.source.get('layout') == layout
    assert plan.cube.info.shape == (HEIGHT, WIDTH, BANDS)


@pytest.mark.parametrize('transposed', [False, True])
@pytest.mark.parametrize('by_column', [False, True])
def test_a_list_of_pixels_and_its_truth_are_found(tmp_path, transposed, by_column):
    rng = np.random.default_rng(1)
    smooth = np.cumsum(np.cumsum(rng.normal(size=(3, 21, 32)), axis=1), axis=2)
    abundances = np.exp(smooth / np.abs(smooth).max() * 4)
    abundances /= abundances.sum(axis=0)
    endmembers = rng.uniform(0.1, 0.9, (25, 3))
    image = np.einsum('cp,phw->chw', endmembers, abundances) + rng.normal(0, 1e-3, (25, 21, 32))
    flat = (image.swapaxes(1, 2) if by_column else image).reshape(25, -1)
    savemat(
        tmp_path / 'mix.mat',
        dict(Y=flat.T if transposed else flat, S=np.moveaxis(abundances, 0, -1), M=endmembers, lines=21, cols=32),
    )
    plan = make_plan(request('unmixing', tmp_path / 'mix.mat'))
    assert arguments(plan)['num_endmembers'] == 3 and plan.cube.bands == 25
    built = get_scene(arguments(plan))
    assert np.allclose(built.window(0, 0, 21, 32), np.moveaxis(image, 0, -1), atol=1e-6)
    assert np.allclose(built.abundances, abundances) and np.allclose(built.endmembers, endmembers.T)


def test_every_task_writes_a_config_whose_scene_can_be_built(scene, tmp_path):
    cube, labels = scene
    rare = (labels == 2) & (np.indices(labels.shape).sum(axis=0) % 9 == 0)
    np.save(tmp_path / 'second.npy', cube * np.where(rare, 2, 1)[..., None])
    savemat(tmp_path / 'scene.mat', dict(cube=cube, map=rare.astype(np.uint8)))
    savemat(tmp_path / 'cube.mat', dict(cube=cube))
    np.save(tmp_path / 'labels.npy', labels)
    np.save(tmp_path / 'changes.npy', np.where(rare, 1, 2).astype(np.uint8))
    for place in 'abc':
        (tmp_path / 'places' / place).mkdir(parents=True)
        for name, array in (('one', cube), ('two', cube), ('map', rare.astype(np.uint8))):
            write_raster(tmp_path / 'places' / place / f'{name}.tif', array)
    pair = tmp_path / 'cube.mat', tmp_path / 'second.npy', tmp_path / 'changes.npy'
    requests = {
        'classification': request('classification', tmp_path / 'cube.mat', tmp_path / 'labels.npy'),
        'target_detection': request('target_detection', tmp_path / 'scene.mat', folder=str(tmp_path / 'out')),
        'anomaly_detection': request('anomaly_detection', tmp_path / 'scene.mat'),
        'change_detection': request('change_detection', *pair),
        'unmixing': request('unmixing', tmp_path / 'cube.mat', endmembers=3),
        'denoising': request('denoising', tmp_path / 'cube.mat'),
        'super_resolution': request('super_resolution', tmp_path / 'cube.mat'),
        'multispectral_change_detection': request('multispectral_change_detection', tmp_path / 'places'),
    }
    assert set(requests) == set(TASKS) == set(_PLANS)
    for task, asked in requests.items():
        plan, _, config = init_scene(asked, tmp_path / 'out')
        cfg = Config.fromfile(config)
        found = cfg.scene
        if task == 'multispectral_change_detection':
            assert cfg.train_dataloader.dataset.names == ['a'] and cfg.test_dataloader.dataset.names == ['c']
            found = found.to_dict()
            found['image'] = [dict(source, path=source['path'].format(name='b')) for source in found['image']]
            found['labels'] = dict(found['labels'], path=found['labels']['path'].format(name='b'))
        built = get_scene({**dict(found), 'preprocessing': []})
        assert (built.height, built.width) == (HEIGHT, WIDTH)
        if task == 'target_detection':
            assert np.allclose(built.target_spectrum, cube[rare].mean(axis=0), rtol=1e-6)
        if 'change' in task:
            assert np.array_equal(built.labels == 1, rare)


@pytest.fixture
def tiles(scene, tmp_path):
    """The scene in four tiles of two sizes, at two dates, with label maps of other names; -1 and 9 in one of them."""
    cube, labels = scene
    labels = labels.astype(np.int16)
    labels[50:, 20:][labels[50:, 20:] == 3] = 9
    labels[0, :3] = -1
    for part in ('first', 'second', 'maps'):
        (tmp_path / part).mkdir()
    for row, rows in enumerate((slice(0, 50), slice(50, HEIGHT))):
        for column, columns in enumerate((slice(0, 20), slice(20, WIDTH))):
            np.save(tmp_path / 'first' / f't_{row}{column}_2019.npy', cube[rows, columns])
            later = cube[rows, columns] * 1.1
            later[..., 5] = 7 if column else later[..., 5]
            np.save(tmp_path / 'second' / f't_{row}{column}_2021.npy', later)
            np.save(tmp_path / 'maps' / f't_{row}{column}_gt.npy', labels[rows, columns])
    return tmp_path, labels


def test_folders_and_patterns_are_one_set_of_data(tiles, tmp_path, capsys):
    folder, labels = tiles
    for images, maps in (('first', 'maps'), ('first/*_2019.npy', 'maps/t_*.npy'), ('fir*/*.npy', 'm?ps/*.npy')):
        status, out, _ = spoken(
            capsys, folder / images, folder / maps, '--task', 'classification', '--out', tmp_path / 'out', '--overwrite'
        )
        assert status == 0 and '4 scenes, 50 x 20, 50 x 28, 34 x 20, 34 x 28 pixels' in out
        written = Config.fromfile(next((tmp_path / 'out').glob('*classification.py')))
        assert len(get_scenes({**written.scene.to_dict(), 'preprocessing': []})) == 4
        shutil.rmtree(tmp_path / 'out')
    plan, _, config = init_scene(
        request('classification', folder / 'first', folder / 'maps', classes=['a', 'b', 'c', 'd']), tmp_path / 'out2'
    )
    assert arguments(plan)['label_codes'] == dict(a=1, b=2, c=3, d=9)
    assert arguments(plan)['labels'] == dict(path='maps', ignore=-1) and arguments(plan)['image'] == dict(path='first')
    scenes = get_scenes({**Config.fromfile(config).scene.to_dict(), 'preprocessing': []})
    assert [scene.name for scene in scenes] == [f't_{tile}_2019' for tile in ('00', '01', '10', '11')]
    counts = sum(np.bincount(scene.labels[scene.labels < 255], minlength=4) for scene in scenes)
    assert counts.tolist() == [int((labels == code).sum()) for code in (1, 2, 3, 9)]
    assert sum(len(scene.split.train) for scene in scenes) == 40


def test_folders_of_other_tasks(tiles, tmp_path, capsys):
    folder, _ = tiles
    for path in (folder / 'maps').iterdir():
        np.save(path, np.load(path) == 2)
    pair = request('change_detection', folder / 'first', folder / 'second', folder / 'maps')
    plan, _, config = init_scene(pair, tmp_path / 'out')
    assert plan.left_out == [5]  # constant in two tiles of the second date
    scenes = get_scenes({**Config.fromfile(config).scene.to_dict()})
    assert len(scenes) == 4 and scenes[0].view.raw_bands == BANDS and len(scenes[0].dates) == 2
    expected = [np.load(folder / 'first' / f't_{tile}_2019.npy') for tile in ('00', '01', '10', '11')]
    target = request('target_detection', folder / 'first', folder / 'maps', folder=str(tmp_path / 'out'))
    init_scene(target, tmp_path / 'out')
    written = np.loadtxt(next((tmp_path / 'out').glob('*target.csv')), skiprows=1)
    maps = [np.load(folder / 'maps' / f't_{tile}_gt.npy') for tile in ('00', '01', '10', '11')]
    mean = np.concatenate([cube[truth == 1] for cube, truth in zip(expected, maps, strict=True)]).mean(axis=0)
    np.testing.assert_allclose(written, mean, rtol=1e-5)
    init_scene(request('denoising', folder / 'first'), tmp_path / 'out')
    for words, message in (
        (['first', '--task', 'unmixing', '--endmembers', 3], 'endmembers belong to one scene; name one of its files'),
        (['first', 'second/t_00_2021.npy', '--task', 'classification'], 'is one file for 4 scenes'),
    ):
        status, _, err = spoken(
            capsys, *[folder / word if '.' in str(word) or word == 'first' else word for word in words]
        )
        assert status == 2 and message in err
    np.save(folder / 'first' / 't_00_2019.npy', np.random.rand(50, 20, 7))
    status, _, err = spoken(capsys, folder / 'first', folder / 'maps', '--task', 'anomaly_detection')
    assert status == 2 and 'must have the same bands: ' in err and "such as 'FOLDER/*_cube.tif'" in err


@pytest.mark.parametrize(
    'task, files, message',
    [
        ('classification', dict(cube=np.ones((5, 6, 7))), 'empty or constant'),
        ('classification', dict(a=np.zeros((5, 6, 7)), b=np.zeros((5, 6, 8))), 'several arrays with three axes'),
        ('classification', dict(cube=np.random.rand(5, 6, 7)), 'classification needs labels'),
        ('change_detection', dict(cube=np.random.rand(5, 6, 7)), 'needs two dates'),
        ('unmixing', dict(cube=np.random.rand(5, 6, 7)), '--endmembers NUMBER'),
        ('target_detection', dict(cube=np.random.rand(5, 6, 7)), '--target-spectrum FILE'),
        ('classification', dict(cube=np.random.rand(5, 6, 7), gt=np.random.rand(5, 6)), 'expected whole numbers'),
        ('classification', dict(cube=np.random.rand(5, 6, 7), gt=np.eye(5, 6)), 'only one class'),
    ],
)
def test_what_is_missing_is_a_sentence(tmp_path, capsys, task, files, message):
    savemat(tmp_path / 'scene.mat', files)
    assert main([str(tmp_path / 'scene.mat'), '--task', task, '--out', str(tmp_path)]) == 2
    assert message in capsys.readouterr().err


def raster(path):
    with rasterio.open(path) as file:
        return file.read()


def run(tool, *argv):
    main = runpy.run_path(str(TOOLS / f'{tool}.py'))['main']
    return main([str(value) for value in argv])


def test_from_the_files_to_a_map(tmp_path, monkeypatch):
    """The embedded scene: init, train, test and predict as the printed commands say."""
    import tensorly.datasets

    folder = Path(tensorly.datasets.__file__).parent / 'data'
    cube = np.load(folder / 'Indian_pines_corrected.npy')[60:100, 20:60, ::5]
    labels = np.load(folder / 'Indian_pines_gt.npy')[60:100, 20:60]
    savemat(tmp_path / 'scene.mat', dict(cube=cube, gt=labels))
    monkeypatch.chdir(tmp_path)
    assert main(['scene.mat', '--task', 'classification', '--name', 'fields']) == 0
    config = 'experiments/fields_classification.py'
    few = ['train_cfg.max_epochs=1', 'train_cfg.val_begin=1', 'train_cfg.val_interval=1']
    few += ['default_hooks.checkpoint.interval=1', 'scene_settings.powers=(0.3,)', 'scene_settings.widths=((0.0,),)']
    plain = ['custom_hooks=[]']  # the last stages have tests of their own
    run('train', config, '--cfg-options', *few, *plain)
    run('test', config, 'last', '--no-classical', '--cfg-options', *plain)
    assert run('predict', 'scene.mat', '-c', config, '-w', 'last', '-o', 'maps', '--no-pictures') == 0
    tested = next(Path('work_dirs/fields_classification').rglob('results/fields_classes.tif'))
    assert np.array_equal(raster(tested), raster('maps/scene_classes.tif'))


def test_from_real_files_to_a_map(tmp_path, monkeypatch):
    """A list of pixels with its truth, which prediction has to read as the training did."""
    path = DATA / 'unmixing' / 'samson' / 'Samson.mat'
    if not path.is_file():
        pytest.skip(f'{path} is not at hand')
    monkeypatch.chdir(tmp_path)
    assert main([str(path), '--task', 'unmixing']) == 0
    config = 'experiments/samson_unmixing.py'
    run('train', config, '--cfg-options', 'train_cfg.max_epochs=1', 'default_hooks.checkpoint.interval=1')
    run('test', config, 'last')
    assert run('predict', path, '-c', config, '-w', 'last', '-o', 'maps', '--no-pictures') == 0
    tested = next(Path('work_dirs/samson_unmixing').rglob('results/Samson_abundances.tif'))
    assert np.allclose(raster(tested), raster('maps/Samson_abundances.tif'), atol=1e-4)


def spoken(capsys, *argv):
    """What the command says: its status, output and errors."""
    status = main([str(word) for word in argv])
    said = capsys.readouterr()
    return status, said.out, said.err


def test_zero_is_a_class_if_it_has_a_name(scene, tmp_path, capsys):
    cube, labels = scene
    np.save(tmp_path / 'cube.npy', cube)
    codes = np.where(labels == 0, 255, labels - 1).astype(np.uint8)  # classes from 0
    write_raster(tmp_path / 'codes.tif', codes)
    argv = tmp_path / 'cube.npy', tmp_path / 'codes.tif', '--task', 'classification', '--out', tmp_path / 'out'
    _, out, _ = spoken(capsys, *argv)
    assert f'so is 0 ({(codes == 0).sum():,} pixels). If 0 is a class, name all classes: --classes NAME_OF_0' in out
    plan = make_plan(request('classification', *argv[:2], classes=['a', 'b', 'c']))
    built = get_scene({**arguments(plan), 'preprocessing': []})
    assert [int((built.labels == label).sum()) for label in range(3)] == [
        int((labels == code).sum()) for code in (1, 2, 3)
    ]


@pytest.mark.parametrize(
    'change, words',
    [
        (lambda labels: labels.T, 'rows and columns are exchanged'),
        (lambda labels: labels.reshape(-1, 1), f'reshape it to {HEIGHT} x {WIDTH}'),
        (lambda labels: labels[..., None], 'numpy.squeeze'),
        (lambda labels: np.eye(4)[labels], 'the argmax over that axis plus 1'),
    ],
)
def test_a_label_map_in_another_form_is_told(scene, tmp_path, capsys, change, words):
    cube, labels = scene
    np.save(tmp_path / 'cube.npy', cube)
    np.save(tmp_path / 'labels.npy', change(labels))
    status, _, err = spoken(capsys, tmp_path / 'cube.npy', tmp_path / 'labels.npy', '--task', 'classification')
    assert status == 2 and words in err


@pytest.mark.parametrize('key, first', [(None, 'T1'), (['T2', 'T1'], 'T2')])
def test_two_dates_in_one_file(scene, tmp_path, key, first):
    cube, labels = scene
    later = cube + 1000 * (labels == 2)[..., None]
    savemat(tmp_path / 'pair.mat', dict(T1=cube, T2=later, changes=(labels == 2).astype(np.uint8)))
    plan = make_plan(request('change_detection', tmp_path / 'pair.mat', key=key))
    assert [image['key'] for image in arguments(plan)['image']] == ['T1', 'T2'][:: 1 if first == 'T1' else -1]
    built = get_scene({**arguments(plan), 'preprocessing': []})
    dates = np.concatenate([cube, later] if first == 'T1' else [later, cube], axis=-1)
    assert np.allclose(built.window(0, 0, HEIGHT, WIDTH), dates)
    assert np.array_equal(built.labels == 1, labels == 2)


def test_a_target_spectrum_is_read_at_once(scene, tmp_path, capsys):
    cube, labels = scene
    np.save(tmp_path / 'cube.npy', cube)
    argv = tmp_path / 'cube.npy', '--task', 'target_detection', '--out', tmp_path / 'out', '--target-spectrum'
    assert 'no such file' in spoken(capsys, *argv, tmp_path / 'target.csv')[2]
    (tmp_path / 'target.csv').write_text('target\n1\n2\n')
    assert f'has 2 values, but the scene has {BANDS} bands' in spoken(capsys, *argv, tmp_path / 'target.csv')[2]
    for factor, told in ((1, False), (1e-4, True)):
        spectrum = '\n'.join(f'{value * factor:.8f}' for value in cube[labels == 1].mean(axis=0))
        (tmp_path / 'target.csv').write_text(f'target\n{spectrum}\n')
        status, out, _ = spoken(capsys, *argv, tmp_path / 'target.csv', '--overwrite')
        assert status == 0 and ('If their units differ, add scale=' in out) == told


def test_printed_commands_survive_the_shell(scene, tmp_path, capsys):
    cube, labels = scene
    folder = tmp_path / "it's a (föhn) $HOME"
    folder.mkdir()
    np.save(folder / 'my cube.npy', cube)
    np.save(folder / 'labels.npy', labels)
    _, out, _ = spoken(
        capsys, folder / 'my cube.npy', folder / 'labels.npy', '--task', 'classification', '--out', folder
    )
    commands = [shlex.split(line) for line in out.split('Next\n')[1].splitlines()[::2]]
    words = {command[1]: command for command in commands}
    assert Path(words['predict'][0]).name == 'mmhsi' and words['predict'][2] == str(folder / 'my cube.npy')
    assert Path(words['train'][2]) == folder / 'my_cube_classification.py' and Path(words['train'][2]).is_file()


def test_the_places_of_a_config_are_checked(scene, tmp_path, capsys):
    cube, labels = scene
    for place in 'abc':
        (tmp_path / 'places' / place).mkdir(parents=True)
        for name, array in (('before', cube), ('after', cube), ('map', (labels == 2).astype(np.uint8))):
            write_raster(tmp_path / 'places' / place / f'{name}.tif', array)
    task = 'multispectral_change_detection'
    status, out, _ = spoken(capsys, tmp_path / 'places', '--task', task, '--out', tmp_path)
    assert status == 0 and 'before.tif is taken for the first date, after.tif for the second' in out
    with pytest.raises(SystemExit) as ended:
        check_data([str(tmp_path / f'places_{task}.py')])
    out = capsys.readouterr().out
    assert ended.value.code == 0 and '9 files, 3 scenes: no problems' in out and 'WRONG' not in out


@pytest.mark.parametrize('change', [lambda cube: cube.transpose(2, 0, 1), lambda cube: cube.reshape(-1, BANDS)])
def test_files_are_checked_as_the_config_reads_them(scene, tmp_path, capsys, change):
    cube, labels = scene
    np.save(tmp_path / 'cube.npy', change(cube))
    np.save(tmp_path / 'labels.npy', labels)
    argv = tmp_path / 'cube.npy', tmp_path / 'labels.npy', '--task', 'classification', '--out', tmp_path
    assert spoken(capsys, *argv)[0] == 0
    with pytest.raises(SystemExit):
        check_data([str(tmp_path / 'cube_classification.py')])
    assert f'{HEIGHT} x {WIDTH} pixels, {BANDS} bands, float32' in capsys.readouterr().out
