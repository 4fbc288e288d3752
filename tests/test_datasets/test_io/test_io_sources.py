"""Files that reach for other files and addresses, or take far more than they hold: each is refused, quickly.

A hostile file tries to reach a secret next to the folder, and a server that must not be contacted.
"""

import bz2
import io
import os
import resource
import socket
import struct
import threading
import time
import zipfile

import h5py
import numpy as np
import pytest
import rasterio
import scipy.io
import tifffile

from mmhsi.datasets.io import CubeReadError, open_cube, read_cube, read_spectra

pytestmark = pytest.mark.filterwarnings('ignore::rasterio.errors.NotGeoreferencedWarning')
SECONDS = 5
BYTES = 300 * 2**20


@pytest.fixture
def world(tmp_path):
    """A folder for the hostile file, and a secret raster next to it."""
    folder, secret = tmp_path / 'folder', tmp_path / 'secret.tif'
    folder.mkdir()
    write_tiff(secret, np.full((6, 7, 1), 77, np.uint8))
    return folder, secret


@pytest.fixture
def server():
    """An address, and the connections that were made to it."""
    asked, listener = [], socket.create_server(('127.0.0.1', 0))

    def listen():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            asked.append(True)
            connection.close()

    threading.Thread(target=listen, daemon=True).start()
    yield f'http://127.0.0.1:{listener.getsockname()[1]}', asked
    listener.close()


def write_tiff(path, cube, **tags):
    with rasterio.open(
        path, 'w', driver='GTiff', height=cube.shape[0], width=cube.shape[1], count=cube.shape[2], dtype=cube.dtype.name
    ) as dataset:
        dataset.write(cube.transpose(2, 0, 1))
        for namespace, items in tags.items():
            dataset.update_tags(ns=namespace, **items)


def refusal(path, **options):
    """The error message of the reader, which names the file and comes in little time and memory."""
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(CubeReadError) as caught:
        read_cube(path, **options)
    assert os.path.splitext(os.path.basename(path))[0] in str(caught.value)
    assert time.process_time() - start < SECONDS
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < BYTES
    return str(caught.value)


BAND = '<VRTRasterBand dataType="Byte" band="1"{attributes}>{content}</VRTRasterBand>'
SIMPLE = (
    '<SimpleSource><SourceFilename relativeToVRT="{relative}">{name}</SourceFilename><SourceBand>1</SourceBand>'
    '</SimpleSource>'
)


def vrt(content, attributes='', dataset=''):
    band = BAND.format(attributes=attributes, content=content)
    return f'<VRTDataset rasterXSize="7" rasterYSize="6"{dataset}>{band}</VRTDataset>'


@pytest.mark.parametrize('name', ('a.tif', 'a.img', 'a.dat', 'a', 'a.png', 'a.xml', 'a.h5'))
def test_a_virtual_raster_under_another_name(world, name):
    folder, secret = world
    (folder / name).write_text(vrt(SIMPLE.format(relative=0, name=secret)))
    assert 'a virtual raster, which is read under a name that ends in .vrt' in refusal(folder / name)


@pytest.mark.parametrize(
    'source',
    (
        '{secret}',
        '../secret.tif',
        'link.tif',
        'absent.tif',
        '/etc/passwd',
        '/dev/zero',
        '/vsicurl/{server}/a.tif',
        '{server}/a.tif',
        'GTIFF_DIR:1:{secret}',
        'WMS:{server}',
        '/vsisubfile/0_9,{secret}',
        'vrt://{secret}',
        'inner.vrt',
        'text.tif',
        'wms.tif',
    ),
)
def test_sources_elsewhere(world, server, source):
    folder, secret = world
    address, asked = server
    (folder / 'link.tif').symlink_to(secret)
    (folder / 'inner.vrt').write_text(vrt(SIMPLE.format(relative=1, name='../secret.tif')))
    (folder / 'text.tif').write_text('no raster')
    (folder / 'wms.tif').write_text(
        f'<GDAL_WMS><Service name="TMS"><ServerUrl>{address}</ServerUrl></Service></GDAL_WMS>'
    )
    name = source.format(secret=secret, server=address)
    for relative in (0, 1):
        (folder / 'a.vrt').write_text(vrt(SIMPLE.format(relative=relative, name=name)))
        assert str(folder) in refusal(folder / 'a.vrt')  # the raster, or a source beside it that is at fault
    assert not asked


