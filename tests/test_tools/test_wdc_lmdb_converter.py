"""The published denoising patches, an LMDB, become a store that the configs read."""

import runpy

import numpy as np
import pytest
from config_runs import ROOT
from mmengine.config import Config

from mmhsi.datasets import PatchDataset
from mmhsi.datasets.patch_store import PatchStore

lmdb = pytest.importorskip('lmdb')
main = runpy.run_path(str(ROOT / 'tools/dataset_converters/wdc_lmdb.py'))['main']


def write_lmdb(folder, patches, shapes=None):
    """As the official code writes it: arrays (bands, rows, columns), shapes (rows, columns, bands)."""
    with lmdb.open(str(folder), map_size=1 << 20) as environment, environment.begin(write=True) as transaction:
        for number, patch in enumerate(patches):
            transaction.put(f'{number:08}'.encode('ascii'), patch.tobytes())
    bands, rows, columns = shapes or patches[0].shape
    lines = [f'{number:08} ({rows},{columns},{bands})\n' for number in range(len(patches))]
    (folder / 'meta_info.txt').write_text(''.join(lines))


@pytest.fixture
def patches():
    return np.random.default_rng(0).random((12, 5, 4, 3)).astype(np.float32)  # neither square nor symmetric


def test_patches_keep_values_and_order(patches, tmp_path, capsys):
    write_lmdb(tmp_path / 'wdc.db', patches)
    main([str(tmp_path / 'wdc.db'), '--out', str(tmp_path / 'train')])
    assert capsys.readouterr().out.strip() == f'{tmp_path / "train"}: 12 patches'
    store = PatchStore(tmp_path / 'train')
    assert store.shape == (12, 4, 3, 5) and store.description == dict(source='wdc.db')
    for number, patch in enumerate(patches):
        np.testing.assert_array_equal(store.read(number), patch.transpose(1, 2, 0))


def test_the_official_config_reads_what_is_written(patches, tmp_path, monkeypatch):
    monkeypatch.setenv('MMHSI_DATA', str(tmp_path))
    write_lmdb(tmp_path / 'wdc.db', patches)
    cfg = Config.fromfile(ROOT / 'configs/denoising/hypersigma-base_wdc_gaussian_official.py')
    dataset = cfg.train_dataloader.dataset.dataset
    main([str(tmp_path / 'wdc.db'), '--out', dataset.path])
    dataset.pop('type')
    read = PatchDataset(**dict(dataset, pipeline=[], num_bands=5, size=(4, 3)))
    np.testing.assert_array_equal(read[7]['gt'], patches[7].transpose(1, 2, 0))


def test_damage_is_named(patches, tmp_path):
    with pytest.raises(SystemExit, match='meta_info.txt: no such file; the LMDB of the official code is a folder'):
        main([str(tmp_path / 'none.db'), '--out', str(tmp_path / 'out')])
    write_lmdb(tmp_path / 'a.db', patches, shapes=(5, 4, 4))
    with pytest.raises(SystemExit, match='patch 00000000 has 240 bytes, expected 320 for 5 bands of 4 x 4 float32'):
        main([str(tmp_path / 'a.db'), '--out', str(tmp_path / 'out')])
    shapes = tmp_path / 'a.db/meta_info.txt'
    shapes.write_text('00000000 (4,3,5)\n')
    with pytest.raises(SystemExit, match='12 patches, but meta_info.txt has 1 lines'):
        main([str(tmp_path / 'a.db'), '--out', str(tmp_path / 'out')])
    shapes.write_text('00000000 4,3,5\n')
    with pytest.raises(SystemExit, match=r"line 1: expected 'NUMBER \(ROWS,COLUMNS,BANDS\)', found '00000000 4,3,5'"):
        main([str(tmp_path / 'a.db'), '--out', str(tmp_path / 'out')])
