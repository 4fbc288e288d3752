import json
import os
import pickle
import shutil
import sys

import numpy as np
import pytest
import rasterio
from scipy.io import savemat
from shard_scenes import BANDS, SIDE, WAVELENGTHS, make_shards, settings, smooth_cube, write_scene

from mmhsi.datasets.io import CubeReadError
from mmhsi.datasets.tile_shards import ShardSettings, ShardStore, convert, merge, verify, write_statistics
from mmhsi.datasets.tile_shards.index import FORMAT
from mmhsi.datasets.tile_shards.parallel import run_parallel
from mmhsi.datasets.tile_shards.quality import judge_tile, striped_share, varying_bands
from mmhsi.datasets.tile_shards.sources import SceneFiles, find_scenes
from mmhsi.datasets.tile_shards.writer import whole_file, write_json
from mmhsi.utils.folder_lock import FolderLock
from mmhsi.utils.moments import BandMoments


def tiles_of(folder):
    store = ShardStore(folder)
    return [store.read(index) for index in range(len(store))]


def record_of(folder, scene):
    return json.loads((folder / 'shards' / f'{scene}.json').read_text())


@pytest.mark.parametrize('dtype', [np.uint16, np.int16, np.float32])
def test_tiles_equal_the_pixels_of_the_source_and_know_where_they_lie(tmp_path, dtype):
    cubes = {'b/second': smooth_cube(19, 16, seed=1, dtype=dtype), 'a': smooth_cube(16, 24, dtype=dtype)}
    samples = tiles_of(make_shards(tmp_path, cubes))
    places = [(sample['origin']['scene'], sample['origin']['row'], sample['origin']['col']) for sample in samples]
    # 19 rows are covered by three tiles that overlap as little as they can
    assert places == [
        *(('a', row, col) for row in (0, 8) for col in (0, 8, 16)),
        *(('b/second', row, col) for row in (0, 5, 11) for col in (0, 8)),
    ]
    for (scene, row, col), sample in zip(places, samples, strict=True):
        assert sample['img'].dtype == dtype and not sample['img'].flags.writeable
        np.testing.assert_array_equal(sample['img'], cubes[scene][row : row + SIDE, col : col + SIDE])
        np.testing.assert_allclose(sample['wavelengths'], WAVELENGTHS)


def test_georeference_of_a_tile(tmp_path):
    (tmp_path / 'raw').mkdir()
    transform = rasterio.Affine(30.0, 2.0, 5e5, -1.0, -30.0, 6e6)
    with rasterio.open(
        tmp_path / 'raw/scene.tif',
        'w',
        driver='GTiff',
        height=SIDE,
        width=3 * SIDE,
        count=BANDS,
        dtype='uint16',
        crs='EPSG:32633',
        transform=transform,
    ) as raster:
        raster.write(smooth_cube(SIDE, 3 * SIDE).transpose(2, 0, 1))
    convert(tmp_path / 'raw', tmp_path / 'out', settings())
    merge(tmp_path / 'out')
    crs, tile = ShardStore(tmp_path / 'out').georeference(2)
    assert rasterio.crs.CRS.from_wkt(crs) == rasterio.crs.CRS.from_epsg(32633)
    # column 1, row 1 of the tile is column 17, row 1 of the scene
    assert rasterio.Affine(*tile) * (1, 1) == pytest.approx(transform * (17, 1))


