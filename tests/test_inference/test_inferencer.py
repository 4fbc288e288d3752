"""The inferencer: prediction of whole scenes part by part against the network on the whole scene, for all families."""

import json
import logging
import os
import resource
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from inference_cases import (
    BANDS,
    CLASSES,
    PALETTE,
    classifier,
    config,
    save_checkpoint,
    segmentor,
    standardize_state,
    toy_cube,
)
from mmengine.config import Config
from rasterio.transform import from_origin
from scipy.special import softmax
from scipy.stats import entropy

from mmhsi.apis import HSIInferencer, init_model
from mmhsi.datasets import read_spectra, write_raster
from mmhsi.datasets.io import CubeInfo
from mmhsi.models.restorers import restore_by_tiles
from mmhsi.registry import INFERENCERS
from mmhsi.utils.imresize import imresize
from mmhsi.utils.tiling import TileGrid
from mmhsi.utils.windows import crop_window
from mmhsi.weights.checkpoint_file import read_checkpoint

HEIGHT, WIDTH = 45, 52


def build(folder, cfg, memory=2**30, **checkpoint) -> HSIInferencer:
    """The inferencer of a model with random weights."""
    weights = save_checkpoint(folder / 'toy.pth', cfg, **checkpoint)
    return HSIInferencer(cfg, weights, device='cpu', show_progress=False, memory=memory)


def standardized(cube: np.ndarray) -> torch.Tensor:
    """A cube behind the preprocessing of the training, (1, C, H, W) float32."""
    state = {name: value.numpy().astype(np.float32) for name, value in standardize_state(cube.shape[-1]).items()}
    values = (cube - state['0.Standardize.mean']) / (state['0.Standardize.std'] + np.float32(1e-6))
    return torch.from_numpy(values.transpose(2, 0, 1)[None])


@torch.no_grad()
def whole(inferencer: HSIInferencer, cube: np.ndarray) -> np.ndarray:
    """Probabilities (K, H, W) of a segmentor that is given the scene in one piece."""
    image = standardized(cube)
    logits = inferencer.model.decode_head(inferencer.model.backbone(image))
    return logits.softmax(dim=1)[0].numpy()


def write_scene(path, cube, nodata=None, wavelengths=None) -> CubeInfo:
    """Write a georeferenced GeoTIFF."""
    height, width, bands = cube.shape
    info = CubeInfo(
        '',
        'raster',
        height,
        width,
        bands,
        cube.dtype,
        crs=rasterio.crs.CRS.from_epsg(32633).to_wkt(),
        transform=tuple(from_origin(500000, 5800000, 30, 30))[:6],
    )
    write_raster(path, cube, like=info, nodata=nodata, wavelengths=wavelengths)
    return info


class Interruption(Exception):
    """Stands for whatever ends a process."""


def stop_after(monkeypatch, inferencer: HSIInferencer, batches: int | None) -> list:
    """Let the network fail after a number of batches; returns the list that counts them."""
    module = inferencer.model.backbone
    forward, calls = module.layers.forward, []

    def limited(x):
        calls.append(len(x))
        if batches is not None and len(calls) > batches:
            raise Interruption
        return forward(x)

    monkeypatch.setattr(module.layers, 'forward', limited)
    return calls


@pytest.mark.parametrize('blend, overlap', [('overwrite', 4), ('smooth', 8), ('smooth', 11)])
def test_tiles_equal_the_whole_scene(tmp_path, blend, overlap):
    inferencer = build(tmp_path, config(segmentor(), tile_size=16, overlap=4))
    cube = toy_cube(HEIGHT, WIDTH)
    (result,) = inferencer(cube, overlap=overlap, blend=blend, scores=True)['predictions']
    expected = whole(inferencer, cube)
    np.testing.assert_allclose(result['scores'], expected, atol=2e-6)
    np.testing.assert_array_equal(result['classes'], expected.argmax(axis=0))
    assert result['task'] == 'classification'


def test_averaged_tiles_differ_where_their_borders_count(tmp_path):
    inferencer = build(tmp_path, config(segmentor(), tile_size=16, overlap=4))
    cube = toy_cube(HEIGHT, WIDTH)
    (result,) = inferencer(cube, blend='average', scores=True)['predictions']
    difference = np.abs(result['scores'] - whole(inferencer, cube)).max(axis=0)
    assert difference.max() > 1e-3
    assert difference[:8, :8].max() < 2e-6  # far from the next tiles


@pytest.mark.parametrize('memory', [2**20, 2**30])
def test_strips_of_a_wide_scene_join_without_a_seam(tmp_path, memory):
    inferencer = build(tmp_path, config(segmentor(), tile_size=16, overlap=8), memory=memory)
    inferencer.memory = memory // 64
    cube = toy_cube(20, 150)
    (result,) = inferencer(cube, blend='smooth', scores=True)['predictions']
    np.testing.assert_allclose(result['scores'], whole(inferencer, cube), atol=2e-6)