@pytest.mark.parametrize(
    'text',
    (
        vrt(
            '<SourceFilename relativeToVRT="1">../secret.tif</SourceFilename><ImageOffset>0</ImageOffset>',
            ' subClass="VRTRawRasterBand"',
        ),
        vrt('', dataset=' subClass="VRTWarpedDataset"'),
        vrt('', dataset=' subClass="VRTPansharpenedDataset"'),
        vrt(
            '<PixelFunctionLanguage>Python</PixelFunctionLanguage><PixelFunctionCode>import os</PixelFunctionCode>',
            ' subClass="VRTDerivedRasterBand"',
        ),
        vrt(
            '<ArraySource><SingleSourceArray><SourceFilename>../secret.tif</SourceFilename></SingleSourceArray></ArraySource>'
        ),
        vrt('<OtherSource/>'),
        vrt('<Metadata domain="OVERVIEWS"><MDI key="OVERVIEW_FILE">../secret.tif</MDI></Metadata>'),
        '<VRTDataset',
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><VRTDataset>&a;</VRTDataset>',
        vrt(SIMPLE.format(relative=1, name='a.vrt')),
    ),
)
def test_virtual_rasters_of_other_kinds(world, text):
    folder, _ = world
    (folder / 'a.vrt').write_text(text)
    assert 'a.vrt' in refusal(folder / 'a.vrt')


@pytest.mark.parametrize(
    'content',
    (
        b'{vrt}',
        b'\n{vrt}\0\1',
        b'<GDAL_WMS><Service name="TMS"><ServerUrl>{server}</ServerUrl></Service></GDAL_WMS>',
        b'DatasetHeader Begin\n\tDataFile = "{secret}"\n',
        b'\1\2PDS_VERSION_ID = PDS3\n^IMAGE = "../secret.tif"\n',
        b'\x89HDF\r\n\x1a\n',
    ),
)
def test_raw_data_that_gdal_takes_for_another_format(world, server, content):
    folder, secret = world
    address, asked = server
    inner = vrt(SIMPLE.format(relative=0, name=secret)).encode()
    for name, value in ((b'{vrt}', inner), (b'{server}', address.encode()), (b'{secret}', str(secret).encode())):
        content = content.replace(name, value)
    (folder / 'raw.img').write_bytes(content.ljust(42))
    (folder / 'raw.hdr').write_text('ENVI\nsamples = 7\nlines = 6\nbands = 1\ndata type = 1\ninterleave = bsq\n')
    (folder / 'a.vrt').write_text(vrt(SIMPLE.format(relative=1, name='raw.img')))
    assert 'but its content is a text or of another format' in refusal(folder / 'a.vrt')
    assert not asked
    (folder / 'raw.img').write_bytes(bytes(range(42)))
    assert read_cube(folder / 'a.vrt')[0].ravel().tolist() == list(range(42))


@pytest.mark.parametrize(
    'more',
    (
        '<overview><sourcefilename>/vsicurl_streaming/{server}/a.tif</sourcefilename></overview>',
        '<Overview SourceFilename="/vsicurl_streaming/{server}/a.tif"/>',
        '<SimpleSource SourceFilename="vrt://{secret}"><SourceBand>1</SourceBand></SimpleSource>',
        '<SIMPLESOURCE><SOURCEFILENAME>vrt://{secret}</SOURCEFILENAME></SIMPLESOURCE>',
    ),
)
def test_sources_in_other_letters_or_as_attributes(world, server, more):
    folder, secret = world
    address, asked = server
    write_tiff(folder / 'a.tif', np.ones((6, 7, 1), np.uint8))
    content = SIMPLE.format(relative=1, name='a.tif') + more.format(server=address, secret=secret)
    (folder / 'a.vrt').write_text(vrt(content))
    assert any(text in refusal(folder / 'a.vrt') for text in ('a.vrt: the source', 'a virtual raster with a'))
    assert not asked


