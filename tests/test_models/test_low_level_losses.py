"""Losses of unmixing and restoration against formulas by hand and scikit-image."""

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from mmhsi.models import (
    AbundanceSparsityLoss,
    EndmemberVariationLoss,
    Gradient3DLoss,
    SpectralAngleLoss,
    SSIMLoss,
    SumLoss,
    TotalVariationLoss,
)

TERMS = dict(
    l1=dict(type='torch.nn.L1Loss'),
    sam=dict(type='mmhsi.SpectralAngleLoss', loss_weight=0.3),
    gradient=dict(type='mmhsi.Gradient3DLoss', loss_weight=0.1),
)


def pair(*shape):
    rng = np.random.default_rng(9)
    return (torch.from_numpy(rng.random(shape)).float().requires_grad_(), torch.from_numpy(rng.random(shape)).float())


def angles(pred, target):
    pred, target = (np.moveaxis(x.detach().numpy().astype(np.float64), 1, -1) for x in (pred, target))
    cosine = (pred * target).sum(-1) / np.linalg.norm(pred, axis=-1) / np.linalg.norm(target, axis=-1)
    return np.arccos(cosine)


@pytest.mark.parametrize('unit, factor', [('radians', 1), ('degrees', 180 / np.pi), ('pi', 1 / np.pi)])
def test_spectral_angle(unit, factor):
    pred, target = pair(2, 5, 4, 3)
    found = SpectralAngleLoss(unit, loss_weight=2.0)(pred, target)
    assert found.item() == pytest.approx(2 * factor * angles(pred, target).mean(), rel=1e-5)


def test_spectral_angle_by_hand_does_not_depend_on_brightness():
    pred = torch.tensor([[1.0, 0.0], [1.0, 1.0]]).T[None, :, None]  # two pixels of two bands
    target = torch.tensor([[0.0, 3.0], [0.1, 0.0]]).T[None, :, None]
    assert SpectralAngleLoss('degrees')(pred, target).item() == pytest.approx((90 + 45) / 2, rel=1e-6)


def test_equal_spectra_have_a_finite_gradient_unless_the_cosine_is_left_as_it_is():
    _, target = pair(1, 4, 3, 3)
    for margin, finite in ((1e-7, True), (None, False)):
        pred = (3 * target).requires_grad_()
        (gradient,) = torch.autograd.grad(SpectralAngleLoss(margin=margin)(pred, target), pred)
        assert gradient.isfinite().all() == finite


def test_an_empty_spectrum_counts_as_a_right_angle():
    pred, target = torch.zeros(1, 3, 1, 1, requires_grad=True), torch.ones(1, 3, 1, 1)
    loss = SpectralAngleLoss('degrees')(pred, target)
    assert loss.item() == pytest.approx(90) and torch.autograd.grad(loss, pred)[0].isfinite().all()
    assert SpectralAngleLoss('degrees')(target, pred.detach()).item() == pytest.approx(90)


def test_gradient_along_rows_columns_and_bands():
    pred, target = pair(1, 3, 4, 5)

    def magnitudes(image):
        x = image.detach().numpy()[0].astype(np.float64)
        return np.array(
            [
                np.sqrt(
                    (x[c, i, j] - x[c - 1, i, j]) ** 2
                    + (x[c, i, j] - x[c, i - 1, j]) ** 2
                    + (x[c, i, j] - x[c, i, j - 1]) ** 2
                    + 1e-6
                )
                for c in range(1, 3)
                for i in range(1, 4)
                for j in range(1, 5)
            ]
        )

    wanted = np.abs(magnitudes(pred) - magnitudes(target)).mean()
    assert Gradient3DLoss(loss_weight=0.1)(pred, target).item() == pytest.approx(0.1 * wanted, rel=1e-5)
    with pytest.raises(ValueError, match=r'at least 2 of each, found an image of \(1, 4, 5\)'):
        Gradient3DLoss()(pred[:, :1], target[:, :1])


def test_flat_images_have_a_finite_gradient():
    pred = torch.ones(1, 3, 4, 4, requires_grad=True)
    (gradient,) = torch.autograd.grad(Gradient3DLoss()(pred, torch.zeros(1, 3, 4, 4)), pred)
    assert gradient.isfinite().all()


