"""Real scenes: values known from their publishers' descriptions or read by another library."""

import os
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import spectral.io.envi
import tensorly.datasets
import tifffile

from mmhsi.datasets.io import CubeReadError, open_cube, read_cube, read_labels, write_raster

INDIAN_PINES = Path(tensorly.datasets.__file__).parent / 'data'


@pytest.fixture(scope='module')
def data():
    root = Path(os.environ.get('MMHSI_TEST_DATA', Path(__file__).parents[3] / '../shared/data'))
    if not root.is_dir():
        pytest.skip(f'no real data at {root}; set MMHSI_TEST_DATA')
    return root


def test_indian_pines():
    with open_cube(INDIAN_PINES / 'Indian_pines_corrected.npy') as reader:
        assert reader.info.shape == (145, 145, 200) and reader.info.windowed
        whole = reader.read()
        assert (whole.min(), whole.max()) == (955, 9604)
        np.testing.assert_array_equal(reader.read((100, 30, 20, 40), [199, 0]), whole[100:120, 30:70][..., [199, 0]])
    labels = read_labels(INDIAN_PINES / 'Indian_pines_gt.npy', shape=whole.shape[:2])
    assert (labels > 0).sum() == 10249 and labels.max() == 16


def test_indian_pines_labels_in_two_formats(data):
    path = data / 'classification/ground-truths-only/indian_pines_corrected_gt.mat'
    np.testing.assert_array_equal(read_labels(path), read_labels(INDIAN_PINES / 'Indian_pines_gt.npy'))


def test_fixed_label_maps(data):
    folder = data / 'classification/ground-truths-only'
    train = read_labels(folder / 'houston_gt.mat', 'houston_gt_tr', (349, 1905))
    test = read_labels(folder / 'houston_gt.mat', 'houston_gt_te', (349, 1905))
    assert np.bincount(train.ravel())[1:4].tolist() == [198, 190, 192]
    assert np.bincount(test.ravel())[1:4].tolist() == [1053, 1064, 505]
    with pytest.raises(CubeReadError, match='several numeric 2-D arrays'):
        read_labels(folder / 'houston_gt.mat')
    with pytest.raises(CubeReadError, match=r"paviaU_gt.mat: no numeric 3-D arrays .* 'paviaU_gt' \(610, 340\)"):
        read_cube(folder / 'paviaU_gt.mat')


def test_enmap_tiles(data):
    paths = sorted((data / 'classification/enmap-potsdam/images').iterdir())
    assert len(paths) == 9
    for path in paths:
        with open_cube(path) as reader:
            info, whole = reader.info, reader.read()
            np.testing.assert_array_equal(reader.read((5, 9, 11, 13), [223, 40]), whole[5:16, 9:22][..., [223, 40]])
        np.testing.assert_array_equal(whole, tifffile.imread(path).transpose(1, 2, 0))
        assert info.shape == (32, 32, 224) and info.nodata == -32768
        assert np.flatnonzero((whole == info.nodata).all((0, 1))).tolist() == list(range(129, 135))
        assert info.wavelengths[[0, 1]].tolist() == [418.24, 423.874] and 2440 < info.wavelengths[-1] < 2450
        assert info.fwhm[0] == 6.99561
        assert info.transform[0] == 30 and 'UTM zone 33N' in info.crs
        labels = read_labels(str(path).replace('images', 'labels'), shape=info.shape[:2])
        assert labels.min() == 0 and 4 <= labels.max() <= 6


def test_map_on_an_enmap_tile_keeps_its_place(data, tmp_path):
    path = data / 'classification/enmap-potsdam/images/enmap_potsdam_tile_128_0.tif'
    info = read_cube(path)[1]
    labels = read_labels(str(path).replace('images', 'labels'))
    write_raster(tmp_path / 'map.tif', labels, info, nodata=0, colormap={1: (200, 0, 0), 2: (90, 90, 90)})
    written = read_cube(tmp_path / 'map.tif')[1]
    assert (written.crs, written.transform, written.dtype) == (info.crs, info.transform, np.uint8)
    np.testing.assert_array_equal(read_labels(tmp_path / 'map.tif'), labels)


