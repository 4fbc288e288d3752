"""Goldens of the noise and the data steps of unmixing, denoising and super-resolution."""

import re

import numpy as np
from mmcv.transforms import BaseTransform

from golden_checks.case import GoldenCase
from golden_checks.schedules import stepped_rates, warmed_up_rates
from mmhsi.datasets import CentreSplit, CropDataset, Scene
from mmhsi.datasets.transforms import MinMaxScale
from mmhsi.datasets.transforms.band_noise import DeadlineNoise, ImpulseNoise, MixedNoise, StripeNoise
from mmhsi.datasets.transforms.dihedral import dihedral
from mmhsi.datasets.transforms.noise import GaussianNoise, MissingStrips, NoiseChain, NonIIDGaussianNoise
from mmhsi.datasets.transforms.percentile import PercentileScale
from mmhsi.utils.tiling import TileGrid
from mmhsi.utils.windows import centred_window, crop_window

HALVED_EVERY = 150  # epochs of super-resolution


def channels_first(cube: np.ndarray) -> np.ndarray:
    return np.moveaxis(cube, -1, 0)


def channels_last(cube: np.ndarray) -> np.ndarray:
    return np.moveaxis(cube, 0, -1)


def tiles_of(image: np.ndarray, tile: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Tiles side by side, filled beyond the image by a copy of its last rows and columns, and their positions."""
    positions = TileGrid(tile, layout='overhanging').positions(*image.shape[:2])
    return [crop_window(image, top, left, tile, tile, 'append') for top, left in positions], positions


def noise_of(name: str) -> BaseTransform:
    """The noise for a name in the golden cases; numbers are standard deviations."""
    kind, *numbers = re.split('_sigma|_', name)
    numbers = tuple(map(int, numbers))
    bank = [dict(type=f'mmhsi.{kind}Noise') for kind in ('Stripe', 'Deadline', 'Impulse')]
    makers = dict(
        iid=lambda: GaussianNoise(*numbers),
        blind=lambda: GaussianNoise(numbers),
        noniid=lambda: NonIIDGaussianNoise(numbers),
        impulse=ImpulseNoise,
        stripe=StripeNoise,
        deadline=DeadlineNoise,
        inpainting=MissingStrips,
        complex=lambda: MixedNoise(bank),
    )
    return NoiseChain(name) if kind.startswith('case') else makers[kind]()


def check_noise(case: GoldenCase) -> None:
    """Every noise with the stream of the seed, value by value."""
    noises = {name: noise_of(name) for name in case.json['expected']}
    assert noises
    clean = channels_last(case.tensors['input.clean'])
    state = np.random.get_state()
    for name, noise in noises.items():
        wanted = case.tensors[f'output.{name}']
        np.random.seed(case.json['config']['numpy_legacy_seed'])
        found = channels_first(noise(dict(img=clean.astype(wanted.dtype)))['img'])
        np.testing.assert_allclose(found, wanted, **case.json['tolerance'], err_msg=name)
        changed = np.flatnonzero((found != case.tensors['input.clean']).any(axis=(1, 2)))
        assert changed.tolist() == case.json['expected'][name]['changed_bands'], name
    np.random.set_state(state)


def check_unmixing_data(case: GoldenCase) -> None:
    """Windows around drawn centres with a mirrored border, and tiles of the scene padded by a copy."""
    tensors, config = case.tensors, case.json['config']
    image, size = tensors['input.image_hwc'], config['patch']
    height, width = image.shape[:2]
    np.testing.assert_array_equal(
        crop_window(image, -(size // 2), -(size // 2), height + size, width + size, pad_mode='symmetric'),
        tensors['output.mirror_padded'],
    )
    drawn = CentreSplit(config['train_patches'], config['seed'])(np.zeros((height, width))).train
    centres = np.stack(np.divmod(drawn, width), axis=1)
    np.testing.assert_array_equal(centres, tensors['output.train_centres_rowcol'])
    windows = [crop_window(image, *centred_window(*centre, size), pad_mode='symmetric') for centre in centres]
    np.testing.assert_array_equal(
        np.moveaxis(np.stack(windows), -1, 1).astype(np.float32), tensors['output.train_patches_nchw']
    )
    for source, tile, wanted in (('image', size, 'test'), ('small', config['small_tile'], 'small')):
        tiles, _ = tiles_of(tensors[f'input.{source}_hwc'], tile)
        np.testing.assert_array_equal(tiles, tensors[f'output.{wanted}_tiles_nhwc'])
    square, tile = tensors['input.square_hwc'], config['square_tile']
    stitched = TileGrid(tile).stitch(*tiles_of(square, tile), square.shape[:2])
    np.testing.assert_array_equal(channels_first(stitched).astype(np.float32), tensors['output.square_stitched_chw'])


def check_denoising_data(case: GoldenCase) -> None:
    """Percentiles of two parts together, range, windows on a grid, all poses, and the learning rate of each epoch."""
    tensors, config, tolerance = case.tensors, case.json['config'], case.json['tolerance']
    parts = {name: channels_last(tensors[f'input.{name}']) for name in ('a', 'b')}
    scale = PercentileScale(100 * config['low'], 100 * config['up'], config['epsilon'])
    scale.fit(np.concatenate([part.reshape(-1, part.shape[-1]) for part in parts.values()]))
    np.testing.assert_allclose(
        np.stack([scale.lower, scale.upper])[..., None, None], tensors['output.quantiles_2C11'], **tolerance
    )
    for name, part in parts.items():
        np.testing.assert_allclose(channels_first(scale(part)), tensors[f'output.{name}_normalised'], **tolerance)
    whole = MinMaxScale()
    normalised = scale(parts['a'])
    whole.fit(normalised.reshape(-1, normalised.shape[-1]))
    np.testing.assert_allclose(channels_first(whole(normalised)), tensors['output.a_minmax'], **tolerance)
    ranged = channels_last(tensors['output.a_minmax'])
    size, stride = config['ksizes'][1], tuple(config['strides'][1:])
    positions = TileGrid.sliding(size, stride, layout='inside').positions(*ranged.shape[:2])
    windows = np.stack([ranged[top : top + size, left : left + size] for top, left in positions])
    np.testing.assert_array_equal(np.moveaxis(windows, -1, 1), tensors['output.a_volume'])
    half = channels_last(tensors['output.a_zoom_half'])
    side = min(half.shape[:2])
    places = TileGrid.sliding(side, 1, layout='inside').positions(*half.shape[:2])
    found = CropDataset(Scene(ranged), crop_size=side, stride=1, scales=[0.5])
    assert len(found) == len(places)
    for sample, (top, left) in zip(found, places, strict=True):
        np.testing.assert_allclose(sample['gt'], half[top : top + side, left : left + side], **tolerance)
    image = channels_last(tensors['input.aug'])
    for pose in range(8):
        np.testing.assert_array_equal(channels_first(dihedral(image, pose)), tensors[f'output.aug_mode{pose}'])
    np.testing.assert_array_equal(
        channels_first(dihedral(image, 1)[..., ::-1]), tensors['output.aug_mode1_band_reversed']
    )
    found = warmed_up_rates(config['base_lr'], config['epochs'], config['warmup'])
    np.testing.assert_allclose(found, case.json['expected']['lr_of_epoch'], rtol=tolerance['rtol'], atol=0)


def check_super_resolution_data(case: GoldenCase) -> None:
    """All poses, and the learning rate of the epochs, which are counted from 1 there."""
    image = case.tensors['input.image_hwc']
    for pose in range(8):
        np.testing.assert_array_equal(dihedral(image, pose), case.tensors[f'output.aug_mode{pose}'])
    expected = {int(epoch): rate for epoch, rate in case.json['expected']['lr_of_epoch'].items()}
    found = stepped_rates(case.json['config']['base_lr'], max(expected), HALVED_EVERY)
    for epoch, rate in expected.items():
        np.testing.assert_allclose(found[epoch - 1], rate, rtol=1e-12)
