"""The command that converts OSCD."""

import importlib.util
import json
import re
from pathlib import Path

import numpy as np
import pytest
from config_runs import look_alikes
from oscd_release import write_city
from skimage.io import imread

PATH = Path(__file__).parents[2] / 'tools/dataset_converters/oscd.py'


@pytest.fixture(scope='module')
def main():
    spec = importlib.util.spec_from_file_location('oscd_converter', PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


def test_all_cities_are_converted_once(main, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv('MMHSI_DATA', raising=False)
    write_city(tmp_path / 'release', 'bercy', shift=(0.0, 1.0))
    write_city(tmp_path / 'release', 'rio')
    assert main(['release']) == 0
    shown = capsys.readouterr().out
    moved = re.search(
        r'bercy: 96 x 84 pixels, 2.2% changed, original images, shift of the second date (\S+) rows '
        r'(\S+) columns taken out',
        shown,
    )
    assert [float(value) for value in moved.groups()] == pytest.approx([0, -1], abs=0.1)
    assert '+0.00 rows +0.00 columns left' in shown
    assert 'of the 24 cities of OSCD the release here lacks aguasclaras, bordeaux' in shown
    assert np.load('data/oscd/rio/imgs_2_rect/ms_data.npy').shape == (96, 84, 13)
    assert main(['release']) == 0
    shown = capsys.readouterr().out
    assert 'bercy: converted before' in shown and 'rio: converted before' in shown


def test_options_reach_the_conversion(main, tmp_path):
    write_city(tmp_path / 'release', 'bercy', shift=(0.0, 1.0))
    write_city(tmp_path / 'release', 'rio')
    out = tmp_path / 'out'
    assert (
        main(
            [
                str(tmp_path / 'release'),
                '--out',
                str(out),
                '--cities',
                'bercy',
                '--no-register',
                '--resampling',
                'bilinear',
                '--images',
                'original',
            ]
        )
        == 0
    )
    assert [path.name for path in out.iterdir()] == ['bercy']
    record = json.loads((out / 'bercy/conversion.json').read_text())
    assert record['settings'] == dict(images='original', resampling='bilinear', register=False)
    assert not record['shift_of_second_date']['used']


def test_a_city_that_fails_does_not_stop_the_others(main, tmp_path, capsys):
    write_city(tmp_path / 'release', 'bercy')
    write_city(tmp_path / 'release', 'rio')
    next((tmp_path / 'release/bercy/imgs_1').glob('*_B8A.tif')).unlink()
    assert main([str(tmp_path / 'release'), '--out', str(tmp_path / 'out')]) == 1
    told = capsys.readouterr().err
    assert 'error: bercy, date 1: no GeoTIFF of band B8A' in told and 'not converted: bercy' in told
    assert [path.name for path in (tmp_path / 'out').iterdir()] == ['rio']


def test_the_look_alike_of_the_release_becomes_the_one_of_the_converted_cities(main, tmp_path, capsys):
    root = look_alikes(tmp_path, ['oscd']) / 'oscd'
    assert main([str(root), '--out', str(tmp_path / 'out')]) == 0
    cities = [path.name for path in root.glob('*Images/*') if path.is_dir()]
    assert sorted(cities) == sorted(path.name for path in (tmp_path / 'out').iterdir())
    for city in cities:
        for date, tolerance in ((1, 0), (2, 60)):  # reflectance x 10000; the second date of one city is resampled
            mine, theirs = (
                np.load(folder / city / f'imgs_{date}_rect/ms_data.npy').astype(int)
                for folder in (tmp_path / 'out', root)
            )
            error = np.abs(mine - theirs)[..., [1, 2, 3, 7]]
            assert np.median(error) <= tolerance and np.percentile(error, 90) <= 5 * tolerance
        changed = imread(root / city / 'cm/cm.png')[..., 0] > 0
        assert ((imread(tmp_path / 'out' / city / 'cm/cm.png') > 0) == changed).all()


def test_what_is_not_there_is_an_error(main, tmp_path, capsys):
    write_city(tmp_path, 'rio')
    assert main([str(tmp_path), '--out', str(tmp_path / 'out'), '--cities', 'atlantis']) == 2
    assert 'error: no images of atlantis; there are those of rio' in capsys.readouterr().err
    assert main([str(tmp_path / 'nowhere')]) == 2
    assert 'nowhere: no such folder' in capsys.readouterr().err