@pytest.mark.parametrize(
    'shape, kind, settings',
    [
        ((HEIGHT, WIDTH), 'mmseg.EncoderDecoder', {}),
        ((HEIGHT, WIDTH), 'SlidingEncoderDecoder', dict(repeat_border_windows=True)),
        ((13, 27), 'SlidingEncoderDecoder', dict(padding='zeros')),
        ((13, 7), 'SlidingEncoderDecoder', {}),
    ],
)
def test_sliding_windows_of_a_segmentor_are_joined_as_its_own_test_does(tmp_path, shape, kind, settings):
    test_cfg = dict(mode='slide', crop_size=(16, 16), stride=(10, 12), **settings)
    cfg = config(dict(segmentor(test_cfg=test_cfg), type=kind), type='WholeSceneDataset')
    inferencer = build(tmp_path, cfg)
    cube = toy_cube(*shape)
    (result,) = inferencer(cube, scores=True)['predictions']
    image = standardized(cube)
    with torch.no_grad():
        logits = inferencer.model.inference(image, [dict(ori_shape=image.shape[2:], img_shape=image.shape[2:])])
    np.testing.assert_allclose(result['scores'], logits.softmax(dim=1)[0].numpy(), atol=2e-6)


@pytest.mark.parametrize(
    'window, pad_mode, memory', [(5, 'constant', 2**30), (4, 'symmetric', 2**18), (5, 'reflect', 2**13)]
)
def test_windows_equal_a_loop_over_the_pixels(tmp_path, window, pad_mode, memory):
    cfg = config(classifier(), type='WindowDataset', window_size=window, pad_mode=pad_mode)
    inferencer = build(tmp_path, cfg)
    inferencer.memory = memory
    cube = toy_cube(13, 17)
    cube[3, 4, 2] = np.nan
    (result,) = inferencer(cube, scores=True, batch_size=7)['predictions']
    image = standardized(cube)[0].permute(1, 2, 0).numpy()
    image[3, 4] = 0  # what holds no data is 0 behind the preprocessing
    windows = np.stack(
        [
            crop_window(image, row - window // 2, col - window // 2, window, window, pad_mode)
            for row in range(13)
            for col in range(17)
        ]
    )
    with torch.no_grad():
        logits = inferencer.model(torch.from_numpy(windows).permute(0, 3, 1, 2), mode='tensor')
    expected = logits.softmax(dim=1).T.reshape(3, 13, 17).numpy()
    known = np.ones((13, 17), bool)
    known[3, 4] = False
    np.testing.assert_allclose(result['scores'][:, known], expected[:, known], atol=2e-6)
    np.testing.assert_array_equal(result['classes'], np.where(known, expected.argmax(axis=0), 255))
    assert np.isnan(result['scores'][:, 3, 4]).all()


@pytest.mark.parametrize('protocol', ['tiles', 'windows'])
def test_uncertainty_is_a_product(tmp_path, protocol):
    cfg = (
        config(segmentor(), tile_size=16, overlap=8)
        if protocol == 'tiles'
        else config(classifier(), type='WindowDataset', window_size=5)
    )
    inferencer = build(tmp_path, cfg)
    cube = toy_cube(20, 18)
    cube[3, 4, 2] = np.nan
    (plain,) = inferencer(cube, tmp_path / 'out', pictures=False)['predictions']
    (result,) = inferencer(cube, tmp_path / 'out', scores=True, uncertainty=True)['predictions']
    assert 'uncertainty' not in plain and 'skipped' not in result  # finished before, but without it
    known = np.ones((20, 18), bool)
    known[3, 4] = False
    confidence, doubt = result['uncertainty']
    np.testing.assert_allclose(confidence[known], result['scores'].max(axis=0)[known], rtol=1e-6)
    np.testing.assert_allclose(doubt[known], entropy(result['scores'][:, known], base=3), atol=1e-5)
    assert np.isnan(result['uncertainty'][:, 3, 4]).all()
    with rasterio.open(result['files']['uncertainty']) as product:
        assert product.descriptions == ('confidence', 'entropy')
        np.testing.assert_array_equal(product.read(), result['uncertainty'])
    assert {'confidence_picture', 'entropy_picture'} < set(result['files'])


def test_a_scene_smaller_than_a_tile(tmp_path):
    inferencer = build(tmp_path, config(segmentor(), tile_size=32, overlap=4))
    cube = toy_cube(7, 5)  # the tile is mirrored several times
    (result,) = inferencer(cube)['predictions']
    padded = np.pad(cube, ((0, 25), (0, 27), (0, 0)), mode='reflect')
    np.testing.assert_array_equal(result['classes'], whole(inferencer, padded).argmax(axis=0)[:7, :5])


def test_class_map_is_a_georeferenced_raster_with_colours_and_names(tmp_path):
    inferencer = build(tmp_path, config(segmentor(), tile_size=16, overlap=8))
    cube = toy_cube(HEIGHT, WIDTH)
    cube[:3, :4] = -9999
    info = write_scene(tmp_path / 'scene.tif', cube, nodata=-9999)
    (result,) = inferencer(str(tmp_path / 'scene.tif'), tmp_path / 'out', scores=True)['predictions']
    names = {path.name for path in (tmp_path / 'out').iterdir()}
    assert names == {
        'scene_classes.tif',
        'scene_classes.tif.aux.xml',
        'scene_scores.tif',
        'scene_classes.png',
        'scene_false_colour.png',
        'scene_prediction.json',
    }
    with rasterio.open(result['files']['classes']) as product:
        stored = product.read(1)
        assert product.nodata == 0 and product.dtypes == ('uint8',)
        assert product.crs.to_epsg() == 32633 and tuple(product.transform)[:6] == info.transform
        assert [product.colormap(1)[value][:3] for value in range(4)] == [(0, 0, 0), *PALETTE]
        assert {f'class_{value}': name for value, name in enumerate(('no data', *CLASSES))}.items() <= product.tags(
            1
        ).items()
    assert '<Category>roof &amp; &lt;road&gt;</Category>' in (tmp_path / 'out/scene_classes.tif.aux.xml').read_text()
    assert (stored[:3, :4] == 0).all() and np.count_nonzero(stored == 0) == 12
    np.testing.assert_array_equal(np.where(stored == 0, 255, stored - 1), result['classes'])
    with rasterio.open(result['files']['scores']) as product:
        assert product.descriptions == CLASSES and np.isnan(product.nodata)
        np.testing.assert_array_equal(product.read(), result['scores'])
    summary = json.loads((tmp_path / 'out/scene_prediction.json').read_text())
    assert summary['pixels'] == {
        name: int(np.count_nonzero(stored == value)) for value, name in enumerate(('no data', *CLASSES))
    }
    assert summary['georeferenced'] is True


def test_envi_products(tmp_path):
    inferencer = build(tmp_path, config(segmentor(), tile_size=16, overlap=8))
    write_scene(tmp_path / 'scene.tif', toy_cube(HEIGHT, WIDTH))
    (result,) = inferencer(tmp_path / 'scene.tif', tmp_path / 'out', driver='ENVI', pictures=False)['predictions']
    header = (tmp_path / 'out/scene_classes.hdr').read_text()
    assert 'class names = {no data, water, grass' in header and 'ENVI Classification' in header
    assert 'class lookup = {0, 0, 0, 10, 20, 30' in header
    with rasterio.open(result['files']['classes']) as product:
        assert product.driver == 'ENVI' and product.crs.to_epsg() == 32633
        np.testing.assert_array_equal(product.read(1) - 1, result['classes'])


def test_a_scene_without_georeference_says_so(tmp_path, caplog):
    inferencer = build(tmp_path, config(segmentor(), tile_size=16, overlap=8))
    np.save(tmp_path / 'scene.npy', toy_cube(HEIGHT, WIDTH))
    with caplog.at_level(logging.INFO):
        (result,) = inferencer(tmp_path / 'scene.npy', tmp_path / 'out', pictures=False)['predictions']
    assert result['summary']['georeferenced'] is False
    with rasterio.open(result['files']['classes']) as product:
        assert product.crs is None


@pytest.mark.parametrize('protocol', ['tiles', 'windows'])
def test_an_interrupted_prediction_goes_on(tmp_path, monkeypatch, protocol):
    monkeypatch.setattr('mmhsi.inference.staging._SECONDS', 0.0)
    if protocol == 'tiles':
        cfg = config(segmentor(), tile_size=16, overlap=8)
    else:
        cfg = config(classifier(), type='WindowDataset', window_size=3)
    inferencer = build(tmp_path, cfg)
    inferencer.memory = 2**16
    write_scene(tmp_path / 'scene.tif', toy_cube(HEIGHT, WIDTH))
    inputs = dict(inputs=str(tmp_path / 'scene.tif'), pictures=False, scores=True, batch_size=8)
    (expected,) = inferencer(**inputs)['predictions']

    with monkeypatch.context() as patch:
        calls = stop_after(patch, inferencer, None)
        inferencer(**inputs)
        total = len(calls)
    with monkeypatch.context() as patch:
        stop_after(patch, inferencer, total // 2)
        with pytest.raises(Interruption):
            inferencer(out_dir=tmp_path / 'out', **inputs)
    assert {path.name for path in (tmp_path / 'out').iterdir()} == {'.scene.part'}
    with monkeypatch.context() as patch:
        calls = stop_after(patch, inferencer, None)
        (result,) = inferencer(out_dir=tmp_path / 'out', **inputs)['predictions']
        assert len(calls) < 0.8 * total
    assert result['summary']['resumed_after_part'] > 0
    np.testing.assert_allclose(result['scores'], expected['scores'], atol=1e-6)
    assert not (tmp_path / 'out/.scene.part').exists()

    with monkeypatch.context() as patch:
        calls = stop_after(patch, inferencer, None)
        (again,) = inferencer(out_dir=tmp_path / 'out', **inputs)['predictions']
        assert again['skipped'] and not calls
        inferencer(out_dir=tmp_path / 'out', gis=True, **inputs)  # what a finished scene lacks is added
        assert not calls
        assert {path.name for path in (tmp_path / 'out').glob('*.qml')} == {'scene_classes.qml', 'scene_scores.qml'}
        inferencer(out_dir=tmp_path / 'out', overwrite=True, **inputs)
        assert calls


def test_a_changed_setting_starts_anew(tmp_path, monkeypatch):
    inferencer = build(tmp_path, config(segmentor(), tile_size=16, overlap=8))
    write_scene(tmp_path / 'scene.tif', toy_cube(HEIGHT, WIDTH))
    with monkeypatch.context() as patch:
        stop_after(patch, inferencer, 3)
        with pytest.raises(Interruption):
            inferencer(tmp_path / 'scene.tif', tmp_path / 'out', batch_size=4)
    (result,) = inferencer(tmp_path / 'scene.tif', tmp_path / 'out', blend='smooth', scores=True)['predictions']
    assert 'resumed_after_part' not in result['summary']
    np.testing.assert_allclose(result['scores'], whole(inferencer, toy_cube(HEIGHT, WIDTH)), atol=2e-6)
    # a finished scene is predicted again if it has changed
    write_scene(tmp_path / 'scene.tif', toy_cube(HEIGHT, WIDTH, seed=1))
    (again,) = inferencer(tmp_path / 'scene.tif', tmp_path / 'out', blend='smooth', scores=True)['predictions']
    assert 'skipped' not in again and not np.array_equal(again['classes'], result['classes'])


def _vrt(folder: Path) -> Path:
    """A virtual raster of a scene beside it, named in the way that some programs write."""
    band = (
        '<VRTRasterBand dataType="Float32" band="{0}"><SimpleSource><SourceFilename relativeToVRT="1">'
        '<![CDATA[scene.tif]]></SourceFilename><SourceBand>{0}</SourceBand></SimpleSource></VRTRasterBand>'
    )
    bands = ''.join(band.format(number + 1) for number in range(BANDS))
    path = folder / 'scene.vrt'
    path.write_text(f'<VRTDataset rasterXSize="{WIDTH}" rasterYSize="{HEIGHT}">{bands}</VRTDataset>')
    return path


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _zero(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def _summary(path: Path, **changes) -> None:
    path.write_text(json.dumps(dict(json.loads(path.read_text()), **changes)))


FINISHED = {  # change: (file of the scene, what is changed in its folder, options of the second prediction)
    'source_of_a_vrt': ('scene.vrt', lambda at: write_scene(at / 'scene.tif', toy_cube(HEIGHT, WIDTH, seed=1)), {}),
    'header_in_capitals': ('raw.img', lambda at: at.joinpath('raw.HDR').open('a').write('data ignore value = 3\n'), {}),
    'wavelengths_beside': ('scene.tif', lambda at: (at / 'scene.xml').write_text('<wavelength>5</wavelength>'), {}),
    'product_cut': ('scene.tif', lambda at: _cut(at / 'out/scene_classes.tif'), {}),
    'foreign_product': ('scene.tif', lambda at: (at / 'out/scene_classes.tif').write_text('x'), {}),
    'files_elsewhere': (
        'scene.tif',
        lambda at: _summary(at / 'out/scene_prediction.json', files={'a': '../a.tif'}),
        {},
    ),
    'product_of_zeros': ('scene.tif', lambda at: _zero(at / 'out/scene_classes.tif'), {}),
    'sizes_in_a_list': ('scene.tif', lambda at: _summary(at / 'out/scene_prediction.json', bytes=[1]), {}),
    'sizes_below_zero': (
        'scene.tif',
        lambda at: _summary(at / 'out/scene_prediction.json', bytes={'scene_classes.tif': -1}),
        {},
    ),
    'files_in_a_list': ('scene.tif', lambda at: _summary(at / 'out/scene_prediction.json', files=['a']), {}),
    'deep_summary': ('scene.tif', lambda at: (at / 'out/scene_prediction.json').write_text('[' * 10**5), {}),
    'another_format': ('scene.tif', lambda at: None, dict(driver='COG')),
    'nothing': ('scene.tif', lambda at: None, {}),
}


def test_what_counts_as_finished(tmp_path):
    inferencer = build(tmp_path, config(segmentor(), tile_size=16, overlap=8))
    cube = toy_cube(HEIGHT, WIDTH)
    for name, (scene, change, options) in FINISHED.items():
        folder = tmp_path / name
        folder.mkdir()
        write_scene(folder / 'scene.tif', cube)
        _vrt(folder)
        (folder / 'raw.img').write_bytes(cube.tobytes())
        (folder / 'raw.HDR').write_text(
            f'ENVI\nsamples = {WIDTH}\nlines = {HEIGHT}\nbands = {BANDS}\ndata type = 4\ninterleave = bip\n'
        )
        found = []
        for number in range(3):
            more = options if number else {}
            (result,) = inferencer(folder / scene, folder / 'out', pictures=False, **more)['predictions']
            found.append('skipped' in result)
            if not number:
                change(folder)
        assert found == [False, name == 'nothing', True], name


def test_the_parts_of_a_prediction_are_not_kept_behind_a_link(tmp_path):
    inferencer = build(tmp_path, config(segmentor(), tile_size=16, overlap=8))
    write_scene(tmp_path / 'scene.tif', toy_cube(HEIGHT, WIDTH))
    (tmp_path / 'precious').mkdir()
    (tmp_path / 'precious/file').write_text('kept')
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out/.scene.part').symlink_to(tmp_path / 'precious')
    (tmp_path / 'precious.json').write_text('kept')
    with pytest.raises(OSError, match=r'\.scene\.part: it is a link'):
        inferencer(tmp_path / 'scene.tif', tmp_path / 'out', pictures=False)
    (tmp_path / 'out/.scene.part').unlink()
    (tmp_path / 'out/scene_prediction.json.part').symlink_to(tmp_path / 'precious.json')
    inferencer(tmp_path / 'scene.tif', tmp_path / 'out', pictures=False)
    assert (tmp_path / 'precious/file').read_text() == (tmp_path / 'precious.json').read_text() == 'kept'


def test_a_full_disk_fails_its_scene_alone(tmp_path):
    inferencer = build(tmp_path, config(segmentor(), tile_size=16, overlap=8))
    for name, side in (('a_large', 200), ('b_small', 20)):
        np.save(tmp_path / f'{name}.npy', toy_cube(side, side))
    scenes = [tmp_path / 'a_large.npy', tmp_path / 'b_small.npy']
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        large, small = inferencer(scenes, tmp_path / 'out', scores=True, pictures=False, on_error='continue')[
            'predictions'
        ]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "the layer 'scores' of 0.5 MiB cannot be written: File too large" in large['error']
    assert small['classes'].shape == (20, 20) and Path(small['files']['scores']).is_file()
    (again,) = inferencer(scenes[:1], tmp_path / 'out', scores=True, pictures=False)['predictions']
    np.testing.assert_array_equal(again['classes'], whole(inferencer, toy_cube(200, 200)).argmax(axis=0))


def test_a_scene_that_is_cut_off_while_it_is_predicted_fails_alone(tmp_path, monkeypatch):
    inferencer = build(tmp_path, config(segmentor(), tile_size=16, overlap=8))
    inferencer.memory = 2**16
    for name in 'ab':
        np.save(tmp_path / f'{name}.npy', toy_cube(HEIGHT, WIDTH))
    layers, calls = inferencer.model.backbone.layers, []
    forward = layers.forward

    def cut_off(x):
        calls.append(len(x))
        if len(calls) == 3:
            os.truncate(tmp_path / 'a.npy', 4096)
        return forward(x)

    monkeypatch.setattr(layers, 'forward', cut_off)
    first, second = inferencer(
        [tmp_path / 'a.npy', tmp_path / 'b.npy'], tmp_path / 'out', batch_size=2, pictures=False, on_error='continue'
    )['predictions']
    assert 'a.npy: the file was truncated while it was read' in first['error']
    assert second['classes'].shape == (HEIGHT, WIDTH)


def test_change_detection_of_pairs(tmp_path):
    cfg = config(segmentor(2 * BANDS, 2), dict(type='PairScene', joint=False), tile_size=16, overlap=8)
    first, second = standardize_state(seed=0), standardize_state(seed=1)
    record = dict(
        scene_name='pair',
        transforms={
            f'{date}.{name}': value
            for date, state in (('first', first), ('second', second))
            for name, value in state.items()
        },
    )
    inferencer = build(tmp_path, cfg, record=record, meta={})
    cubes = toy_cube(HEIGHT, WIDTH), toy_cube(HEIGHT, WIDTH, seed=1)
    (result,) = inferencer(cubes, blend='smooth', scores=True)['predictions']
    state = {name: value.numpy().astype(np.float32) for name, value in second.items()}
    later = (cubes[1] - state['0.Standardize.mean']) / (state['0.Standardize.std'] + np.float32(1e-6))
    image = torch.cat([standardized(cubes[0]), torch.from_numpy(later.transpose(2, 0, 1)[None])], dim=1)
    with torch.no_grad():
        logits = inferencer.model.decode_head(inferencer.model.backbone(image))[0]
    np.testing.assert_allclose(result['scores'], logits.softmax(dim=0)[1].numpy(), atol=2e-6)
    np.testing.assert_array_equal(result['classes'], logits.argmax(dim=0).numpy())

    for date, cube in zip('ab', cubes, strict=True):
        (tmp_path / date).mkdir()
        write_scene(tmp_path / date / 'field.tif', cube)
    pair = str(tmp_path / 'a'), str(tmp_path / 'b')
    (written,) = inferencer(pair, tmp_path / 'out', blend='smooth')['predictions']
    np.testing.assert_array_equal(written['classes'], result['classes'])
    with rasterio.open(written['files']['classes']) as product:
        assert product.tags(1)['class_2'] == 'changed' and product.colormap(1)[2][:3] == (255, 255, 255)
    assert (tmp_path / 'out/field_false_colour_2.png').is_file()

    with pytest.raises(ValueError, match='compares two dates: expected a pair of scenes'):
        inferencer(cubes[0])
    with pytest.raises(ValueError, match='same pixels: .* has 45 x 52, .* has 44 x 52'):
        inferencer((cubes[0], cubes[1][1:]))
    np.save(tmp_path / 'b/alone.npy', cubes[0])
    with pytest.raises(ValueError, match='found alone.npy in only one'):
        inferencer(pair)


def test_target_detection(tmp_path):
    model = segmentor()
    model['decode_head'] = dict(type='TargetDetectionHead', in_channels=8, num_bands=BANDS, in_index=0)
    cfg = config(
        model, dict(type='DetectionScene'), dict(type='SceneDetectionMetric', score='margin'), tile_size=16, overlap=8
    )
    inferencer = build(tmp_path, cfg, meta=dict(classes=('background', 'target')))
    cube, spectrum = toy_cube(HEIGHT, WIDTH), np.linspace(1, 3, BANDS)
    (result,) = inferencer(cube, target_spectrum=spectrum, blend='smooth')['predictions']
    with torch.no_grad():
        features = inferencer.model.backbone(standardized(cube))
        known = standardized(spectrum.astype(np.float32)[None, None])[0, :, 0].T
        score = inferencer.model.decode_head.scores(features, known)[0].numpy()
    np.testing.assert_allclose(result['scores'], 2 * score - 1, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(result['detected'], result['scores'] > 0)

    np.savetxt(tmp_path / 'target.csv', spectrum)
    write_scene(tmp_path / 'scene.tif', cube)
    (written,) = inferencer(
        tmp_path / 'scene.tif', tmp_path / 'out', target_spectrum=tmp_path / 'target.csv', blend='smooth'
    )['predictions']
    np.testing.assert_allclose(written['scores'], result['scores'], rtol=1e-5, atol=1e-5)
    assert {'scores', 'detected', 'scores_picture', 'detected_picture'} <= set(written['files'])
    with pytest.raises(ValueError, match='needs a target spectrum; give target_spectrum'):
        inferencer(cube)
    with pytest.raises(ValueError, match=r'has the shape \(5,\), expected \(6,\)'):
        inferencer(cube, target_spectrum=spectrum[:5])


def test_anomaly_detection_by_raw_logits(tmp_path):
    cfg = config(
        segmentor(num_classes=2),
        dict(type='DetectionScene', classes=('background', 'anomaly')),
        dict(type='SceneDetectionMetric', score='logit'),
        tile_size=16,
        overlap=8,
    )
    inferencer = build(tmp_path, cfg, meta={})
    cube = toy_cube(HEIGHT, WIDTH)
    (result,) = inferencer(cube, blend='smooth')['predictions']
    with torch.no_grad():
        logits = inferencer.model.decode_head(inferencer.model.backbone(standardized(cube)))[0].numpy()
    np.testing.assert_allclose(result['scores'], logits[1], atol=1e-5)
    np.testing.assert_array_equal(result['detected'], logits[1] > logits[0])
    with pytest.raises(ValueError, match='the model does not use one'):
        inferencer(cube, target_spectrum=np.ones(BANDS))


def test_unmixing(tmp_path):
    model = dict(
        type='Unmixer',
        data_preprocessor=dict(type='HSIDataPreprocessor'),
        backbone=dict(type='ToyBackbone', channels=8),
        head=dict(type='AbundanceHead', in_channels=(8,), channels=8, kernel_sizes=(3,), num_endmembers=3),
        decoder=dict(type='EndmemberDecoder', num_endmembers=3, num_bands=BANDS),
    )
    scene = dict(type='UnmixingScene', preprocessing=[dict(type='ScaleValues', factor=0.5)])
    cfg = config(model, scene, tile_size=32, overlap=16)
    inferencer = build(tmp_path, cfg, record=dict(scene_name='x', transforms={}))
    cube = np.abs(toy_cube(40, 40))
    waves = np.linspace(450, 900, BANDS)
    write_scene(tmp_path / 'scene.tif', cube, wavelengths=waves)
    (result,) = inferencer(tmp_path / 'scene.tif', tmp_path / 'out')['predictions']
    with torch.no_grad():
        expected = inferencer.model(torch.from_numpy(cube.transpose(2, 0, 1)[None, :, :32, :32] / 2))[0][0].numpy()
    np.testing.assert_allclose(result['abundances'][:, :8, :8], expected[:, :8, :8], atol=1e-5)
    np.testing.assert_allclose(result['abundances'].sum(axis=0), 1, atol=1e-5)
    # the endmembers are written in the units of the file
    np.testing.assert_allclose(result['endmembers'], 2 * inferencer.model.endmembers.detach().numpy().T, rtol=1e-6)
    for name in ('endmembers', 'spectral_library'):
        library = read_spectra(result['files'][name])
        assert library.names == ('water', 'grass', 'roof & <road>')
        np.testing.assert_allclose(library.values, result['endmembers'], rtol=1e-6)
        np.testing.assert_allclose(library.wavelengths, waves)
    with rasterio.open(result['files']['abundances']) as product:
        assert product.descriptions[0] == 'water'
        np.testing.assert_array_equal(product.read(), result['abundances'])
    assert {'abundances_picture', 'endmembers_picture', 'false_colour_picture'} <= set(result['files'])


def test_a_network_of_one_size_is_given_tiles_of_that_size(tmp_path):
    """Four tiles, by a network with a spectral branch that is tested on whole images, which all have its size."""
    arch = dict(embed_dims=8, num_layers=2, num_heads=2, full_attn_interval=2, out_indices=(1,))
    model = dict(
        type='mmseg.EncoderDecoder',
        data_preprocessor=dict(type='HSIDataPreprocessor'),
        backbone=dict(
            type='HyperSIGMA',
            spatial=dict(type='SpatViT', arch=arch, img_size=16, patch_size=4, in_channels=BANDS),
            spectral=dict(type='SpecViT', arch=arch, img_size=16, num_tokens=4),
        ),
        neck=dict(type='SpectralEnhancement', in_channels=8, num_tokens=4, out_channels=8, scales=(1,)),
        decode_head=dict(type='PixelSegHead', in_channels=8, num_classes=len(CLASSES)),
        test_cfg=dict(mode='whole'),
    )
    inferencer = build(tmp_path, config(model, type='WholeSceneDataset'))
    cube = toy_cube(28, 28)
    (result,) = inferencer(cube, scores=True)['predictions']
    image, grid = standardized(cube), TileGrid(16, 4, 'smooth')
    with torch.no_grad():
        meta = dict(ori_shape=(16, 16), img_shape=(16, 16))
        tiles = [
            inferencer.model.inference(image[..., top : top + 16, left : left + 16], [meta])
            for top, left in grid.positions(28, 28).tolist()
        ]
    tiles = [tile[0].permute(1, 2, 0).numpy() for tile in tiles]
    wanted = grid.stitch(tiles, grid.positions(28, 28), (28, 28)).transpose(2, 0, 1)
    assert len(tiles) == 4
    np.testing.assert_allclose(result['scores'], softmax(wanted, axis=0), atol=2e-6)
    with pytest.raises(ValueError, match='does not accept 20 x 20 pixels of 6 bands.*built for 16x16 pixels'):
        inferencer(cube, tile_size=20)


TINY_VIT = dict(
    type='SpatViT',
    img_size=16,
    patch_size=1,
    in_channels=BANDS,
    out_indices=(0,),
    arch=dict(embed_dims=8, num_layers=1, num_heads=2, full_attn_interval=1),
)


@pytest.mark.parametrize('scale, shape', [(1, (HEIGHT, WIDTH)), (1, (9, 25)), (2, (HEIGHT, WIDTH))])
def test_restored_scenes_are_those_of_the_test(tmp_path, scale, shape):
    if scale == 2:
        pytest.importorskip('mmagic', reason='mmagic is not installed')
    edsr = dict(
        type='mmagic.EDSRNet',
        in_channels=BANDS,
        out_channels=BANDS,
        mid_channels=4,
        num_blocks=1,
        upscale_factor=2,
        rgb_mean=[0.0] * BANDS,
        rgb_std=[1.0] * BANDS,
    )
    generators = {
        1: dict(
            type='RestorationNet', head=dict(type='RestorationHead', num_bands=BANDS, in_channels=8), backbone=TINY_VIT
        ),
        2: dict(type='BicubicResidual', network=edsr, scale=2),
    }
    model = dict(
        type='TiledEditModel',
        data_preprocessor=dict(type='RestorationDataPreprocessor'),
        generator=generators[scale],
        pixel_loss=dict(type='MSELoss'),
        train_cfg=dict(),
        test_cfg=dict(tile_size=16, overlap=6),
    )
    inferencer = build(tmp_path, config(model, type='CropDataset'), meta={})
    cube = toy_cube(*shape)
    (result,) = inferencer(cube)['predictions']
    with torch.no_grad():
        restored = restore_by_tiles(inferencer.model.generator, standardized(cube), (16, 16), 6)
    state = standardize_state()
    wanted = restored[0].permute(1, 2, 0).numpy() * (state['0.Standardize.std'].numpy() + 1e-6)
    wanted = wanted + state['0.Standardize.mean'].numpy()
    assert result['restored'].shape == (scale * shape[0], scale * shape[1], BANDS)
    np.testing.assert_allclose(result['restored'], wanted, rtol=1e-5, atol=1e-4)  # of values up to 20


def test_super_resolution_and_denoising(tmp_path):
    model = dict(
        type='TiledEditModel',
        data_preprocessor=dict(type='RestorationDataPreprocessor'),
        generator=dict(
            type='BicubicResidual',
            network=dict(
                type='RestorationNet',
                backbone=TINY_VIT,
                head=dict(type='SuperResolutionHead', num_bands=BANDS, in_channels=8, scale=2),
            ),
            scale=2,
        ),
        pixel_loss=dict(type='MSELoss'),
        train_cfg=dict(),
        test_cfg=dict(tile_size=16, overlap=0),
    )
    cfg = config(model, type='CropDataset')
    inferencer = build(tmp_path, cfg, meta={})
    for parameter in inferencer.model.generator.network.parameters():
        parameter.detach().zero_()  # what is left is the enlarged image
    cube = toy_cube(HEIGHT, WIDTH)
    waves = np.linspace(450, 900, BANDS)
    info = write_scene(tmp_path / 'scene.tif', cube, wavelengths=waves)
    (result,) = inferencer(tmp_path / 'scene.tif', tmp_path / 'out')['predictions']
    assert result['task'] == 'super_resolution'
    # tiles without overlap show no seam, and the values are those of the file again
    np.testing.assert_allclose(result['restored'], imresize(cube, 2), atol=2e-5)
    with rasterio.open(result['files']['restored']) as product:
        assert (product.height, product.width) == (2 * HEIGHT, 2 * WIDTH)
        assert product.transform.a == info.transform[0] / 2 and product.transform.c == info.transform[2]
        assert float(product.tags(1)['wavelength']) == waves[0]
        np.testing.assert_array_equal(product.read(), result['restored'].transpose(2, 0, 1))


def test_what_does_not_suit_the_model_is_named(tmp_path):
    cfg = config(segmentor(), tile_size=16, overlap=8)
    inferencer = build(tmp_path, cfg)
    with pytest.raises(ValueError, match='<array>: 6 bands are expected, but the file has 5'):
        inferencer(toy_cube(20, 20, 5))
    with pytest.raises(ValueError, match='overlap must be at least 0 and smaller than the tile of 16'):
        inferencer(toy_cube(20, 20), overlap=16)
    with pytest.raises(FileNotFoundError, match='nowhere.tif: no such file'):
        inferencer(str(tmp_path / 'nowhere.tif'))
    (tmp_path / 'empty').mkdir()
    with pytest.raises(ValueError, match='empty: the folder holds no scene; expected files with one of .tif'):
        inferencer(tmp_path / 'empty')
    (tmp_path / 'file').write_text('')
    with pytest.raises(OSError, match='file/out: the folder of the products cannot be written: Not a directory'):
        inferencer(toy_cube(20, 20), tmp_path / 'file/out')

    weights = save_checkpoint(tmp_path / 'bare.pth', cfg, record={})
    checkpoint = read_checkpoint(weights, mmap=False)  # the file is written anew
    del checkpoint['mmhsi']
    torch.save(checkpoint, weights)
    with pytest.raises(ValueError, match=r'the preprocessing \(Standardize\) is fitted in the training .* hold none'):
        HSIInferencer(cfg, weights, device='cpu')(toy_cube(20, 20))


def test_weights_of_another_config_are_named(tmp_path):
    weights = save_checkpoint(tmp_path / 'toy.pth', config(segmentor(), tile_size=16))
    with pytest.raises(
        ValueError,
        match=r'toy.pth: the weights are not those of .*backbone.layers.0.weight '
        r'\(8, 6, 3, 3\) instead of \(8, 7, 3, 3\)',
    ):
        HSIInferencer(config(segmentor(7), tile_size=16), weights, device='cpu')
    with pytest.raises(ValueError, match=r'missing \(head.fc.weight, head.fc.bias\); 2 unknown \(decode_head'):
        HSIInferencer(config(classifier(), window_size=5), weights, device='cpu')


def test_the_config_of_a_checkpoint_is_enough(tmp_path):
    weights = save_checkpoint(tmp_path / 'toy.pth', config(segmentor(), tile_size=16, overlap=8))
    cube = toy_cube(20, 20)
    inferencer = INFERENCERS.build(dict(type='HSIInferencer', weights=weights, device='cpu'))
    np.testing.assert_array_equal(
        inferencer(cube, blend='smooth')['predictions'][0]['classes'], whole(inferencer, cube).argmax(axis=0)
    )


def test_models_that_need_another_data_set_are_refused(tmp_path):
    with pytest.raises(ValueError, match='no test_dataloader'):
        HSIInferencer(Config(dict(default_scope='mmhsi', model=segmentor())), device='cpu')
    with pytest.raises(ValueError, match='has no window_size'):
        HSIInferencer(config(classifier(), type='TileDataset', tile_size=16), device='cpu')
    assert init_model(config(classifier()), device='cpu') is not None


def test_bands_are_matched_by_wavelength(tmp_path):
    waves = np.linspace(450, 900, BANDS)
    record = dict(scene_name='x', transforms=standardize_state(), wavelengths=torch.from_numpy(waves))
    inferencer = build(tmp_path, config(segmentor(), tile_size=16, overlap=8), record=record)
    cube = toy_cube(HEIGHT, WIDTH)
    with pytest.raises(ValueError, match=r'<array>: the wavelengths are not known, .* 6 known bands \(450 to 900 nm\)'):
        inferencer(cube)
    expected = inferencer(cube, trust_band_order=True)['predictions'][0]['classes']
    (result,) = inferencer(cube, wavelengths=waves)['predictions']
    np.testing.assert_array_equal(result['classes'], expected)
    with pytest.raises(ValueError, match='key cannot be given with an array'):
        inferencer(cube, key='cube')

    write_scene(tmp_path / 'same.tif', cube, wavelengths=waves)
    (result,) = inferencer(tmp_path / 'same.tif')['predictions']
    np.testing.assert_array_equal(result['classes'], expected)
    assert 'the same bands' in result['summary']['bands']

    write_scene(tmp_path / 'reversed.tif', cube[..., ::-1], wavelengths=waves[::-1])
    with pytest.raises(ValueError, match='reversed.tif has its bands in another order than the training: band . is at'):
        inferencer(tmp_path / 'reversed.tif')
    (result,) = inferencer(tmp_path / 'reversed.tif', match_bands='nearest')['predictions']
    np.testing.assert_array_equal(result['classes'], expected)

    # another sensor: finer bands, in micrometres, beyond those of the model on both sides
    finer = np.linspace(400, 950, 12 * 11 + 1)
    dense = np.zeros((HEIGHT, WIDTH, len(finer)), np.float32)
    nearest = np.abs(finer[None] - waves[:, None]).argmin(axis=1)
    dense[..., nearest] = cube
    write_raster(tmp_path / 'finer.tif', dense)
    with rasterio.open(tmp_path / 'finer.tif', 'r+') as dataset:
        for band, wave in enumerate(finer, 1):
            dataset.update_tags(band, wavelength=str(wave / 1000), wavelength_units='Micrometers')
    with pytest.raises(ValueError, match='finer.tif has 133 bands, expected the 6 of the training'):
        inferencer(tmp_path / 'finer.tif')
    (result,) = inferencer(tmp_path / 'finer.tif', match_bands='nearest')['predictions']
    np.testing.assert_array_equal(result['classes'], expected)

    write_scene(tmp_path / 'short.tif', cube[..., :4], wavelengths=waves[:4])
    with pytest.raises(ValueError, match=r'short.tif lacks 2 of the 6 bands of the training: band 4 at 810.0 nm'):
        inferencer(tmp_path / 'short.tif', match_bands='nearest')
    with pytest.raises(ValueError, match='cannot be matched by wavelength: its wavelengths are not known'):
        inferencer(cube, match_bands='nearest')


@pytest.mark.parametrize(
    'option, expected',
    [
        (dict(tile_size=2.5), 'size and overlap of tiles are whole numbers of pixels'),
        (dict(tile_size=0), 'the size of a tile must be positive'),
        (dict(batch_size=0), 'batch_size must be a positive whole number, not 0'),
        (dict(batch_size='x'), "batch_size must be a positive whole number, not 'x'"),
    ],
)
def test_sizes_are_positive_whole_numbers(tmp_path, option, expected):
    inferencer = build(tmp_path, config(segmentor(), tile_size=16, overlap=8))
    with pytest.raises((TypeError, ValueError), match=expected):
        inferencer(toy_cube(HEIGHT, WIDTH), **option)
