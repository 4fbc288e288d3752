"""Every denoising config trains and tests on a look-alike of its data, in the original file layout."""

import math
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from config_runs import ROOT, configs_of, look_alikes, quick, restored_and_scored, trained
from learning_rates import rates_of
from mmengine.config import Config
from products import read_product
from scipy.io import loadmat

from mmhsi.apis import init_model
from mmhsi.datasets import get_scene
from mmhsi.engine.distributed import build_runner
from mmhsi.registry import DATASETS
from mmhsi.structures import RestorationDataSample

pytestmark = pytest.mark.slow

CONFIGS = configs_of('denoising')
BY_NAME = {path.stem: path for path in CONFIGS}
# the look-alike of the Washington DC Mall is smaller than the original
AREAS = dict(train=[(0, 0, 128, 96)], val=[(128, 0, 64, 96)], test=[(192, 0, 80, 96)])
SCORES = {'PSNR', 'SSIM', 'SSIM_global', 'SAM', 'ERGAS', 'CC', 'RMSE', 'RMSE_255'}


def converter_areas(subset: str) -> list[str]:
    return [','.join(map(str, area)) for area in AREAS[subset]]


@pytest.fixture(scope='module')
def written(tmp_path_factory) -> Path:
    root = look_alikes(tmp_path_factory.mktemp('data'), ['wdc'])
    runpy.run_path(str(ROOT / 'tools/dataset_converters/indian_pines.py'))['convert'](root / 'indian_pines')
    runpy.run_path(str(ROOT / 'tools/dataset_converters/wdc.py'))['main'](
        [
            str(root / 'wdc/dc.tif'),
            '--out',
            str(root / 'wdc_official'),
            '--reference',
            '--train',
            *converter_areas('train'),
            '--test',
            *converter_areas('test'),
            '--scales',
            '1',
            '--strides',
            '64',
            '--cases',
            '1',
            '5',
        ]
    )
    return root


def fit_to_look_alike(cfg: Config) -> Config:
    """Let the areas of the Washington DC Mall lie inside its look-alike."""
    for subset in ('train', 'val', 'test'):
        dataset = cfg[f'{subset}_dataloader'].dataset
        dataset = dataset.get('dataset', dataset)
        if dataset.type == 'CropDataset' and dataset.scene.name == 'wdc':
            dataset.areas = AREAS[subset]
            dataset.scene.split = dict(type='AreaSplit', **AREAS)
            if subset == 'train':
                dataset.scales, dataset.stride = (1.0,), 32
    return cfg


def short(name: str, work_dir: Path) -> Config:
    cfg = fit_to_look_alike(quick(BY_NAME[name], work_dir))
    if cfg.model.generator.type == 'mmagic.NAFNet':
        cfg.model.generator.update(mid_channels=8, enc_blk_nums=[1, 1], dec_blk_nums=[1, 1])
    return cfg


def test_both_noises_have_both_base_networks():
    assert {
        f'{model}-{size}_{noise}'
        for model in ('hypersigma', 'spatsigma')
        for size in ('base_wdc', 'tiny_indian-pines')
        for noise in ('gaussian', 'complex')
    } <= set(BY_NAME)


@pytest.mark.parametrize('name', [path.stem for path in trained(CONFIGS)])
def test_config_trains_and_tests(name, data_root, tmp_path):
    if 'mmagic.' in Config.fromfile(BY_NAME[name]).pretty_text:
        pytest.importorskip('mmagic', reason='mmagic is not installed')
    results, written = restored_and_scored(short(name, tmp_path), SCORES)
    image = '1' if name.endswith('official') else 'wdc' if 'wdc' in name else 'indian-pines'
    restored = read_product(results, image, 'restored')
    assert (
        list(written['scenes']) == [image]
        and restored.shape == {'1': (64, 64, 191), 'wdc': (80, 96, 191), 'indian-pines': (48, 145, 200)}[image]
    )
    assert {path.name for path in results.glob('*.png')} == {
        f'{image}_{picture}.png' for picture in ('restoration', 'error', 'band_psnr')
    }
    # noise of 70 of 255 has 11.2 dB
    if 'gaussian' in name:
        assert written['metrics']['input_PSNR'] == pytest.approx(20 * math.log10(255 / 70), abs=0.1)


def test_metafile_lists_every_config():
    metafile = yaml.safe_load((ROOT / 'configs/denoising/metafile.yml').read_text())
    assert [model['Config'] for model in metafile['Models']] == [path.relative_to(ROOT).as_posix() for path in CONFIGS]


