"""Every pre-training config builds its model and reads its tiles; the tiny ones train, and serve the fine-tuning."""

import importlib.util
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
import torch
import yaml
from mmengine.config import Config
from mmpretrain.structures import DataSample
from scipy.io import savemat

from mmhsi.engine.distributed import build_runner
from mmhsi.registry import DATASETS, MODELS, STRATEGIES

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / 'configs/pretrain').glob('*.py'))
LARGE = [path for path in CONFIGS if 'hyperglobal' in path.stem]
TINY = [path for path in CONFIGS if 'tiny_indian-pines' in path.stem]
SENSORS = [path for path in CONFIGS if 'many-sensors' in path.stem]
FINETUNING = ROOT / 'configs/classification/hypersigma-tiny_cls_indian-pines_pretrained.py'
GPUS = {'base': 8, 'large': 64, 'huge': 128}


def vis_mae():
    """The tool as a module."""
    spec = importlib.util.spec_from_file_location('vis_mae', ROOT / 'tools/visualization/vis_mae.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='module')
def data_root(tmp_path_factory) -> Path:
    """Two tiles in the published form, and a look-alike of Indian Pines of 48 x 48 pixels."""
    root = tmp_path_factory.mktemp('data')
    rng = np.random.default_rng(0)
    (root / 'hyperglobal').mkdir()
    for name in 'ab':
        savemat(root / f'hyperglobal/{name}.mat', {'img': rng.integers(1, 4000, (110, 64, 64)).astype(np.int16)})
    (root / 'indian_pines').mkdir()
    labels = np.arange(48 * 48).reshape(48, 48) % 17
    cube = 4000 + 1000 * np.sin(np.arange(48)[:, None, None] / 9 + np.arange(200) / 30) * np.ones((1, 48, 1))
    cube = cube + rng.normal(0, 30, cube.shape)
    savemat(root / 'indian_pines/Indian_pines_corrected.mat', {'indian_pines_corrected': cube.astype(np.uint16)})
    savemat(root / 'indian_pines/Indian_pines_gt.mat', {'indian_pines_gt': labels.astype(np.uint8)})
    return root


@pytest.mark.parametrize('path', LARGE, ids=lambda path: path.stem)
def test_config_builds_its_model_and_reads_its_tiles(path, data_root, monkeypatch):
    monkeypatch.setenv('MMHSI_DATA', str(data_root))
    cfg = Config.fromfile(path)
    branch, arch = path.stem.split('_')[0].split('-')[0], path.stem.split('_')[1]
    with torch.device('meta'):
        model = MODELS.build(cfg.model)
    assert type(model).__name__ == f'{branch.capitalize()}MAE'
    assert model.backbone.num_layers == {'base': 12, 'large': 24, 'huge': 32}[arch]
    assert model.head.norm_pix_loss == (not path.stem.endswith('official')) and model.backbone.mask_ratio == 0.75
    sample = DATASETS.build(cfg.train_dataloader.dataset)[0]
    bands = 3 if path.stem.endswith('three-bands') else 100
    assert sample['inputs'].shape == (bands, 64, 64) and sample['inputs'].max() < 1
    model.backbone.check_images(sample['inputs'].unsqueeze(0))
    updates = cfg.train_dataloader.batch_size * GPUS[arch] * cfg.optim_wrapper.get('accumulative_counts', 1)
    assert updates == cfg.auto_scale_lr.base_batch_size == 2048
    if 'strategy' in cfg:
        units = [
            name
            for name, module in model.named_modules()
            if type(module).__name__ in STRATEGIES.get(cfg.strategy.type).UNITS
        ]
        assert units == [
            *(f'backbone.blocks.{i}' for i in range(model.backbone.num_layers)),
            *(f'neck.decoder_blocks.{i}' for i in range(model.neck.num_layers)),
        ]


@pytest.mark.parametrize(
    'path, wrapper',
    list(zip(TINY, ('OptimWrapper', 'BF16OptimWrapper'), strict=True)),
    ids=lambda value: getattr(value, 'stem', value),
)
def test_tiny_config_trains_and_serves_the_fine_tuning(path, wrapper, data_root, tmp_path, monkeypatch):
    monkeypatch.setenv('MMHSI_DATA', str(data_root))
    cfg = Config.fromfile(path)
    checkpoint = f'work_dirs/{path.stem}/epoch_{cfg.train_cfg.max_epochs}.pth'
    cfg.work_dir = str(tmp_path)
    cfg.train_dataloader.batch_size = 3
    cfg.train_dataloader.dataset.indices = 9
    cfg.train_cfg.max_epochs = 1
    cfg.optim_wrapper.type = wrapper
    runner = build_runner(cfg)
    runner.train()
    assert runner.iter == 3
    assert 0 < runner.message_hub.get_scalar('train/loss').current() < 3

    encoder = Config.fromfile(FINETUNING).model.backbone['spatial' if 'spat' in path.stem else 'spectral']
    assert encoder.init_cfg.checkpoint == checkpoint
    encoder.init_cfg.checkpoint = str(tmp_path / 'epoch_1.pth')
    branch = MODELS.build(encoder)
    branch.init_weights()
    pretrained = runner.model.backbone.state_dict()
    for name, parameter in branch.named_parameters():  # nothing is left at random values
        torch.testing.assert_close(parameter, pretrained[name], rtol=0, atol=0)

    arguments = [str(path), str(tmp_path / 'epoch_1.pth'), '--out-dir', str(tmp_path / 'vis'), '--num-tiles', '2']
    vis_mae().main(arguments)
    pictures = sorted((tmp_path / 'vis').glob('*.png'))
    assert [picture.name for picture in pictures] == ['tile_00000.png', 'tile_00360.png']
    spread = matplotlib.image.imread(pictures[0])
    assert spread.std() > 0.1
    vis_mae().main([*arguments, '--bands', '3', '2', '1'])
    assert np.any(matplotlib.image.imread(pictures[0]) != spread)
    with pytest.raises(ValueError, match=r'between 1 and 200, found \[3, 2, 0\]'):
        vis_mae().main([*arguments, '--bands', '3', '2', '0'])


def test_many_sensors_train_one_encoder(tmp_path, monkeypatch):
    """Sensors with 60 and 25 bands, of which the second covers half of the grid, share an encoder."""
    monkeypatch.setenv('MMHSI_DATA', str(tmp_path))
    (tmp_path / 'many-sensors').mkdir()
    rng = np.random.default_rng(0)
    for name, bands, last in (('aviris-90', 60, 2500), ('muufl', 25, 1000)):
        cube, labels = rng.normal(size=(20, 20, bands)).cumsum(axis=2).astype(np.float32), np.zeros((20, 20), np.uint8)
        wavelengths = np.linspace(400, last, bands)
        savemat(
            tmp_path / f'many-sensors/{name}.mat',
            dict(
                cube=cube, labels=labels + (bands == 25) * np.arange(400).reshape(20, 20) % 3, wavelengths=wavelengths
            ),
        )
    spatial, spectral = (Config.fromfile(path) for path in SENSORS)
    assert spatial.train_dataloader == spectral.train_dataloader
    model = MODELS.build(spectral.model)
    bag = model.data_preprocessor(
        dict(inputs=[torch.randn(4, 49, 15, 15)], data_samples=[DataSample(group=torch.tensor([0, 1, 0, 1]))]), True
    )
    assert set(model.loss(**bag)) == {'loss', 'loss_contrast'}
    spatial.work_dir = str(tmp_path / 'run')
    spatial.train_dataloader.dataset.update(names=['aviris-90', 'muufl'], bags=3, pairs=6)
    spatial.train_cfg.max_epochs = 1
    spatial.visualizer = dict(type='Visualizer', vis_backends=[])
    runner = build_runner(spatial)
    runner.train()
    for name in ('loss', 'loss_contrast'):
        assert 0 < runner.message_hub.get_scalar(f'train/{name}').current() < 20
    backbone = spatial.model.backbone
    settings = dict(arch=backbone.arch, img_size=3, patch_size=1, in_channels=49, full_attn_interval=1)
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'run/epoch_1.pth'))
    encoder = MODELS.build(dict(type='SpatViT', **settings, init_cfg=init_cfg))
    encoder.init_weights()
    trained = runner.model.backbone.state_dict()
    for name, parameter in encoder.named_parameters():
        torch.testing.assert_close(parameter, trained[name], rtol=0, atol=0)


def test_metafile_lists_every_config():
    metafile = yaml.safe_load((ROOT / 'configs/pretrain/metafile.yml').read_text())
    listed = [model['Config'] for model in metafile['Models']]
    assert sorted(listed) == [path.relative_to(ROOT).as_posix() for path in CONFIGS]


def test_every_file_name_tells_its_data():
    names = [path.stem for path in CONFIGS]
    assert len(LARGE) == 15 and len(TINY) == len(SENSORS) == 2
    assert len(names) == 19
