"""Tests of exported networks: from the values of a scene, the file computes the same as the inferencer."""

import json

import numpy as np
import pytest
import torch
from inference_cases import BANDS, CLASSES, classifier, config, save_checkpoint, segmentor, toy_cube
from mmengine.utils import digit_version

from mmhsi.apis import HSIInferencer
from mmhsi.inference import export
from mmhsi.inference.export import export_network

SIZE = 16
needs_export = pytest.mark.skipif(
    digit_version(torch.__version__) < digit_version('2.7'), reason='torch before 2.7 exports no network of mmhsi'
)
TINY = dict(embed_dims=24, num_layers=2, num_heads=3, feedforward_channels=48, full_attn_interval=2, out_indices=(0, 1))
SPECTRAL = dict(
    embed_dims=24, num_layers=1, num_heads=3, feedforward_channels=48, full_attn_interval=2, out_indices=(0,)
)


def spat_vit(in_channels: int) -> dict:
    return dict(
        type='SpatViT',
        arch=TINY,
        img_size=SIZE,
        patch_size=4,
        in_channels=in_channels,
        num_points=4,
        out_indices=(0, 1),
    )


def pca_record() -> dict:
    """The state of a Standardize and of a SpectralPCA behind it."""
    rng = np.random.default_rng(3)
    basis = np.linalg.qr(rng.normal(size=(BANDS, BANDS)))[0][:4]
    state = {
        '0.Standardize.mean': rng.uniform(1, 2, BANDS),
        '0.Standardize.std': rng.uniform(0.5, 1, BANDS),
        '1.SpectralPCA.mean': rng.normal(size=BANDS) * 0.1,
        '1.SpectralPCA.components': basis,
        '1.SpectralPCA.variance': rng.uniform(0.3, 1, 4),
    }
    return dict(scene_name='training', transforms={name: torch.from_numpy(value) for name, value in state.items()})


def seg_head(channels: tuple[int, ...]) -> dict:
    return dict(type='MultiLevelSegHead', in_channels=channels, hidden_channels=(16,), num_classes=len(CLASSES))


def hypersigma() -> dict:
    """A HyperSIGMA segmentor of 4 components, for tiles of one size."""
    return dict(
        segmentor(),
        backbone=dict(
            type='HyperSIGMA',
            spatial=spat_vit(4),
            spectral=dict(type='SpecViT', arch=SPECTRAL, img_size=SIZE, num_tokens=9, num_points=4, out_indices=(0,)),
        ),
        neck=dict(
            type='SpectralEnhancement',
            in_channels=24,
            mid_channels=16,
            out_channels=16,
            num_tokens=9,
            scales=(1, 0.5),
            gate_first=True,
        ),
        decode_head=seg_head((16, 16)),
    )


def swapped() -> dict:
    """A network that holds nothing of mmhsi but the preprocessor."""
    return dict(
        segmentor(),
        backbone=dict(type='mmpretrain.ResNet', depth=18, in_channels=BANDS, out_indices=(0, 1, 2, 3)),
        decode_head=dict(
            type='mmseg.UPerHead',
            in_channels=[64, 128, 256, 512],
            in_index=[0, 1, 2, 3],
            pool_scales=(1, 2),
            channels=16,
            num_classes=len(CLASSES),
            loss_decode=dict(type='mmseg.CrossEntropyLoss'),
        ),
    )


PCA = [dict(type='Standardize'), dict(type='SpectralPCA', n_components=4)]


def tile_case(name: str) -> tuple:
    model, scene, record = {
        'hypersigma': (hypersigma, dict(preprocessing=PCA), pca_record()),
        'spat-vit': (lambda: dict(segmentor(), backbone=spat_vit(BANDS), decode_head=seg_head((24, 24))), None, None),
        'swapped': (swapped, None, None),
    }[name]
    return config(model(), scene, tile_size=SIZE, overlap=4), record


def run_onnx(path, images: np.ndarray) -> np.ndarray:
    onnxruntime = pytest.importorskip('onnxruntime')
    return onnxruntime.InferenceSession(str(path), providers=['CPUExecutionProvider']).run(None, {'image': images})[0]


def run_program(path, images: np.ndarray) -> np.ndarray:
    return torch.export.load(path).module()(torch.from_numpy(images)).detach().numpy()


