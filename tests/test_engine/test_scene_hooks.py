import json
import logging
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
import torch.nn.functional as F
from mmengine.dataset import ConcatDataset, RepeatDataset
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmengine.structures import PixelData
from mmpretrain.structures import DataSample
from mmseg.structures import SegDataSample
from PIL import Image
from products import read_product
from torch import nn

import mmhsi.engine  # noqa: F401
from mmhsi.datasets import CubeInfo, DetectionScene, Split, TileDataset, WholeSceneDataset, WindowDataset, write_raster
from mmhsi.datasets.scenes.scene_lookup import find_scenes
from mmhsi.weights.checkpoint_file import read_checkpoint

SHAPE, CLASSES = (13, 9), ('Corn', 'Oats', 'Woods')


class SpectrumClassifier(BaseModel):
    """A linear classifier of the spectrum in the middle of the window."""

    def __init__(self, bands: int):
        super().__init__()
        self.linear = nn.Linear(bands, len(CLASSES))

    def forward(self, inputs, data_samples, mode='tensor'):
        logits = self.linear(torch.stack(inputs)[:, :, 1, 1])
        if mode == 'loss':
            target = torch.cat([sample.gt_label for sample in data_samples])
            return {'loss': F.cross_entropy(logits, target, ignore_index=255)}
        return [sample.set_pred_label(label) for sample, label in zip(data_samples, logits.argmax(1), strict=True)]


def pack(results):
    sample = DataSample(metainfo={key: results[key] for key in ('row', 'col', 'scene_name', 'scene_shape')})
    return {
        'inputs': torch.from_numpy(results['img']).permute(2, 0, 1),
        'data_samples': sample.set_gt_label(results['gt_label']),
    }


def make_scene(folder: Path, name: str = 'field', seed: int = 0, bands: int = 6, suffix: str = '.npy') -> dict:
    """Files of a small scene with three classes that differ in their spectra, and its config."""
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1, 2, 3], [9, 36, 36, 36]).reshape(SHAPE)
    cube = (1000 * rng.random((4, bands))[labels] + 200 * rng.random((*SHAPE, bands))).astype(np.float32)
    if suffix == '.npy':
        np.save(folder / f'{name}.npy', cube)
    else:
        georeference = CubeInfo(
            '', 'raster', *cube.shape, cube.dtype, crs='EPSG:32616', transform=(20, 0, 5e5, 0, -20, 4e6)
        )
        write_raster(folder / f'{name}{suffix}', cube, georeference)
    np.save(folder / f'{name}_labels.npy', labels)
    return {
        'image': str(folder / f'{name}{suffix}'),
        'labels': str(folder / f'{name}_labels.npy'),
        'classes': CLASSES,
        'palette': [(255, 0, 0), (0, 255, 0), (0, 0, 255)],
        'name': name,
        'split': {'type': 'NumberSplit', 'train': 4, 'val': 2},
        'preprocessing': [{'type': 'SpectralPCA', 'n_components': 4}],
    }


def loader(scene: dict, subset: str, wrap=lambda dataset: dataset) -> dict:
    dataset = WindowDataset(scene=scene, subset=subset, window_size=3, pipeline=[pack], test_mode=subset != 'train')
    return {
        'dataset': wrap(dataset),
        'batch_size': 16,
        'sampler': {'type': 'DefaultSampler', 'shuffle': subset == 'train'},
    }


def make_runner(
    folder: Path,
    train: dict | None = None,
    test: dict | None = None,
    wrap=lambda dataset: dataset,
    hooks=None,
    bands: int = 4,
    subset: str = 'all',
    **kwargs,
) -> Runner:
    torch.manual_seed(0)
    options = {}
    if train:
        options.update(
            train_dataloader=loader(train, 'train', wrap),
            val_dataloader=loader(train, 'val'),
            val_evaluator={'type': 'SceneClassificationMetric'},
            train_cfg={'by_epoch': True, 'max_epochs': 2},
            val_cfg={},
            optim_wrapper={'optimizer': {'type': 'SGD', 'lr': 0.01}},
        )
    if test:
        options.update(
            test_dataloader=loader(test, subset, wrap),
            test_cfg={},
            test_evaluator={'type': 'SceneClassificationMetric'},
        )
    hooks = [{'type': 'SceneStateHook'}, {'type': 'SceneResultHook'}] if hooks is None else hooks
    return Runner(
        SpectrumClassifier(bands),
        str(folder),
        custom_hooks=hooks,
        default_scope='mmhsi',
        experiment_name=f'{folder.name}{id(options)}',
        **options,
        **kwargs,
    )


