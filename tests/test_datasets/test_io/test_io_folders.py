"""Which files of a folder are scenes."""

import h5py
import numpy as np
import pytest
import rasterio

from mmhsi.datasets.io import open_cube, write_raster
from mmhsi.datasets.io.folders import files_of_scene, scene_files

pytestmark = pytest.mark.filterwarnings('ignore::rasterio.errors.NotGeoreferencedWarning')
CUBE = np.arange(120).reshape(4, 5, 6).astype(np.int16)


def picture(path):
    with rasterio.open(path, 'w', driver='PNG', height=4, width=5, count=3, dtype='uint8') as dataset:
        dataset.write(np.ones((3, 4, 5), np.uint8))


def envi(folder, name, header, kind='ENVI Standard'):
    (folder / name).write_bytes(CUBE.transpose(2, 0, 1).tobytes())
    (folder / header).write_text(
        f'ENVI\nsamples = 5\nlines = 4\nbands = 6\ndata type = 2\ninterleave = bsq\n'
        f'byte order = 0\nfile type = {kind}\n'
    )


def names(folder, **options):
    return [path.relative_to(folder).as_posix() for path in scene_files(folder, **options)]


def test_one_entry_for_each_scene_whatever_its_format(tmp_path):
    write_raster(tmp_path / 'a.tif', CUBE)
    write_raster(tmp_path / 'A2.TIF', CUBE, driver='GTiff')
    envi(tmp_path, 'b', 'b.hdr')
    envi(tmp_path, 'c.img', 'c.img.hdr')
    envi(tmp_path, 'd.dat', 'd.hdr')
    np.save(tmp_path / 'e.npy', CUBE)
    for name in ('f.nc', 'g.he5', 'h.h5'):
        with h5py.File(tmp_path / name, 'w') as file:
            file['cube'] = CUBE
    for name in ('notes.txt', 'a.tif.aux.xml', 'a.tfw', 'list.csv', 'meta.xml', 'events.dat', 'weights.bin', '.i.tif'):
        (tmp_path / name).write_text('no scene')
    found = names(tmp_path)
    assert found == ['A2.TIF', 'a.tif', 'b.hdr', 'c.img.hdr', 'd.hdr', 'e.npy', 'f.nc', 'g.he5', 'h.h5']
    for name in found:
        assert open_cube(tmp_path / name).info.shape == (4, 5, 6)


def test_quicklooks_are_left_out_where_there_is_a_scene(tmp_path):
    write_raster(tmp_path / 'scene.tif', CUBE)
    for name in ('scene.png', 'scene_overview.png'):
        picture(tmp_path / name)
    for name in ('scene_ql.tif', 'scene-QUICKLOOK.tif', 'browse.tif', 'scene_thumbnail.tif'):
        write_raster(tmp_path / name, CUBE[..., :3].astype(np.uint8))
    assert names(tmp_path) == ['scene.tif']
    assert names(tmp_path, pictures=True) == sorted(
        [
            'scene.tif',
            'scene.png',
            'scene_overview.png',
            'scene_ql.tif',
            'scene-QUICKLOOK.tif',
            'browse.tif',
            'scene_thumbnail.tif',
        ]
    )


def test_pictures_alone_are_scenes(tmp_path):
    picture(tmp_path / 'before.png')
    picture(tmp_path / 'after.png')
    assert names(tmp_path) == ['after.png', 'before.png']


def test_a_header_beside_a_tiff_belongs_to_it(tmp_path):
    write_raster(tmp_path / 'scene.tif', CUBE)
    (tmp_path / 'scene.hdr').write_text('ENVI\nfile type = TIFF\nsamples = 5\n')
    assert names(tmp_path) == ['scene.tif']


def test_a_header_without_its_data_is_listed_so_that_it_is_reported(tmp_path):
    envi(tmp_path, 'a', 'a.hdr')
    (tmp_path / 'a').unlink()
    assert names(tmp_path) == ['a.hdr']


def test_spectral_libraries_are_no_scenes(tmp_path):
    envi(tmp_path, 'a.sli', 'a.hdr', 'ENVI Spectral Library')
    envi(tmp_path, 'b.img', 'b.hdr')
    assert names(tmp_path) == ['b.hdr']


def test_sources_of_a_virtual_raster_are_no_scenes_of_their_own(tmp_path):
    for band in range(2):
        write_raster(tmp_path / f'b{band}.tif', CUBE[..., band])
    bands = ''.join(
        f'<VRTRasterBand dataType="Int16" band="{band + 1}"><SimpleSource><SourceFilename relativeToVRT='
        f'"1">b{band}.tif</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand>'
        for band in range(2)
    )
    (tmp_path / 'all.vrt').write_text(f'<VRTDataset rasterXSize="5" rasterYSize="4">{bands}</VRTDataset>')
    assert names(tmp_path) == ['all.vrt']
    np.testing.assert_array_equal(open_cube(tmp_path / 'all.vrt').read(), CUBE[..., :2])


def test_folders_in_the_folder(tmp_path):
    (tmp_path / 'part' / 'deep').mkdir(parents=True)
    (tmp_path / '.hidden').mkdir()
    for place in ('.', 'part', 'part/deep', '.hidden'):
        np.save(tmp_path / place / 'cube.npy', CUBE)
    assert names(tmp_path) == ['cube.npy']
    assert names(tmp_path, recursive=True) == ['cube.npy', 'part/cube.npy', 'part/deep/cube.npy']


def test_files_of_a_scene(tmp_path):
    envi(tmp_path, 'a', 'a.hdr')
    assert files_of_scene(tmp_path / 'a.hdr') == [tmp_path / 'a', tmp_path / 'a.hdr']
    assert files_of_scene(tmp_path / 'b.tif') == [tmp_path / 'b.tif']
