"""OSCD as released, and brought to one grid per city."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from oscd_release import SHAPE, changes, expected, write_band, write_city, write_date, write_date_in_utm, write_map
from skimage.io import imread, imsave

from mmhsi.datasets.oscd import BANDS, OscdSettings, convert_city, find_cities, measure_displacement, read_city
from mmhsi.datasets.oscd.release import METRES

PLAIN = OscdSettings(register=False)
FINE = [band for band in BANDS if METRES[band] == 10]
TEST_DATA = Path(os.environ.get('MMHSI_TEST_DATA', Path(__file__).parents[2] / '../shared/data'))
REAL_CITIES = TEST_DATA / 'change_detection'


def read(root, settings=PLAIN, city='bercy'):
    return read_city(find_cities([root])[city], settings)


def assert_shows_ground(cube, bands=BANDS, scale=1.0, margin=4, tolerance=15):
    """The bands agree with the ground, 2000 with a standard deviation of 300, but for the border of coarse pixels."""
    for band in bands:
        inside = slice(margin, -margin)
        values = cube[..., BANDS.index(band)][inside, inside].astype(float)
        np.testing.assert_allclose(values, scale * expected(band)[inside, inside], atol=tolerance, err_msg=band)


def test_bands_of_all_grids_and_both_dates_come_to_the_grid_of_the_map(tmp_path):
    write_city(tmp_path, shape=(90, 81))
    (first, second), changed, record = read(tmp_path)
    assert first.dtype == second.dtype == np.uint16 and first.shape == second.shape == (*SHAPE, 13)
    np.testing.assert_array_equal(changed, changes())
    for band in FINE:  # not interpolated
        np.testing.assert_array_equal(first[..., BANDS.index(band)], np.rint(expected(band)))
    assert_shows_ground(first)
    assert_shows_ground(second, scale=1.1)
    assert record['grid']['of_date'] == 1 and record['grid']['crs'] == 'EPSG:4326'
    assert record['days'] == ['20160809', '20170829'] and record['filled_pixels'] == [0, 0]
    assert record['change_map']['changed'] == 12 * 15


def test_the_grid_is_that_of_the_second_date_where_the_map_is(tmp_path):
    write_city(tmp_path, shape=(100, 88))
    write_map(tmp_path / 'bercy/cm', 'bercy', changes((100, 88)))
    (first, second), changed, record = read(tmp_path)
    assert first.shape == second.shape == (100, 88, 13) and changed.shape == (100, 88)
    assert record['grid']['of_date'] == 2


def test_files_without_georeference_show_the_same_ground(tmp_path):
    write_city(tmp_path, shape=(90, 81), crs=None)
    (first, second), _, record = read(tmp_path)
    assert_shows_ground(first)
    assert_shows_ground(second, scale=1.1)
    assert record['grid']['crs'] is None


def test_a_date_in_another_projection_is_reprojected(tmp_path):
    write_city(tmp_path)
    for path in (tmp_path / 'bercy/imgs_2').iterdir():
        path.unlink()
    write_date_in_utm(tmp_path / 'bercy/imgs_2')
    (_, second), _, _ = read(tmp_path)
    assert_shows_ground(second)


@pytest.mark.parametrize('method, tolerance', [('cubic', 15), ('bilinear', 40), ('nearest', 220)])
def test_resampling_is_a_choice(tmp_path, method, tolerance):
    write_city(tmp_path, shape=(90, 81))
    (_, second), _, _ = read(tmp_path, OscdSettings(register=False, resampling=method))
    assert_shows_ground(second, FINE, 1.1, tolerance=tolerance)
    worst = max(np.abs(second[4:-4, 4:-4, BANDS.index(band)] - 1.1 * expected(band)[4:-4, 4:-4]).max() for band in FINE)
    assert worst > tolerance / 4


def test_the_shift_of_the_second_date_is_measured_and_taken_out(tmp_path):
    write_city(tmp_path, shape=(90, 81), shift=(-1.3, 0.6))
    (_, second), _, record = read(tmp_path, OscdSettings())
    shift = record['shift_of_second_date']
    assert shift['rows'] == pytest.approx(1.3, abs=0.1) and shift['columns'] == pytest.approx(-0.6, abs=0.1)
    assert shift['sure'] and shift['used'] and shift['correlation_after'] > shift['correlation'] + 0.03
    assert_shows_ground(second, FINE, 1.1, tolerance=60)
    assert 0 < record['filled_pixels'][1] < 3 * sum(SHAPE)
    (_, left), _, record = read(tmp_path)
    assert not record['shift_of_second_date']['used'] and record['filled_pixels'][1] == 0
    worst = np.abs(left[4:-4, 4:-4, 1] - 1.1 * expected('B02')[4:-4, 4:-4]).max()
    assert worst > 300


def test_dates_that_do_not_match_are_left_and_told(tmp_path):
    write_city(tmp_path)
    rng = np.random.default_rng(0)
    for path in (tmp_path / 'bercy/imgs_2').glob('*_B0[2348].tif'):
        write_band(path, rng.integers(1000, 3000, SHAPE).astype(np.uint16))
    told = []
    record = convert_city(find_cities([tmp_path])['bercy'], tmp_path / 'out', OscdSettings(), told.append)
    assert not record['shift_of_second_date']['used']
    assert len(told) == 1 and told[0].startswith('bercy: the measurements of the shift between the dates disagree')


def test_displacement_of_a_moved_image():
    rng = np.random.default_rng(0)
    image = rng.uniform(500, 3000, (90, 80, 2))
    found = measure_displacement(image, 2 * np.roll(image, (2, -3), axis=(0, 1)))
    assert (found.rows, found.columns) == (-2, 3) and found.agreement == 1 and found.length == 3


def test_registered_images_are_preferred_and_not_moved(tmp_path):
    write_city(tmp_path, shift=(0.0, 1.0))
    for date in (1, 2):
        for band in BANDS:
            values = np.rint(expected(band) * date).astype(np.uint16)
            write_band(tmp_path / f'bercy/imgs_{date}_rect/{band}.tif', np.roll(values, date - 1, axis=0), None)
    (first, second), _, record = read(tmp_path, OscdSettings())
    assert record['images'] == 'registered' and not record['shift_of_second_date']['used']
    for band in BANDS:
        np.testing.assert_array_equal(second[..., BANDS.index(band)], np.roll(np.rint(2 * expected(band)), 1, axis=0))
    assert read(tmp_path, OscdSettings(images='original'))[2]['images'] == 'original'


def test_only_original_images_are_there(tmp_path):
    write_city(tmp_path)
    with pytest.raises(FileNotFoundError, match='bercy: there are no registered images, only original ones'):
        read(tmp_path, OscdSettings(images='registered'))


def test_the_picture_of_the_map_serves_alone(tmp_path):
    write_city(tmp_path)
    (tmp_path / 'bercy/cm/bercy-cm.tif').unlink()
    grey = np.where(changes(), 255, 0).astype(np.uint8)
    grey[9, 30:45], grey[22, 30:45] = 100, 200  # seams of an editor
    imsave(tmp_path / 'bercy/cm/cm.png', np.stack([grey] * 3, axis=-1), check_contrast=False)
    _, changed, record = read(tmp_path)
    assert changed.sum() == 13 * 15 and changed[22, 30] and not changed[9, 30]
    assert record['change_map']['file'].endswith('cm.png')


def test_the_raster_of_the_map_counts_where_both_differ(tmp_path):
    write_city(tmp_path)
    other = changes()
    other[50, :7] = True
    imsave(tmp_path / 'bercy/cm/cm.png', np.where(other, 255, 0).astype(np.uint8), check_contrast=False)
    told = []
    convert_city(find_cities([tmp_path])['bercy'], tmp_path / 'out', PLAIN, told.append)
    assert (imread(tmp_path / 'out/bercy/cm/cm.png') == 255).sum() == changes().sum()
    assert 'differs from' in told[0] and 'in 7 pixels' in told[0]


def test_a_city_is_written_whole_and_once(tmp_path):
    write_city(tmp_path / 'in')
    files, out = find_cities([tmp_path / 'in'])['bercy'], tmp_path / 'out'
    (out / '.bercy.part/imgs_1_rect').mkdir(parents=True)  # of a run that was killed
    record = convert_city(files, out, PLAIN)
    cubes, changed, _ = read_city(files, PLAIN)
    for number, cube in enumerate(cubes, 1):
        np.testing.assert_array_equal(np.load(out / f'bercy/imgs_{number}_rect/ms_data.npy'), cube)
    picture = imread(out / 'bercy/cm/cm.png')
    assert picture.dtype == np.uint8 and picture.shape == SHAPE
    np.testing.assert_array_equal(picture, np.where(changed, 255, 0))
    assert json.loads((out / 'bercy/conversion.json').read_text()) == record
    assert [path.name for path in out.iterdir()] == ['bercy']
    before = (out / 'bercy/imgs_1_rect/ms_data.npy').stat().st_mtime_ns
    assert convert_city(files, out, PLAIN) is None
    assert (out / 'bercy/imgs_1_rect/ms_data.npy').stat().st_mtime_ns == before


def test_a_city_of_another_release_is_converted_anew(tmp_path):
    write_city(tmp_path / 'in')
    files, out, told = find_cities([tmp_path / 'in'])['bercy'], tmp_path / 'out', []
    convert_city(files, out, PLAIN)
    band = files.bands('original', 2)['B04']
    content, status = bytearray(band.read_bytes()), band.stat()
    content[-1] ^= 1
    band.write_bytes(content)
    os.utime(band, ns=(status.st_atime_ns, status.st_mtime_ns))  # of equal size and time
    assert convert_city(files, out, PLAIN, told.append) is not None and 'have changed since' in told[0]
    assert convert_city(files, out, PLAIN, told.append) is None
    (files.labels / 'cm.png').touch()  # its time alone
    assert convert_city(files, out, PLAIN, told.append) is None
    cube = out / 'bercy/imgs_1_rect/ms_data.npy'
    whole = cube.read_bytes()
    cube.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert convert_city(files, out, PLAIN, told.append) is not None and cube.read_bytes() == whole
    assert [path.name for path in out.iterdir()] == ['bercy']
    for damaged in ('', '[1]', '{}'):
        (out / 'bercy/conversion.json').write_text(damaged)
        with pytest.raises(FileExistsError, match='holds no conversion.json of a conversion'):
            convert_city(files, out, PLAIN)


def test_what_is_there_is_not_replaced(tmp_path):
    write_city(tmp_path)
    files = find_cities([tmp_path])['bercy']
    with pytest.raises(FileExistsError, match='it is not a converted city and is not replaced'):
        convert_city(files, tmp_path, PLAIN)  # its own folder
    convert_city(files, tmp_path / 'out', PLAIN)
    with pytest.raises(FileExistsError, match="converted with the settings .*'register': False.* remove it"):
        convert_city(files, tmp_path / 'out', OscdSettings())


def test_the_parts_of_the_release_are_put_together(tmp_path):
    name = 'Onera Satellite Change Detection dataset - '
    write_city(tmp_path / f'{name}Images', 'bercy', tmp_path / f'{name}Train Labels')
    write_city(tmp_path / f'{name}Images', 'rio', tmp_path / f'{name}Test Labels')
    cities = find_cities([tmp_path])
    assert list(cities) == ['bercy', 'rio']
    assert cities['rio'].labels == tmp_path / f'{name}Test Labels/rio/cm'
    assert list(cities['rio'].images) == ['original'] and cities['rio'].dates == ('20160809', '20170829')
    parts = [tmp_path / f'{name}{part}' for part in ('Images', 'Train Labels', 'Test Labels')]
    assert find_cities(parts) == cities
    convert_city(cities['rio'], tmp_path, PLAIN)  # a converted city among them is no source
    assert find_cities([tmp_path]) == cities


def test_a_folder_for_each_city_may_bear_a_prefix(tmp_path):
    write_city(tmp_path, 'oscd-saclay_e')
    assert list(find_cities([tmp_path])) == ['saclay_e']


def test_bands_are_in_the_order_of_their_wavelengths(tmp_path):
    write_city(tmp_path)
    files = find_cities([tmp_path])['bercy'].bands('original', 2)
    assert tuple(files) == BANDS and all(f'_{band}.tif' in path.name for band, path in files.items())


def remove_band(root):
    next((root / 'bercy/imgs_2').glob('*_B8A.tif')).unlink()


def double_band(root):
    write_band(root / 'bercy/imgs_1/B04.tif', np.ones(SHAPE, np.uint16))


def remove_date(root):
    for path in (root / 'bercy/imgs_2').iterdir():
        path.unlink()


def remove_map(root):
    for path in (root / 'bercy/cm').iterdir():
        path.unlink()


def remove_folder_of_map(root):
    remove_map(root)
    (root / 'bercy/cm').rmdir()


def shrink_map(root):
    write_map(root / 'bercy/cm', 'bercy', changes((50, 60)))


def shrink_picture(root):
    imsave(root / 'bercy/cm/cm.png', np.zeros((50, 60), np.uint8), check_contrast=False)


def recode_map(root):
    write_band(root / 'bercy/cm/bercy-cm.tif', changes().astype(np.uint8), None)


def darken_picture(root):
    (root / 'bercy/cm/bercy-cm.tif').unlink()
    imsave(root / 'bercy/cm/cm.png', changes().astype(np.uint8), check_contrast=False)


def double_map(root):
    write_band(root / 'bercy/cm/other-cm.tif', (1 + changes()).astype(np.uint8), None)


def move_band(root):
    path = next((root / 'bercy/imgs_2').glob('*_B11.tif'))
    write_band(path, np.ones((48, 42), np.uint16), bounds=(2.2, 48.6, 2.2084, 48.6946))


def displace_band(root):
    path = next((root / 'bercy/imgs_2').glob('*_B03.tif'))
    path.unlink()
    write_band(path, np.ones(SHAPE, np.uint16), None)


def unplace_date(root):
    remove_date(root)
    write_date(root / 'bercy/imgs_2', crs=None)


def empty_band(root):
    write_band(next((root / 'bercy/imgs_1').glob('*_B12.tif')), np.zeros((48, 42), np.uint16))


def negative_band(root):
    write_band(next((root / 'bercy/imgs_1').glob('*_B12.tif')), np.full((48, 42), -9999, np.int16))


def float_band(root):
    write_band(next((root / 'bercy/imgs_1').glob('*_B12.tif')), np.ones((48, 42), np.float32))


def damage_band(root):
    path = next((root / 'bercy/imgs_1').glob('*_B12.tif'))
    path.write_bytes(path.read_bytes()[:200])


def coarsen_band(root):
    write_band(next((root / 'bercy/imgs_1').glob('*_B03.tif')), np.ones((48, 42), np.uint16))


@pytest.mark.parametrize(
    'damage, message',
    [
        (remove_band, 'bercy, date 2: no GeoTIFF of band B8A in .*imgs_2, which holds B01, B02'),
        (double_band, 'bercy, date 1: band B04 exists twice, as .*B04.tif and S2A_OPER'),
        (remove_date, 'bercy, date 2: there are no images in addition to those of date 1 in .*imgs_1'),
        (remove_map, 'bercy: .*cm holds no change map, neither bercy-cm.tif nor cm.png'),
        (remove_folder_of_map, 'bercy: there is no folder cm with the change map'),
        (shrink_map, 'has 50 x 60 pixels, but the dates have 96 x 84 and 96 x 84 at 10 m'),
        (shrink_picture, 'the change maps differ in size: .* has 96 x 84 pixels, .* 50 x 60'),
        (recode_map, r'the values are 0, 1, expected 1 \(unchanged\) and 2 \(changed\)'),
        (darken_picture, r'the values end at 1, expected a picture from 0 \(unchanged\) to 255'),
        (double_map, 'holds several change maps, bercy-cm.tif and other-cm.tif'),
        (move_band, 'bercy, date 2, band B11 covers 43.7% of the grid of the change map'),
        (displace_band, 'bercy, date 2: band B03 has no georeference, but band B01 has one'),
        (unplace_date, 'bercy: date 1 has a georeference, date 2 has none'),
        (empty_band, 'bercy, date 1, band B12: .* holds nothing but 0'),
        (negative_band, 'bercy, date 1, band B12: .* holds values from -9999 to -9999, expected 0 to 65535'),
        (float_band, 'B12.tif: 1 bands of type float32, expected one of whole numbers'),
        (damage_band, 'B12.tif: the file cannot be read'),
        (coarsen_band, 'the bands of 10 m differ in size, B02 has 96 x 84, B03 has 48 x 42'),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_written(tmp_path, damage, message):
    write_city(tmp_path)
    damage(tmp_path)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        convert_city(find_cities([tmp_path])['bercy'], tmp_path / 'out', PLAIN)
    assert not (tmp_path / 'out').exists()


def test_files_without_georeference_must_have_the_same_proportions(tmp_path):
    write_city(tmp_path, crs=None, shape=(96, 60))
    with pytest.raises(ValueError, match='bercy, date 2, band B01: 16 x 10 pixels without georeference cannot show'):
        read(tmp_path)


def test_a_city_that_is_there_twice_is_an_error(tmp_path):
    write_city(tmp_path / 'a')
    write_city(tmp_path / 'b')
    with pytest.raises(ValueError, match='bercy: images of date 1 exist twice: in .*a.bercy.imgs_1 and in'):
        find_cities([tmp_path])


def test_folders_without_a_city_are_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match='no folder imgs_1 or imgs_1_rect with bands as GeoTIFF below'):
        find_cities([tmp_path])
    with pytest.raises(FileNotFoundError, match='nowhere: no such folder'):
        find_cities([tmp_path / 'nowhere'])


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(images='rect'), "images is 'rect', expected one of auto, registered, original"),
        (dict(resampling='lanczos'), "resampling is 'lanczos', expected one of cubic, bilinear, nearest"),
    ],
)
def test_settings_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        OscdSettings(**options)


@pytest.mark.skipif(
    not (REAL_CITIES / 'oscd-saclay_e').is_dir(),
    reason=f'no cities of OSCD in {REAL_CITIES}; set MMHSI_TEST_DATA to the folder above',
)
def test_dates_of_a_real_city_match_after_the_conversion():
    """Its second date comes from another tile of Sentinel-2, has another size and is shifted by a pixel."""
    (first, second), changed, record = read(REAL_CITIES, OscdSettings(), 'saclay_e')
    assert first.shape == second.shape == (639, 688, 13) and changed.sum() == 4346
    shift = record['shift_of_second_date']
    assert (shift['rows'], shift['columns']) == pytest.approx((-0.05, -0.85), abs=0.1) and shift['agreement'] == 1
    bands = [BANDS.index(band) for band in FINE]
    left = measure_displacement(first[..., bands], second[..., bands])
    assert left.length <= 0.1 and left.correlation > shift['correlation'] + 0.05