@pytest.fixture
def log(caplog):
    """What any logger of MMEngine writes, which pass nothing on to the root logger."""
    original = logging.Logger.makeRecord

    def record(*args, **kwargs):
        made = original(*args, **kwargs)
        caplog.handler.emit(made)
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logging.Logger, 'makeRecord', record)
        yield caplog


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """A run that was trained and tested: its scene's config, its runner and its last checkpoint."""
    folder = tmp_path_factory.mktemp('trained')
    config = make_scene(folder)
    runner = make_runner(folder / 'work', train=config, test=config)
    runner.train()
    runner.test()
    return config, runner, str(folder / 'work' / 'epoch_2.pth')


def test_results_of_a_test_are_written(trained):
    config, runner, _ = trained
    folder = Path(runner.log_dir) / 'results'
    pictures = {'false_colour', 'ground_truth', 'spectra', 'classes', 'error', 'confusion_matrix'}
    assert {path.name for path in folder.iterdir()} == {
        'metrics.json',
        'field_classes.tif',
        'field_classes.tif.aux.xml',
        *(f'field_{name}.png' for name in pictures),
    }
    for name in pictures:
        with Image.open(folder / f'field_{name}.png') as picture:
            picture.load()
            assert min(picture.size) > 300

    result = runner.test_evaluator.metrics[0].scene_results['field']
    prediction = read_product(folder, 'field', 'classes')
    np.testing.assert_array_equal(prediction, result.prediction)
    scene = runner.test_dataloader.dataset.scene
    found = json.loads((folder / 'metrics.json').read_text())
    test = scene.split.test
    right = (prediction == scene.labels).ravel()[test]
    assert found['metrics']['OA'] == found['scenes']['field']['OA'] == pytest.approx(right.mean())
    assert found['scenes']['field']['counts'] == {
        'pixels': 117,
        'predicted': 117,
        'evaluated': 90,
        'correct': int(right.sum()),
    }
    assert [entry['name'] for entry in found['scenes']['field']['classes']] == list(CLASSES)
    assert np.sum(found['scenes']['field']['confusion_matrix']) == len(test)


def test_prediction_of_a_georeferenced_scene_is_georeferenced(tmp_path):
    config = make_scene(tmp_path, suffix='.tif')
    runner = make_runner(tmp_path / 'work', test=config, subset='test')
    runner.test()
    folder = Path(runner.log_dir) / 'results'
    prediction = read_product(folder, 'field', 'classes')
    with rasterio.open(folder / 'field_classes.tif') as file:
        assert (file.crs.to_epsg(), file.nodata, file.dtypes) == (32616, 0, ('uint8',))
        assert file.transform == rasterio.Affine(20, 0, 5e5, 0, -20, 4e6)
        np.testing.assert_array_equal(file.read(1), np.where(prediction == 255, 0, prediction + 1))
        assert [file.colormap(1)[value][:3] for value in (1, 2, 3)] == config['palette']
    assert (prediction == 255).sum() == 117 - 90


def test_checkpoint_knows_the_wavelengths_of_the_training(tmp_path):
    config = make_scene(tmp_path, suffix='.tif')
    path, wavelengths = str(tmp_path / 'field.tif'), [450.0, 550.0, 650.0, 800.0, 1600.0, 2200.0]
    with rasterio.open(path) as file:
        cube = np.moveaxis(file.read(), 0, -1)
    write_raster(path, cube, wavelengths=wavelengths)
    make_runner(tmp_path / 'work', train=config).train()
    record = read_checkpoint(tmp_path / 'work/epoch_2.pth')['mmhsi']
    assert record['wavelengths'].tolist() == wavelengths


class BrightnessSegmentor(BaseModel):
    """Gives each pixel the logits 0 and (value of the first band - 1)."""

    def forward(self, inputs, data_samples, mode='tensor'):
        for image, sample in zip(inputs, data_samples, strict=True):
            logits = torch.stack([torch.zeros_like(image[0]), image[0] - 1])
            sample.seg_logits = PixelData(data=logits)
            sample.pred_sem_seg = PixelData(data=logits.argmax(0, keepdim=True))
        return data_samples