@pytest.mark.parametrize('data_range', [1.0, 255.0])
def test_ssim_equals_scikit_image(data_range):
    pred, target = (data_range * image for image in pair(2, 3, 16, 19))
    _, maps = zip(
        *(
            structural_similarity(
                a.detach().numpy(),
                b.numpy(),
                channel_axis=0,
                data_range=data_range,
                gaussian_weights=True,
                sigma=1.5,
                use_sample_covariance=False,
                full=True,
            )
            for a, b in zip(pred, target, strict=True)
        ),
        strict=True,
    )
    wanted = 1 - np.stack(maps)[..., 5:-5, 5:-5].mean()
    assert SSIMLoss(data_range)(pred, target).item() == pytest.approx(wanted, rel=1e-4)
    assert SSIMLoss(data_range)(target, target).item() == pytest.approx(0, abs=1e-5)


def test_ssim_needs_an_image_as_large_as_its_window():
    with pytest.raises(ValueError, match='image of 8x20 pixels is smaller than the window of 11x11'):
        SSIMLoss()(*pair(1, 2, 8, 20))
    with pytest.raises(ValueError, match='must be odd, found 10'):
        SSIMLoss(window_size=10)


def test_total_variation():
    pred, _ = pair(2, 4, 3, 5)
    x = pred.detach().numpy().astype(np.float64)
    spatial, spectral = sum((np.diff(x, axis=axis) ** 2).mean() for axis in (2, 3)), (np.diff(x, axis=1) ** 2).mean()
    assert TotalVariationLoss(0.5, 0.0)(pred).item() == pytest.approx(0.5 * spatial, rel=1e-5)
    assert TotalVariationLoss(0.0, 2.0)(pred).item() == pytest.approx(2 * spectral, rel=1e-5)


def test_sum_of_losses_and_its_terms():
    pred, target = pair(2, 4, 5, 6)
    loss = SumLoss(TERMS)
    terms = loss.terms(pred, target)
    assert terms['l1'].item() == pytest.approx((pred - target).abs().mean().item())
    assert terms['sam'].item() == pytest.approx(0.3 * angles(pred, target).mean(), rel=1e-5)
    assert loss(pred, target).item() == pytest.approx(sum(value.item() for value in terms.values()))
    with pytest.raises(ValueError, match='at least one'):
        SumLoss({})
    weighed = SumLoss(TERMS, weights=dict(l1=3.0))
    assert weighed.terms(pred, target)['l1'].item() == pytest.approx(3 * terms['l1'].item())
    assert weighed.terms(pred, target)['sam'] == terms['sam']
    with pytest.raises(ValueError, match='weights are for the losses .*, found surprise'):
        SumLoss(TERMS, weights=dict(surprise=1.0))


def test_sparsity_prefers_few_endmembers_and_has_a_gradient_at_zero():
    shared, alone = torch.full((1, 4, 1, 1), 0.25), torch.tensor([1.0, 0, 0, 0]).reshape(1, 4, 1, 1).requires_grad_()
    assert AbundanceSparsityLoss(0.35)(shared).item() == pytest.approx(0.35 * 0.5)
    loss = AbundanceSparsityLoss()(alone)
    assert loss.item() == pytest.approx(0.25, abs=1e-5)
    assert torch.autograd.grad(loss, alone)[0].isfinite().all()


def test_variation_of_endmembers_along_bands():
    endmembers = torch.tensor([[0.0, 1.0], [1.0, 1.0], [3.0, 0.0]], requires_grad=True)  # 3 bands, 2 endmembers
    total = EndmemberVariationLoss(reduction='sum', loss_weight=0.1)(endmembers)
    assert total.item() == pytest.approx(0.1 * (1 + 2 + 0 + 1))
    assert EndmemberVariationLoss()(endmembers).item() == pytest.approx(1)
    assert torch.autograd.grad(total, endmembers)[0].abs().sum() > 0


def test_variation_over_endmembers_has_no_gradient():
    endmembers = torch.tensor([[0.0, 1.0], [1.0, 1.0], [3.0, 0.0]], requires_grad=True)
    for reduction, wanted in (('sum', 4.0), ('mean', 4 / 3)):
        loss = EndmemberVariationLoss('endmembers', reduction)(endmembers)
        assert loss.item() == pytest.approx(wanted) and not loss.requires_grad
    assert EndmemberVariationLoss('endmembers')(endmembers[:, :1]).item() == 0


@pytest.mark.parametrize(
    'build, message',
    [
        (lambda: SpectralAngleLoss('grad'), "'radians', 'degrees', 'pi', found 'grad'"),
        (lambda: EndmemberVariationLoss('rows'), "'bands' or 'endmembers', found 'rows'"),
        (lambda: EndmemberVariationLoss(reduction='none'), "'mean' or 'sum', found 'none'"),
    ],
)
def test_unknown_options_are_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()
