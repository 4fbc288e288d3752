"""The linear mixing model as a layer whose weight holds the endmembers."""

import numpy as np
import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmhsi.registry import MODELS


@MODELS.register_module()
class EndmemberDecoder(BaseModule):
    r"""Spectra from abundances by a convolution without bias and a ReLU; with a 1x1 kernel :math:`\max(M a, 0)`.

    Endmembers are the weight times ``scale``, the largest value of the initial ones: optimiser steps then have the same
    effect for reflectances below 1 and for stored integers in the thousands. Without initial endmembers it is 1.

    The weight may become negative between two optimiser steps; ``NonNegativeEndmemberHook`` sets such values to zero
    after each step.

    Args:
        num_endmembers (int): Number P of endmembers.
        num_bands (int): Number C of bands.
        kernel_size (int): Side of the kernel in pixels, odd. A larger kernel mixes in neighbouring pixels. Defaults to
            1.
        init_cfg (dict, optional): Initialisation of the module.

    Raises:
        ValueError: If the kernel is even.
    """

    def __init__(self, num_endmembers: int, num_bands: int, kernel_size: int = 1, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        if kernel_size % 2 == 0:
            raise ValueError(f'the side of a kernel must be odd, found {kernel_size}')
        self.conv = nn.Conv2d(num_endmembers, num_bands, kernel_size, padding=kernel_size // 2, bias=False)
        self.register_buffer('scale', torch.ones(()))

    @property
    def unit_endmembers(self) -> Tensor:
        """Endmembers divided by ``scale``, thus at most about 1; see :attr:`endmembers`."""
        return self.conv.weight.clamp_min(0).mean(dim=(2, 3))

    @property
    def endmembers(self) -> Tensor:
        """Spectra (C, P), non-negative; for a larger kernel the mean over its pixels. Differentiable."""
        return self.scale * self.unit_endmembers

    @torch.no_grad()
    def set_endmembers(self, endmembers: np.ndarray | Tensor) -> None:
        """Initialise with given endmembers, e.g. from VCA: in the middle of the kernel, zero around it.

        Args:
            endmembers: Spectra (C, P), finite; negative values due to noise are set to zero.

        Raises:
            ValueError: If the shape is wrong, or values are not finite.
        """
        endmembers = torch.as_tensor(endmembers, dtype=self.conv.weight.dtype, device=self.conv.weight.device)
        wanted = tuple(self.conv.weight.shape[:2])
        if tuple(endmembers.shape) != wanted:
            raise ValueError(
                f'expected endmembers of shape (bands, endmembers) = {wanted}, found {tuple(endmembers.shape)}'
            )
        if not endmembers.isfinite().all():
            raise ValueError(
                f'endmembers must be finite, found {int((~endmembers.isfinite()).sum())} of '
                f'{endmembers.numel()} values that are not'
            )
        endmembers = endmembers.clamp_min(0)
        largest = endmembers.max()
        self.scale.copy_(largest if largest > 0 else torch.ones_like(largest))
        middle = self.conv.kernel_size[0] // 2
        self.conv.weight.zero_()
        self.conv.weight[:, :, middle, middle] = endmembers / self.scale

    @torch.no_grad()
    def clamp_(self) -> None:
        """Set the negative values of the weight to zero."""
        self.conv.weight.clamp_(min=0)

    def forward(self, abundances: Tensor) -> Tensor:
        """Abundances (B, P, H, W) → spectra (B, C, H, W), non-negative."""
        return self.scale * self.conv(abundances).relu()

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args) -> None:
        # official weights, and checkpoints from before the scale was added, hold the endmembers themselves
        state_dict.setdefault(f'{prefix}scale', torch.ones_like(self.scale))
        super()._load_from_state_dict(state_dict, prefix, *args)
