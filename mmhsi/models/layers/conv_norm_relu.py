"""The convolution blocks of the change-detection networks."""

from mmcv.cnn import build_norm_layer
from torch import nn


def conv_norm_relu(
    in_channels: int, out_channels: int, kernel_size: int, norm_cfg: dict | None = None
) -> nn.Sequential:
    """Convolution that keeps the size, norm, ReLU.

    Like mmcv's ``ConvModule``, except for the bias before the norm, which the reference has.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Side of the kernel, odd.
        norm_cfg: Config of the norm. Defaults to batch norm.

    Returns:
        The layers.

    Raises:
        ValueError: If the kernel is even.
    """
    if kernel_size % 2 == 0:
        raise ValueError(f'the side of a kernel must be odd, found {kernel_size}')
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2),
        build_norm_layer(norm_cfg or dict(type='BN'), out_channels)[1],
        nn.ReLU(inplace=True),
    )