def test_a_raster_that_is_a_link_is_read(tmp_path):
    values = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    (tmp_path / 'data').mkdir()
    (tmp_path / 'mine').mkdir()
    with rasterio.open(
        tmp_path / 'data/a.tif',
        'w',
        driver='GTiff',
        height=2,
        width=3,
        count=4,
        dtype='uint8',
        photometric='minisblack',
    ) as file:
        file.write(np.moveaxis(values, -1, 0))
    (tmp_path / 'mine/b.tif').symlink_to(tmp_path / 'data/a.tif')
    assert np.array_equal(read_cube(tmp_path / 'mine/b.tif')[0], values)


def test_a_virtual_raster_of_files_beside_it_is_read(world):
    folder, _ = world
    cube = np.random.default_rng(0).integers(0, 255, (6, 7, 2)).astype(np.uint8)
    (folder / 'parts').mkdir()
    for band in range(2):
        write_tiff(folder / 'parts' / f'{band}.tif', cube[..., band : band + 1])
    content = ''.join(
        BAND.format(attributes='', content=SIMPLE.format(relative=1, name=f'parts/{band}.tif')).replace(
            'band="1"', f'band="{band + 1}"'
        )
        for band in range(2)
    )
    (folder / 'a.vrt').write_text(f'<VRTDataset rasterXSize="7" rasterYSize="6">{content}</VRTDataset>')
    np.testing.assert_array_equal(read_cube(folder / 'a.vrt')[0], cube)


@pytest.mark.parametrize('name', ('a.tif', 'a.xml', 'a.img', 'a.vrt'))
@pytest.mark.parametrize(
    'text',
    (
        '<GDAL_WMS><Service name="TMS"><ServerUrl>{server}/${{z}}/${{x}}/${{y}}</ServerUrl></Service><DataWindow>'
        '<UpperLeftX>-1</UpperLeftX><UpperLeftY>1</UpperLeftY><LowerRightX>1</LowerRightX><LowerRightY>-1</LowerRightY>'
        '<TileLevel>1</TileLevel></DataWindow><BandsCount>3</BandsCount></GDAL_WMS>',
        '<WCS_GDAL><ServiceURL>{server}/wcs?</ServiceURL><CoverageName>a</CoverageName></WCS_GDAL>',
        '<GDAL_WMTS><GetCapabilitiesUrl>{server}</GetCapabilitiesUrl></GDAL_WMTS>',
        '<html><a href="{server}">moved</a></html>',
    ),
)
def test_descriptions_of_web_services(world, server, name, text):
    folder, _ = world
    address, asked = server
    (folder / name).write_text(text.format(server=address))
    assert 'the content is XML or HTML' in refusal(folder / name)
    assert not asked


@pytest.mark.parametrize(
    'content',
    (
        b'DatasetHeader Begin\nVersion = "6.0"\n',
        b'SIMPLE  =                    T',
        b'PDS_VERSION_ID = PDS3\n',
        b'GRIB\0\0\0\2',
        b'{"type": "Topology"}',
        b'NITF02.10',
        b'SQLite format 3\0',
        b'PCIDSK  ',
        b'GIF89a',
        b'P4\n1 1\n',
        b'ncols 3\nnrows 2\ncellsize 1\n1 2 3\n4 5 6\n',
        b'1 2 3\n4 5 6\n',
        b'GSBG',
        b'%PDF-1.5',
    ),
)
def test_formats_that_nobody_needs_are_left_alone(world, content):
    folder, _ = world
    (folder / 'a.dat').write_bytes(content)
    assert 'nor a raster that is read here' in refusal(folder / 'a.dat')


