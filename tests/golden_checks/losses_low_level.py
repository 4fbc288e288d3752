"""Goldens of the losses of unmixing, denoising and super-resolution: value and gradient."""

import torch
from torch import Tensor

from golden_checks.case import GoldenCase, as_tensors
from golden_checks.compare import assert_gradient_close, assert_scalar
from mmhsi.models import (
    AbundanceSparsityLoss,
    EndmemberDecoder,
    EndmemberVariationLoss,
    Gradient3DLoss,
    SpectralAngleLoss,
    SSIMLoss,
    SumLoss,
    TotalVariationLoss,
)
from mmhsi.models.losses.image_losses import gradient_3d

GRADIENT_LIMIT = 1e-4  # of the largest value
L1, MSE = dict(type='torch.nn.L1Loss'), dict(type='torch.nn.MSELoss')


def check_gradient(case: GoldenCase, name: str, loss: Tensor, leaf: Tensor) -> None:
    (found,) = torch.autograd.grad(loss, leaf, retain_graph=True)
    assert_gradient_close(name, found, case.group('grad.')[name], GRADIENT_LIMIT)


def check_losses(case: GoldenCase, losses: dict) -> None:
    """Every expected loss of a prediction; each of ours belongs to one of the case."""
    inputs = as_tensors(case.group('input.'))
    pred = inputs['pred'].requires_grad_()
    assert set(case.json['expected']) == set(losses)
    for name, function in losses.items():
        loss = function(pred, inputs['target'])
        assert_scalar(case, name, loss)
        check_gradient(case, f'pred_of_{name}', loss, pred)


def check_denoising_losses(case: GoldenCase) -> None:
    """The published setting is 'l2'; the weights in the sums are the reference's."""
    check_losses(
        case,
        dict(
            l2=SumLoss(dict(l2=MSE)),
            l1=SumLoss(dict(l1=L1)),
            smooth_l1=SumLoss(dict(l1=dict(type='torch.nn.SmoothL1Loss'))),
            ssim=SSIMLoss(),
            sam_deg=SpectralAngleLoss(unit='degrees'),
            l2_ssim=SumLoss(dict(l2=MSE, ssim=dict(type='mmhsi.SSIMLoss', loss_weight=2.5e-3))),
            l2_sam=SumLoss(dict(l2=MSE, sam=dict(type='mmhsi.SpectralAngleLoss', unit='degrees', loss_weight=1e-3))),
        ),
    )


def check_super_resolution_losses(case: GoldenCase) -> None:
    """The published setting is 'hloss_0.3_0.1'."""

    def hybrid(sam_weight: float, gradient_weight: float) -> SumLoss:
        return SumLoss(
            dict(
                l1=L1,
                sam=dict(type='mmhsi.SpectralAngleLoss', unit='pi', margin=1e-6, loss_weight=sam_weight),
                gradient=dict(type='mmhsi.Gradient3DLoss', loss_weight=gradient_weight),
            )
        )

    check_losses(
        case,
        {
            'hloss_0.3_0.1': hybrid(0.3, 0.1),
            'hloss_0.5_0.1': hybrid(0.5, 0.1),
            'l1': SumLoss(dict(l1=L1)),
            'sam_over_pi': SpectralAngleLoss(unit='pi', margin=1e-6),
            'gradient_l1': Gradient3DLoss(),
            'hybrid_tv_both': lambda pred, target: (pred - target).abs().mean() + TotalVariationLoss()(pred),
        },
    )
    target = as_tensors(case.group('input.'))['target']
    torch.testing.assert_close(
        gradient_3d(target), as_tensors(case.group('output.'))['gradient_map_target'], rtol=1e-4, atol=1e-6
    )


def check_unmixing_losses(case: GoldenCase) -> None:
    """Losses with the reference's switches, the decoder and the softmax."""
    inputs, outputs = as_tensors(case.group('input.')), as_tensors(case.group('output.'))
    weights = case.json['weights']
    pred, abundances = inputs['pred'].requires_grad_(), inputs['abundances'].requires_grad_()
    for margin in (None, 1e-7):  # clamping has no effect here
        angle = SpectralAngleLoss(margin=margin)(pred, inputs['target'])
        assert_scalar(case, 'sad', angle)
        check_gradient(case, 'pred_of_sad', angle, pred)
    assert_scalar(case, 'abundance_weighted', AbundanceSparsityLoss(weights['W_AB'])(abundances))
    check_gradient(case, 'abundances_of_sparsity', AbundanceSparsityLoss(weights['W_AB'])(abundances), abundances)

    bands, endmembers, kernel, _ = inputs['decoder_weight'].shape
    decoder = EndmemberDecoder(endmembers, bands, kernel)
    decoder.load_state_dict({'conv.weight': inputs['decoder_weight']})
    torch.testing.assert_close(decoder.endmembers, outputs['endmembers_clamped'])
    torch.testing.assert_close(decoder(abundances), outputs['decoder_forward_raw_weight'])

    reference = EndmemberVariationLoss('endmembers', 'sum', weights['W_TV'])(decoder.endmembers)
    assert_scalar(case, 'tv_weighted_as_reference', reference)
    along_bands = EndmemberVariationLoss('bands', 'sum', weights['W_TV'])(decoder.endmembers)
    torch.testing.assert_close(along_bands.item(), case.json['derived']['tv_weighted_along_bands'], rtol=1e-5, atol=0.0)
    assert along_bands.requires_grad and not reference.requires_grad
