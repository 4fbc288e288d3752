"""Every target and anomaly detection config trains and tests on a look-alike of its scene, in its file layout."""

import json
import runpy
import sys

import numpy as np
import pytest
import torch
import yaml
from config_runs import ROOT, configs_of, look_alikes, quick, train_and_test, trained
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from products import read_product

from mmhsi.datasets import DetectionScene, TileDataset
from mmhsi.engine.distributed import build_runner
from mmhsi.registry import METRICS, PARAM_SCHEDULERS

TARGET, ANOMALY = configs_of('target_detection'), configs_of('anomaly_detection')
DATASETS = ['mosaic', 'aviris', 'renourban', 'pavia', 'cri', 'viareggio']
HTD, HAD = 'target_detection/hypersigma-base_mosaic.py', 'anomaly_detection/hypersigma-base_pavia.py'
AREAS = {'AUC', 'AUC_Pf_tau', 'AUC_Pd_tau', 'AUC_OA', 'AUC_SNPR', 'AUC_TD', 'AUC_BS', 'AUC_TDBS', 'AUC_ODP'}


def name_of(path):
    return f'{path.parent.name}/{path.stem}'


@pytest.fixture(scope='module')
def data_root(tmp_path_factory):
    """Look-alikes of the six datasets, and of Indian Pines with targets that the tool implants."""
    root = look_alikes(tmp_path_factory.mktemp('data'), [*DATASETS, 'indian_pines'])
    scene = root / 'indian_pines'
    arguments = [
        'implant_targets.py',
        scene / 'Indian_pines_corrected.mat',
        '--labels',
        scene / 'Indian_pines_gt.mat',
        '--target-class',
        16,
        '--count',
        24,
        '--sides',
        1,
        2,
        3,
        '--fractions',
        0.1,
        0.2,
        0.4,
        0.8,
        '--snr',
        40,
        '--out',
        root / 'indian_pines_implanted/scene.mat',
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, 'argv', [str(argument) for argument in arguments])
        runpy.run_path(str(ROOT / 'tools/dataset_converters/implant_targets.py'))['main']()
    return root


@pytest.fixture(autouse=True)
def use_data(data_root, monkeypatch):
    monkeypatch.setenv('MMHSI_DATA', str(data_root))


@pytest.mark.parametrize('config', trained([*TARGET, *ANOMALY]), ids=name_of)
def test_config_trains_and_tests(config, tmp_path):
    cfg = quick(config, tmp_path)
    cfg.test_dataloader.dataset.indices = None  # the whole map, for the areas
    results = train_and_test(cfg)
    metrics = json.loads((results / 'metrics.json').read_text())['metrics']
    assert set(metrics) == AREAS and 0 <= metrics['AUC'] <= 1
    name = config.stem.split('_')[1]
    scene = DetectionScene(**{key: value for key, value in cfg.scene.items() if key != 'type'})
    scores = read_product(results, name, 'scores')
    assert scores.shape == (scene.height, scene.width) and np.isfinite(scores).all()
    assert scores.min() < scores.max()
    if cfg.test_evaluator.get('score') != 'logit':
        assert scores.min() >= 0 and scores.max() <= 1  # probabilities
    assert scene.classes[1] == ('target' if config in TARGET else 'anomaly')
    pictures = {path.name for path in results.glob('*.png')}
    assert pictures == {
        f'{name}_{kind}.png'
        for kind in ('false_colour', 'ground_truth', 'spectra', 'scores', 'roc', 'roc_threshold', 'error')
    }


def test_every_scene_has_both_base_models():
    for configs, scenes in ((TARGET, ('mosaic', 'aviris', 'renourban')), (ANOMALY, ('pavia', 'cri', 'viareggio'))):
        stems = {path.stem for path in configs}
        assert {f'{model}-base_{name}' for model in ('hypersigma', 'spatsigma') for name in scenes} <= stems
        assert {path.stem.split('_')[1] for path in configs} == {*scenes, 'indian-pines-implanted'}
    assert len({path.stem for path in (*TARGET, *ANOMALY)}) == len(TARGET) + len(ANOMALY)  # each has a work dir