def test_listed_and_found_bands_are_dropped_with_their_wavelengths(tmp_path):
    cube = smooth_cube(8, 16)
    cube[..., 3] = 77  # a dead band
    cube[..., 5] = 65535  # a band without data
    cube[:, 8:, 7] = 65535  # a band that lacks data in the second tile
    write_scene(tmp_path / 'raw/scene.tif', cube, nodata=65535)
    convert(tmp_path / 'raw', tmp_path / 'out', settings(bad_bands=[0, (10, 11)], max_nodata=0))
    merge(tmp_path / 'out')
    (sample,) = tiles_of(tmp_path / 'out')
    kept = [1, 2, 4, 6, 7, 8, 9]
    assert sample['bands'].tolist() == kept and sample['source_bands'] == BANDS
    np.testing.assert_array_equal(sample['img'], cube[:, :8, kept])
    np.testing.assert_allclose(sample['wavelengths'], WAVELENGTHS[kept])
    assert record_of(tmp_path / 'out', 'scene')['skipped'] == {'nodata': 1}


def test_bad_bands_and_wavelengths_by_sensor(tmp_path):
    np.savetxt(tmp_path / 'centres.txt', WAVELENGTHS[:10])
    shards = make_shards(
        tmp_path,
        {'EO1H1': smooth_cube(8, 8, 10), 'GF5': smooth_cube(8, 8, 11)},
        bad_bands={'EO1H': [0], 'GF': [1, 2]},
        wavelengths={'EO1H': str(tmp_path / 'centres.txt')},
    )
    first, second = tiles_of(shards)
    assert first['bands'].tolist() == list(range(1, 10)) and second['bands'].tolist() == [0, *range(3, 11)]
    np.testing.assert_allclose(first['wavelengths'], WAVELENGTHS[1:10])
    assert 'wavelengths' not in second


def test_wavelengths_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(ValueError, match="state 2 wavelengths for scene 'scene' of 9 bands"):
        make_shards(tmp_path, {'scene': smooth_cube(8, 8, 9)}, wavelengths=[400, 500])
    with pytest.raises(FileNotFoundError, match='nowhere.txt: no such file of wavelengths'):
        settings(wavelengths='nowhere.txt')


def test_a_band_that_is_constant_but_for_the_filling_beside_the_swath_is_dropped():
    cube = smooth_cube(4, 4)
    cube[..., 2] = 9
    cube[0] = 0
    assert varying_bands([cube[:2], cube[2:]], None, True).tolist() == [band != 2 for band in range(BANDS)]
    assert varying_bands([cube], None, False).all()
    nan = np.array([[np.nan, 1, np.nan], [np.nan, 1, 3], [np.nan, np.nan, 4]])
    assert varying_bands([nan], None, True).tolist() == [False, False, True]


def test_tiles_with_missing_pixels_are_skipped_and_counted(tmp_path):
    cube = smooth_cube(8, 32)
    cube[:, 8:16] = 0  # no band holds data, though 0 is not declared as nodata
    cube[0, 16:20] = 0  # 4 of 64 pixels: 6 percent
    cube[0, 24:27] = 0  # 3 of 64 pixels
    shards = make_shards(tmp_path, {'scene': cube})
    samples = tiles_of(shards)
    assert [sample['origin']['col'] for sample in samples] == [0, 24]
    assert record_of(shards, 'scene')['skipped'] == {'nodata': 2}


def test_the_missing_pixels_of_a_kept_tile_are_zero(tmp_path):
    cube = smooth_cube(8, 8, dtype=np.float32)
    cube[0, 0, 3], cube[0, 1, 4], cube[0, 2, 5] = np.nan, np.inf, -9999
    write_scene(tmp_path / 'raw/scene.tif', cube, nodata=-9999)
    convert(tmp_path / 'raw', tmp_path / 'out', settings())
    merge(tmp_path / 'out')
    (sample,) = tiles_of(tmp_path / 'out')
    expected = cube.copy()
    expected[0, 0, 3] = expected[0, 1, 4] = expected[0, 2, 5] = 0
    np.testing.assert_array_equal(sample['img'], expected)


