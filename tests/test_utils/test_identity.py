"""Detecting that a file, a setting or the code has changed."""

import hashlib
import json
import os
import time

import numpy as np

from mmhsi.datasets import write_raster
from mmhsi.utils import identity
from mmhsi.utils.identity import (
    array_digest,
    changes,
    code_digest,
    content_digest,
    data_files,
    files_of_config,
    identify,
    package_versions,
    value_digest,
)


def test_the_digest_is_that_of_the_content(tmp_path, monkeypatch):
    content = bytes(range(256)) * 5000
    (tmp_path / 'a').write_bytes(content)
    assert content_digest(tmp_path / 'a') == f'blake2b:{hashlib.blake2b(content, digest_size=16).hexdigest()}'
    monkeypatch.setattr(identity, 'LARGEST', 1000)
    sampled = content_digest(tmp_path / 'a')
    assert sampled.startswith('sampled:') and content_digest(tmp_path / 'a') == sampled
    os.utime(tmp_path / 'a', ns=(0, 1))
    assert content_digest(tmp_path / 'a') != sampled


def test_one_byte_of_equal_size_and_time_is_a_change(tmp_path):
    path = tmp_path / 'labels.npy'
    np.save(path, np.arange(100))
    status = os.stat(path)
    before = json.loads(json.dumps(identify([path])))
    assert changes(before, identify([path], before)) == []
    values = np.arange(100)
    values[[3, 50]] = values[[50, 3]]
    with path.open('r+b') as file:  # in place
        file.seek(128)
        file.write(values.tobytes())
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert os.stat(path).st_size == status.st_size and os.stat(path).st_mtime_ns == status.st_mtime_ns
    now = identify([path], before)
    assert changes(before, now) == [str(path)] and now[str(path)]['bytes'] == status.st_size


def test_what_was_not_touched_is_not_read_again(tmp_path, monkeypatch):
    for name in 'ab':
        (tmp_path / name).write_bytes(b'content')
    monkeypatch.setattr(identity, 'RACE', 0.1)
    time.sleep(0.3)
    before = identify([tmp_path / 'a', tmp_path / 'b'], root=tmp_path)
    assert list(before) == ['a', 'b']
    read, digest = [], content_digest
    monkeypatch.setattr(identity, 'content_digest', lambda path: read.append(os.path.basename(path)) or digest(path))
    identify([tmp_path / 'a'], before, root=tmp_path)
    assert not read
    os.utime(tmp_path / 'a')
    now = identify([tmp_path / 'a', tmp_path / 'b'], before, root=tmp_path)
    assert read == ['a'] and changes(before, now) == []
    monkeypatch.setattr(identity, 'RACE', 1e6)  # all changes are too recent
    identify([tmp_path / 'b'], before, root=tmp_path)
    assert read == ['a', 'b']


def test_files_come_and_go(tmp_path):
    (tmp_path / 'a').write_bytes(b'x')
    before = identify([tmp_path / 'a'], root=tmp_path)
    (tmp_path / 'b').write_bytes(b'x')
    assert changes(before, identify([tmp_path / 'a', tmp_path / 'b'], before, tmp_path)) == ['b']
    (tmp_path / 'a').unlink()
    assert changes(before, identify([tmp_path / 'a'], before, tmp_path)) == ['a']
    assert changes(None, before) == ['a'] and changes({'a': 3}, before) == ['a']
    damaged = {'a': dict(before['a'], seen=[1, 'x'])}
    (tmp_path / 'a').write_bytes(b'x')
    assert changes(before, identify([tmp_path / 'a'], damaged, tmp_path)) == []
    assert changes(before, identify([tmp_path], before, tmp_path)) == ['.', 'a']


