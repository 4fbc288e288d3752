"""QRNN3D: denoising with 3-D convolutions and gated recurrence along the bands."""

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmhsi.registry import MODELS


def _pool(candidate: Tensor, forget: Tensor, backward: bool) -> Tensor:
    """h_t = f_t h_(t-1) + (1 - f_t) z_t along the bands (axis 2), from the last one if ``backward``."""
    steps = list(zip((candidate * (1 - forget)).unbind(2), forget.unbind(2), strict=True))
    states, state = [], None
    for update, keep in reversed(steps) if backward else steps:
        state = update if state is None else keep * state + update
        states.append(state)
    return torch.stack(states[::-1] if backward else states, dim=2)


class _Unit(nn.Module):
    """Norm, convolution to candidates and forget gates, and recurrence in one direction or in both."""

    def __init__(
        self,
        in_channels: int,
        channels: int,
        both: bool = False,
        stride: int = 1,
        upsample: bool = False,
        bias: bool = False,
    ) -> None:
        super().__init__()
        self.both = both
        self.norm = nn.BatchNorm3d(in_channels)
        self.upsample = (
            nn.Upsample(scale_factor=(1, 2, 2), mode='trilinear', align_corners=True) if upsample else nn.Identity()
        )
        gates = 2 if both else 1
        self.conv = nn.Conv3d(in_channels, (1 + gates) * channels, 3, (1, stride, stride), padding=1, bias=bias)

    def forward(self, x: Tensor, backward: bool = False) -> Tensor:
        candidate, *gates = self.conv(self.upsample(self.norm(x))).chunk(3 if self.both else 2, dim=1)
        candidate = candidate.tanh()
        if self.both:
            return sum(_pool(candidate, gate.sigmoid(), way) for gate, way in zip(gates, (False, True), strict=True))
        return _pool(candidate, gates[0].sigmoid(), backward)


@MODELS.register_module()
class QRNN3D(BaseModule):
    """3-D quasi-recurrent network for denoising (Wei, Fu and Huang, IEEE TNNLS 32(1), 2021).

    Each unit computes candidates and forget gates by a 3-D convolution and pools them along any number of bands;
    directions of the recurrence alternate from unit to unit, and the first and the last unit have both. Two units halve
    the sides and double the maps, two others undo this, with skip connections; the result is added to the image.

    Args:
        channels (int): Maps of the first unit. Defaults to 16.
        num_units (int): Units of the encoder, and of the decoder. Defaults to 5.
        halving (Sequence[int]): Units of the encoder that halve the sides. Defaults to (1, 3).
        init_cfg (dict, optional): Initialisation. Defaults to He's for the convolutions.
    """

    def __init__(
        self, channels: int = 16, num_units: int = 5, halving: tuple[int, ...] = (1, 3), init_cfg: dict | None = None
    ) -> None:
        super().__init__(init_cfg or dict(type='Kaiming', layer='Conv3d', mode='fan_in', nonlinearity='relu'))
        self.multiple = 2 ** len(halving)
        self.extractor = _Unit(1, channels, both=True)
        self.encoder, self.decoder = nn.ModuleList(), nn.ModuleList()
        width = channels
        for number in range(num_units):
            next_width = 2 * width if number in halving else width
            self.encoder.append(_Unit(width, next_width, stride=next_width // width))
            self.decoder.insert(0, _Unit(next_width, width, upsample=number in halving))
            width = next_width
        self.reconstructor = _Unit(channels, 1, both=True, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        """Restore images.

        Args:
            x: Noisy images (B, C, H, W), whose sides are multiples of 2 to the power of the halving units.

        Returns:
            (B, C, H, W).

        Raises:
            ValueError: If the sides do not fit.
        """
        if x.shape[2] % self.multiple or x.shape[3] % self.multiple:
            raise ValueError(
                f'the sides of an image must be multiples of {self.multiple}, found {x.shape[2]} x {x.shape[3]} pixels'
            )
        image = x[:, None]
        first = volume = self.extractor(image)
        backward, across = False, []
        for unit in self.encoder:
            across.append(volume)
            volume = unit(volume, backward)
            backward = not backward
        for number, unit in enumerate(self.decoder):
            volume = unit(volume + across.pop() if number else volume, backward)
            backward = not backward
        return (self.reconstructor(volume + first) + image).squeeze(1)
