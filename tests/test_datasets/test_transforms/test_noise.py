import numpy as np
import pytest
from mmengine.registry import init_default_scope

from mmhsi.datasets.transforms.band_noise import DeadlineNoise, ImpulseNoise, MixedNoise, StripeNoise
from mmhsi.datasets.transforms.noise import (
    NOISE_CASES,
    GaussianNoise,
    MissingStrips,
    NoiseChain,
    NoiseChoice,
    NonIIDGaussianNoise,
)
from mmhsi.registry import TRANSFORMS

KINDS = [
    GaussianNoise(),
    NonIIDGaussianNoise(),
    ImpulseNoise(),
    StripeNoise(),
    DeadlineNoise(),
    MissingStrips(),
    *(NoiseChain(name) for name in NOISE_CASES),
]


@pytest.fixture(autouse=True)
def seed():
    init_default_scope('mmhsi')
    np.random.seed(0)


def grey(shape=(50, 60, 30), dtype=np.float32):
    return np.full(shape, 0.5, dtype)


def corrupt(noise, cube=None, **sample):
    return noise(dict(img=grey() if cube is None else cube, **sample))['img']


def changed_bands(cube):
    return np.flatnonzero((cube != 0.5).any(axis=(0, 1)))


@pytest.mark.parametrize('noise', KINDS, ids=repr)
def test_the_given_array_stays_and_the_type_is_kept(noise):
    for dtype in (np.float32, np.float64):
        cube = grey(dtype=dtype)
        found = corrupt(noise, cube)
        assert found.dtype == dtype
        assert (found != cube).any()
        np.testing.assert_array_equal(cube, grey(dtype=dtype))


@pytest.mark.parametrize('noise', KINDS, ids=repr)
def test_without_a_seed_noise_differs_and_follows_the_global_generator(noise):
    first, second = corrupt(noise), corrupt(noise)
    assert (first != second).any()
    np.random.seed(0)
    np.testing.assert_array_equal(corrupt(noise), first)


def test_with_a_seed_the_sample_alone_decides():
    noise = NoiseChain('case5', seed=3)
    first = corrupt(noise, sample_idx=1)
    state = np.random.get_state()[1].copy()
    assert (corrupt(noise, sample_idx=2) != first).any()
    np.testing.assert_array_equal(corrupt(noise, sample_idx=1), first)
    assert (corrupt(NoiseChain('case5', seed=4), sample_idx=1) != first).any()
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # the global generator is not touched


def test_gaussian_noise_has_the_strength_asked_for():
    found = corrupt(GaussianNoise(51), grey((100, 100, 10))) - 0.5
    np.testing.assert_allclose(found.std(), 0.2, rtol=0.02)
    np.testing.assert_allclose(found.mean(), 0, atol=0.005)


def test_blind_noise_draws_one_strength_for_each_sample():
    strengths = np.array(
        [corrupt(GaussianNoise((10, 70)), grey((20, 20, 9))).std(axis=(0, 1)) * 255 for _ in range(200)]
    )
    means = strengths.mean(axis=1)
    assert 9 < means.min() < 14 and 66 < means.max() < 72
    np.testing.assert_allclose(strengths / means[:, None], 1, atol=0.2)  # the same in all bands


def test_each_band_draws_its_strength_from_the_list():
    strengths = corrupt(NonIIDGaussianNoise((10, 60)), grey((60, 60, 200))).std(axis=(0, 1)) * 255
    low = np.abs(strengths - 10) < 2
    assert (low | (np.abs(strengths - 60) < 6)).all()
    assert 70 < low.sum() < 130


def test_impulses_are_0_and_1_with_equal_odds_in_a_third_of_the_bands():
    found = corrupt(ImpulseNoise(amounts=(0.3,)), grey((60, 60, 191)))
    bands = changed_bands(found)
    assert len(bands) == 63
    assert set(np.unique(found)) == {0, 0.5, 1}
    np.testing.assert_allclose((found[..., bands] != 0.5).mean(), 0.3, atol=0.005)
    np.testing.assert_allclose((found[..., bands] == 1).mean(), 0.15, atol=0.005)


def test_stripes_shift_whole_columns():
    shift = corrupt(StripeNoise(fraction=0.5), grey((7, 60, 200))) - 0.5
    assert len(np.flatnonzero(shift.any(axis=(0, 1)))) == 100
    np.testing.assert_array_equal(shift, np.broadcast_to(shift[:1], shift.shape))
    assert 0.2 < np.abs(shift).max() <= 0.25
    numbers = np.count_nonzero(shift[0], axis=0)
    assert set(numbers[numbers > 0]) == set(range(3, 9))  # floor(0.05 * 60) up to floor(0.15 * 60), exclusive


def test_dead_lines_are_single_columns_of_zeros():
    found = corrupt(DeadlineNoise(fraction=1), grey((7, 50, 200)))
    assert set(np.unique(found)) == {0, 0.5}
    numbers = np.count_nonzero(found[0] == 0, axis=0)
    assert set(numbers) == set(range(3, 8))  # ceil(0.05 * 50) up to ceil(0.15 * 50), exclusive
    np.testing.assert_array_equal((found == 0).all(axis=0), (found == 0).any(axis=0))


