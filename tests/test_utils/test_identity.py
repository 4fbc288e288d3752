"""Tests of the identity of files."""

import os

import numpy as np

from mmhsi.datasets import write_raster
from mmhsi.utils import identity
from mmhsi.utils.identity import cube_identity, file_identity


def test_content_counts_not_time(tmp_path):
    path = tmp_path / 'a.npy'
    np.save(path, np.zeros(10))
    before = file_identity(path)
    os.utime(path, ns=(1, 1))
    assert file_identity(path) == before
    content, status = bytearray(path.read_bytes()), os.stat(path)
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert file_identity(path) != before


def test_blocks_of_a_large_file_and_its_time_count(tmp_path, monkeypatch):
    monkeypatch.setattr(identity, '_WHOLE', 100)
    monkeypatch.setattr(identity, '_BLOCK', 10)
    path = tmp_path / 'large'
    path.write_bytes(bytes(2000))
    os.utime(path, ns=(1, 1))
    before = file_identity(path)
    assert before[0] == 2000 and before[2] == 1
    for place in (0, 1999):  # the first and the last byte
        content = bytearray(2000)
        content[place] = 1
        path.write_bytes(content)
        os.utime(path, ns=(1, 1))
        assert file_identity(path)[1] != before[1]


def test_header_mask_and_sources_belong_to_a_cube(tmp_path):
    write_raster(tmp_path / 'a.img', np.zeros((3, 4, 2), np.uint8))
    write_raster(tmp_path / 'b.tif', np.zeros((3, 4, 2), np.uint8))
    (tmp_path / 'b.tif.msk').write_bytes(b'mask')
    (tmp_path / 'b_classes.tif').write_bytes(b'a product')
    (tmp_path / 'c.vrt').write_text('<VRTDataset><SourceFilename relativeToVRT="1">b.tif</SourceFilename></VRTDataset>')

    def names(path):
        return {os.path.basename(file) for file in cube_identity(tmp_path / path)}

    assert names('a.img') == {'a.img', 'a.hdr'}
    assert names('b.tif') == {'b.tif', 'b.tif.msk'}
    assert names('c.vrt') == {'c.vrt', 'b.tif'}
    assert {'a.hdr', 'b.tif.msk', 'b_classes.tif'} < names('.')
    assert cube_identity('https://example.org/scene.tif') == {}