@pytest.mark.parametrize('folder', ['target_detection', 'anomaly_detection'])
def test_metafile_lists_every_config(folder):
    listed = [
        model['Config'] for model in yaml.safe_load((ROOT / 'configs' / folder / 'metafile.yml').read_text())['Models']
    ]
    assert sorted(listed) == [path.relative_to(ROOT).as_posix() for path in configs_of(folder)]


# file and keys of cube and truth, file and key of the coarse map, batch, as published
PUBLISHED = {
    'target_detection/mosaic': ('mosaic.mat', 'X', 'TL', 'coarse_det/Mosaic.mat', 'Mosaic', 2),
    'target_detection/aviris': ('aviris.mat', 'X', 'TL', 'coarse_det/AVIRIS.mat', 'AVIRIS', 2),
    'anomaly_detection/pavia': (
        'Paiva_108_120_102_43.mat',
        'hsi',
        'hsi_gt',
        'coarse_det/Pavia_coarse_det_map.mat',
        'show',
        1,
    ),
    'anomaly_detection/cri': (
        'Nuance_Cri_400_400_46_1254.mat',
        'hsi',
        'hsi_gt',
        'coarse_det/Cri_coarse_det_map.mat',
        'show',
        1,
    ),
}


@pytest.mark.parametrize('name', PUBLISHED)
@pytest.mark.parametrize('model', ['hypersigma', 'spatsigma'])
def test_base_configs_hold_the_published_settings(model, name):
    folder, scene_name = name.split('/')
    cfg = Config.fromfile(ROOT / f'configs/{folder}/{model}-base_{scene_name}.py')
    loader, scene = cfg.train_dataloader, cfg.train_dataloader.dataset.scene
    found = (
        scene.image.path,
        scene.image.key,
        scene.labels.key,
        scene.coarse.path,
        scene.coarse.key,
        loader.batch_size,
    )
    assert found == PUBLISHED[name] and scene.labels.path == scene.image.path
    assert (loader.dataset.tile_size, loader.dataset.overlap, loader.dataset.subset) == (32, 16, 'pseudo')
    assert scene.pseudo_shares == dict(background=0.3, target=0.0015)
    assert [step.type for step in scene.preprocessing] == ['Standardize']
    optimizer = cfg.optim_wrapper.optimizer
    assert (optimizer.type, optimizer.lr, optimizer.weight_decay) == ('AdamW', 6e-5, 5e-4)
    assert cfg.train_cfg.max_epochs == 10 and 'val_dataloader' not in cfg
    assert cfg.test_dataloader.dataset.scene == scene and cfg.test_dataloader.dataset.evaluate_on == 'labelled'
    spatial = cfg.model.backbone.get('spatial', cfg.model.backbone)
    assert (spatial.arch, spatial.patch_size, spatial.img_size) == ('base', 1, 32)


def learning_rates(schedule, iterations, epoch_length):
    """Rate of each iteration, from MMEngine's schedulers on a linear layer instead of the network."""
    cfg = Config.fromfile(ROOT / 'configs' / schedule)
    wrapper = build_optim_wrapper(torch.nn.Linear(1, 1), dict(optimizer=cfg.optim_wrapper.optimizer))
    schedulers = [
        PARAM_SCHEDULERS.build(settings, default_args=dict(optimizer=wrapper, epoch_length=epoch_length))
        for settings in cfg.param_scheduler
    ]
    rates = []
    for _ in range(iterations):
        rates.append(wrapper.get_lr()['lr'][0])
        wrapper.optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
    return np.array(rates)


def test_the_rate_falls_once_over_all_iterations():
    rates = learning_rates(HTD, 210, epoch_length=21)
    np.testing.assert_allclose(rates, 6e-5 * (1 + np.cos(np.pi * np.arange(210) / 210)) / 2, atol=1e-12)