def test_saturated_tiles_are_skipped():
    tile = smooth_cube(8, 8)
    tile[:2, :, :3] = 65535  # a quarter of the pixels in a quarter of the bands
    assert judge_tile(tile, None, settings(max_saturated=0.25))[0] is None
    assert judge_tile(tile, None, settings(max_saturated=0.24))[0] == 'saturated'
    assert judge_tile(tile, None, settings(max_saturated=0, saturated_bands=0.3))[0] is None
    assert judge_tile(smooth_cube(8, 8), None, settings(max_saturated=0.9, saturated_value=4000))[0] is None
    assert judge_tile(smooth_cube(8, 8), None, settings(max_saturated=0.9, saturated_value=100))[0] == 'saturated'
    assert judge_tile(smooth_cube(8, 8), None, settings(max_saturated=0, saturated_bands=0))[0] is None


@pytest.mark.parametrize('axis', [0, 1])
def test_stripes_are_told_from_texture_and_borders(axis):
    rng = np.random.default_rng(0)
    noise = rng.normal(1000, 50, (64, 64, 10))
    valid = np.ones((64, 64), dtype=bool)
    border = noise + np.where(np.arange(64) < 30, 0, 400)[:, None, None]
    striped = noise.copy()
    striped[..., :4] += np.expand_dims(rng.normal(0, 40, (64, 4)), axis)
    dead = noise.copy()
    np.moveaxis(dead, axis, 0)[7, :, :3] = 0
    assert striped_share(noise, valid, 0.3) == striped_share(np.swapaxes(border, 0, axis), valid, 0.3) == 0
    assert striped_share(striped, valid, 0.3) == pytest.approx(0.4)
    assert striped_share(dead, valid, 0.3) == pytest.approx(0.3)
    # the missing line is no stripe
    np.moveaxis(valid, axis, 0)[7] = False
    assert striped_share(dead, valid, 0.3) == 0
    assert judge_tile(striped, None, ShardSettings())[0] == 'striped'
    assert judge_tile(noise, None, ShardSettings())[0] is None


def test_reasons_are_counted_by_scene_and_in_the_index(tmp_path):
    cube = smooth_cube(8, 40)
    cube[:, :8] = 0
    cube[:, 16:24] = 65535
    cube[2, 24:32] = 30000
    shards = make_shards(tmp_path, {'mixed': cube, 'small': smooth_cube(7, 30)}, stripe_contrast=0.5)
    index = json.loads((shards / 'index.json').read_text())
    assert index['skipped'] == {'nodata': 1, 'saturated': 1, 'striped': 1, 'too small': 1}
    assert index['tiles'] == 2 and [shard['scene'] for shard in index['shards']] == ['mixed']


def test_tile_files_of_a_scene_become_one_shard(tmp_path):
    (tmp_path / 'raw/EO1').mkdir(parents=True)
    cubes = {}
    for row, col in ((0, 0), (0, 64), (64, 0)):
        cubes[f'EO1/s1_{row}_{col}.mat'] = cube = smooth_cube(8, 8, seed=row + 2 * col)
        savemat(tmp_path / f'raw/EO1/s1_{row}_{col}.mat', {'img': cube.transpose(2, 0, 1)})
    savemat(tmp_path / 'raw/EO1/s1_99_0.mat', {'img': smooth_cube(8, 8, 5).transpose(2, 0, 1)})
    (tmp_path / 'raw/EO1/s1_99_1.mat').write_bytes(b'MATLAB 5.0 is what it says, and no more')
    done = convert(tmp_path / 'raw', tmp_path / 'out', settings(group=r'(.+?)_\d+_\d+\.mat$', combine='tiles'))
    index = merge(tmp_path / 'out')
    assert done['scenes'] == 1 and done['tiles'] == 3 and done['failed'] == 2
    assert sorted(index['failed']) == ['EO1/s1_99_0.mat', 'EO1/s1_99_1.mat']
    assert 'EO1/s1_99_0.mat: 5 bands' in index['failed']['EO1/s1_99_0.mat']
    for sample in tiles_of(tmp_path / 'out'):
        assert sample['origin']['scene'] == 'EO1/s1'
        np.testing.assert_array_equal(sample['img'], cubes[sample['origin']['source']])