@pytest.mark.parametrize('companion', ('a.tif.msk', 'a.tif.ovr', 'a.tif.MSK'))
def test_a_mask_beside_a_tiff_that_is_a_virtual_raster(world, companion):
    folder, secret = world
    write_tiff(folder / 'a.tif', np.ones((6, 7, 1), np.uint8))
    (folder / companion).write_text(vrt(SIMPLE.format(relative=0, name=secret)))
    assert f'the file {companion} next to it is not a TIFF' in refusal(folder / 'a.tif')


@pytest.mark.parametrize('place', ('inside', 'beside'))
def test_overviews_that_metadata_name(world, server, place):
    folder, secret = world
    address, asked = server
    for target in (str(secret), f'/vsicurl/{address}/a.ovr', f'<GDAL_WMS><ServerUrl>{address}</ServerUrl></GDAL_WMS>'):
        tags = {'OVERVIEWS': {'OVERVIEW_FILE': target}} if place == 'inside' else {}
        write_tiff(folder / 'a.tif', np.ones((6, 7, 1), np.uint8), **tags)
        if place == 'beside':
            escaped = target.replace('<', '&lt;')
            (folder / 'a.tif.aux.xml').write_text(
                '<PAMDataset><Metadata domain="OVERVIEWS"><MDI key="OVERVIEW_FILE">'
                f'{escaped}</MDI></Metadata></PAMDataset>'
            )
        time.sleep(0.05)
        asked.clear()  # GDAL asks when the file is written here, without our settings
        assert 'the file names another one' in refusal(folder / 'a.tif')
        assert not asked


def external_link(path, secret):
    with h5py.File(path, 'w') as file:
        file['cube'] = h5py.ExternalLink(str(secret), 'cube')


def external_group(path, secret):
    with h5py.File(path, 'w') as file:
        file['group'] = h5py.ExternalLink(str(secret), '/')


def external_values(path, secret):
    with h5py.File(path, 'w') as file:
        file.create_dataset('cube', (4, 5, 6), 'u1', external=[(str(secret), 0, h5py.h5f.UNLIMITED)])


def virtual_values(path, secret):
    with h5py.File(path, 'w') as file:
        layout = h5py.VirtualLayout((4, 5, 6), 'u1')
        layout[:] = h5py.VirtualSource(str(secret), 'cube', (4, 5, 6))
        file.create_virtual_dataset('cube', layout)


def virtual_values_of_external_ones(path, secret):
    with h5py.File(path, 'w') as file:
        file.create_dataset('stored', (4, 5, 6), 'u1', external=[(str(secret), 0, h5py.h5f.UNLIMITED)])
        layout = h5py.VirtualLayout((4, 5, 6), 'u1')
        layout[:] = h5py.VirtualSource('.', 'stored', (4, 5, 6))
        file.create_virtual_dataset('cube', layout)


def virtual_values_behind_a_link(path, secret):
    with h5py.File(path, 'w') as file:
        file['group'] = h5py.ExternalLink(str(secret), '/')
        layout = h5py.VirtualLayout((4, 5, 6), 'u1')
        layout[:] = h5py.VirtualSource('.', 'group/cube', (4, 5, 6))
        file.create_virtual_dataset('cube', layout)


def virtual_values_of_virtual_ones(path, secret):
    virtual_values(path, secret)
    with h5py.File(path, 'a') as file:
        file.move('cube', 'stored')
        layout = h5py.VirtualLayout((4, 5, 6), 'u1')
        layout[:] = h5py.VirtualSource('.', 'stored', (4, 5, 6))
        file.create_virtual_dataset('cube', layout)


def external_wavelengths(path, secret):
    with h5py.File(path, 'w') as file:
        file['cube'] = np.zeros((4, 5, 6), 'u1')
        file.create_dataset('wavelengths', (6,), 'u1', external=[(str(secret), 0, h5py.h5f.UNLIMITED)])