def test_the_official_schedule_oscillates_with_a_period_of_20_iterations():
    rates = learning_rates('target_detection/hypersigma-base_mosaic_official.py', 75, epoch_length=21)
    np.testing.assert_allclose(rates, 6e-5 * (1 + np.cos(np.pi * np.arange(75) / 10)) / 2, atol=1e-12)
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=6e-5)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=10)  # as the official code builds it
    for rate in rates:
        assert rate == pytest.approx(optimizer.param_groups[0]['lr'], abs=1e-12)
        optimizer.step()
        scheduler.step()


def write_scene(folder, shape=(40, 36), targets=((10, 11), (10, 12), (11, 11), (30, 5))):
    """A cube of noise in 8 bands with targets, its ground truth and a coarse map, as .npy files; the scene's config."""
    rng = np.random.default_rng(0)
    truth = np.zeros(shape, np.uint8)
    for place in targets:
        truth[place] = 1
    cube = rng.normal(5, 1, (*shape, 8)) + truth[..., None] * np.linspace(-3, 3, 8)
    np.save(folder / 'cube.npy', cube.astype(np.float32))
    np.save(folder / 'truth.npy', truth)
    np.save(folder / 'coarse.npy', truth + rng.uniform(0, 0.5, shape))
    return dict(
        data_root=str(folder),
        name='made-up',
        image=dict(path='cube.npy'),
        labels=dict(path='truth.npy'),
        coarse=dict(path='coarse.npy'),
        num_bands=8,
        pseudo_shares=dict(background=0.3, target=0.003),
    )


def made_up(config, folder, scene):
    """A quick config on a scene of :func:`write_scene`, with all its tiles."""
    cfg = quick(ROOT / 'configs' / config, folder / 'work')
    for name in ('train', 'test'):
        dataset = cfg[f'{name}_dataloader'].dataset
        dataset.indices = None
        for key, value in scene.items():
            dataset.scene[key] = value
    spatial = cfg.model.backbone.spatial
    spatial.in_channels = cfg.model.data_preprocessor.num_bands = scene['num_bands']
    if 'num_bands' in cfg.model.decode_head:
        cfg.model.decode_head.num_bands = scene['num_bands']
    return cfg


@pytest.mark.parametrize('config', [HTD, HAD])
def test_a_scene_smaller_than_a_tile_is_mirrored(config, tmp_path):
    """There is one tile, a batch of one where the config asks for two."""
    cfg = made_up(config, tmp_path, write_scene(tmp_path, (24, 20), targets=((10, 11), (10, 12), (20, 5))))
    cfg.train_dataloader.batch_size = 2
    results = train_and_test(cfg)
    assert read_product(results, 'made-up', 'scores').shape == (24, 20)
    counts = json.loads((results / 'metrics.json').read_text())['scenes']['made-up']['counts']
    assert (counts['scored'], counts['evaluated'], counts['targets']) == (480, 480, 3)


def test_a_scene_of_half_a_tile_is_mirrored_more_than_once(tmp_path):
    results = train_and_test(made_up(HAD, tmp_path, write_scene(tmp_path, (16, 40), targets=((3, 3),))))
    assert np.isfinite(read_product(results, 'made-up', 'scores')).all()


def test_a_ground_truth_without_target_gives_no_target_spectrum(tmp_path):
    cfg = made_up(HTD, tmp_path, write_scene(tmp_path, targets=()))
    with pytest.raises(ValueError, match='cube.npy: the ground truth has no target pixel to take the target spectrum'):
        train_and_test(cfg)


def test_a_ground_truth_of_one_class_has_maps_and_no_area(tmp_path):
    results = train_and_test(made_up(HAD, tmp_path, write_scene(tmp_path, targets=())))
    content = json.loads((results / 'metrics.json').read_text())
    assert set(content['metrics']) == AREAS and set(content['metrics'].values()) == {None}
    assert content['scenes']['made-up']['undefined'] == 'all 1440 evaluated pixels are background'
    assert (results / 'made-up_scores.png').is_file() and not (results / 'made-up_roc.png').exists()
    (log,) = results.parent.glob('*.log')
    assert 'AUC is undefined, all 1440 evaluated pixels are background' in log.read_text()