def test_files_of_single_bands_are_put_together_in_order(tmp_path):
    cube = smooth_cube(8, 8, 6)
    for number in range(4):
        write_scene(tmp_path / f'raw/EO1H01_B00{number + 1}_L1T.TIF', cube[..., number : number + 1])
    write_scene(tmp_path / 'raw/GF5_AHSI_7_SW.tif', cube[..., 2:])
    write_scene(tmp_path / 'raw/GF5_AHSI_7_VN.tif', cube[..., :2])
    grouped = settings(group=r'(EO1H\w+?|GF5B?_AHSI_.+?)_(?:B\d{3}\w*|VN|SW)\.', band_order=('_VN', '_SW'))
    convert(tmp_path / 'raw', tmp_path / 'out', grouped)
    merge(tmp_path / 'out')
    hyperion, gf5 = tiles_of(tmp_path / 'out')
    assert (hyperion['origin']['scene'], gf5['origin']['scene']) == ('EO1H01', 'GF5_AHSI_7')
    np.testing.assert_array_equal(hyperion['img'], cube[..., :4])
    np.testing.assert_array_equal(gf5['img'], cube)


def test_bands_of_different_sizes_are_no_scene(tmp_path):
    write_scene(tmp_path / 'raw/a_VN.tif', smooth_cube(8, 8, 2))
    write_scene(tmp_path / 'raw/a_SW.tif', smooth_cube(8, 9, 2))
    done = convert(tmp_path / 'raw', tmp_path / 'out', settings(group=r'(.+)_(?:VN|SW)\.'))
    assert done['tiles'] == 0 and done['failed'] == 1
    assert '8 x 8 pixels, but' in record_of(tmp_path / 'out', 'a')['failed']['a_SW.tif']


