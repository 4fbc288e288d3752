import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mmhsi.classical import fcls
from mmhsi.datasets import UnmixingScene
from mmhsi.evaluation import SceneUnmixingMetric, UnmixingResult
from mmhsi.registry import METRICS
from mmhsi.tasks.networks import LeastSquaresAbundances
from mmhsi.utils.tiling import TileGrid

SHAPE, BANDS, ENDMEMBERS, NAMES = (14, 11), 6, 3, ('soil', 'tree', 'water')


@pytest.fixture
def truth():
    """Abundances (P, H, W) and endmembers (P, C)."""
    rng = np.random.default_rng(0)
    return rng.dirichlet(np.ones(ENDMEMBERS), SHAPE).transpose(2, 0, 1), rng.uniform(0.1, 1, (ENDMEMBERS, BANDS))


@pytest.fixture
def scene(truth):
    abundances, spectra = truth
    return UnmixingScene(
        np.moveaxis(abundances, 0, -1) @ spectra,
        abundances=abundances,
        endmembers=spectra,
        endmember_names=NAMES,
        name='scene',
    )


def estimate(seed=1, order=(2, 0, 1)):
    """Estimated maps (P, H, W), in another order than the truth."""
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(ENDMEMBERS), SHAPE).transpose(2, 0, 1)[list(order)]


def samples(maps, endmembers, size=6, overlap=3, name='scene', noise=None):
    """One dict per tile, as a data sample of an Unmixer becomes."""
    positions = TileGrid(size, overlap).positions(*maps.shape[1:])
    found = []
    for top, left in positions:
        tile = maps[:, top : top + size, left : left + size]
        if noise is not None:
            tile = tile + noise.normal(0, 0.01, tile.shape)
        found.append(
            dict(
                abundances=dict(data=torch.from_numpy(tile)),
                endmembers=torch.from_numpy(endmembers.T),
                top=int(top),
                left=int(left),
                overlap=overlap,
                scene_name=name,
                scene_shape=maps.shape[1:],
            )
        )
    return found


def evaluate(tiles, scene, size=None, **options):
    metric = METRICS.build(dict(type='SceneUnmixingMetric', scene=scene, **options))
    metric.dataset_meta = dict(classes=NAMES)
    for start in range(0, len(tiles), 4):
        metric.process(None, tiles[start : start + 4])
    return metric.evaluate(size or len(tiles)), metric


def test_scores_by_hand(scene, truth):
    """Two pixels' worth of numbers: each estimated map is off by a known amount."""
    abundances, spectra = truth
    offsets = np.array([0.1, -0.3, 0.2])  # sum to zero
    estimated = abundances + offsets[:, None, None]
    turned = spectra.copy()
    turned[0] *= 2  # no angle
    order = [2, 0, 1]
    found, metric = evaluate(samples(estimated[order], turned[order]), scene)
    result = metric.scene_results['scene']
    np.testing.assert_allclose(result.endmembers, turned)
    np.testing.assert_allclose(result.abundances, estimated)
    np.testing.assert_array_equal(result.order, [1, 2, 0])
    np.testing.assert_allclose(result.scores['SAD'], 0, atol=1e-7)
    np.testing.assert_allclose(result.scores['MSE'], offsets**2)
    np.testing.assert_allclose(result.scores['RMSE'], np.abs(offsets))
    assert found['aMSE'] == pytest.approx((0.01 + 0.09 + 0.04) / 3)
    assert found['aRMSE'] == pytest.approx((0.1 + 0.3 + 0.2) / 3)
    assert found['RMSE_overall'] == pytest.approx(((0.01 + 0.09 + 0.04) / 3) ** 0.5)
    assert found['mSAD'] == pytest.approx(0, abs=1e-7)
    difference = np.moveaxis(estimated, 0, -1) @ turned - np.moveaxis(abundances, 0, -1) @ spectra
    assert found['reconstruction_RMSE'] == pytest.approx(np.sqrt((difference**2).mean()), rel=1e-5)
    mixed = np.moveaxis(estimated, 0, -1) @ turned
    cube = scene.window(0, 0, *SHAPE)
    cosine = (mixed * cube).sum(-1) / np.linalg.norm(mixed, axis=-1) / np.linalg.norm(cube, axis=-1)
    assert found['reconstruction_angle'] == pytest.approx(np.arccos(cosine).mean(), rel=1e-5)
    assert metric.results_detail['scene']['endmembers'][1] == pytest.approx(
        dict(name='tree', number=2, SAD=0, MSE=0.09, RMSE=0.3), abs=1e-7
    )


def test_tiles_are_averaged_or_overwritten(scene, truth):
    rng = np.random.default_rng(5)
    tiles = samples(estimate(), truth[1], noise=rng)
    total, count = np.zeros((ENDMEMBERS, *SHAPE)), np.zeros(SHAPE)
    for tile in tiles:
        area = np.s_[tile['top'] : tile['top'] + 6, tile['left'] : tile['left'] + 6]
        total[(slice(None), *area)] += tile['abundances']['data'].numpy()
        count[area] += 1
    shuffled = [tiles[index] for index in rng.permutation(len(tiles))]
    averaged = evaluate(shuffled + shuffled[:3], scene, len(tiles))[1].scene_results['scene']
    np.testing.assert_allclose(averaged.abundances, total / count)
    overwritten = evaluate(tiles, scene, stitch='overwrite')[1].scene_results['scene']
    last = tiles[-1]['abundances']['data'].numpy()
    np.testing.assert_array_equal(overwritten.abundances[:, -5:, -5:], last[:, -5:, -5:])
    assert np.abs(overwritten.abundances - averaged.abundances).max() > 1e-3


