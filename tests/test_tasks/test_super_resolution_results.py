"""Files of an enlarged scene: where it lies, with pixels smaller than those of the scene."""

import numpy as np
import pytest
import rasterio

from mmhsi.datasets import Scene, write_raster
from mmhsi.datasets.io import CubeInfo
from mmhsi.evaluation import RestorationResult
from mmhsi.tasks import write_scene_result


@pytest.fixture
def scene(tmp_path):
    cube = np.random.default_rng(0).random((12, 15, 4)).astype(np.float32)
    place = CubeInfo('', '', 12, 15, 4, np.dtype(np.float32), crs='EPSG:32615', transform=(30, 0, 500, 0, -20, 900))
    write_raster(tmp_path / 'scene.tif', cube, like=place, wavelengths=np.array([450.0, 550.0, 650.0, 850.0]))
    return Scene(str(tmp_path / 'scene.tif'), name='scene')


@pytest.mark.parametrize('clean', [True, False])
def test_an_enlarged_part_has_the_corner_of_its_area_and_smaller_pixels(scene, clean, tmp_path):
    area = (4, 5, 6, 8)
    small = scene.window(*area)
    enlarged = small.repeat(2, axis=0).repeat(2, axis=1)
    truth = enlarged + np.float32(0.01) if clean else None
    result = RestorationResult.evaluate('scene', enlarged, truth, enlarged, scale=2, area=area, scene_name='scene')
    write_scene_result(result, tmp_path / 'out', scene)
    with rasterio.open(tmp_path / 'out/scene_restored.tif') as file:
        assert file.shape == (12, 16) and file.crs.to_epsg() == 32615
        np.testing.assert_allclose(file.transform[:6], (15, 0, 500 + 5 * 30, 0, -10, 900 - 4 * 20))
        np.testing.assert_array_equal(file.read().transpose(1, 2, 0), enlarged)
    pictures = {'restoration', 'error', 'band_psnr'} if clean else {'restoration'}
    assert {path.stem for path in (tmp_path / 'out').glob('*.png')} == {f'scene_{name}' for name in pictures}


def test_a_true_image_that_shares_the_pixels_of_the_scene_keeps_their_size(scene, tmp_path):
    area = (0, 0, 8, 8)
    truth = scene.window(*area)
    result = RestorationResult.evaluate('scene', truth, truth, truth, scale=2, area=area)
    write_scene_result(result, tmp_path, scene)
    with rasterio.open(tmp_path / 'scene_restored.tif') as file:
        np.testing.assert_allclose(file.transform[:6], (30, 0, 500, 0, -20, 900))
