"""Every super-resolution config trains and tests on a look-alike of its data, in the original file layout."""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from config_runs import ROOT, configs_of, look_alikes, quick, restored_and_scored, train_and_test, trained
from mmengine.config import Config
from products import read_product
from scipy.io import loadmat

from mmhsi.datasets import get_scene
from mmhsi.datasets.transforms import dihedral
from mmhsi.engine.distributed import build_runner
from mmhsi.registry import DATASETS, METRICS, PARAM_SCHEDULERS
from mmhsi.tasks.restorers import evaluate_restorer, restoration_dataset
from mmhsi.utils.imresize import imresize

pytestmark = pytest.mark.slow

CONFIGS = configs_of('super_resolution')
BY_NAME = {path.stem: path for path in CONFIGS}
IMAGES = {'houston': 'houston_test_0', 'indian-pines': 'indian-pines', 'houston-crop': 'houston-crop'}
SHAPES = {
    'houston_test_0': (144, 96, 48),
    'houston_x8': (128, 128, 48),
    'indian-pines': (48, 144, 200),
    'houston-crop': (32, 128, 48),
}
SCORES = {'PSNR', 'SSIM', 'SAM', 'ERGAS', 'CC', 'RMSE'}


@pytest.fixture(scope='module')
def written(tmp_path_factory) -> Path:
    root = look_alikes(tmp_path_factory.mktemp('data'), ['houston_x4', 'houston_x8', 'houston2018-crop'])
    runpy.run_path(str(ROOT / 'tools/dataset_converters/indian_pines.py'))['convert'](root / 'indian_pines')
    return root


def short(name: str, work_dir: Path) -> Config:
    """Two iterations of a config, with few blocks in the networks of mmagic."""
    cfg = quick(BY_NAME[name], work_dir)
    cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=2, val_interval=2)
    cfg.default_hooks.checkpoint.by_epoch = False
    network = cfg.model.generator.get('network', cfg.model.generator)
    for key, few in dict(num_blocks=1, depths=(1,), num_heads=(2,), embed_dim=16).items():
        if key in network:
            network[key] = few
    return cfg


def test_every_scale_has_both_base_networks():
    assert {f'{model}-base_houston_x{scale}' for model in ('hypersigma', 'spatsigma') for scale in (4, 8)} <= set(
        BY_NAME
    )


@pytest.mark.parametrize('name', [path.stem for path in trained(CONFIGS)])
def test_config_trains_and_tests(name, data_root, tmp_path):
    if 'mmagic.' in Config.fromfile(BY_NAME[name]).pretty_text:
        pytest.importorskip('mmagic', reason='mmagic is not installed')
    results, written = restored_and_scored(short(name, tmp_path), SCORES)
    (image,) = written['scenes']
    written_name = next(results.glob('*_restored.tif')).name.removesuffix('_restored.tif')
    assert image == IMAGES[name.split('_')[1]]
    restored = read_product(results, written_name, 'restored')
    assert restored.shape == SHAPES[image if 'houston_x8' not in name else 'houston_x8']
    assert {path.name for path in results.glob('*.png')} == {
        f'{image}_{picture}.png' for picture in ('restoration', 'error', 'band_psnr')
    }


def test_metafile_lists_every_config():
    metafile = yaml.safe_load((ROOT / 'configs/super_resolution/metafile.yml').read_text())
    assert [model['Config'] for model in metafile['Models']] == [path.relative_to(ROOT).as_posix() for path in CONFIGS]
    assert {model['In Collection'] for model in metafile['Models']} == {
        collection['Name'] for collection in metafile['Collections']
    }