def test_least_squares_takes_the_endmembers_of_the_network_alone(truth):
    """Shaded mixtures of spectra of norm 1: the shares of their shapes are found whatever the maps of the network."""
    abundances, spectra = truth
    spectra = spectra / np.linalg.norm(spectra, axis=1, keepdims=True)
    shade = np.random.default_rng(3).uniform(0.2, 1, SHAPE)[..., None]
    cube = shade * (np.moveaxis(abundances, 0, -1) @ spectra)
    shaded = UnmixingScene(cube, abundances=abundances, endmembers=spectra, endmember_names=NAMES, name='scene')
    tiles = samples(estimate(), 700 * spectra[[2, 0, 1]])
    # the norm of a mixture is below 1, so that its shares are those of the shape, not of the abundances themselves
    unit = cube / np.linalg.norm(cube, axis=-1, keepdims=True)
    expected = np.moveaxis(fcls(unit.reshape(-1, BANDS), spectra).reshape(*SHAPE, -1), -1, 0)
    result = evaluate(tiles, shaded, abundances='least_squares')[1].scene_results['scene']
    np.testing.assert_allclose(result.abundances, expected, atol=1e-6)
    assert evaluate(tiles, shaded)[0]['aRMSE'] > 0.2 > 0.05 > np.abs(expected - abundances).mean()
    model = SimpleNamespace(
        parameters=lambda: iter([torch.zeros(1)]), endmembers=torch.from_numpy(spectra.T), even_light=torch.zeros(())
    )
    image = torch.from_numpy(cube).movedim(-1, 0)[None].float()
    np.testing.assert_allclose(LeastSquaresAbundances(model).run(image, ())[0].numpy(), expected, atol=1e-4)
    model.even_light += 1  # then the spectra themselves are mixed
    plain = np.moveaxis(fcls(cube.reshape(-1, BANDS), spectra).reshape(*SHAPE, -1), -1, 0)
    np.testing.assert_allclose(LeastSquaresAbundances(model).run(image, ())[0].numpy(), plain, atol=1e-4)
    with pytest.raises(ValueError, match="abundances must be one of .'network', 'least_squares'., found 'fcls'"):
        evaluate(tiles, shaded, abundances='fcls')


def test_matching_greedy_and_hungarian_differ():
    """Endmembers in a plane: 14 degrees is nearest to 10, which leaves 0 for 40; the best sum is 0 to 10, 14 to 40."""

    def spectra(*degrees):
        angles = np.radians(degrees)
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)

    maps = np.stack([np.full((2, 2), 0.7), np.full((2, 2), 0.3)])
    scene = UnmixingScene(np.ones((2, 2, 2)), endmembers=spectra(10, 40), abundances=maps[::-1].copy(), name='scene')
    tiles = samples(maps, spectra(14, 0), size=2, overlap=0)
    (greedy, first), (hungarian, second) = (evaluate(tiles, scene, matching=name) for name in ('greedy', 'hungarian'))
    assert np.degrees(greedy['mSAD']) == pytest.approx((4 + 40) / 2)
    assert np.degrees(hungarian['mSAD']) == pytest.approx((10 + 26) / 2)
    np.testing.assert_array_equal(first.scene_results['scene'].order, [0, 1])
    np.testing.assert_array_equal(second.scene_results['scene'].order, [1, 0])
    # the abundances follow: greedy keeps 0.7 and 0.3 where the truth has 0.3 and 0.7
    assert greedy['aRMSE'] == pytest.approx(0.4) and hungarian['aRMSE'] == pytest.approx(0)


def test_without_truth_there_are_the_reconstruction_errors(scene, truth):
    blind = UnmixingScene(scene.window(0, 0, *SHAPE), num_endmembers=3, name='scene')
    found, metric = evaluate(samples(*truth), blind)
    assert set(found) == {'reconstruction_RMSE', 'reconstruction_angle'}
    assert max(found.values()) < 1e-3
    summary = metric.scene_results['scene'].summary()
    assert [set(row) for row in summary['endmembers']] == [{'name', 'number'}] * 3
    json.dumps(summary, allow_nan=False)


def test_with_one_part_of_the_truth(scene, truth):
    abundances, spectra = truth
    cube = scene.window(0, 0, *SHAPE)
    order = [2, 0, 1]
    tiles = samples(abundances[order], spectra[order])
    only_spectra, metric = evaluate(tiles, UnmixingScene(cube, endmembers=spectra, name='scene'))
    assert only_spectra['mSAD'] == pytest.approx(0, abs=1e-7) and 'aRMSE' not in only_spectra
    only_maps, metric = evaluate(tiles, UnmixingScene(cube, abundances=abundances, name='scene'))
    assert only_maps['aRMSE'] == pytest.approx(0, abs=1e-9) and 'mSAD' not in only_maps
    np.testing.assert_array_equal(metric.scene_results['scene'].order, [1, 2, 0])


