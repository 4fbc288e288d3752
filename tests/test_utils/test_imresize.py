"""Bicubic resizing: the formula by hand, other libraries where they agree, and the borders."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from mmhsi.utils.imresize import bicubic_weights, imresize


def cube(*shape):
    return np.random.default_rng(3).random(shape).astype(np.float32)


def test_weights_of_an_enlargement_by_two():
    """Keys' kernel at the distances 1.75, 0.75, 0.25, 1.25 and their mirror image."""
    near_left = [-0.0234375, 0.2265625, 0.8671875, -0.0703125]
    matrix = bicubic_weights(8, 16)
    np.testing.assert_allclose(matrix[6], [0, *near_left, 0, 0, 0], atol=1e-15)  # stands at 2.75
    np.testing.assert_allclose(matrix[7], [0, 0, *near_left[::-1], 0, 0], atol=1e-15)  # stands at 3.25


def test_weights_of_a_reduction_by_two_are_those_of_a_kernel_twice_as_wide():
    """The new pixel 2 lies at 4.5, between 4 and 5; the kernel is k(x / 2) / 2 (sum 1)."""
    k = {0.25: 0.8671875, 0.75: 0.2265625, 1.25: -0.0703125, 1.75: -0.0234375}
    half = np.array([k[1.75], k[1.25], k[0.75], k[0.25]]) / 2
    np.testing.assert_allclose(bicubic_weights(10, 5)[2], [0, *half, *half[::-1], 0], atol=1e-15)


@pytest.mark.parametrize(
    'length, new_length, scale', [(9, 36, 4.0), (32, 8, 0.25), (7, 3, 0.4), (5, 9, 1.7), (2, 1, 0.3)]
)
def test_weights_sum_to_one(length, new_length, scale):
    matrix = bicubic_weights(length, new_length, scale)
    assert matrix.shape == (new_length, length)
    np.testing.assert_allclose(matrix.sum(axis=1), 1)


def test_the_border_is_mirrored_with_its_last_pixel():
    image = cube(6, 7, 3)
    widened = np.pad(image, ((4, 4), (4, 4), (0, 0)), mode='symmetric')
    for scale, cut in ((4, 16), (0.5, 2)):
        inner = imresize(widened, scale)[cut:-cut, cut:-cut]
        np.testing.assert_allclose(imresize(image, scale)[: inner.shape[0], : inner.shape[1]], inner, atol=2e-6)


@pytest.mark.parametrize('size', [(60, 80), (5, 8), (30, 50), (11, 13)])
def test_the_inside_equals_pillow(size):
    """Pillow has the same kernel and widening, and another border."""
    image = cube(20, 32)
    wanted = np.asarray(Image.fromarray(image).resize(size[::-1], Image.Resampling.BICUBIC))
    found = imresize(image, size=size)
    margins = [2 + int(np.ceil(2 * max(new / old, 1))) for new, old in zip(size, image.shape, strict=True)]
    inside = tuple(
        slice(margin, -margin) if new > 2 * margin else slice(new // 2, new // 2 + 1)
        for margin, new in zip(margins, size, strict=True)
    )
    np.testing.assert_allclose(found[inside], wanted[inside], atol=1e-5)


def test_the_inside_equals_pytorch_with_antialiasing():
    image = torch.from_numpy(cube(2, 3, 24, 32))
    wanted = F.interpolate(image, scale_factor=0.25, mode='bicubic', antialias=True)
    torch.testing.assert_close(imresize(image, 0.25)[..., 2:-2, 2:-2], wanted[..., 2:-2, 2:-2], rtol=0, atol=1e-5)


@pytest.mark.slow  # importing mmagic takes a quarter of a minute
@pytest.mark.parametrize('scale', [4, 8, 0.25, 1 / 3])
def test_the_whole_equals_the_resize_of_mmagic(scale):
    transforms = pytest.importorskip('mmagic.datasets.transforms')
    image = cube(24, 30, 4)
    wanted = transforms.MATLABLikeResize(keys=['img'], scale=scale)(dict(img=image.copy()))['img']
    np.testing.assert_allclose(imresize(image, scale), wanted, atol=1e-5)


def test_arrays_and_tensors_give_the_same():
    image = cube(9, 12, 5)
    wanted = imresize(image, 2)
    found = imresize(torch.from_numpy(image).permute(2, 0, 1)[None], 2)[0].permute(1, 2, 0)
    assert wanted.shape == (18, 24, 5) and wanted.dtype == np.float32 and wanted.flags.c_contiguous
    np.testing.assert_allclose(found.numpy(), wanted, atol=1e-6)
    np.testing.assert_allclose(imresize(image[..., 0], 2), wanted[..., 0], atol=1e-6)
    assert imresize(image.astype(np.float64), 2).dtype == np.float64


def test_sizes_are_rounded_up_as_in_matlab():
    assert imresize(cube(7, 9), 0.5).shape == (4, 5)
    assert imresize(cube(9, 9), 1 / 3).shape == (3, 3)
    assert imresize(cube(49, 5), 1 / 49).shape == (1, 1)


def test_the_scale_one_is_the_identity():
    np.testing.assert_array_equal(imresize(cube(5, 6, 2), 1), cube(5, 6, 2))


def test_gradients_flow_and_half_precision_is_computed_in_single():
    image = torch.rand(1, 2, 5, 6, requires_grad=True)
    (gradient,) = torch.autograd.grad(imresize(image, 3).sum(), image)
    weights = [bicubic_weights(side, 3 * side).sum(axis=0) for side in (5, 6)]
    np.testing.assert_allclose(gradient[0, 1], np.outer(*weights), atol=1e-5)
    half = image.detach().bfloat16()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = imresize(half, 3)
        in_single = imresize(half.float(), 3)
    assert found.dtype == torch.bfloat16 and in_single.dtype == torch.float32
    torch.testing.assert_close(in_single, imresize(half.float(), 3), rtol=0, atol=0)
    torch.testing.assert_close(found, in_single.bfloat16())


@pytest.mark.parametrize(
    'image, options, message',
    [
        (cube(4, 4), {}, 'either a scale or a size'),
        (cube(4, 4), dict(scale=2, size=(8, 8)), 'either a scale or a size'),
        (cube(4, 4), dict(scale=0), 'scale must be positive, found 0'),
        (cube(4, 4), dict(size=(0, 3)), 'size must be positive'),
        (np.zeros((4, 4), np.uint8), dict(scale=2), 'floating point images, found uint8'),
        (torch.zeros(1, 4, 4, dtype=torch.int64), dict(scale=2), 'floating point images, found torch.int64'),
    ],
)
def test_bad_input_is_named(image, options, message):
    with pytest.raises(ValueError, match=message):
        imresize(image, **options)
