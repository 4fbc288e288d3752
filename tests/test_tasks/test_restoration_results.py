import json

import matplotlib.image
import numpy as np
import pytest
import rasterio
from figure_texts import texts
from products import read_product

from mmhsi.datasets import CropDataset, Scene, write_raster
from mmhsi.datasets.io import CubeInfo
from mmhsi.evaluation import RestorationMetric, RestorationResult
from mmhsi.tasks import write_results
from mmhsi.visualization import band_psnr_figure, error_panels_figure, figure_to_rgb, panels_figure, stretch_alike

H, W, C = 14, 20, 5
PICTURES = {'restoration', 'error', 'band_psnr'}


def cubes(seed: int = 0) -> tuple[np.ndarray, ...]:
    """Restored, clean and noisy cube."""
    rng = np.random.default_rng(seed)
    clean = rng.random((H, W, C)).astype(np.float32)
    noise = rng.normal(0, 0.3, clean.shape).astype(np.float32)
    return clean + noise / 10, clean, clean + noise


def test_equal_values_look_the_same():
    reference = np.random.default_rng(0).random((30, 20, 3))
    same, brighter = stretch_alike([reference, reference + 0.2], 0)
    low, high = np.percentile(reference, [2, 98], axis=(0, 1))
    np.testing.assert_array_equal(same, np.rint(255 * np.clip((reference - low) / (high - low), 0, 1)))
    np.testing.assert_array_equal(brighter, np.rint(255 * np.clip((reference + 0.2 - low) / (high - low), 0, 1)))
    assert not stretch_alike([np.ones((4, 4, 3))], 0)[0].any()


def test_files_of_an_image(tmp_path):
    result = RestorationResult.evaluate('a/b', *cubes(), settings=dict(method='some'))
    write_results(tmp_path, {'a/b': result}, {'PSNR': result.scores['PSNR'], 'ERGAS': float('nan')})
    assert {path.name for path in tmp_path.iterdir()} == {
        'metrics.json',
        'a_b_restored.tif',
        *(f'a_b_{picture}.png' for picture in PICTURES),
    }
    np.testing.assert_array_equal(read_product(tmp_path, 'a_b', 'restored'), cubes()[0])
    written = json.loads((tmp_path / 'metrics.json').read_text())
    assert written['metrics'] == {'PSNR': result.scores['PSNR'], 'ERGAS': None}
    scene = written['scenes']['a/b']
    assert scene['settings'] == dict(method='some') and len(scene['band_PSNR']) == C
    assert scene['gain'] == pytest.approx(20, abs=0.5) and scene['input']['PSNR'] == result.input_scores['PSNR']


def test_panels_are_in_one_stretch(tmp_path):
    """The clean panel is painted in the colours that its own stretch gives, and so are the others."""
    restored, clean, noisy = cubes()
    write_results(tmp_path, {'image': RestorationResult.evaluate('image', restored, clean, noisy)})
    pixels = (matplotlib.image.imread(tmp_path / 'image_restoration.png')[..., :3] * 255).round().reshape(-1, 3)
    painted = {tuple(colour) for colour in np.unique(pixels, axis=0).astype(int)}
    # of 5 bands red, green and blue are those at the fractions 0.83, 0.5 and 0.17
    pictures = stretch_alike([cube[..., [3, 2, 1]] for cube in (noisy, restored, clean)], 2)
    for picture in pictures:
        assert {tuple(colour) for colour in picture.reshape(-1, 3)} <= painted


def test_an_image_without_a_clean_one(tmp_path):
    restored, _, noisy = cubes()
    result = RestorationResult.evaluate('real', restored, None, noisy)
    write_results(tmp_path, {'real': result})
    assert {path.name for path in tmp_path.iterdir()} == {'metrics.json', 'real_restored.tif', 'real_restoration.png'}


def test_an_image_that_was_not_kept_has_scores_alone(tmp_path):
    write_results(tmp_path, {'image': RestorationResult.evaluate('image', *cubes()).without_images()})
    assert [path.name for path in tmp_path.iterdir()] == ['metrics.json']
    assert json.loads((tmp_path / 'metrics.json').read_text())['scenes']['image']['PSNR'] > 20


def test_a_georeferenced_scene_gives_a_georeferenced_cube(tmp_path):
    values = np.random.default_rng(0).random((H + 6, W + 4, C)).astype(np.float32)
    like = CubeInfo(
        'x',
        'raster',
        H + 6,
        W + 4,
        C,
        values.dtype,
        crs='EPSG:32633',
        transform=(2.0, 0.0, 500000.0, 0.0, -2.0, 6000000.0),
    )
    write_raster(tmp_path / 'scene.tif', values, like=like, wavelengths=np.linspace(450, 850, C))
    scene = Scene(str(tmp_path / 'scene.tif'), name='place')
    dataset = CropDataset(scene, areas=[(5, 3, H, W), (0, 0, 10, 10)])
    metric = RestorationMetric()
    for index in range(2):
        sample = dataset[index]
        metric.add(
            index,
            sample['name'],
            sample['gt'] + 0.01,
            sample['gt'],
            sample['img'] + 0.1,
            **{key: sample[key] for key in ('scene_name', 'scale', 'top', 'left')},
        )
    metric.evaluate(2)
    write_results(tmp_path / 'out', metric.scene_results, scenes={'place': scene})
    with rasterio.open(tmp_path / 'out/place_5_3_restored.tif') as raster:
        assert raster.crs.to_epsg() == 32633
        assert (raster.transform.c, raster.transform.f) == (500000 + 2 * 3, 6000000 - 2 * 5)
        np.testing.assert_allclose(np.moveaxis(raster.read(), 0, -1), values[5 : 5 + H, 3 : 3 + W] + 0.01, atol=1e-6)


def test_titles_notes_and_axes():
    rgb = np.zeros((10, 200, 3), np.uint8)
    figure = panels_figure({'input': rgb, 'restored': rgb + 50}, {'restored': 'PSNR 30 dB'}, 'title', 'subtitle')
    assert {'input', 'restored', 'PSNR 30 dB', 'title', 'subtitle'} <= set(texts(figure))
    figure = band_psnr_figure(dict(input=np.array([10.0, 12]), restored=np.array([20.0, 30])), [900.0, 500.0])
    assert {'mean 11.00 dB', 'mean 25.00 dB'} <= set(texts(figure))
    axes = figure.axes[0]
    assert axes.get_xlabel() == 'wavelength (nm)'
    np.testing.assert_array_equal(axes.lines[1].get_xydata(), [[500, 30], [900, 20]])
    assert band_psnr_figure(dict(input=np.array([10.0, 12]))).axes[0].get_xlabel() == 'band'


def test_errors_share_one_scale():
    low, high = np.full((8, 8), 0.1), np.full((8, 8), 0.4)
    pixels = figure_to_rgb(error_panels_figure(dict(input=high, restored=low), {}))
    again = figure_to_rgb(error_panels_figure(dict(input=low, restored=low), {}))
    assert not np.array_equal(pixels, again)
    error_panels_figure(dict(input=low * 0, restored=low * 0), {})  # no error at all
