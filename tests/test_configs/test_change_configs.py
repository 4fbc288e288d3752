"""Every change detection config trains and tests on a look-alike of its pair, in its original file layout."""

import json
import math
import runpy
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
import rasterio
import torch
from config_runs import ROOT, configs_of, look_alikes, quick, scene_of, train_and_test, trained
from learning_rates import rates_of
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from products import read_product
from scipy.io import loadmat, savemat

from mmhsi.apis import evaluate_change_detector, init_model
from mmhsi.datasets import PairScene, get_scene
from mmhsi.registry import DATASETS

CONFIGS = configs_of('change_detection')
BY_NAME = {path.stem: path for path in CONFIGS}
# raw codes of changed and unchanged pixels as the files have them, window and patch of the official code
SCENES = {
    'hermiston': ('hermiston/SaGT.mat', 'GT', (1,), (2,), 5, 1),
    'farmland': ('farmland/GTChina1.mat', 'label', (0, 2), (1,), 5, 1),
    'bay-area': ('bay_area/BayArea.mat', 'GT', (1,), (2,), 15, 2),
    'santa-barbara': ('santa_barbara/Barbara.mat', 'GT', (1,), (2,), 15, 2),
}
PICTURES = {'false_colour_1', 'false_colour_2', 'ground_truth', 'classes'}


@pytest.fixture(scope='module')
def written(tmp_path_factory) -> Path:
    return look_alikes(tmp_path_factory.mktemp('data'), ['hermiston', 'farmland', 'bay_area', 'santa_barbara'])


def test_every_dataset_has_both_base_networks():
    assert {f'{model}-base_{scene}' for model in ('hypersigma', 'spatsigma') for scene in SCENES} <= set(BY_NAME)
    assert all(scene_of(path) in SCENES for path in CONFIGS)


@pytest.mark.parametrize('config', trained(CONFIGS), ids=lambda path: path.stem)
def test_config_trains_and_tests(config, data_root, tmp_path):
    cfg = quick(config, tmp_path)
    results = train_and_test(cfg)
    metrics = json.loads((results / 'metrics.json').read_text())['metrics']
    assert {'OA', 'kappa', 'F1', 'precision', 'recall'} <= set(metrics)
    name = scene_of(config)
    scene = get_scene(cfg.test_dataloader.dataset.scene)
    change = read_product(results, name, 'classes')
    predicted = change[change != 255]
    assert change.shape == (scene.height, scene.width)
    assert predicted.size >= 8 and np.isin(predicted, (0, 1)).all()
    assert {path.name for path in results.glob('*.png')} == {f'{name}_{picture}.png' for picture in PICTURES}
    with rasterio.open(results / f'{name}_classes.tif') as raster:
        np.testing.assert_array_equal(raster.read(1), np.where(change == 255, 0, change + 1))


@pytest.mark.parametrize('name', SCENES)
def test_class_1_is_changed(name, data_root):
    file, key, changed_codes, unchanged_codes, window, patch = SCENES[name]
    cfg = Config.fromfile(BY_NAME[f'hypersigma-base_{name}'])
    stored = loadmat(data_root / file)[key]
    changed, unchanged = np.isin(stored, changed_codes), np.isin(stored, unchanged_codes)
    scene = get_scene(cfg.train_dataloader.dataset.scene)
    np.testing.assert_array_equal(scene.labels, np.select([changed, unchanged], [1, 0], 255))
    assert scene.classes == ('unchanged', 'changed')
    # and it is where the spectra differ, on exactly the test pixels of the config
    detected = evaluate_change_detector(scene, 'cva')
    assert detected.settings['AUC'] > 0.85 and detected.matrix.sum() == len(scene.split.test)

    encoder = cfg.model.backbone.encoder
    assert (encoder.spatial.img_size, encoder.spatial.patch_size) == (window, patch)
    assert cfg.train_dataloader.batch_size == 32 and cfg.train_cfg.max_epochs == 50
    train = DATASETS.build(cfg.train_dataloader.dataset)
    assert len(train) == 1000 and train[0]['inputs'].shape == (scene.bands, window, window)
    for index in (0, 500, 999):
        sample = train[index]['data_samples']
        assert bool(sample.gt_label == 1) == bool(changed[sample.row, sample.col])


@pytest.mark.parametrize('name', SCENES)
def test_training_pixels_are_tested_only_where_asked(name, data_root):
    dataset_cfg = Config.fromfile(BY_NAME[f'spatsigma-base_{name}']).test_dataloader.dataset

    def tested(**options) -> np.ndarray:
        dataset = DATASETS.build(dict(dataset_cfg, **options))
        targets = np.full(dataset.scene.height * dataset.scene.width, 255)
        targets[dataset.data_list] = [dataset.get_data_info(index)['gt_label'] for index in range(len(dataset))]
        return targets

    scene = get_scene(dataset_cfg.scene)
    by_default, with_training = tested(), tested(evaluate_on='labelled')
    assert (by_default[scene.split.train] == 255).all()
    assert np.count_nonzero(by_default != 255) == len(scene.split.test)
    np.testing.assert_array_equal(with_training, scene.labels.ravel())
    assert np.count_nonzero(with_training != 255) == len(scene.split.test) + 1000


