"""Files that are damaged, or made to do harm: an error names the file, and nothing crashes, hangs, grows or runs."""

import pickle
import struct
import zipfile
import zlib

import h5py
import numpy as np
import pytest
import rasterio
import scipy.io
import tifffile
from fuzzing import Watchdog, damage, read_all, write_samples

from mmhsi.datasets.io import CubeReadError, open_cube, read_cube, read_labels, read_spectra
from mmhsi.datasets.io.georeference import silent_georeference
from mmhsi.datasets.io.memory import check_fits
from mmhsi.utils.system_memory import available_memory

CASES = 30
MILLION = 10**6


@pytest.fixture(scope='module')
def samples(tmp_path_factory):
    folder = tmp_path_factory.mktemp('samples')
    return folder, write_samples(folder)


def test_samples_are_read(samples):
    folder, kinds = samples
    for kind, names in kinds.items():
        path = folder / names[-1]
        if kind in ('MATLAB 5, struct', 'ENVI library', 'text'):
            assert read_spectra(path).values.shape[1] in (4, 8)
        elif kind in ('MATLAB 4', 'GeoTIFF labels'):
            assert read_labels(path).shape == (6, 5)
        else:
            assert read_cube(path)[0].shape == (6, 5, 4)


def test_damaged_files_give_arrays_or_errors_that_name_them(samples, tmp_path):
    folder, kinds = samples
    kinds = list(kinds.values())

    def case(number):
        read_all(damage(folder, kinds[number % len(kinds)], tmp_path, number))

    counts, findings = Watchdog().run(case, range(10**6, 10**6 + CASES * len(kinds)))
    assert not findings, findings[:3]
    assert counts['sound'] == CASES * len(kinds)


def test_the_watchdog_tells_crashes_hangs_and_errors_apart():
    def case(number):
        if number == 3:
            import ctypes

            ctypes.string_at(0)
        while number == 5:
            pass
        assert number != 6

    counts, findings = Watchdog(seconds=1).run(case, range(8))
    assert counts == dict(sound=5, crash=1, hang=1, error=1)
    assert [finding.split(':')[0] for finding in findings] == ['crash case 3', 'hang case 5', 'error case 6']


def claim_npy(path):
    header = repr(dict(descr='<f4', fortran_order=False, shape=(MILLION, MILLION, 1))).encode()
    path.write_bytes(b'\x93NUMPY\x01\x00' + struct.pack('<H', len(header)) + header)


def claim_npz(path):
    claim_npy(path.with_suffix('.npy'))
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.write(path.with_suffix('.npy'), 'data.npy')


def claim_mat(path):
    scipy.io.savemat(path, dict(data=np.zeros((2, 2, 2), np.float32)))
    path.write_bytes(path.read_bytes().replace(struct.pack('<iii', 2, 2, 2), struct.pack('<iii', MILLION, MILLION, 1)))


def claim_packed_mat(path):
    scipy.io.savemat(path, dict(data=np.zeros((2, 2, 2), np.float32)), do_compression=True)
    content = path.read_bytes()
    shape = struct.pack('<iii', MILLION, MILLION, 1)
    packed = zlib.compress(zlib.decompress(content[136:]).replace(struct.pack('<iii', 2, 2, 2), shape))
    path.write_bytes(content[:128] + struct.pack('<II', 15, len(packed)) + packed)


def claim_envi(path):
    path.write_bytes(bytes(100))
    path.with_suffix('.hdr').write_text(
        f'ENVI\nsamples = {MILLION}\nlines = {MILLION}\nbands = 1\ndata type = 4\ninterleave = bsq\nbyte order = 0\n'
    )


@pytest.mark.parametrize(
    'name, write',
    [
        ('claim.npy', claim_npy),
        ('claim.npz', claim_npz),
        ('claim.mat', claim_mat),
        ('packed.mat', claim_packed_mat),
        ('claim.img', claim_envi),
    ],
)
def test_a_million_million_pixels_that_are_not_there_are_refused_on_opening(tmp_path, name, write):
    write(tmp_path / name)
    with pytest.raises(CubeReadError, match=f'{name}: .*(claims|describes|holds)'):
        open_cube(tmp_path / name)