def test_a_coarse_map_of_another_size_is_named(tmp_path):
    scene = write_scene(tmp_path)
    np.save(tmp_path / 'coarse.npy', np.zeros((40, 35)))
    with pytest.raises(ValueError, match='coarse.npy: the map has 40 x 35 pixels, expected 40 x 36'):
        train_and_test(made_up(HAD, tmp_path, scene))


def test_a_missing_coarse_map_is_named(tmp_path):
    scene = write_scene(tmp_path)
    (tmp_path / 'coarse.npy').unlink()
    with pytest.raises(FileNotFoundError, match='coarse.npy'):
        train_and_test(made_up(HAD, tmp_path, scene))


def test_another_number_of_bands_is_named(tmp_path):
    scene = dict(write_scene(tmp_path), num_bands=9)
    with pytest.raises(ValueError, match='cube.npy: 9 bands are expected, but the file has 8'):
        train_and_test(made_up(HAD, tmp_path, scene))


def test_a_tile_without_pseudo_label_is_left_out_or_has_no_loss(tmp_path):
    scene = write_scene(tmp_path, (32, 96))
    coarse = np.random.default_rng(0).uniform(0, 1, (32, 96))
    coarse[:, 48:] = 0.5  # between the lowest fifth and the highest scores: the last of three tiles has no pseudo-label
    np.save(tmp_path / 'coarse.npy', coarse)
    cfg = made_up(HAD, tmp_path, dict(scene, pseudo_shares=dict(background=0.2, target=0.003)))
    loader = cfg.train_dataloader
    loader.dataset.overlap = 0
    settings = dict(scene=loader.dataset.scene, tile_size=32)
    assert len(TileDataset(subset='pseudo', **settings)) == 2 and len(TileDataset(subset='all', **settings)) == 3

    loader.dataset.update(subset='all', evaluate_on='pseudo')
    loader.sampler.shuffle = False
    cfg.default_hooks.logger.interval = 1
    cfg.log_processor = dict(window_size=1)  # each loss by itself
    results = train_and_test(cfg)
    lines = (results.parent / 'vis_data/scalars.json').read_text().splitlines()
    losses = [step['loss'] for step in map(json.loads, lines) if 'loss' in step]
    assert len(losses) == 6 and losses[2] == losses[5] == 0 and min(losses[:2]) > 0


def test_official_configs_differ_where_the_official_code_does(tmp_path):
    for path, score, threshold in ((HTD, 'logit', 0.0), (HAD, 'logit', None)):
        default = Config.fromfile(ROOT / 'configs' / path)
        official = Config.fromfile(ROOT / 'configs' / path.replace('.py', '_official.py'))
        changed = {key for key in official if official[key] != default.get(key)}
        assert changed == {'model', 'train_dataloader', 'test_evaluator', 'optim_wrapper', 'param_scheduler'}
        assert official.model.backbone.spectral.init_cfg.drop_first_token
        assert official.optim_wrapper.paramwise_cfg.layer_decay_rate == 1
        metric = METRICS.build(official.test_evaluator)
        assert (metric.score, metric.threshold, metric.reference_rounding) == (score, threshold, True)


def test_the_evaluator_ranks_by_the_raw_score_and_averages_tiles(tmp_path):
    """Switches of the evaluator on one trained network."""
    runner = build_runner(made_up(HAD, tmp_path, write_scene(tmp_path)))
    runner.train()
    runner.test()
    maps = {}
    for name, options in {
        'probability': {},
        'margin': dict(score='margin'),
        'logit': dict(score='logit'),
        'average': dict(stitch='average'),
    }.items():
        metric = METRICS.build(dict(type='SceneDetectionMetric', **options))
        metric.dataset_meta = runner.test_dataloader.dataset.metainfo
        runner.test_evaluator.metrics = [metric]
        runner.test()
        maps[name] = metric.scene_results['made-up'].scores
    np.testing.assert_allclose(maps['probability'], 1 / (1 + np.exp(-maps['margin'])), rtol=1e-6)
    assert not np.allclose(maps['logit'], maps['margin'])
    np.testing.assert_allclose(maps['average'][:8, :4], maps['probability'][:8, :4])  # in the first tile alone
    assert not np.allclose(maps['average'], maps['probability'])