def pack_tile(results):
    keys = ('top', 'left', 'overlap', 'scene_name', 'scene_shape')
    sample = SegDataSample(
        metainfo={key: results[key] for key in keys},
        gt_sem_seg=PixelData(data=torch.from_numpy(results['gt_seg_map'])[None].long()),
    )
    return {'inputs': torch.from_numpy(results['img']).permute(2, 0, 1), 'data_samples': sample}


def run_test(folder: Path, dataset, metric: str) -> Path:
    """Test the segmentor on a dataset; returns the folder of the results."""
    runner = Runner(
        BrightnessSegmentor(),
        str(folder),
        custom_hooks=[{'type': 'SceneResultHook'}],
        default_scope='mmhsi',
        experiment_name=f'{folder.name}{id(dataset)}',
        test_cfg={},
        test_evaluator={'type': metric},
        test_dataloader={'dataset': dataset, 'batch_size': 1, 'sampler': {'type': 'DefaultSampler', 'shuffle': False}},
    )
    runner.test()
    return Path(runner.log_dir) / 'results'


def test_results_of_a_detector_are_written(tmp_path):
    rng = np.random.default_rng(0)
    cube = rng.random((20, 24, 3)).astype(np.float32)
    labels = np.zeros((20, 24), int)
    labels[5:8, 9:12], cube[5:8, 9:12, 0] = 1, 1.5
    cube[0, :, 0] = np.nan
    scene = DetectionScene(cube, labels=labels, name='airport')
    dataset = TileDataset(scene=scene, subset='all', tile_size=8, overlap=2, pipeline=[pack_tile], test_mode=True)
    folder = run_test(tmp_path / 'work', dataset, 'SceneDetectionMetric')
    found = json.loads((folder / 'metrics.json').read_text())
    assert found['metrics']['AUC'] == found['scenes']['airport']['AUC'] == 1
    assert found['scenes']['airport']['counts'] == {
        'pixels': 480,
        'scored': 480,
        'evaluated': 456,
        'targets': 9,
        'hits': 9,
        'misses': 0,
        'false_alarms': 0,
        'correct_rejections': 447,
    }
    scores = read_product(folder, 'airport', 'scores')
    assert np.isnan(scores[0]).all()
    np.testing.assert_allclose(scores[1:], 1 / (1 + np.exp(1 - cube[1:, :, 0])), rtol=1e-6)
    assert (folder / 'airport_roc.png').exists() and (folder / 'airport_error.png').exists()


def test_results_of_pairs_are_written(tmp_path):
    rng = np.random.default_rng(0)
    for city, shape in (('rio', (12, 9)), ('norcia', (7, 30))):
        labels = (rng.random(shape) < 0.3).astype(int)
        for date in (1, 2):
            np.save(tmp_path / f'{city}_{date}.npy', rng.random((*shape, 4)).astype(np.float32) + labels[..., None])
        np.save(tmp_path / f'{city}_labels.npy', labels)
    dataset = WholeSceneDataset(
        scene={
            'type': 'PairScene',
            'data_root': str(tmp_path),
            'image': ['{name}_1.npy', '{name}_2.npy'],
            'labels': '{name}_labels.npy',
            'label_codes': {'unchanged': 0, 'changed': 1},
        },
        names=['rio', 'norcia'],
        pipeline=[pack_tile],
        test_mode=True,
    )
    folder = run_test(tmp_path / 'work', dataset, 'SceneChangeMetric')
    found = json.loads((folder / 'metrics.json').read_text())
    assert found['metrics']['F1'] == found['metrics']['OA'] == 1
    assert list(found['scenes']) == ['norcia', 'rio'] and found['scenes']['rio']['counts']['pixels'] == 108
    for city in ('rio', 'norcia'):
        np.testing.assert_array_equal(read_product(folder, city, 'classes'), np.load(tmp_path / f'{city}_labels.npy'))
        assert (folder / f'{city}_false_colour_2.png').exists()


def test_scenes_are_found_behind_wrappers(tmp_path):
    first, second = (
        WindowDataset(scene=make_scene(tmp_path, name), subset='train', window_size=3) for name in ('a', 'b')
    )
    assert find_scenes(first) == [first.scene]
    assert find_scenes(RepeatDataset(first, 2)) == [first.scene]
    nested = torch.utils.data.ConcatDataset([first, RepeatDataset(second, 2), torch.utils.data.Subset(first, [0])])
    assert find_scenes(nested) == [first.scene, second.scene]
    assert find_scenes([1, 2]) == []