def sparse_tiff(path):
    size = dict(width=MILLION, height=MILLION, count=1, dtype='uint8', tiled=True, blockxsize=4096, blockysize=4096)
    with silent_georeference(), rasterio.open(path, 'w', driver='GTiff', sparse_ok=True, bigtiff='yes', **size):
        pass


def sparse_hdf5(path):
    with h5py.File(path, 'w') as file:
        file.create_dataset('data', (MILLION, MILLION, 1), 'f4', chunks=(64, 64, 1))


@pytest.mark.parametrize('name, write', [('sparse.tif', sparse_tiff), ('sparse.h5', sparse_hdf5)])
def test_a_sparse_file_is_read_by_windows_and_refused_whole(tmp_path, name, write):
    write(tmp_path / name)
    with open_cube(tmp_path / name) as reader:
        assert reader.info.shape == (MILLION, MILLION, 1)
        assert not reader.read((999_990, 5, 3, 2)).any()
        with pytest.raises(
            CubeReadError,
            match=rf'{name}: a window of 1000000 x 1000000 pixels and 1 bands takes '
            r'\d+\.\d GiB, \d+\.\d GiB of memory are available; read it window by',
        ):
            reader.read()


@pytest.mark.parametrize('options', [{}, dict(compression='zlib', rowsperstrip=6)])
def test_a_block_that_the_file_cannot_hold_is_refused_on_opening(tmp_path, options):
    path = tmp_path / 'block.tif'
    tifffile.imwrite(path, np.zeros((6, 5, 4), np.int16), photometric='minisblack', planarconfig='contig', **options)
    assert open_cube(path).read((0, 0, 1, 1)).shape == (1, 1, 4)
    with tifffile.TiffFile(path, mode='r+b') as file:
        file.pages[0].tags['ImageWidth'].overwrite(5 + 2**26)
    with pytest.raises(
        CubeReadError,
        match=r'block\.tif: the header describes a block of \d x 67108869 pixels and 4 '
        r'bands, \d+ bytes, more than a file of \d+ bytes can hold',
    ):
        open_cube(path)


def test_a_picture_that_is_cut_off_is_not_read_as_zeros(tmp_path):
    (tmp_path / 'cut.pgm').write_bytes(b'P5 30 20 255\n' + bytes([7]) * 600)
    assert (read_cube(tmp_path / 'cut.pgm')[0] == 7).all()
    (tmp_path / 'cut.pgm').write_bytes(b'P5 30 20 255\n' + bytes([7]) * 400)
    with pytest.raises(CubeReadError, match=r'cut\.pgm: the header describes 600 bytes, the file holds 413'):
        open_cube(tmp_path / 'cut.pgm')


def test_bands_that_the_file_cannot_hold_are_refused_on_opening(tmp_path):
    path = tmp_path / 'bands.tif'
    with (
        silent_georeference(),
        rasterio.open(
            path,
            'w',
            driver='GTiff',
            width=5,
            height=6,
            count=1,
            dtype='uint8',
            tiled=True,
            blockxsize=16,
            blockysize=16,
        ) as dataset,
    ):
        dataset.write(np.ones((1, 6, 5), np.uint8))
    with tifffile.TiffFile(path, mode='r+b') as file:
        file.pages[0].tags['SamplesPerPixel'].overwrite(32769)
        file.pages[0].tags['PlanarConfiguration'].overwrite(2)
    with pytest.raises(CubeReadError, match=r'bands\.tif: the header describes 32769 bands, more than the 5000'):
        open_cube(path)