@pytest.mark.parametrize(
    'write, key',
    (
        (external_link, None),
        (external_link, 'cube'),
        (external_group, 'group/cube'),
        (external_values, None),
        (external_values, 'cube'),
        (virtual_values, 'cube'),
        (virtual_values_of_external_ones, 'cube'),
        (virtual_values_behind_a_link, None),
        (virtual_values_of_virtual_ones, 'cube'),
    ),
)
def test_hdf5_that_names_other_files(world, write, key):
    folder, _ = world
    with h5py.File(folder.parent / 'secret.h5', 'w') as file:
        file['cube'] = np.full((4, 5, 6), 77, 'u1')
    write(folder / 'a.h5', folder.parent / 'secret.h5')
    assert 'a.h5' in refusal(folder / 'a.h5', key=key)


def test_hdf5_whose_wavelengths_are_in_another_file(world):
    folder, _ = world
    (folder.parent / 'secret.bin').write_bytes(bytes(range(100, 106)))
    external_wavelengths(folder / 'a.h5', folder.parent / 'secret.bin')
    assert open_cube(folder / 'a.h5').info.wavelengths is None


def test_a_virtual_dataset_within_one_file_is_read(world):
    folder, _ = world
    cube = np.arange(120, dtype='u1').reshape(4, 5, 6)
    with h5py.File(folder / 'a.h5', 'w') as file:
        file['stored'] = cube
        layout = h5py.VirtualLayout((4, 5, 6), 'u1')
        layout[:] = h5py.VirtualSource('.', 'stored', (4, 5, 6))
        file.create_virtual_dataset('cube', layout)
    np.testing.assert_array_equal(read_cube(folder / 'a.h5', 'cube')[0], cube)


def blanks(path):
    path.write_bytes(bytes(100))
    path.with_suffix('.hdr').write_bytes(b'ENVI\n' + b' ' * (2**24 - 9))


def blank_field(path):
    path.write_bytes(bytes(100))
    path.with_suffix('.hdr').write_bytes(b'ENVI\na' + b' ' * (2**23) + b'\nb =' + b' ' * (2**22))


def equal_signs(path):
    path.write_bytes(bytes(100))
    path.with_suffix('.hdr').write_bytes(b'ENVI\n' + b'=' * 2**23)


def open_braces(path):
    path.write_bytes(bytes(100))
    path.with_suffix('.hdr').write_bytes(b'ENVI\n' + b'a = {\n' * 2**20)


def endless_header(path):
    path.write_bytes(bytes(100))
    with open(path.with_suffix('.hdr'), 'wb') as stream:
        stream.write(b'ENVI\n')
        stream.truncate(2**31)


def many_fields(path):
    path.write_bytes(bytes(100))
    path.with_suffix('.hdr').write_text('ENVI\n' + ''.join(f'a{i} = {i}\n' for i in range(500_000)))


def long_list(path):
    path.write_bytes(bytes(100))
    path.with_suffix('.hdr').write_text(
        'ENVI\nsamples = 5\nlines = 5\nbands = 4000000\ndata type = 1\n'
        'interleave = bsq\nwavelength = {' + '1,' * 4_000_000 + '1}\n'
    )


def bands_of_tiff(path):
    tifffile.imwrite(path, np.zeros((65_535, 1, 1), np.uint8), photometric='minisblack', planarconfig='separate')


def packed_envi(path):
    import gzip

    path.write_bytes(gzip.compress(bytes(2**20)))
    path.with_suffix('.hdr').write_text(
        'ENVI\nsamples = 100000\nlines = 100000\nbands = 200\ndata type = 4\ninterleave = bsq\nfile compression = 1\n'
    )


def npz_of(method, path):
    header = repr(dict(descr='<f4', fortran_order=False, shape=(2**14, 2**10, 64))).encode()
    content = io.BytesIO()
    with zipfile.ZipFile(content, 'w', method) as archive, archive.open('cube.npy', 'w', force_zip64=True) as member:
        member.write(b'\x93NUMPY\x01\x00' + struct.pack('<H', len(header)) + header)
        for _ in range(64):
            member.write(bytes(2**24))
    path.write_bytes(content.getvalue())