def small(name: str, work_dir: Path) -> Config:
    """The tiny SpatSIGMA on small windows of a pair, narrow enough to train in seconds."""
    cfg = Config.fromfile(BY_NAME['spatsigma-tiny_hermiston'])
    scene = Config.fromfile(BY_NAME[f'spatsigma-base_{name}']).scene
    scene.update(preprocessing=[dict(type='Standardize')], joint=False)
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        loader.dataset.scene = scene
    arch = dict(embed_dims=16, num_layers=2, num_heads=2, full_attn_interval=2, out_indices=(0, 1))
    cfg.model.backbone.encoder.update(arch=arch, in_channels=scene.num_bands)
    cfg.model.backbone.neck.update(in_channels=16, out_channels=16)
    cfg.model.head.update(in_channels=(16, 16), level_channels=16, hidden_channels=(16, 16))
    cfg.train_cfg.max_epochs = 5
    cfg.param_scheduler, cfg.custom_hooks = [], []
    cfg.optim_wrapper.optimizer.lr = 4e-3
    cfg.default_hooks.checkpoint.interval = 5
    cfg.work_dir = str(work_dir)
    return cfg


@pytest.mark.parametrize('name', ['farmland', 'bay-area'])
def test_changes_are_found_and_painted(name, data_root, tmp_path):
    """From the files, whose codes are swapped between the two, to metrics and maps."""
    cfg = small(name, tmp_path)
    results = train_and_test(cfg)
    metrics = json.loads((results / 'metrics.json').read_text())['metrics']
    assert metrics['F1'] > 0.85 and metrics['recall'] > 0.8 and metrics['precision'] > 0.8
    scene = get_scene(cfg.test_dataloader.dataset.scene)
    change, test = read_product(results, name, 'classes'), scene.subset_labels('test')
    assert (change != 255).all(), 'the map has every pixel'
    assert metrics['recall'] == pytest.approx((change[test == 1] == 1).mean())
    assert metrics['precision'] == pytest.approx((test[(change == 1) & (test != 255)] == 1).mean())
    pixels = (matplotlib.image.imread(results / f'{name}_classes.png')[..., :3] * 255).round().reshape(-1, 3)
    painted = {tuple(colour) for colour in np.unique(pixels, axis=0).astype(int)}
    outcomes = {(255, 255, 255): (1, 1), (0, 0, 0): (0, 0), (255, 0, 0): (1, 0), (0, 255, 0): (0, 1)}
    for colour, (found, true) in outcomes.items():
        if ((change == found) & (test == true)).any():
            assert colour in painted
    # written classes count from 1, 0 is no data: changed pixels are 2
    with rasterio.open(results / f'{name}_classes.tif') as raster:
        np.testing.assert_array_equal(raster.read(1) == 2, change == 1)


def test_pixels_that_are_not_predicted_are_not_written_as_changed(data_root, tmp_path):
    cfg = small('bay-area', tmp_path)
    cfg.train_cfg.max_epochs = 1
    cfg.test_dataloader.dataset.subset = 'labelled'
    results = train_and_test(cfg)
    labels = get_scene(cfg.test_dataloader.dataset.scene).labels
    assert (labels == 255).any()
    np.testing.assert_array_equal(read_product(results, 'bay-area', 'classes') == 255, labels == 255)
    with rasterio.open(results / 'bay-area_classes.tif') as raster:
        np.testing.assert_array_equal(raster.read(1) == 0, labels == 255)