def test_what_does_not_fit_into_memory_is_refused(monkeypatch):
    with open('/proc/meminfo') as stream:
        total = next(int(line.split()[1]) for line in stream if line.startswith('MemTotal')) * 1024
    check_fits('a.npy', 'the array', available_memory() // 2)
    with pytest.raises(CubeReadError, match='^a.npy: the array takes'):
        check_fits('a.npy', 'the array', total + 1)
    monkeypatch.setattr('mmhsi.datasets.io.memory.available_memory', lambda: None)
    check_fits('a.npy', 'the array', total + 1)  # a system that does not tell


def test_an_imaginary_part_that_is_announced_and_not_there_is_damage(tmp_path):
    path = tmp_path / 'complex.mat'
    scipy.io.savemat(path, dict(data=np.ones((3, 3, 2))))
    content = bytearray(path.read_bytes())
    content[145] |= 8  # scipy would read beyond the array, and crash
    path.write_bytes(content)
    with pytest.raises(CubeReadError, match='complex.mat: the file is damaged: 4 bytes are announced, 0 are left'):
        open_cube(path)


@pytest.mark.parametrize(
    'before, value, reason',
    [
        (b'tree', 99, 'unknown data type 99'),  # type of the value of the first field
        (struct.pack('<II', 0x40005, 8), 0, 'field names of 0 bytes'),
    ],  # their length, by which their bytes are divided
)
def test_damage_inside_a_struct_is_found(tmp_path, before, value, reason):
    path = tmp_path / 'struct.mat'
    scipy.io.savemat(path, dict(library=dict(name='tree', spectra=np.ones(5))))
    content = bytearray(path.read_bytes())
    content[content.index(before) + (4 if value == 0 else -4)] = value
    path.write_bytes(content)
    with pytest.raises(CubeReadError, match=f'struct.mat: the file is damaged: {reason}'):
        read_spectra(path)


class Harm:
    def __reduce__(self):
        return exec, ('raise SystemExit("the pickle was run")',)


def test_pickles_are_not_run(tmp_path):
    objects = np.empty((2, 2, 2), object)
    objects[:] = Harm()
    with open(tmp_path / 'objects.npy', 'wb') as stream:
        np.lib.format.write_array_header_1_0(stream, dict(descr='|O', fortran_order=False, shape=(2, 2, 2)))
        pickle.dump(objects, stream)
    with zipfile.ZipFile(tmp_path / 'objects.npz', 'w') as archive:
        archive.write(tmp_path / 'objects.npy', 'data.npy')
    for name in ('objects.npy', 'objects.npz'):
        with pytest.raises(CubeReadError, match=f'{name}: .*object'):
            read_cube(tmp_path / name, key='data')


def test_python_code_in_a_virtual_raster_is_not_run(tmp_path):
    path = tmp_path / 'code.tif'
    path.write_text(
        """<VRTDataset rasterXSize="4" rasterYSize="4"><VRTRasterBand dataType="Byte" band="1"
        subClass="VRTDerivedRasterBand"><PixelFunctionLanguage>Python</PixelFunctionLanguage>
        <PixelFunctionType>harm</PixelFunctionType><PixelFunctionCode><![CDATA[
def harm(*args, **kwargs):
    open("%s", "w").close()
]]></PixelFunctionCode></VRTRasterBand></VRTDataset>"""
        % (tmp_path / 'was run')
    )
    with pytest.raises(CubeReadError, match='code.tif: '):
        read_cube(path)
    assert not (tmp_path / 'was run').exists()


def test_a_million_bands_of_one_pixel_are_refused(tmp_path):
    (tmp_path / 'bands.img').write_bytes(bytes(MILLION))
    header = f'ENVI\nsamples = 1\nlines = 1\nbands = {MILLION}\ndata type = 1\ninterleave = bsq\nbyte order = 0\n'
    (tmp_path / 'bands.hdr').write_text(header)
    with pytest.raises(CubeReadError, match=r'bands.hdr describes 1000000 bands, more than the 100000 that are read'):
        open_cube(tmp_path / 'bands.hdr')


def test_a_text_without_end_is_refused(tmp_path):
    with open(tmp_path / 'long.csv', 'wb') as stream:
        stream.truncate(2**28 + 1)
    with pytest.raises(CubeReadError, match='long.csv: the file is larger than 256 MiB'):
        read_spectra(tmp_path / 'long.csv')