def test_the_files_behind_a_scene(tmp_path):
    for name in (
        'x.tif',
        'x.tif.msk',
        'x.tif.aux.xml',
        'x.tif.ovr',
        'x.tfw',
        'x_RPC.TXT',
        'y.tif',
        'e.hdr',
        'e.img',
        'e2.dat',
        'e2.dat.hdr',
        'g.HDR',
        'g.IMG',
        'g.xml',
        'h.tif.MSK',
        'h.tif',
        'h.TFW',
        'i.hdr',
        'i.hyspex',
        'j.hdr',
        'j.tif',
        'j.tif.msk',
        'other.txt',
        'sub/deep.tif',
        'sub/deep.tif.msk',
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b'')
    (tmp_path / 'sub/inner.vrt').write_text(
        '<VRTDataset><SourceFilename relativeToVRT="1"><![CDATA[deep.tif]]></SourceFilename></VRTDataset>'
    )
    (tmp_path / 'x.vrt').write_text(
        f'<VRTDataset><SourceFilename relativeToVRT="0">{tmp_path}/y.tif</SourceFilename>'
        '<SourceFilename shared=">" relativeToVRT="1">sub/inner.vrt</SourceFilename>'
        '<SourceFilename relativeToVRT="1">x.vrt</SourceFilename><SourceFilename>/none/a&amp;b.tif</SourceFilename>'
        '</VRTDataset>'
    )

    def names(path):
        return {os.path.relpath(name, tmp_path) for name in data_files(tmp_path / path)}

    assert names('x.tif') == {'x.tif', 'x.tif.msk', 'x.tif.aux.xml', 'x.tif.ovr', 'x.tfw', 'x_RPC.TXT'}
    assert names('e.hdr') == names('e.img') == {'e.hdr', 'e.img'} and names('e2.dat') == {'e2.dat', 'e2.dat.hdr'}
    assert names('g.HDR') == names('g.IMG') == {'g.HDR', 'g.IMG', 'g.xml'}
    assert names('h.tif') == {'h.tif', 'h.tif.MSK', 'h.TFW'}
    assert names('i.hdr') == {'i.hdr', 'i.hyspex'} and names('j.hdr') == {'j.hdr', 'j.tif', 'j.tif.msk'}
    assert {'x.vrt', 'y.tif', 'sub/inner.vrt', 'sub/deep.tif', 'sub/deep.tif.msk'} <= names('x.vrt')
    assert names('sub') == {'sub/deep.tif', 'sub/deep.tif.msk', 'sub/inner.vrt'} and names('nowhere') == set()


def test_the_files_that_a_config_names(tmp_path, monkeypatch):
    named = {
        'data/cube.hdr',
        'data/cube.img',
        'data/gt.mat',
        'cities/rio/x.npy',
        'cities/bercy/x.npy',
        'w.pth',
        'tiles/a.npy',
        'tiles/b.npy',
        'data/raw',
        'data/raw.hdr',
        'alone',
    }
    for name in (*named, 'other.mat'):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b'')
    monkeypatch.chdir(tmp_path)
    config = dict(
        train_dataloader=dict(
            dataset=dict(scene=dict(data_root='data', image='cube.hdr', labels=[dict(path='gt.mat', key='gt')]))
        ),
        val_dataloader=dict(dataset=dict(data_root=str(tmp_path / 'cities'), image='{name}/x.npy')),
        pretrain=dict(data_root='tiles'),
        test_dataloader=dict(dataset=dict(scene=dict(data_root='data', image='raw', labels=None))),
        other=dict(image='alone', name='alone'),
        model=dict(init_cfg=dict(checkpoint='w.pth')),
        lr=0.1,
        type='mmseg.X',
    )
    assert {os.path.relpath(name, tmp_path) for name in files_of_config(config)} == named


def test_values_and_arrays():
    assert value_digest(dict(a=1, b=[2, (3,)])) == value_digest(dict(b=[2, (3,)], a=1))
    different = [
        dict(a=1),
        dict(a=1.0),
        dict(a='1'),
        dict(a=True),
        dict(a=None),
        dict(a=[1]),
        dict(a=(1,)),
        {},
        [],
        np.array([1]),
        np.array([1.0]),
        np.array([[1]]),
        np.array(1),
        float('nan'),
        {'1': 1},
        {1: 1},
    ]
    assert len({value_digest(value) for value in different}) == len(different)
    assert array_digest(np.arange(6).reshape(2, 3)) == array_digest(np.asfortranarray(np.arange(6).reshape(2, 3)))
    assert array_digest(np.zeros((0, 3))) != array_digest(np.zeros((3, 0)))


def test_versions_and_code():
    assert {'python', 'mmhsi', 'torch', 'numpy'} <= set(package_versions())
    assert package_versions(['nothing']).keys() == {'python'}
    assert len(code_digest()) == 32 and code_digest() == code_digest.__wrapped__()


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