@needs_export
@pytest.mark.parametrize(
    'name, form', [('hypersigma', 'onnx'), ('spat-vit', 'onnx'), ('swapped', 'onnx'), ('hypersigma', 'torch-export')]
)
def test_tiles_give_what_the_inferencer_gives(tmp_path, name, form):
    if form == 'onnx':
        pytest.importorskip('onnxscript')
    cfg, record = tile_case(name)
    weights = save_checkpoint(tmp_path / 'toy.pth', cfg, record)
    path = tmp_path / f'toy{export.FORMATS[form]}'
    described = export_network(cfg, weights, path, form)
    assert described['error'] <= 1e-5 and described['classes'] == list(CLASSES)
    assert described['input_shape'][1:] == [BANDS, SIZE, SIZE]

    cubes = [toy_cube(SIZE, SIZE, seed=seed) for seed in range(2)]
    inferencer = HSIInferencer(cfg, weights, 'cpu', show_progress=False)
    expected = [inferencer(cube, scores=True)['predictions'][0]['scores'] for cube in cubes]
    run = run_onnx if form == 'onnx' else run_program
    images = np.stack(cubes).transpose(0, 3, 1, 2)
    if described['input_shape'][0] == 'batch':
        found = run(path, images)
    else:
        found = np.concatenate([run(path, image[None]) for image in images])
    np.testing.assert_allclose(found, np.stack(expected), atol=1e-5)


@needs_export
def test_windows_give_what_the_inferencer_gives_and_the_file_describes_itself(tmp_path):
    onnx = pytest.importorskip('onnx')
    pytest.importorskip('onnxscript')
    cfg = config(dict(classifier(), backbone=spat_vit(BANDS), neck=dict(type='mmpretrain.GlobalAveragePooling')))
    cfg.model.head.in_channels = 24
    cfg.model.backbone.out_indices = None
    cfg.test_dataloader.dataset.window_size = SIZE
    weights = save_checkpoint(tmp_path / 'toy.pth', cfg)
    path = tmp_path / 'toy.onnx'
    export_network(cfg, weights, path, input_scale=255)

    cube = toy_cube(2 * SIZE, 2 * SIZE)
    inferencer = HSIInferencer(cfg, weights, 'cpu', show_progress=False)
    expected = inferencer(cube, scores=True)['predictions'][0]['scores'][:, SIZE, SIZE]
    window = cube[SIZE // 2 : SIZE // 2 + SIZE, SIZE // 2 : SIZE // 2 + SIZE].transpose(2, 0, 1)[None]
    np.testing.assert_allclose(run_onnx(path, window / 255)[0], expected, atol=1e-5)

    entries = {entry.key: json.loads(entry.value) for entry in onnx.load(path).metadata_props}
    assert entries['mmhsi']['input'] == 'windows around a pixel' and entries['mmhsi']['input_scale'] == 255
    assert 'model_type' not in entries  # Deepness takes images for images


@needs_export
def test_file_of_tiles_has_the_entries_of_deepness(tmp_path):
    onnx = pytest.importorskip('onnx')
    pytest.importorskip('onnxscript')
    cfg = config(segmentor(), tile_size=SIZE, overlap=4)
    path = tmp_path / 'toy.onnx'
    export_network(cfg, save_checkpoint(tmp_path / 'toy.pth', cfg), path)
    entries = {entry.key: json.loads(entry.value) for entry in onnx.load(path).metadata_props}
    assert (entries['model_type'], entries['tiles_size'], entries['tiles_overlap']) == ('Segmentor', SIZE, 25)
    assert entries['class_names'] == {str(index): name for index, name in enumerate(CLASSES)}


def test_a_torch_that_is_too_old_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(torch, '__version__', '2.6.0')
    with pytest.raises(ImportError, match='torch 2.7 or later must be installed, and this is 2.6.0: pip install --upg'):
        export_network(config(segmentor(), tile_size=SIZE), None, tmp_path / 'toy.pt2', 'torch-export')


@needs_export
def test_what_cannot_be_exported_is_a_sentence(tmp_path, monkeypatch):
    cfg = config(segmentor(), tile_size=SIZE)
    weights = save_checkpoint(tmp_path / 'toy.pth', cfg)
    with pytest.raises(ValueError, match="format is 'tflite', expected one of onnx, torch-export"):
        export_network(cfg, weights, tmp_path / 'toy.tflite', 'tflite')
    monkeypatch.setattr(export.importlib.util, 'find_spec', lambda name: None)
    with pytest.raises(ImportError, match=r'onnx and onnxscript and onnxruntime must be installed.*mmhsi\[export\]'):
        export_network(cfg, weights, tmp_path / 'toy.onnx')
    monkeypatch.undo()
    other = config(segmentor(), tile_size=SIZE)
    unfitted = save_checkpoint(tmp_path / 'unfitted.pth', other, record={'transforms': {}})
    with pytest.raises(ValueError, match='Standardize'):
        export_network(other, unfitted, tmp_path / 'toy.pt2', 'torch-export')
