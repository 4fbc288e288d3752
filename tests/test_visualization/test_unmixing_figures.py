"""Pictures and files of unmixing."""

import csv

import matplotlib.image
import numpy as np
import pytest
import rasterio
from figure_texts import clipped_texts, texts
from matplotlib import colormaps
from products import UNMIXING_FILES, read_product

from mmhsi.datasets import UnmixingScene
from mmhsi.evaluation import UnmixingResult
from mmhsi.tasks import write_results
from mmhsi.visualization import abundance_figure, colour_values, endmember_figure, figure_to_rgb
from mmhsi.visualization.palette import NO_SCORE

NAMES = ('asphalt road', 'grass')


@pytest.fixture
def maps():
    rng = np.random.default_rng(0)
    return rng.dirichlet(np.ones(2), (9, 12)).transpose(2, 0, 1)


def colours(figure):
    return {tuple(colour) for colour in np.unique(figure_to_rgb(figure).reshape(-1, 3), axis=0)}


def test_values_are_painted_between_the_limits():
    image = colour_values(np.array([[0.0, 0.5, 1.0, 2.0, np.nan]]), (0, 1))
    wanted = colormaps['viridis']([0.0, 0.5, 1.0, 1.0], bytes=True)[:, :3]
    np.testing.assert_array_equal(image[0, :4], wanted)
    assert tuple(image[0, 4]) == NO_SCORE


def test_estimate_truth_and_difference_have_names_and_bars(maps):
    figure = abundance_figure(maps, maps[::-1], NAMES, 'scene: abundances', 'aRMSE 0.5', ['RMSE 0.4', 'RMSE 0.6'])
    figure_to_rgb(figure)
    found = texts(figure)
    assert {'estimate', 'truth', 'difference', 'scene: abundances', 'aRMSE 0.5', *NAMES, 'RMSE 0.4'} <= set(found)
    assert not clipped_texts(figure)
    bars = [axes for axes in figure.axes if not axes.images]
    assert [bar.get_ylim() for bar in bars] == [(0, 1), (0, 1), (0, pytest.approx(np.abs(np.diff(maps, axis=0)).max()))]
    panels = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    assert len(panels) == 6
    for panel, values in zip(panels, (*maps, *maps[::-1]), strict=False):
        np.testing.assert_array_equal(panel, colour_values(values, (0, 1)))
    np.testing.assert_array_equal(panels[4], colour_values(np.abs(maps[0] - maps[1]), bars[2].get_ylim(), 'magma'))


def test_without_truth_there_are_the_estimates(maps):
    maps[:, 2, 3] = np.nan
    figure = abundance_figure(maps)
    assert {'estimate', 'endmember 1', 'endmember 2'} <= set(texts(figure)) and 'truth' not in texts(figure)
    assert NO_SCORE in colours(figure) and not clipped_texts(figure)
    with pytest.raises(ValueError, match='2 endmembers need as many names and notes .* found 1 names'):
        abundance_figure(maps, names=('one',))


def test_spectra_beside_the_truth_at_its_scale():
    rng = np.random.default_rng(0)
    true = rng.uniform(0.1, 1, (4, 30))
    waves = np.concatenate([np.arange(400, 600, 10), np.arange(900, 1000, 10)])
    figure = endmember_figure(3 * true, true, wavelengths=waves, title='scene', notes=[f'SAD {n}' for n in range(4)])
    assert {'wavelength (nm)', 'estimate', 'truth', 'endmember 4', 'SAD 3'} <= set(texts(figure))
    figure_to_rgb(figure)  # puts the labels into their places
    assert not clipped_texts(figure)
    assert len(figure.axes) == 4
    for axes, spectrum in zip(figure.axes, true, strict=True):
        estimate, truth = axes.lines
        kept = ~np.isnan(estimate.get_xdata())
        assert np.count_nonzero(~kept) == 1, 'the line is interrupted at the gap'
        np.testing.assert_array_equal(estimate.get_xdata()[kept], waves)
        np.testing.assert_allclose(estimate.get_ydata()[kept], 3 * spectrum)
        np.testing.assert_allclose(truth.get_ydata()[kept], 3 * spectrum)
    figure = endmember_figure(np.zeros((1, 5)), np.ones((1, 5)))
    assert 'band' in texts(figure)
    with pytest.raises(ValueError, match='5 bands need as many wavelengths, found 4'):
        endmember_figure(np.ones((1, 5)), wavelengths=[1, 2, 3, 4])


@pytest.mark.parametrize('with_truth', [True, False])
def test_files_of_a_result(maps, with_truth, tmp_path):
    rng = np.random.default_rng(1)
    spectra = rng.uniform(0.1, 1, (2, 8))
    cube = np.moveaxis(maps, 0, -1) @ spectra
    cube[1, 2] = np.nan
    truth = dict(abundances=maps, endmembers=spectra) if with_truth else {}
    scene = UnmixingScene(cube, endmember_names=NAMES, name='a/b', **truth)
    shifted = maps + np.array([0.05, -0.05])[:, None, None]
    result = UnmixingResult.of_scene(scene, spectra, shifted)
    write_results(tmp_path, {'a/b': result}, scenes={'a/b': scene})
    assert {path.name for path in tmp_path.iterdir()} == {'metrics.json'} | {
        f'a_b_{name}' for name in (*UNMIXING_FILES, *(['true_endmembers.csv'] if with_truth else []))
    }
    stored = read_product(tmp_path, 'a_b', 'abundances')
    np.testing.assert_array_equal(stored, result.abundances.astype(np.float32))
    assert np.isnan(stored[:, 1, 2]).all() and np.isnan(stored).sum() == 2
    with rasterio.open(tmp_path / 'a_b_abundances.tif') as raster:
        assert raster.descriptions == NAMES and np.isnan(raster.nodata)
        np.testing.assert_array_equal(raster.read(), stored.astype(np.float32))
    with (tmp_path / 'a_b_endmembers.csv').open(newline='') as file:
        head, *rows = csv.reader(file)
    assert head == ['band', *NAMES]
    values = np.array(rows, float)
    np.testing.assert_array_equal(values[:, 0], np.arange(1, 9))
    np.testing.assert_array_equal(values[:, 1:3].T, spectra)
    picture = matplotlib.image.imread(tmp_path / 'a_b_abundances.png')
    assert picture.shape[0] > (900 if with_truth else 300)