def test_wrapped_test_datasets_have_their_false_colour_picture(tmp_path):
    runner = make_runner(
        tmp_path / 'work',
        test=make_scene(tmp_path),
        wrap=lambda dataset: ConcatDataset([dataset]),
        hooks=[{'type': 'SceneResultHook', 'out_dir': 'maps'}],
    )
    runner.test_evaluator.dataset_meta = {'classes': CLASSES}
    runner.test()
    assert (Path(runner.log_dir) / 'maps' / 'field_false_colour.png').exists()


def test_split_and_transforms_are_saved(trained):
    _, runner, _ = trained
    scene = runner.test_dataloader.dataset.scene
    split = Split.load(Path(runner.log_dir) / 'split.npz')
    for name in ('train', 'val', 'test'):
        np.testing.assert_array_equal(getattr(split, name), getattr(scene.split, name))
    with np.load(Path(runner.log_dir) / 'fitted_transforms.npz') as saved:
        assert set(saved) == set(scene.state_dict())
        for name, value in scene.state_dict().items():
            np.testing.assert_array_equal(saved[name], value)
    assert len(list(Path(runner.log_dir).glob('*.npz'))) == 2


def test_checkpoints_hold_the_transforms_as_plain_tensors(trained):
    _, runner, path = trained
    record = read_checkpoint(path)['mmhsi']
    state = runner.train_dataloader.dataset.scene.state_dict()
    assert record['scene_name'] == 'field' and set(record['transforms']) == set(state)
    for name, value in record['transforms'].items():
        np.testing.assert_array_equal(value.numpy(), state[name])


def test_a_test_uses_the_transforms_of_the_checkpoint(trained, tmp_path, log):
    config, trained_runner, path = trained
    state = trained_runner.train_dataloader.dataset.scene.state_dict()
    other = make_scene(tmp_path, 'other', seed=5)
    runner = make_runner(tmp_path / 'work', test=other, load_from=path)
    scene = runner._test_dataloader['dataset'].scene
    own = scene.state_dict()  # fitted and in use before the checkpoint comes
    runner.test()
    for name, value in scene.state_dict().items():
        np.testing.assert_array_equal(value, state[name])
        assert not np.array_equal(value, own[name])
    with np.load(Path(runner.log_dir) / 'fitted_transforms.npz') as saved:
        np.testing.assert_array_equal(saved['0.SpectralPCA.mean'], state['0.SpectralPCA.mean'])
    assert "Scene 'other' uses the transforms that were fitted to scene 'field'" in log.text
    # what the model sees are the components of the training scene
    cube = np.load(other['image'])
    projected = (cube[2, 3] - state['0.SpectralPCA.mean']) @ state['0.SpectralPCA.components'].T
    np.testing.assert_allclose(
        scene.pixels([2 * 9 + 3])[0], projected / np.sqrt(state['0.SpectralPCA.variance']), rtol=1e-3, atol=1e-4
    )


def test_the_same_predictions_come_from_the_checkpoint(trained, tmp_path):
    config, trained_runner, path = trained
    runner = make_runner(tmp_path / 'work', test=config, load_from=path)
    runner.test()
    found, wanted = (r.test_evaluator.metrics[0].scene_results['field'].prediction for r in (runner, trained_runner))
    np.testing.assert_array_equal(found, wanted)


def test_training_from_weights_fits_to_its_own_scene_unless_told(trained, tmp_path, log):
    _, trained_runner, path = trained
    state = trained_runner.train_dataloader.dataset.scene.state_dict()
    for reuse in (False, True):
        config = make_scene(tmp_path, f'scene_{reuse}', seed=7)
        runner = make_runner(
            tmp_path / f'work_{reuse}',
            train=config,
            load_from=path,
            hooks=[{'type': 'SceneStateHook', 'reuse_on_finetune': reuse}],
        )
        runner.train()
        found = runner.train_dataloader.dataset.scene.state_dict()
        assert runner.train_dataloader.dataset.scene is runner.val_dataloader.dataset.scene
        assert np.array_equal(found['0.SpectralPCA.mean'], state['0.SpectralPCA.mean']) == reuse
        assert ('transforms are fitted to its own data' in log.text) != reuse
        log.clear()


