"""Tests of the configs of several scenes."""

import numpy as np
import pytest

from mmhsi.datasets.scenes.scene_list import scene_configs


@pytest.fixture
def folder(tmp_path):
    for name in ('tile_10', 'tile_2', 'tile_1'):
        for part, end in (('images', ''), ('labels', ''), ('suffixed', '_gt')):
            (tmp_path / part).mkdir(exist_ok=True)
            np.save(tmp_path / part / f'{name}{end}.npy', np.zeros((2, 3, 4) if part == 'images' else (2, 3)))
    return tmp_path


def names_and_labels(configs):
    return [(config['name'], config['image'], config['labels']) for config in configs]


@pytest.mark.parametrize(
    'image', ('images', 'images/*.npy', ['images/tile_1.npy', 'images/tile_2.npy', 'images/tile_10.npy'])
)
@pytest.mark.parametrize('labels', ('labels', 'suffixed', 'suffixed/*_gt.npy', 'labels/{name}.npy'))
def test_folders_patterns_and_lists(folder, image, labels):
    found = scene_configs(dict(image=image, labels=labels, data_root=str(folder), cache=False))
    end = '_gt.npy' if labels.startswith('suffixed') else '.npy'
    wanted = [
        (name, f'images/{name}.npy', f'{labels.split("/")[0]}/{name}{end}') for name in ('tile_1', 'tile_2', 'tile_10')
    ]
    assert names_and_labels(found) == wanted and all(config['cache'] is False for config in found)


def test_options_of_image_and_labels_are_those_of_each(folder):
    found = scene_configs(
        dict(
            image=dict(path=str(folder / 'images'), layout='hwc'),
            labels=dict(path=str(folder / 'labels'), ignore=255),
            split=dict(type='FileSplit', path='splits/{name}.npz'),
            name='town',
        )
    )
    assert found[0]['image'] == dict(path=str(folder / 'images' / 'tile_1.npy'), layout='hwc')
    assert found[2]['labels'] == dict(path=str(folder / 'labels' / 'tile_10.npy'), ignore=255)
    assert found[1]['split']['path'] == 'splits/tile_2.npz' and found[1]['name'] == 'town_tile_2'


def test_one_scene_stays_as_it_is(folder):
    config = dict(image=str(folder / 'images/tile_1.npy'), labels=['a.npy', 'b.npy'])
    assert scene_configs(config) == [config]


def test_files_named_alike_are_told_apart_by_their_folders():
    found = scene_configs(dict(image=['a/cube.tif', 'b/cube.tif'], labels=[['one.tif', 'two.tif'], 'gt.tif']))
    assert names_and_labels(found) == [
        ('a_cube', 'a/cube.tif', ['one.tif', 'two.tif']),
        ('b_cube', 'b/cube.tif', 'gt.tif'),
    ]


def test_a_pattern_takes_neither_headers_nor_sidecars_for_scenes(tmp_path):
    for name in ('a.img', 'a.hdr', 'a.img.aux.xml', 'b.dat', 'b.dat.hdr'):
        (tmp_path / name).touch()
    assert [config['name'] for config in scene_configs(dict(image=f'{tmp_path}/*'))] == ['a', 'b']


@pytest.fixture
def pairs(tmp_path):
    for part, end in (('2019', '_a'), ('2021', '_b'), ('changes', '')):
        (tmp_path / part).mkdir()
        for name in ('tile_1', 'tile_2'):
            np.save(tmp_path / part / f'{name}{end}.npy', np.zeros((2, 3) if part == 'changes' else (2, 3, 4)))
    return dict(type='PairScene', data_root=str(tmp_path), labels='changes')


@pytest.mark.parametrize(
    'image',
    (
        ('2019', '2021'),
        (dict(path='2019'), '2021/*_b.npy'),
        [('2019/tile_1_a.npy', '2021/tile_1_b.npy'), ('2019/tile_2_a.npy', '2021/tile_2_b.npy')],
        tuple(
            dict(path=[f'{date}/tile_{number}_{end}.npy' for number in (1, 2)])
            for date, end in (('2019', 'a'), ('2021', 'b'))
        ),
    ),
)
def test_pairs_of_dates(pairs, image):
    found = scene_configs({**pairs, 'image': image})
    paths = [[date['path'] if isinstance(date, dict) else date for date in config['image']] for config in found]
    assert paths == [[f'2019/{name}_a.npy', f'2021/{name}_b.npy'] for name in ('tile_1', 'tile_2')]
    assert [config['labels'] for config in found] == ['changes/tile_1.npy', 'changes/tile_2.npy']
    assert [config['name'] for config in found] == ['tile_1_a', 'tile_2_a']


def test_two_files_are_one_pair_and_dates_without_a_partner_are_named(pairs):
    config = {**pairs, 'image': ('2019/tile_1_a.npy', '2021/tile_1_b.npy'), 'labels': 'changes/tile_1.npy'}
    assert scene_configs(config) == [config]
    for image, message in (
        (('2019', '2021/tile_1_b.npy'), 'the second date: .* is one file for 2 scenes'),
        (('2019/tile_1_a.npy', '2021'), "the first date is one file, '2019/tile_1_a.npy', the second stands for 2"),
        (('2019', '2021/*_1_b.npy'), 'the second date: no file is named after'),
        ([('2019/tile_1_a.npy', '2021/tile_1_b.npy'), ('2019/tile_2_a.npy',)], 'consists of two cubes, found 1'),
    ):
        with pytest.raises(ValueError, match=message):
            scene_configs({**pairs, 'image': image})


@pytest.mark.parametrize(
    'change, message',
    (
        (dict(labels='labels/tile_1.npy'), "'labels/tile_1.npy' is one file for 3 scenes"),
        (dict(labels=['labels/tile_1.npy']), '1 are given for 3 scenes'),
        (dict(labels='labels/tile_1*.npy'), "no file is named after the scene 'tile_2'; there are 'tile_1', 'tile_10'"),
        (dict(labels='absent/*.npy'), 'absent/\\*.npy: no file fits this pattern'),
        (dict(image=['images/tile_1.npy'] * 2), "names 'images_tile_1' twice"),
        (dict(labels=np.zeros((2, 3))), 'one array is given for 3 scenes'),
    ),
)
def test_what_does_not_fit_is_named(folder, change, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        scene_configs({**dict(image='images', labels='labels', data_root=str(folder)), **change})