def test_batches_of_one(data_root, tmp_path):
    cfg = quick(BY_NAME['hypersigma-base_hermiston'], tmp_path)
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        loader.batch_size = 1
    train_and_test(cfg)
    model = init_model(cfg, device='cpu')
    pairs = torch.rand(3, 308, 5, 5, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(model(pairs[:1]), model(pairs)[:1])


def test_official_settings():
    """Q18 to Q20: seed 1 for the draw, training pixels in the test, cosine stepped before the epoch; no layer decay."""
    ours, official = (Config.fromfile(BY_NAME[f'hypersigma-base_hermiston{end}']) for end in ('', '_official'))
    assert ours.train_dataloader.dataset.scene.split.seed == ours.randomness.seed == 0
    assert official.train_dataloader.dataset.scene.split.seed == 1
    assert (ours.test_dataloader.dataset.evaluate_on, official.test_dataloader.dataset.evaluate_on) == (
        'test',
        'labelled',
    )
    for cfg, offset in ((ours, 0), (official, 1)):
        wanted = [3e-5 * (1 + math.cos(math.pi * (epoch + offset) / 50)) for epoch in range(50)]
        np.testing.assert_allclose(rates_of(cfg, 6e-5, 50), wanted, rtol=1e-9, atol=1e-15)


def test_layer_decay_reaches_the_encoders_of_both_branches(tmp_path):
    for end, rate in (('', 0.9), ('_official', 1.0)):
        cfg = quick(BY_NAME[f'hypersigma-base_hermiston{end}'], tmp_path)
        model = init_model(cfg, device='cpu')
        groups = build_optim_wrapper(model, cfg.optim_wrapper).optimizer.param_groups
        scales = {id(parameter): group['lr'] / 6e-5 for group in groups for parameter in group['params']}
        found = {name: scales[id(parameter)] for name, parameter in model.named_parameters()}
        # four blocks, numbered 1 to 4; the embeddings are 0, all else 5
        for branch in ('spatial', 'spectral'):
            block = {scale for name, scale in found.items() if name.startswith(f'backbone.encoder.{branch}.blocks.2.')}
            assert list(block) == [pytest.approx(rate**2)]
        assert found['backbone.encoder.spatial.patch_embed.projection.weight'] == pytest.approx(rate**5)
        assert found['head.classifier.0.weight'] == pytest.approx(1)
        assert min(found.values()) == pytest.approx(rate**5)


def test_validation_pixels_are_held_out(data_root):
    cfg = Config.fromfile(BY_NAME['hypersigma-base_hermiston_val'])
    subsets = {name: DATASETS.build(cfg[f'{name}_dataloader'].dataset) for name in ('train', 'val', 'test')}
    assert len({id(dataset.scene) for dataset in subsets.values()}) == 1
    assert (len(subsets['train']), len(subsets['val'])) == (1000, 200)
    held_out = set(subsets['val'].data_list.tolist())
    tested = {index: subsets['test'].get_data_info(index)['gt_label'] for index in range(len(subsets['test']))}
    assert {tested[index] for index in held_out} == {255}, 'every pixel is in the map, these without a label'


@pytest.mark.parametrize(
    'more, message',
    [
        ((0, 1, 0), r'same pixels: .*Sa1.mat has (\d+) x \d+, .*Sa2.mat has \1 x \d+'),
        ((0, 0, 1), r'Sa2.mat: 154 bands are expected, but the file has 155'),
    ],
)
def test_dates_that_do_not_match_are_named(more, message, data_root, tmp_path, monkeypatch):
    (tmp_path / 'hermiston').mkdir()
    for name in ('Sa1.mat', 'SaGT.mat'):
        (tmp_path / 'hermiston' / name).symlink_to(data_root / 'hermiston' / name)
    shape = np.add(loadmat(data_root / 'hermiston/Sa1.mat')['T1'].shape, more)
    savemat(tmp_path / 'hermiston/Sa2.mat', {'T2': np.zeros(shape, np.int16)})
    monkeypatch.setenv('MMHSI_DATA', str(tmp_path))
    with pytest.raises(ValueError, match=message):
        get_scene(Config.fromfile(BY_NAME['hypersigma-base_hermiston']).scene)


def test_a_scene_smaller_than_the_window():
    rng = np.random.default_rng(0)
    dataset_cfg = Config.fromfile(BY_NAME['hypersigma-base_bay-area']).test_dataloader.dataset

    def dataset(height: int, width: int):
        scene = PairScene(
            tuple(rng.random((2, height, width, 3), np.float32)),
            rng.integers(1, 3, (height, width)),
            label_codes=dict(changed=1, unchanged=2),
            split=dict(type='NumberSplit', train=2, val=0),
        )
        return DATASETS.build(dict(dataset_cfg, scene=scene)), scene

    small, scene = dataset(8, 12)
    first = small[0]['inputs'].numpy()
    wanted = np.pad(scene.window(0, 0, 8, 12), ((7, 7), (7, 7), (0, 0)), 'symmetric')[:15, :15]
    np.testing.assert_array_equal(first, wanted.transpose(2, 0, 1))
    with pytest.raises(ValueError, match='windows of 15 x 15 pixels do not fit the scene .* of 6 x 12'):
        dataset(6, 12)


def test_classical_tool_prints_the_area_too(data_root, tmp_path, capsys):
    main = runpy.run_path(str(ROOT / 'tools/test_classical.py'))['main']
    result = main([str(BY_NAME['hypersigma-base_farmland']), 'cva', '--work-dir', str(tmp_path)])['cva']['farmland']
    printed = capsys.readouterr().out
    assert f'{result.settings["AUC"]:.4f}' in printed and f'{result.scores["F1"]:.4f}' in printed


def test_the_official_farmland_draws_changed_pixels_of_code_2_only(data_root):
    """Class by class, each in raster order, with the legacy generator seeded by 1; code 0 is tested as changed."""
    stored = loadmat(data_root / 'farmland/GTChina1.mat')['label'].ravel()
    cfg = Config.fromfile(BY_NAME['hypersigma-base_farmland_official'])
    scene = get_scene(cfg.train_dataloader.dataset.scene)
    rng = np.random.RandomState(1)
    wanted = [np.flatnonzero(stored == code) for code in (1, 2)]
    drawn = np.concatenate([pixels[rng.permutation(len(pixels))[:500]] for pixels in wanted])
    assert (stored == 0).any()
    np.testing.assert_array_equal(np.sort(scene.split.train), np.sort(drawn))
    assert set(stored[scene.split.train]) == {1, 2}
    test = get_scene(cfg.test_dataloader.dataset.scene)
    assert set(test.labels.ravel()[stored == 0]) == {1}
