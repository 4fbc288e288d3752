import importlib.util
import json
import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import rasterio
from mmengine.config import Config
from scipy.io import savemat
from shard_scenes import BANDS, smooth_cube, write_scene

from mmhsi.datasets import HSITileDataset
from mmhsi.datasets.tile_shards import ShardSettings

ROOT = Path(__file__).parents[2]
TEST_DATA = Path(os.environ.get('MMHSI_TEST_DATA', ROOT / '../shared/data'))
ENMAP = TEST_DATA / 'classification/enmap-potsdam/images'
SMALL = ['--cfg-options', 'tile_size=8', 'stripe_contrast=0.9']


@pytest.fixture(scope='module')
def tool():
    path = ROOT / 'tools/dataset_converters/hyperglobal.py'
    spec = importlib.util.spec_from_file_location('hyperglobal_converter', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob('*') if path.is_file()}


def write_scenes(folder, count, height=8, width=16):
    for number in range(count):
        write_scene(folder / f'scene_{number:02d}.tif', smooth_cube(height, width, seed=number))


def test_config_file_states_the_defaults(tool):
    assert ShardSettings.from_config(Config.fromfile(tool.DEFAULTS).to_dict()) == ShardSettings()


def test_converts_merges_verifies_and_takes_statistics(tool, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv('MMHSI_PROGRESS', 'on')
    write_scenes(tmp_path / 'raw', 3)
    arguments = [str(tmp_path / 'out'), '--source', str(tmp_path / 'raw'), '--verify', '--statistics', *SMALL]
    assert tool.main(arguments) == 0
    said = capsys.readouterr()
    for sentence in (
        '3 scenes, 3 of them converted now, gave 6 tiles; tiles left out: none; files not read: 0',
        'index of 6 tiles in 3 shards',
        f'statistics of 6 tiles of a sensor of {BANDS} bands',
        '6 tiles checked, no problems found',
    ):
        assert sentence in said.out
    assert '3/3' in said.err  # the progress bar
    before = contents(tmp_path / 'out')
    assert tool.main(arguments) == 0
    assert '3 scenes, 0 of them converted now, gave 6 tiles' in capsys.readouterr().out
    assert contents(tmp_path / 'out') == before
    os.truncate(tmp_path / 'out/shards/scene_01.npy', 500)
    assert tool.main([str(tmp_path / 'out'), '--verify', '--workers', '2']) == 1
    assert 'scene_01.npy: the file is cut off' in capsys.readouterr().out
    # a shard that is not whole is written again
    assert tool.main(arguments) == 0
    assert contents(tmp_path / 'out') == before


def test_parts_together_are_the_whole(tool, tmp_path, capsys):
    write_scenes(tmp_path / 'raw', 7)
    common = ['--source', str(tmp_path / 'raw'), *SMALL]
    assert tool.main([str(tmp_path / 'whole'), '--workers', '2', *common]) == 0
    written = []
    for part in ('2/3', '1/3'):
        assert tool.main([str(tmp_path / 'parts'), '--part', part, *common]) == 0
        written.append({path.name for path in (tmp_path / 'parts/shards').glob('*.npy')})
    assert [len(names) for names in written] == [2, 5]
    assert not (tmp_path / 'parts/index.json').exists()
    capsys.readouterr()
    assert tool.main([str(tmp_path / 'parts'), '--merge']) == 2
    assert '2 of 7 scenes are not converted yet: scene_02, scene_05' in capsys.readouterr().err
    assert tool.main([str(tmp_path / 'parts'), '--part', '3/3', *common]) == 0
    assert tool.main([str(tmp_path / 'parts'), '--merge', '--verify']) == 0
    assert contents(tmp_path / 'parts') == contents(tmp_path / 'whole')


def running(session):
    """Processes of a session that are not merely waiting to be reaped."""
    found = []
    for stat in Path('/proc').glob('[0-9]*/stat'):
        try:
            state, _, _, number = stat.read_text().rsplit(')', 1)[1].split()[:4]
        except OSError:
            continue
        if int(number) == session and state != 'Z':
            found.append(stat.parent.name)
    return found


def _convert_in_session(main, arguments):
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    main(arguments)


@pytest.mark.skipif(not sys.platform.startswith('linux'), reason='processes are looked up in /proc')
@pytest.mark.parametrize('workers', [1, 2])
def test_a_killed_conversion_goes_on_where_it_was(tool, tmp_path, workers):
    write_scenes(tmp_path / 'raw', 16, 128, 128)
    common = ['--source', str(tmp_path / 'raw'), '--workers', str(workers), '--cfg-options', 'tile_size=32']
    assert tool.main([str(tmp_path / 'whole'), *common]) == 0
    out = tmp_path / 'out'
    context = multiprocessing.get_context('fork')
    process = context.Process(target=_convert_in_session, args=(tool.main, [str(out), *common]))
    process.start()
    deadline = time.monotonic() + 60
    while len(list(out.glob('shards/*.json'))) < 3 or not list(out.glob('shards/.*.npy.*.part')):
        assert time.monotonic() < deadline and process.is_alive()
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    while running(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    left = running(process.pid)
    for number in left:
        os.kill(int(number), signal.SIGKILL)
    assert not left  # the workers end with it
    finished = {
        path.stem: path.stat().st_mtime_ns for path in out.glob('shards/*.npy') if path.with_suffix('.json').exists()
    }
    assert 3 <= len(finished) < 16 and not (out / 'index.json').exists()
    assert tool.main([str(out), *common]) == 0
    assert contents(out) == contents(tmp_path / 'whole')
    assert finished.items() <= {path.stem: path.stat().st_mtime_ns for path in out.glob('shards/*.npy')}.items()


def test_sources_that_cannot_be_read_and_damage_are_an_exit_status(tool, tmp_path, capsys):
    write_scenes(tmp_path / 'raw', 2)
    whole = (tmp_path / 'raw/scene_00.tif').read_bytes()
    (tmp_path / 'raw/scene_00.tif').write_bytes(whole[: len(whole) // 2])
    arguments = [str(tmp_path / 'out'), '--source', str(tmp_path / 'raw'), *SMALL]
    assert tool.main(arguments) == 1 and '1 source files could not be read' in capsys.readouterr().err
    assert tool.main([str(tmp_path / 'out'), '--merge']) == 1
    (tmp_path / 'raw/scene_00.tif').write_bytes(whole)
    assert tool.main(arguments) == 0
    shard = tmp_path / 'out/shards/scene_01.npy'
    content = shard.read_bytes()
    shard.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert tool.main([str(tmp_path / 'out'), '--verify']) == 1
    assert tool.main([*arguments, '--verify']) == 0 and shard.read_bytes() == content


@pytest.mark.parametrize(
    'arguments, message',
    [([], 'nothing to do: give --source'), (['--merge', '--part', '1/2'], '--part needs --source')],
)
def test_arguments_that_make_no_sense(tool, tmp_path, capsys, arguments, message):
    with pytest.raises(SystemExit):
        tool.main([str(tmp_path), *arguments])
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    'arguments, message',
    [
        (['--source', 'nowhere'], 'error: nowhere: no such folder of scenes'),
        (['--source', '.', '--part', '5/3'], 'a part is given as I/N'),
        (['--source', '.', '--cfg-options', 'max_cloud=1'], "'max_cloud' is not a setting of the conversion"),
        (['--verify'], 'scenes.json: no such file'),
    ],
)
def test_errors_are_sentences(tool, tmp_path, capsys, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert tool.main([str(tmp_path / 'out'), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_published_tiles_are_converted_to_what_the_dataset_reads_of_them(tool, tmp_path):
    (tmp_path / 'raw').mkdir()
    for number in range(4):
        cube = smooth_cube(8, 8, seed=number, dtype=np.int16)
        savemat(tmp_path / f'raw/EO1_{number}_0.mat', {'img': cube.transpose(2, 0, 1)})
    assert (
        tool.main(
            [
                str(tmp_path / 'out'),
                '--source',
                str(tmp_path / 'raw'),
                *SMALL,
                r'group=(.+?)_\d+_\d+\.mat',
                'combine=tiles',
            ]
        )
        == 0
    )
    files, shards = HSITileDataset(tmp_path / 'raw', tile_size=8), HSITileDataset(tmp_path / 'out')
    assert len(files) == len(shards) == 4
    for index in range(4):
        np.testing.assert_array_equal(shards[index]['img'], files[index]['img'])
        assert shards[index]['img'].dtype == files[index]['img'].dtype


@pytest.mark.skipif(not ENMAP.is_dir(), reason=f'no EnMAP tiles in {ENMAP}; set MMHSI_TEST_DATA to the scenes')
def test_real_tiles_of_enmap(tool, tmp_path):
    assert (
        tool.main([str(tmp_path), '--source', str(ENMAP), '--verify', '--statistics', '--cfg-options', 'tile_size=32'])
        == 0
    )
    dataset = HSITileDataset(tmp_path, [dict(type='RandomBandWindow')])
    assert len(dataset) == 9
    sources = {path.stem: path for path in ENMAP.glob('*.tif')}
    pixels = []
    for index in range(9):
        sample = dataset[index]
        with rasterio.open(sources[sample['origin']['scene']]) as raster:
            values = raster.read().transpose(1, 2, 0)
            crs, transform = dataset.georeference(index)
            assert rasterio.crs.CRS.from_wkt(crs) == raster.crs
            assert rasterio.Affine(*transform).almost_equals(raster.transform)
        # the bands from 129 to 134 hold no data
        assert sample['source_bands'] == 224 and not set(sample['bands']) & set(range(129, 135))
        expected = np.where(values == -32768, 0, values)[..., sample['bands']]
        np.testing.assert_array_equal(sample['img'], expected)
        kept = np.delete(values, range(129, 135), axis=-1).reshape(-1, 218).astype(np.float64)
        pixels.append(kept[(kept != -32768).all(axis=1) & kept.any(axis=1)])  # two pixels are 0 in all bands
    (sensor,) = json.loads((tmp_path / 'statistics.json').read_text())['sensors']
    pixels = np.concatenate(pixels)
    np.testing.assert_allclose(np.delete(sensor['mean'], range(129, 135)).astype(float), pixels.mean(axis=0))
    np.testing.assert_allclose(np.delete(sensor['std'], range(129, 135)).astype(float), pixels.std(axis=0))