def test_envi_scene_with_an_upper_case_header(data):
    folder = data / 'change_detection/taizhou-landsat'
    values, info = read_cube(folder / '2000TM.HDR')
    assert info.path == str(folder / '2000TM') and info.shape == (400, 400, 6)
    np.testing.assert_allclose(info.wavelengths, (482.5, 565, 660, 825, 1650, 2220))
    raw = np.fromfile(folder / '2000TM', np.uint8).reshape(6, 400, 400)
    np.testing.assert_array_equal(values, raw.transpose(1, 2, 0))
    assert info.transform == (30, 0, 203325, 0, -30, 3604935)
    assert (read_labels(folder / 'change.bmp', shape=(400, 400)) > 0).sum() == 4227


@pytest.mark.parametrize(
    'name, found',
    (
        ('berlin-urban/library_berlin.hdr', '75 spectra of 177 bands'),
        ('berlin-urban/library_berlin.sli', '75 spectra of 177 bands'),
        ('gamsberg-field/gamsberg_field_library', '27 spectra of 2151 bands'),
    ),
)
def test_spectral_library_is_no_scene(data, name, found):
    with pytest.raises(CubeReadError, match=rf'an ENVI spectral library \({found}\), expected an image'):
        open_cube(data / 'spectral_library' / name)


def test_spectra_stored_as_an_envi_image(data):
    path = data / 'spectral_library/ecostress/ecostress_snow_mixtures'
    values, info = read_cube(path)
    other = spectral.io.envi.open(f'{path}.hdr', str(path))
    np.testing.assert_array_equal(values, np.array(other.load()))
    assert info.shape == (500, 1, 216)
    np.testing.assert_allclose(info.wavelengths, other.bands.centers)
    assert (info.wavelengths[0], info.wavelengths[-1]) == (350, 2500)


def test_matlab_v73(data):
    path = data / 'spectral_library/image-bundles/bundles.mat'
    with pytest.raises(CubeReadError, match=r"bundles.mat: .*'bundle' \(144, 50\), 'groups' \(50, 1\)"):
        open_cube(path)
    values, info = read_cube(path, 'bundle', 'hwc')
    assert info.format == 'mat73' and values.shape == (144, 50, 1)
    path = data / 'anomaly_detection/muufl-gulfport/MUUFL.mat'
    with open_cube(path) as reader:
        assert reader.info.shape == (100, 100, 64) and reader.info.key == 'data'
        whole = reader.read()
        np.testing.assert_array_equal(reader.read((40, 7, 20, 9), [63, 3]), whole[40:60, 7:16][..., [63, 3]])
    assert read_labels(path, 'groundtruth').sum() == 269


def test_matlab_v5_with_wavelengths(data):
    path = data / 'denoising/aviris-224-raw-bands/a_hsi_img_for_VI_demo.mat'
    values, info = read_cube(path)
    assert (values.min(), values.max(), values.dtype) == (-12, 8143, np.int16)
    assert info.key == 'hsi_img'
    np.testing.assert_allclose(info.wavelengths[[0, -1]], (365.91, 2496.22), atol=0.01)


def test_every_matlab_cube_equals_what_scipy_reads(data):
    read = 0
    for path in sorted(data.glob('*/*/*.mat')):
        if path.read_bytes()[:10] != b'MATLAB 5.0':
            continue
        for name, values in scipy.io.loadmat(path).items():
            if isinstance(values, np.ndarray) and values.ndim == 3:
                with open_cube(path, name) as reader:
                    np.testing.assert_array_equal(reader.read(bands=[0, -1 + values.shape[2]]), values[..., [0, -1]])
                read += 1
    assert read >= 25


def test_oscd_bands_and_maps(data):
    folder = data / 'change_detection/oscd-bercy'
    bands = sorted((folder / 'imgs_1').glob('*.tif'))
    assert len(bands) == 13
    for path in bands:
        values, info = read_cube(path)
        assert info.shape[2] == 1 and info.transform[0] > 0 and 'WGS 84' in info.crs
        np.testing.assert_array_equal(values[..., 0], tifffile.imread(path))
    changes = read_labels(folder / 'cm/bercy-cm.tif', shape=(395, 360))
    assert np.unique(changes).tolist() == [1, 2]
    np.testing.assert_array_equal(read_labels(folder / 'cm/cm.png', shape=(395, 360)) > 0, changes == 2)
