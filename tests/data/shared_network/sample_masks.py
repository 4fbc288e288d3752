"""Masked encoders whose masks only depend on the sample: the same for any number of processes."""

import torch

from mmhsi.models.selfsup import MaskedSpatViT, MaskedSpecViT
from mmhsi.registry import MODELS


class SampleMasks:
    def forward(self, x, mask=True, noise=None):
        count = self.pos_embed.shape[1]
        values = x.flatten(1)[:, :: x[0].numel() // count][:, :count].double()
        return super().forward(x, mask, torch.sin(1e4 * values).float())


@MODELS.register_module()
class SampleMaskedSpatViT(SampleMasks, MaskedSpatViT):
    pass


@MODELS.register_module()
class SampleMaskedSpecViT(SampleMasks, MaskedSpecViT):
    pass