def test_a_resumed_training_keeps_the_transforms(trained, tmp_path):
    _, trained_runner, path = trained
    state = trained_runner.train_dataloader.dataset.scene.state_dict()
    config = make_scene(tmp_path, seed=9)
    runner = make_runner(tmp_path / 'work', train=config, load_from=path, resume=True)
    runner._train_loop['max_epochs'] = 3
    runner.train()
    assert runner.epoch == 3
    record = read_checkpoint(tmp_path / 'work' / 'epoch_3.pth')['mmhsi']
    for name, value in record['transforms'].items():
        np.testing.assert_array_equal(value.numpy(), state[name])


def test_a_test_scene_that_comes_after_the_training_gets_its_transforms(tmp_path):
    config, other = make_scene(tmp_path), make_scene(tmp_path, 'other', seed=5)
    runner = make_runner(tmp_path / 'work', train=config, test=other)
    runner.train()
    runner.test()
    state = runner.train_dataloader.dataset.scene.state_dict()
    for name, value in runner.test_dataloader.dataset.scene.state_dict().items():
        np.testing.assert_array_equal(value, state[name])
    assert {path.name for path in Path(runner.log_dir).glob('*.npz')} == {
        'split.npz',
        'fitted_transforms.npz',
        'other_split.npz',
        'other_fitted_transforms.npz',
    }


def test_transforms_of_other_bands_are_refused(trained, tmp_path):
    _, _, path = trained
    runner = make_runner(tmp_path / 'work', test=make_scene(tmp_path, 'other', bands=8), load_from=path)
    with pytest.raises(ValueError, match="scene 'field'.* do not fit scene 'other' of 8 bands: .*6 bands"):
        runner.test()


def test_transforms_of_another_preprocessing_are_refused(trained, tmp_path):
    _, _, path = trained
    config = {**make_scene(tmp_path, 'other'), 'preprocessing': [{'type': 'Standardize'}]}
    runner = make_runner(tmp_path / 'work', test=config, load_from=path, bands=6)
    with pytest.raises(ValueError, match="do not fit scene 'other'"):
        runner.test()


def test_a_checkpoint_without_transforms_is_noted(trained, tmp_path, log):
    config, _, path = trained
    torch.save({'state_dict': read_checkpoint(path)['state_dict']}, tmp_path / 'plain.pth')
    runner = make_runner(tmp_path / 'work', test=config, load_from=str(tmp_path / 'plain.pth'))
    runner.test()
    assert 'The checkpoint holds no fitted transforms' in log.text


def test_each_of_several_training_scenes_gets_its_own_transforms_back(tmp_path):
    first, second = make_scene(tmp_path, 'a'), make_scene(tmp_path, 'b', seed=5)

    def with_second(dataset):
        return ConcatDataset([dataset, loader(second, 'train')['dataset']])

    runner = make_runner(tmp_path / 'work', train=first, wrap=with_second)
    runner.train()
    wanted = loader(second, 'test')['dataset'].scene.state_dict()['0.SpectralPCA.mean']
    moved = {**second, 'labels': None, 'split': None, 'fit_pixels': 50}  # another object of the same name
    runner = make_runner(tmp_path / 'work', test=moved, load_from=str(tmp_path / 'work' / 'epoch_2.pth'))
    runner.test()
    scene = runner.test_dataloader.dataset.scene
    np.testing.assert_array_equal(scene.state_dict()['0.SpectralPCA.mean'], wanted)
    assert json.loads((Path(runner.log_dir) / 'results/metrics.json').read_text())['metrics']['OA'] is None


def test_progress_is_shown_on_stderr(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv('MMHSI_PROGRESS', 'on')
    config = make_scene(tmp_path)
    runner = make_runner(
        tmp_path / 'work', train=config, test=config, hooks=[{'type': 'SceneProgressHook', 'val': True}]
    )
    handlers = list(runner.logger.handlers)
    runner.train()
    shown = capsys.readouterr().err
    assert 'val: 100%' in shown and '6/6' in shown
    runner.test()
    shown = capsys.readouterr().err
    assert 'test: 100%' in shown and '117/117' in shown and 'windows/s' in shown
    assert runner.logger.handlers == handlers


def test_progress_of_validation_is_not_shown_by_default(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv('MMHSI_PROGRESS', 'on')
    runner = make_runner(
        tmp_path / 'work', train=make_scene(tmp_path), hooks=[{'type': 'SceneProgressHook', 'unit': 'tile'}]
    )
    runner.train()
    assert 'val:' not in capsys.readouterr().err