@pytest.mark.parametrize('scale', [4, 8])
@pytest.mark.parametrize('network', ['hypersigma', 'spatsigma'])
def test_base_settings(network, scale):
    """Sections 4.1, 4.2 and 4.4 of the official code's settings."""
    cfg = Config.fromfile(BY_NAME[f'{network}-base_houston_x{scale}'])
    generator = cfg.model.generator
    branches = (
        [generator.backbone.spatial, generator.backbone.spectral] if network == 'hypersigma' else [generator.backbone]
    )
    assert {branch.img_size for branch in branches} == {32} and branches[0].patch_size == 1
    if network == 'hypersigma':
        assert branches[1].num_tokens == 36 and generator.neck.spatial_refinement.embed_dims == 48
    assert (generator.head.num_bands, generator.head.scale) == (48, scale)
    assert 'residual' not in generator.head and 'width' not in generator.head
    losses = cfg.model.pixel_loss.losses
    assert (losses.sam.loss_weight, losses.gradient.loss_weight) == (0.3, 0.1)
    assert cfg.train_dataloader.batch_size == 1 and cfg.train_cfg.max_epochs == 350
    assert cfg.default_hooks.checkpoint.save_best == 'PSNR' and cfg.train_cfg.val_interval == 1

    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=cfg.optim_wrapper.optimizer.lr)
    scheduler = PARAM_SCHEDULERS.build(dict(cfg.param_scheduler[0]), default_args=dict(optimizer=optimizer))
    for epoch in range(1, 351):
        assert optimizer.param_groups[0]['lr'] == pytest.approx(6e-5 * 0.5 ** (epoch // 150))
        optimizer.step()
        scheduler.step()


def test_official_settings(data_root):
    """S1 and S2: ERGAS with the ratio 4, the best state chosen on the test images; tiles side by side, seed 3000."""
    ours, official = (Config.fromfile(BY_NAME[f'hypersigma-base_houston_x8{end}']) for end in ('', '_official'))
    assert ours.val_dataloader.dataset.path == str(data_root / 'houston_x8/evals')
    assert official.val_dataloader.dataset == official.test_dataloader.dataset == ours.test_dataloader.dataset
    assert official.randomness.seed == 3000 and official.env_cfg.cudnn_benchmark
    assert (ours.model.test_cfg.overlap, official.model.test_cfg.overlap) == (8, 0)
    sample = DATASETS.build(ours.test_dataloader.dataset)[0]
    predicted = sample['data_samples'].to_dict()
    predicted['output'] = dict(pred_img=predicted['gt_img'] + 0.01)
    predicted.update(input=sample['inputs'])
    scores = {}
    for name, cfg in (('ours', ours), ('official', official)):
        metric = METRICS.build(cfg.test_evaluator)
        metric.process(None, [predicted])
        scores[name] = metric.evaluate(1)
    mean = predicted['gt_img'].double().mean(dim=(1, 2))
    assert scores['ours']['ERGAS'] == pytest.approx(100 / 8 * ((0.01 / mean) ** 2).mean().sqrt().item(), rel=1e-4)
    assert scores['official']['ERGAS'] == pytest.approx(2 * scores['ours']['ERGAS'])


@pytest.mark.parametrize('name', ['indian-pines_x2', 'indian-pines_x4', 'houston-crop_x4'])
def test_no_pixel_of_a_scene_serves_two_purposes(name, data_root):
    cfg = Config.fromfile(BY_NAME[f'spatsigma-tiny_{name}'])
    used = None
    for subset in ('train', 'val', 'test'):
        dataset = DATASETS.build(cfg[f'{subset}_dataloader'].dataset)
        mask = np.zeros((dataset.scene.height, dataset.scene.width), bool)
        for top, left, height, width in dataset.areas:
            mask[top : top + height, left : left + width] = True
            assert not height % cfg.scale and not width % cfg.scale
        used = mask * 0 if used is None else used
        assert not (mask & (used > 0)).any() and mask.any()
        used = used + mask
        sample = dataset[len(dataset) - 1]
        truth = sample['data_samples'].gt_img
        torch.testing.assert_close(sample['inputs'], imresize(truth, 1 / cfg.scale))
        assert truth.min() >= 0 and truth.max() <= 1
        if subset == 'train':
            assert len(dataset) > 30 and sample['inputs'].shape[1:] == (cfg.tile_size, cfg.tile_size)


def test_all_arrays_of_a_published_patch_take_the_same_pose(data_root):
    dataset = DATASETS.build(Config.fromfile(BY_NAME['hypersigma-base_houston_x4']).train_dataloader.dataset)
    stored = loadmat(data_root / 'houston_x4/trains/0002.mat')
    assert len(dataset) == 16
    for pose in range(8):
        sample = dataset[8 + pose]
        for found, key in ((sample['inputs'], 'ms'), (sample['data_samples'].gt_img, 'gt')):
            np.testing.assert_array_equal(found.permute(1, 2, 0), dihedral(stored[key], pose))


def test_data_of_another_scale_are_named(data_root, tmp_path):
    cfg = Config.fromfile(BY_NAME['hypersigma-base_houston_x8'])
    dataset = cfg.train_dataloader.dataset
    dataset.dataset.path = str(data_root / 'houston_x4/trains')
    with pytest.raises(ValueError, match=r"0001.mat: 'gt' has the shape \(128, 128, 48\).* at scale 8"):
        DATASETS.build(dataset)[0]


def test_the_input_is_the_bicubic_image_and_a_small_network_improves_it(data_root, tmp_path):
    cfg = Config.fromfile(BY_NAME['spatsigma-tiny_houston-crop_x4'])
    cfg.train_cfg.max_iters = cfg.train_cfg.val_interval = 30
    cfg.param_scheduler = []
    cfg.optim_wrapper.optimizer.lr = 3e-5
    cfg.work_dir = str(tmp_path)
    cfg.default_hooks.checkpoint.interval = 30
    metrics = json.loads((train_and_test(cfg) / 'metrics.json').read_text())['metrics']
    dataset = restoration_dataset(cfg.test_dataloader.dataset)
    bicubic = imresize(dataset[0]['img'], 4)
    mse = ((bicubic - dataset[0]['gt']).astype(np.float64) ** 2).mean(axis=(0, 1))
    assert metrics['input_PSNR'] == pytest.approx((-10 * np.log10(mse)).mean(), rel=1e-5)
    scores = evaluate_restorer(dataset, 'bicubic', METRICS.build(cfg.test_evaluator))[1]
    assert all(metrics[f'input_{score}'] == pytest.approx(scores[score], rel=1e-5) for score in SCORES)
    assert metrics['PSNR'] > metrics['input_PSNR'] + 0.02 and metrics['SAM'] < metrics['input_SAM']


def test_a_scene_without_a_larger_image_is_enlarged(data_root, tmp_path):
    """Of any size: three tiles of 16 pixels by two, and without scores."""
    cfg = short('hypersigma-tiny_indian-pines_x2', tmp_path)
    cfg.optim_wrapper.optimizer.lr = 1e-7  # the network stays at the bicubic image
    scene = cfg.test_dataloader.dataset.scene
    cfg.test_dataloader.dataset = dict(
        type='CropDataset',
        scene=scene,
        areas=[(3, 5, 37, 29)],
        clean=False,
        test_mode=True,
        pipeline=[dict(type='PackRestoration')],
    )
    results = train_and_test(cfg)
    assert json.loads((results / 'metrics.json').read_text())['metrics'] == {}
    assert {path.name for path in results.glob('*.png')} == {'indian-pines_restoration.png'}
    enlarged = read_product(results, 'indian-pines', 'restored')
    small = get_scene(scene).window(3, 5, 37, 29)
    assert enlarged.shape == (74, 58, 200)
    np.testing.assert_allclose(1e-4 * enlarged, imresize(small, 2), atol=1e-3)  # the file has the units of the scene


def test_without_mmagic_a_config_says_what_to_install(data_root, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'mmagic', None)
    build_runner(quick(BY_NAME['hypersigma-tiny_indian-pines_x2'], tmp_path))
    with pytest.raises(ImportError, match=r"'mmagic.EDSRNet' .* not installed: pip install .mmhsi\[restoration-zoo\]"):
        build_runner(quick(BY_NAME['edsr-tiny_indian-pines_x2'], tmp_path))
