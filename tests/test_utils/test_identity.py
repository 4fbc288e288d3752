"""Tests of the identity of files."""

import os

import numpy as np

from mmhsi.datasets import write_raster
from mmhsi.utils import identity
from mmhsi.utils.identity import array_digest, content_digest, data_files


def test_content_counts_not_time(tmp_path):
    path = tmp_path / 'a.npy'
    np.save(path, np.zeros(10))
    before = content_digest(path)
    os.utime(path, ns=(1, 1))
    assert content_digest(path) == before
    content, status = bytearray(path.read_bytes()), os.stat(path)
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert content_digest(path) != before


def test_blocks_of_a_large_file_and_its_time_count(tmp_path, monkeypatch):
    monkeypatch.setattr(identity, 'LARGEST', 100)
    monkeypatch.setattr(identity, '_BLOCK', 10)
    path = tmp_path / 'large'

    def digest(content, when=1):
        path.write_bytes(content)
        os.utime(path, ns=(when, when))
        return content_digest(path)

    before = digest(bytes(2000))
    assert before.startswith('sampled:') and digest(bytes(2000)) == before
    assert len({before, digest(b'1' + bytes(1999)), digest(bytes(1999) + b'1'), digest(bytes(2000), 2)}) == 4


def test_header_mask_and_sources_belong_to_a_cube(tmp_path):
    write_raster(tmp_path / 'a.img', np.zeros((3, 4, 2), np.uint8))
    write_raster(tmp_path / 'b.tif', np.zeros((3, 4, 2), np.uint8))
    (tmp_path / 'b.tif.msk').write_bytes(b'mask')
    (tmp_path / 'b_classes.tif').write_bytes(b'a product')
    (tmp_path / 'c.vrt').write_text('<VRTDataset><SourceFilename relativeToVRT="1">b.tif</SourceFilename></VRTDataset>')

    def names(path):
        return {os.path.basename(file) for file in data_files(tmp_path / path)}

    assert names('a.img') == {'a.img', 'a.hdr'} == names('a.hdr')
    assert names('b.tif') == {'b.tif', 'b.tif.msk'}
    assert names('c.vrt') == {'c.vrt', 'b.tif', 'b.tif.msk'}
    assert {'a.hdr', 'b.tif.msk', 'b_classes.tif'} < names('.')


def test_every_value_of_an_array_counts():
    cube = np.zeros((40, 30, 5), np.float32)
    before = array_digest(cube)
    cube[37, 29, 4] = 1e-30
    assert array_digest(cube) != before != array_digest(np.zeros((30, 40, 5), np.float32))
