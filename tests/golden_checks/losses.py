"""Goldens of the losses of all high-level tasks: value and gradient."""

from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor

import mmhsi.models  # noqa: F401
from golden_checks.case import GoldenCase, as_tensors
from golden_checks.compare import assert_gradient_close
from mmhsi.registry import MODELS

MODEL_CONFIGS = Path(__file__).parents[2] / 'configs/_base_/models'


def decode_head(config: str, **sizes):
    """The head of a base config, in other sizes."""
    head = Config.fromfile(MODEL_CONFIGS / config).model.decode_head
    with DefaultScope.overwrite_default_scope('mmhsi'):
        return MODELS.build(dict(head, **sizes))


def losses_of(head, logits: Tensor, labels: Tensor) -> dict[str, Tensor]:
    samples = [SegDataSample(gt_sem_seg=PixelData(data=label[None])) for label in labels]
    losses = head.loss_by_feat(logits, samples)
    return {name: value for name, value in losses.items() if name.startswith('loss')}


def assert_value(found: Tensor, wanted: float) -> None:
    np.testing.assert_allclose(found.item(), wanted, rtol=1e-5)


def check_losses(case: GoldenCase) -> None:
    """Each loss as the head of a base config has it."""
    tensors, expected = as_tensors(case.tensors), case.json['expected']

    def check(task: str, head, leaf: Tensor, logits: Tensor, labels: Tensor, wanted: float) -> dict[str, Tensor]:
        losses = losses_of(head, logits, labels)
        total = sum(losses.values())
        assert_value(total, wanted)
        assert_gradient_close(task, torch.autograd.grad(total, leaf)[0], case.tensors[f'{task}/grad'])
        return losses

    head = decode_head('hypersigma-base_htd.py', num_bands=3)
    scores = tensors['htd/score'].requires_grad_()
    check('htd', head, scores, head.logits_of(scores), tensors['htd/label'], expected['htd'])

    logits = tensors['had/logits'].requires_grad_()
    check('had', decode_head('hypersigma-base_had.py'), logits, logits, tensors['had/label'], expected['had'])

    head = decode_head('hypersigma-base_mscd.py')
    logits = tensors['mcd/logits'].requires_grad_()
    losses = check('mcd', head, logits, logits, tensors['mcd/label'], expected['mcd']['total'])
    assert_value(losses['loss_ce'], expected['mcd']['weighted_ce'])
    assert_value(losses['loss_lovasz'], 0.75 * expected['mcd']['lovasz'])
    single = losses_of(head, tensors['mcd_single/logits'], tensors['mcd_single/label'])
    assert_value(single['loss_lovasz'], 0.75 * expected['mcd_lovasz_single_class'])

    # pixels of a tile in a row; 0 is unlabelled in the file
    logits = tensors['seg/logits'].requires_grad_()
    labels = torch.where(tensors['seg/label'] > 0, tensors['seg/label'] - 1, 255)
    head = decode_head('hypersigma-base_seg.py', num_classes=logits.shape[1])
    check('seg', head, logits, logits.T[None, :, :, None], labels[None, :, None], expected['seg'])