def test_damaged_sources_are_recorded_and_tried_again(tmp_path):
    write_scene(tmp_path / 'raw/good.tif', smooth_cube(8, 8))
    write_scene(tmp_path / 'raw/whole.tif', smooth_cube(8, 8, seed=1))
    whole = (tmp_path / 'raw/whole.tif').read_bytes()
    (tmp_path / 'raw/bad.tif').write_bytes(whole[: len(whole) // 2])
    np.save(tmp_path / 'raw/flat.npy', np.ones((3, 8, 8)))
    said = []
    done = convert(tmp_path / 'raw', tmp_path / 'out', settings(), report=said.append)
    assert (done['scenes'], done['tiles'], done['failed']) == (4, 2, 2)
    assert len(said) == 2 and any('bad.tif' in line for line in said)
    assert any('flat.npy: no band is left' in line for line in said)
    index = merge(tmp_path / 'out')
    assert sorted(index['failed']) == ['bad.tif', 'flat.npy'] and index['tiles'] == 2
    (tmp_path / 'raw/bad.tif').write_bytes(whole)
    again = convert(tmp_path / 'raw', tmp_path / 'out', settings(), report=said.append)
    assert (again['converted'], again['tiles'], again['failed']) == (2, 3, 1)


def test_scenes_are_found_sorted_and_shared_out(tmp_path):
    for name in ('c.TIF', 'a/x.mat', 'a/y.hdr', 'b.txt', '.hidden.tif', 'y.img'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    scenes = find_scenes(tmp_path, settings())
    assert scenes == [SceneFiles('a/x', ('a/x.mat',)), SceneFiles('a/y', ('a/y.hdr',)), SceneFiles('c', ('c.TIF',))]
    (tmp_path / 'c.npy').touch()
    with pytest.raises(ValueError, match="c.TIF and c.npy are both named 'c'"):
        find_scenes(tmp_path, settings())
    with pytest.raises(ValueError, match='no scene found, no file ends in one of .xyz'):
        find_scenes(tmp_path, settings(suffixes=['.xyz']))
    with pytest.raises(FileNotFoundError, match='nowhere: no such folder'):
        find_scenes(tmp_path / 'nowhere', settings())


def test_other_settings_need_another_folder(tmp_path):
    shards = make_shards(tmp_path, {'scene': smooth_cube(8, 8)}, bad_bands=[(1, 2)], nodata=float('nan'))
    again = settings(bad_bands=[(1, 2)], nodata=float('nan'))
    assert convert(tmp_path / 'raw', shards, again)['converted'] == 0
    with pytest.raises(ValueError, match=r'converted with bad_bands=\[\[1, 2\]\], now it is \[3\]'):
        convert(tmp_path / 'raw', shards, settings(bad_bands=[3], nodata=float('nan')))


@pytest.mark.parametrize(
    'changes, message',
    [
        ({'tile_size': 0}, 'tile_size must be positive'),
        ({'overlap': 8}, 'overlap between 0 and tile_size - 1'),
        ({'combine': 'rows'}, "'bands' or 'tiles'"),
        ({'max_nodata': 5}, r'max_nodata is a share and must lie in \[0, 1\], not 5'),
        ({'group': 'EO1'}, 'no group in parentheses'),
        ({'layout': 'bsq'}, 'layout must be one of'),
    ],
)
def test_settings_out_of_range_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        settings(**changes)
    with pytest.raises(ValueError, match="'max_cloud' is not a setting"):
        ShardSettings.from_config({'max_cloud': 1})


def test_a_changed_source_is_converted_again(tmp_path):
    shards = make_shards(tmp_path, {'a': smooth_cube(8, 8), 'b': smooth_cube(8, 8)})
    write_scene(tmp_path / 'raw/b.tif', smooth_cube(16, 8, seed=3))
    assert convert(tmp_path / 'raw', shards, settings())['converted'] == 1
    assert merge(shards)['tiles'] == 3 and verify(shards) == ([], 3)


@pytest.mark.parametrize('looks', [True, False])
def test_a_source_of_equal_size_and_time_is_converted_again(tmp_path, monkeypatch, looks):
    monkeypatch.setenv('MMHSI_CACHE', str(tmp_path / 'cache'))
    cubes = {name: smooth_cube(8, 8, seed=ord(name)) for name in 'ab'}
    shards, raw = make_shards(tmp_path, cubes), tmp_path / 'raw'
    assert list((tmp_path / 'cache/looks').iterdir())
    if not looks:
        shutil.rmtree(tmp_path / 'cache')
    assert convert(raw, shards, settings())['converted'] == 0 and verify(shards, root=raw) == ([], 2)
    status, content = (raw / 'a.tif').stat(), bytearray((raw / 'a.tif').read_bytes())
    content[len(content) // 2] ^= 1
    with (raw / 'a.tif').open('r+b') as file:
        file.write(content)
    os.utime(raw / 'a.tif', ns=(status.st_atime_ns, status.st_mtime_ns))
    problems, _ = verify(shards, root=raw)
    assert len(problems) == 1 and 'a.npy: outdated: a.tif changed since' in problems[0]
    assert verify(shards) == ([], 2)  # the shards themselves are whole
    assert convert(raw, shards, settings())['converted'] == 1
    (raw / 'b.tif.msk').write_bytes(b'a mask that came later')
    assert 'b.tif.msk changed since' in ' '.join(verify(shards, root=raw)[0])
    convert(raw, shards, settings())
    assert 'b.tif.msk' in record_of(shards, 'b')['source_files']
    assert not [problem for problem in verify(shards, root=raw)[0] if 'changed since' in problem]


def test_a_flipped_byte_of_a_shard_is_found_and_repaired(tmp_path, monkeypatch):
    monkeypatch.setenv('MMHSI_CACHE', str(tmp_path / 'cache'))
    shards = make_shards(tmp_path, {name: smooth_cube(8, 8, seed=ord(name)) for name in 'abc'})
    path = shards / 'shards/b.npy'
    content = path.read_bytes()

    def flip():
        with path.open('r+b') as file:
            file.seek(500)
            file.write(bytes([content[500] ^ 1]))

    flip()
    assert convert(tmp_path / 'raw', shards, settings())['converted'] == 1 and path.read_bytes() == content
    # damage that the times of the file do not show, as of a disk
    monkeypatch.setattr(sys.modules['mmhsi.datasets.tile_shards.convert'], '_shard_look', lambda *args: [1])
    convert(tmp_path / 'raw', shards, settings())
    flip()
    assert convert(tmp_path / 'raw', shards, settings())['converted'] == 0 and len(verify(shards)[0]) == 1
    assert convert(tmp_path / 'raw', shards, settings(), read_again=True)['converted'] == 1
    assert path.read_bytes() == content and verify(shards) == ([], 3)


def test_records_of_a_former_version_are_compared_by_size(tmp_path):
    shards = make_shards(tmp_path, {'a': smooth_cube(8, 8)})
    path = shards / 'shards/a.json'
    record = json.loads(path.read_text())
    record['source_bytes'] = {'a.tif': record.pop('source_files')['a.tif']['bytes']}
    path.write_text(json.dumps(record))
    assert convert(tmp_path / 'raw', shards, settings())['converted'] == 0 and verify(
        shards, root=tmp_path / 'raw'
    ) == ([], 1)
    write_scene(tmp_path / 'raw/a.tif', smooth_cube(16, 8))
    assert convert(tmp_path / 'raw', shards, settings())['converted'] == 1


def test_a_merge_leaves_the_files_of_a_running_conversion_alone(tmp_path):
    shards = make_shards(tmp_path, {'a': smooth_cube(8, 8)})
    part = shards / 'shards/.b.npy.0123.part'
    part.touch()
    with FolderLock(shards, 'a conversion', shared=True):
        merge(shards)
        assert part.exists()
        with pytest.raises(ValueError, match='another conversion is writing .* with tile_size=8, here it is 4'):
            convert(tmp_path / 'raw', shards, settings(tile_size=4))
        assert convert(tmp_path / 'raw', shards, settings())['scenes'] == 1
    merge(shards)
    assert not part.exists() and not (shards / '.lock').exists()


def test_index_of_an_unfinished_conversion_is_refused(tmp_path):
    shards = make_shards(tmp_path, {name: smooth_cube(8, 8) for name in 'abc'})
    (shards / 'shards/b.json').unlink()
    with pytest.raises(ValueError, match='1 of 3 scenes are not converted yet: b; run the conversion again'):
        merge(shards)
    assert verify(shards)[0] == [
        f'{shards}/index.json: the index lists 3 tiles, the records 2; run --merge',
        f'{shards}/shards/b.npy: the scene is not converted',
    ]


def test_an_index_that_does_not_agree_is_damaged(tmp_path):
    shards = make_shards(tmp_path, {'a': smooth_cube(8, 8)})
    path = shards / 'index.json'
    index = json.loads(path.read_text())
    (record,) = index['shards']
    assert len(ShardStore(shards)) == record['shape'][0]
    for changed in (
        3,
        {},
        dict(record, dtype='O'),
        dict(record, shape=[-1, *record['shape'][1:]]),
        dict(record, shape=[10**9, *record['shape'][1:]]),
        dict(record, bands=[1]),
        dict(record, tiles=dict(record['tiles'], row=[0] * 100)),
        dict(record, bytes=1),
    ):
        path.write_text(json.dumps(dict(index, shards=[changed])))
        with pytest.raises(ValueError, match='index.json: the index of the shards is damaged'):
            ShardStore(shards)


@pytest.mark.parametrize('name', ['../outside', '/etc/passwd', 'a/../../b', '', 'a//b', '.', 3, 'a\0b'])
def test_a_scene_of_an_index_does_not_lead_out_of_the_folder(tmp_path, name):
    write_json(tmp_path / 'out' / 'scenes.json', {'format': FORMAT, 'scenes': [name]})
    for read in (merge, verify):
        with pytest.raises(ValueError, match='is not a valid scene name'):
            read(tmp_path / 'out')


def test_verify_names_every_damage(tmp_path):
    shards = make_shards(tmp_path, {name: smooth_cube(8, 16, seed=ord(name)) for name in 'abcdef'})
    assert verify(shards) == ([], 12) and verify(shards, workers=2) == ([], 12)
    files = {name: shards / f'shards/{name}.npy' for name in 'abcdef'}
    os.truncate(files['a'], files['a'].stat().st_size - 100)
    with open(files['b'], 'r+b') as stream:
        stream.seek(-1, os.SEEK_END)
        stream.write(b'?')
    files['c'].unlink()
    with open(files['d'], 'ab') as stream:
        stream.write(b'x')
    with open(files['e'], 'r+b') as stream:
        stream.write(b'?')
    (shards / 'shards/.g.npy.0123.part').touch()
    (shards / 'shards/h.npy').touch()
    (shards / 'index.json').write_text('{"format"')
    problems, tiles = verify(shards)
    size = 128 + 2 * BANDS * SIDE * SIDE * 2
    assert tiles == 12
    for found, wanted in zip(
        problems,
        [
            'index.json: the file is damaged',
            'left over by an interrupted conversion',
            f'a.npy: the file is cut off: it has {size - 100} bytes, {size} were written',
            'b.npy: 1 of 2 tiles do not match their checksums: 1',
            'c.npy: no such file, 2 tiles are missing',
            'd.npy: the file is too long',
            'e.npy: the file cannot be read',
            'h.npy: does not belong to any scene of the source',
        ],
        strict=True,
    ):
        assert wanted in found
    merge(shards)
    assert not list(shards.rglob('*.part'))


def test_shard_is_a_plain_npy_file(tmp_path):
    cube = smooth_cube(16, 8)
    shards = make_shards(tmp_path, {'scene': cube})
    array = np.load(shards / 'shards/scene.npy')
    np.testing.assert_array_equal(array, [cube[:8].transpose(2, 0, 1), cube[8:].transpose(2, 0, 1)])


def test_a_file_that_is_not_finished_leaves_nothing(tmp_path):
    (tmp_path / 'file').write_text('old')
    with pytest.raises(KeyboardInterrupt), whole_file(tmp_path / 'file') as stream:
        stream.write(b'new')
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == ['file'] and (tmp_path / 'file').read_text() == 'old'


@pytest.mark.skipif(not os.path.exists('/dev/full'), reason='no device that is always full')
def test_a_full_disk_stops_with_a_sentence(tmp_path, monkeypatch):
    write_scene(tmp_path / 'raw/scene.tif', smooth_cube(8, 8))
    real_open = open
    # /dev/full answers every write as a full disk does
    monkeypatch.setattr(
        'builtins.open',
        lambda path, mode='r', *args, **kwargs: real_open(
            '/dev/full' if 'scene.npy' in str(path) else path, 'wb' if 'x' in mode else mode, *args, **kwargs
        ),
    )
    with pytest.raises(OSError, match='scene.npy: the shard cannot be written: No space left on device; .* again'):
        convert(tmp_path / 'raw', tmp_path / 'out', settings())


def test_the_store_reads_few_files_at_a_time_and_survives_pickling(tmp_path):
    cubes = {name: smooth_cube(8, 8, seed=ord(name)) for name in 'abcd'}
    store = ShardStore(make_shards(tmp_path, cubes), max_open=2)
    for index in (0, 1, 2, 3, 0):
        np.testing.assert_array_equal(store.read(index)['img'], cubes['abcd'[index]])
        assert len(store._files) <= 2
    copied = pickle.loads(pickle.dumps(store))
    assert not copied._files
    np.testing.assert_array_equal(copied.read(3)['img'], cubes['d'])


def test_a_shard_that_is_cut_off_while_it_is_read_is_no_crash(tmp_path):
    shards = make_shards(tmp_path, {'scene': smooth_cube(8, 40)})
    store = ShardStore(shards)
    store.read(0)
    path = shards / 'shards/scene.npy'
    os.truncate(path, path.stat().st_size // 2)
    store.read(0)
    with pytest.raises(CubeReadError, match='scene.npy: the shard is cut off: it has .* bytes, .* were written'):
        store.read(4)


def test_statistics_equal_those_of_all_pixels(tmp_path):
    cubes = {'a': smooth_cube(16, 16, dtype=np.float32), 'b': smooth_cube(8, 24, seed=1, dtype=np.float32)}
    cubes['b'] += 1e6  # would cost a naive sum of squares all its digits
    cubes['b'][0, 0] = 0  # without data
    cubes['b'][..., 4] = 3.0  # left out in this scene, not in the other
    cubes['c'] = smooth_cube(8, 8, 5)
    shards = make_shards(tmp_path, cubes, bad_bands=[1])
    small, large = write_statistics(shards)
    assert (small['source_bands'], small['tiles'], large['source_bands'], large['tiles']) == (5, 1, BANDS, 7)
    a, b = (cubes[name].reshape(-1, BANDS).astype(np.float64) for name in 'ab')
    pixels = np.concatenate([a, b[1:]])
    for band in (0, 2, 3, 5, 11):
        assert large['count'][band] == 16 * 16 + 8 * 24 - 1
        assert large['mean'][band] == pytest.approx(pixels[:, band].mean(), rel=1e-12)
        assert large['std'][band] == pytest.approx(pixels[:, band].std(), rel=1e-12)
    assert large['mean'][4] == pytest.approx(a[:, 4].mean()) and large['count'][4] == 256
    assert (large['mean'][1], large['std'][1], large['count'][1]) == (None, None, 0)


def test_moments_do_not_lose_digits():
    values = 1e9 + np.random.default_rng(0).normal(0, 1, (10_000, 2))
    moments = BandMoments(2)
    for block in np.array_split(values, 137):
        moments.add_pixels(block)
    np.testing.assert_allclose(moments.mean - 1e9, (values - 1e9).mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(moments.std, values.std(axis=0), rtol=1e-6)


def _fail(number):
    if number == 3:
        raise ValueError('job 3 fails')
    return number


def _end_process(number):
    os._exit(9)


def test_errors_of_workers_reach_the_caller():
    assert sorted(run_parallel(_fail, ((n,) for n in range(4, 40)), 3)) == list(range(4, 40))
    with pytest.raises(ValueError, match='job 3 fails'):
        list(run_parallel(_fail, [(n,) for n in range(40)], 2))
    with pytest.raises(RuntimeError, match='the system killed a worker process'):
        list(run_parallel(_end_process, [(1,)] * 4, 2))


@pytest.mark.parametrize('changes', [dict(tiles=3), dict(checksums=3), dict(shape=[10**30]), dict(moments='x')])
def test_a_record_of_other_values_is_a_problem_and_no_crash(tmp_path, changes):
    shards = make_shards(tmp_path, {'a': smooth_cube(16, 16)})
    (shards / 'shards/a.json').write_text(json.dumps(dict(record_of(shards, 'a'), **changes)))
    if 'moments' in changes:
        with pytest.raises(ValueError, match="the record of the scene 'a' is damaged: AttributeError"):
            write_statistics(shards)
    else:
        said = ' '.join(verify(shards)[0])
        assert 'shards/a.json: ' in said and ('the record is damaged' in said or 'tiles are recorded' in said)