def test_settings_of_the_reference():
    cfg = Config.fromfile(BY_NAME['hypersigma-base_wdc_gaussian'])
    optimizer = cfg.optim_wrapper.optimizer
    assert (optimizer.type, optimizer.lr, optimizer.weight_decay) == ('AdamW', 1e-4, 1e-4)
    assert (cfg.train_dataloader.batch_size, cfg.train_cfg.max_epochs, cfg.train_dataloader.dataset.times) == (
        4,
        100,
        10,
    )
    # 544 + 360 + 22 windows of 64 pixels are cut from the first part of the rows, at three scales
    dataset_cfg = dict(
        cfg.train_dataloader.dataset.dataset,
        pipeline=[],
        areas=[(0, 0, 600, 307)],
        scene=dict(image=np.zeros((600, 307, 1), np.float32)),
    )
    assert len(DATASETS.build(dataset_cfg)) == 544 + 360 + 22
    backbone = cfg.model.generator.backbone
    assert (backbone.spatial.img_size, backbone.spatial.patch_size, backbone.spectral.num_tokens) == (64, 2, 100)


def test_learning_rates():
    """D4: two epochs of warm-up, which come one epoch late in the official code."""
    for end, wanted in (('_official', [1e-4, 5e-5]), ('', None)):
        cfg = Config.fromfile(BY_NAME[f'hypersigma-base_wdc_gaussian{end}'])
        rates = rates_of(cfg, 1e-4, 100)
        np.testing.assert_allclose(
            rates[2:], [5e-5 * (1 + math.cos(math.pi * epoch / 98)) for epoch in range(98)], atol=1e-12
        )
        if wanted:
            np.testing.assert_allclose(rates[:2], wanted)
        else:
            assert rates[0] < rates[1] == pytest.approx(1e-4)  # stepped by iteration it rises to there


def test_train_val_and_test_are_disjoint_and_alone_the_first_is_fitted(data_root):
    cfg = fit_to_look_alike(Config.fromfile(BY_NAME['hypersigma-base_wdc_gaussian']))
    scene = get_scene(cfg.test_dataloader.dataset.scene)
    assert len(np.intersect1d(scene.split.train, np.concatenate([scene.split.val, scene.split.test]))) == 0
    scene.prepare()
    stored = get_scene({**cfg.test_dataloader.dataset.scene, 'preprocessing': [], 'fit_on': 'all'})
    low, high = np.percentile(stored.window(*AREAS['train'][0]).astype(np.float64), [2, 98], axis=(0, 1))
    np.testing.assert_allclose(scene.transforms[0].lower, low)
    np.testing.assert_allclose(scene.transforms[0].upper, high)


def test_test_noise_is_fixed_and_its_case_is_an_option(data_root):
    cfg = fit_to_look_alike(Config.fromfile(BY_NAME['hypersigma-base_wdc_complex']))
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        (loader.dataset.get('dataset') or loader.dataset).pipeline.pop()  # the packing

    def tested() -> np.ndarray:
        return DATASETS.build(cfg.test_dataloader.dataset)[0]['img']

    first = tested()
    np.random.seed(5)
    np.testing.assert_array_equal(tested(), first)
    cfg.merge_from_dict({'test_dataloader.dataset.pipeline.0.noises': 'case2'})
    assert not np.array_equal(tested(), first)
    train = DATASETS.build(cfg.train_dataloader.dataset)
    assert not np.array_equal(train[0]['img'], train[0]['img'])


def test_official_files(data_root):
    """Layout of the test files, and patches of the order in which they are numbered."""
    whole = loadmat(data_root / 'wdc_official/test/Case5/test.mat')
    assert whole['input'].shape == whole['gt'].shape == (191, 64, 64)
    cfg = Config.fromfile(BY_NAME['hypersigma-base_wdc_complex_official'])
    dataset_cfg = dict(cfg.test_dataloader.dataset, pipeline=[])
    sample = DATASETS.build(dataset_cfg)[0]
    np.testing.assert_array_equal(sample['img'], np.moveaxis(whole['input'], 0, -1))
    train = DATASETS.build(dict(cfg.train_dataloader.dataset.dataset, pipeline=[]))
    assert len(train) == 2 and train[0]['gt'].shape == (64, 64, 191)


def test_the_head_starts_from_the_subspace_of_the_training_pixels(data_root, tmp_path):
    cfg = quick(BY_NAME['spatsigma-tiny_indian-pines_gaussian'], tmp_path)
    runner = build_runner(cfg)
    runner.train()
    scene = runner.train_dataloader.dataset.dataset.scene
    head = runner.model.generator.head
    spectra = scene.pixels(scene.split.train).astype(np.float64)
    directions = np.linalg.svd(spectra - spectra.mean(axis=0), full_matrices=False)[2][: head.width]
    # two small steps have hardly moved it
    start = head.tail.weight[:, :, 1, 1].detach().numpy()
    overlap = np.linalg.svd(directions @ np.linalg.qr(start)[0], compute_uv=False)
    assert overlap[:10].min() > 0.98


def test_any_size_is_restored(data_root, tmp_path):
    cfg = quick(BY_NAME['hypersigma-tiny_indian-pines_gaussian'], tmp_path)
    model = init_model(cfg, device='cpu')
    image = torch.rand(200, 21, 37, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        (sample,) = model.test_step(dict(inputs=[image], data_samples=[RestorationDataSample(gt_img=image)]))
    assert sample.output.pred_img.shape == image.shape