def test_dead_endmember_and_masked_pixels(scene, truth):
    abundances, spectra = truth
    dead = spectra.copy()
    dead[1] = 0
    found, metric = evaluate(samples(abundances, dead), scene)
    assert found['mSAD'] == pytest.approx(np.pi / 2 / 3) and np.isfinite(found['reconstruction_angle'])
    cube = scene.window(0, 0, *SHAPE)
    cube[3, 4] = np.nan
    masked = UnmixingScene(cube, abundances=abundances, endmembers=spectra, name='scene')
    estimated = abundances.copy()
    estimated[:, 3, 4] = (1, 0, 0)
    found, metric = evaluate(samples(estimated, spectra), masked)
    assert found['aRMSE'] == pytest.approx(0, abs=1e-9)
    assert np.isnan(metric.scene_results['scene'].abundances[:, 3, 4]).all()


def test_pixels_without_a_tile_are_left_out_and_reported(scene, truth, log):
    tiles = samples(*truth)
    found, metric = evaluate(tiles[:-1], scene, len(tiles))
    result = metric.scene_results['scene']
    missing = np.isnan(result.angles)
    assert 0 < missing.sum() < 36 and np.isnan(result.abundances[:, missing]).all()
    assert found['aRMSE'] == pytest.approx(0, abs=1e-9)
    assert f'{missing.sum()} pixels have no abundances' in log.text
    assert result.summary()['counts'] == dict(pixels=154, evaluated=154 - int(missing.sum()))


@pytest.mark.parametrize(
    'change, message',
    [
        (lambda tile: tile.update(scene_name='other'), "tiles of scene 'other', but knows scene"),
        (lambda tile: tile.update(scene_shape=(20, 20)), 'differ in scene_shape'),
        (
            lambda tile: tile['abundances'].update(data=torch.full((3, 6, 6), torch.nan)),
            '108 of 108 abundances are NaN',
        ),
        (
            lambda tile: tile.update(endmembers=torch.ones(6, 4)),
            r'abundances of shape \(3, 6, 6\) and endmembers of shape',
        ),
        (lambda tile: tile.pop('endmembers'), 'comes without endmembers'),
        (lambda tile: tile.pop('abundances'), 'has no abundances'),
        (lambda tile: tile.pop('top'), r"lacks the meta keys \['top'\]"),
    ],
)
def test_wrong_samples_are_named(change, message, scene, truth):
    tiles = samples(*truth)
    change(tiles[0])
    with pytest.raises(ValueError, match=message):
        evaluate(tiles, scene)


def test_wrong_scenes_are_named(scene, truth):
    four = UnmixingScene(scene.window(0, 0, *SHAPE), num_endmembers=4, name='scene')
    with pytest.raises(ValueError, match='scene scene: 3 endmembers are found, but there are 4 names'):
        evaluate(samples(*truth), four)
    true = np.concatenate([truth[1], truth[1][:1] * 2])
    with pytest.raises(ValueError, match='3 estimated endmembers cannot be matched one to one with 4 true ones'):
        evaluate(samples(*truth), UnmixingScene(scene.window(0, 0, *SHAPE), endmembers=true, name='scene'))
    small = UnmixingScene(np.ones((5, 5, BANDS)), num_endmembers=3, name='scene')
    with pytest.raises(ValueError, match='are of a scene of 14 x 11 pixels, that of the metric has 5 x 5'):
        evaluate(samples(*truth), small)
    with pytest.raises(ValueError, match="matching must be one of .*, found 'best'"):
        SceneUnmixingMetric(scene, matching='best')


def test_several_scenes_are_averaged(scene, truth):
    abundances, spectra = truth
    second = UnmixingScene(scene.window(0, 0, *SHAPE), num_endmembers=3, endmembers=spectra, name='second')
    shifted = abundances + np.array([0.1, -0.1, 0])[:, None, None]
    found, metric = evaluate(samples(shifted, spectra) + samples(abundances, spectra, name='second'), [scene, second])
    assert set(metric.scene_results) == {'scene', 'second'}
    assert found['aRMSE'] == pytest.approx(0.2 / 3), 'only one scene has true abundances'
    angles = [result.scores['reconstruction_angle'] for result in metric.scene_results.values()]
    assert found['reconstruction_angle'] == pytest.approx(np.mean(angles))


def test_result_refuses_what_does_not_belong_together():
    with pytest.raises(ValueError, match=r'scene x: abundances \(2, 3, 3\) do not belong to 3 endmembers'):
        UnmixingResult.evaluate('x', np.ones((3, 4)), np.ones((2, 3, 3)), np.ones((3, 3, 4)))
    with pytest.raises(ValueError, match='scene x: endmembers .* do not mix to spectra'):
        UnmixingResult.evaluate('x', np.ones((2, 5)), np.ones((2, 3, 3)), np.ones((3, 3, 4)))