def test_mixed_noise_takes_disjoint_bands():
    noise = MixedNoise([dict(type='DeadlineNoise', fraction=0.3), dict(type='ImpulseNoise', fraction=0.29)])
    found = corrupt(noise, grey((40, 40, 100)))
    columns = (found == 0).all(axis=0).any(axis=0)
    impulses = (found == 1).any(axis=(0, 1))
    assert (columns.sum(), impulses.sum(), len(changed_bands(found))) == (30, 29, 59)


def test_strips_are_missing_in_all_bands():
    found = np.stack([corrupt(MissingStrips(4, 0.1), grey((5, 60, 8))) for _ in range(100)])
    missing = found == 0
    np.testing.assert_array_equal(missing, np.broadcast_to(missing[:, :1, :, :1], missing.shape))
    numbers = missing[:, 0, :, 0].sum(axis=1)
    assert 0 < numbers.max() <= 4 * 5
    assert missing[:, 0, -1, 0].any()  # a strip can reach the right border


def test_cases_are_chains_of_their_noises():
    np.random.seed(5)
    case = corrupt(NoiseChain('case3'))
    np.random.seed(5)
    cube = corrupt(NonIIDGaussianNoise((30, 50, 70, 90)))
    mixed = corrupt(MixedNoise([dict(type='DeadlineNoise'), dict(type='ImpulseNoise')]), cube)
    np.testing.assert_array_equal(case, mixed)


def test_one_of_several_noises_is_drawn_or_taken_in_turn():
    zeros, ones = (dict(type='ImpulseNoise', amounts=(amount,), fraction=1.0) for amount in (0.0, 1.0))
    noise = NoiseChoice([None, zeros, ones, ones])
    changed = [bool((corrupt(noise, grey((4, 4, 3))) != 0.5).any()) for _ in range(400)]
    assert 0.42 < np.mean(changed) < 0.58
    turns = NoiseChoice([None, ones, zeros], rotate=True)
    assert [bool((corrupt(turns, grey((4, 4, 3))) != 0.5).any()) for _ in range(6)] == [False, True, False] * 2
    fixed = NoiseChoice([None, dict(type='GaussianNoise')], seed=3)
    for index in range(4):
        np.testing.assert_array_equal(corrupt(fixed, sample_idx=index), corrupt(fixed, sample_idx=index))


def test_noises_are_built_from_configs():
    noise = TRANSFORMS.build(dict(type='NoiseChain', noises=[dict(type='GaussianNoise', sigma=0)]))
    np.testing.assert_array_equal(corrupt(noise), grey())


@pytest.mark.parametrize(
    'build, message',
    [
        (lambda: GaussianNoise(256), r'must lie in \[0, 255\], not 256'),
        (lambda: GaussianNoise(-1), r'must lie in \[0, 255\], not -1'),
        (lambda: GaussianNoise((70, 10)), r'a range \(low, high\)'),
        (lambda: GaussianNoise(seed=-1), 'seed must not be negative'),
        (lambda: NonIIDGaussianNoise(()), 'no standard deviation is given'),
        (lambda: ImpulseNoise((0.1, 1.1)), r'an amount of impulses must lie in \[0, 1\], not 1.1'),
        (lambda: ImpulseNoise(fraction=2), r'fraction must lie in \[0, 1\], not 2'),
        (lambda: StripeNoise(0.2, 0.1), 'min_amount < max_amount'),
        (lambda: StripeNoise(strength=2), 'strength must lie'),
        (lambda: DeadlineNoise(0, 1.5), 'min_amount < max_amount'),
        (lambda: MissingStrips(0), 'number must be positive'),
        (lambda: MixedNoise([dict(type='ImpulseNoise', fraction=0.6)] * 2), 'take 1.2 of the bands'),
        (lambda: MixedNoise([dict(type='GaussianNoise')]), 'which GaussianNoise is not'),
        (lambda: NoiseChain('case9'), "there is no 'case9'"),
        (lambda: NoiseChain([dict(type='RandomRotate90')]), 'RandomRotate90 is not a noise'),
        (lambda: NoiseChoice([]), 'no noise is given'),
        (lambda: NoiseChoice([dict(type='RandomRotate90')]), 'RandomRotate90 is not a noise'),
    ],
)
def test_levels_out_of_range_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize(
    'noise, cube, message',
    [
        (GaussianNoise(), np.ones((4, 4, 3), np.uint8), r'a float type with values in \[0, 1\], not uint8'),
        (GaussianNoise(), np.ones((4, 4)), r'not float64 of shape \(4, 4\)'),
        (GaussianNoise(), np.full((4, 4, 3), 800.0), 'but the cube reaches 800'),
        (GaussianNoise(), np.full((4, 4, 3), np.nan), 'but the cube reaches nan'),
        (ImpulseNoise(), grey((4, 4, 2)), '0.333 of 2 bands, which rounds to none'),
        (StripeNoise(), grey((4, 4, 6)), '0.05 to 0.15 of 4 columns, a range that holds no whole number'),
    ],
)
def test_cubes_that_cannot_be_corrupted_are_refused(noise, cube, message):
    with pytest.raises(ValueError, match=message):
        corrupt(noise, cube)