def bzip2_member(path):
    npz_of(zipfile.ZIP_BZIP2, path)


def npy_header_of_blanks(path):
    path.write_bytes(b'\x93NUMPY\x02\x00' + struct.pack('<I', 2**25) + b' ' * 2**25)


def hdf5_chunk(path):
    with h5py.File(path, 'w') as file:
        file.create_dataset('cube', (40_000, 40_000, 1), 'u1', chunks=(40_000, 40_000, 1), compression='gzip')


def hdf5_of_deep_groups(path):
    with h5py.File(path, 'w') as file:
        group = file
        for _ in range(1000):
            group = group.create_group('g')
        group['cube'] = np.zeros((4, 5, 6), 'u1')


def npz_of_many_members(path):
    with zipfile.ZipFile(path, 'w') as archive:
        for number in range(20_000):
            archive.writestr(f'{number}.npy', b'')


def mat_of_many_cells(path):
    cells = np.full((1, 60_000), 1, object)
    scipy.io.savemat(path, dict(cube=np.ones((4, 5, 6), 'u1'), cells=cells), do_compression=True)


def tile_of_tiff(path):
    with rasterio.open(
        path,
        'w',
        driver='GTiff',
        height=12_000,
        width=12_000,
        count=1,
        dtype='uint8',
        compress='zstd',
        tiled=True,
        blockxsize=12_000,
        blockysize=12_000,
    ) as dataset:
        dataset.write(np.zeros((1, 12_000, 12_000), np.uint8))


def hdf5_of_many_arrays(path):
    with h5py.File(path, 'w', libver='latest') as file:
        for number in range(20_000):
            file.create_dataset(str(number), (), 'u1')


@pytest.mark.parametrize(
    'name, write',
    [
        (f'{write.__name__}.{suffix}', write)
        for suffix, writers in (
            (
                'img',
                (blanks, blank_field, equal_signs, open_braces, endless_header, many_fields, long_list, packed_envi),
            ),
            ('tif', (bands_of_tiff, tile_of_tiff)),
            ('npz', (bzip2_member, npz_of_many_members)),
            ('mat', (mat_of_many_cells,)),
            ('npy', (npy_header_of_blanks,)),
            ('h5', (hdf5_chunk, hdf5_of_many_arrays, hdf5_of_deep_groups)),
        )
        for write in writers
    ],
)
def test_small_files_that_would_take_long_or_much(world, name, write):
    write(world[0] / name)
    assert str(world[0] / name).rsplit('.', 1)[0] in refusal(world[0] / name)  # of ENVI files the header


def test_bands_are_asked_for_once(world):
    path = world[0] / 'a.tif'
    tifffile.imwrite(path, np.zeros((2000, 1, 1), np.uint8), photometric='minisblack', planarconfig='separate')
    start = time.process_time()
    assert read_cube(path)[0].shape == (1, 1, 2000)
    assert time.process_time() - start < SECONDS  # of rasterio, each question for one band asks all


@pytest.mark.parametrize(
    'name, content',
    (
        ('blanks.csv', b' ' * 2**24),
        ('lines.csv', b'\n' * 2**22),
        ('commas.csv', b',' * 2**22),
        ('quotes.csv', b'"' * 2**21),
        ('digits.csv', b'1' * 2**22),
        ('minus.txt', b'- ' * 2**21),
        ('dots.txt', b'1.' * 2**20),
        ('bz2.asd', b'as8' + bz2.compress(bytes(2**20))),
    ),
)
def test_texts_that_would_take_long(world, name, content):
    (world[0] / name).write_bytes(content)
    start = time.process_time()
    with pytest.raises(CubeReadError, match=name):
        read_spectra(world[0] / name)
    assert time.process_time() - start < SECONDS
