"""Small convolutional networks over bands and pixels: the 3-D CNN and the hybrid 3-D and 2-D CNN of the literature."""

from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmhsi.registry import MODELS

from .window_checks import check_window_size


@MODELS.register_module()
class HybridCNN(BaseModule):
    """3-D convolutions over bands, rows and columns, optionally followed by 2-D convolutions over rows and columns.

    Each is 3 x 3 pixels wide, has no padding and is followed by a ReLU. The last map is flattened, so the window size
    is fixed. The defaults are HybridSN (Roy et al., IEEE GRSL 17(2), 2020);
    ``channels_3d=(2, 4), spectral_kernels=(7, 3), channels_2d=()`` is the 3-D CNN of Li, Zhang and Shen (Remote Sensing
    9(1), 67, 2017), for windows of 5 x 5 pixels.

    Args:
        in_channels (int): Number C of bands. Defaults to 30.
        img_size (int): Side of the window in pixels. Defaults to 25.
        channels_3d (Sequence[int]): Kernels of the 3-D convolutions. Defaults to (8, 16, 32).
        spectral_kernels (Sequence[int]): Bands that each of them spans. Defaults to (7, 5, 3).
        channels_2d (Sequence[int]): Kernels of the 2-D convolutions. Defaults to (64, ).
        init_cfg (dict, optional): Initialisation. Defaults to He's for the convolutions.

    Attributes:
        out_channels (int): Length of the feature vector.

    Raises:
        ValueError: If the numbers of 3-D convolutions and of their spans differ, or bands or window are too small.
    """

    def __init__(
        self,
        in_channels: int = 30,
        img_size: int = 25,
        channels_3d: Sequence[int] = (8, 16, 32),
        spectral_kernels: Sequence[int] = (7, 5, 3),
        channels_2d: Sequence[int] = (64,),
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg or dict(type='Kaiming', layer=['Conv2d', 'Conv3d'], nonlinearity='relu'))
        if len(channels_3d) != len(spectral_kernels):
            raise ValueError(
                f'{len(channels_3d)} 3-D convolutions need as many spectral_kernels, found {tuple(spectral_kernels)}'
            )
        bands = in_channels - sum(kernel - 1 for kernel in spectral_kernels)
        side = img_size - 2 * (len(channels_3d) + len(channels_2d))
        if min(bands, side) < 1:
            raise ValueError(
                f'{len(channels_3d)} 3-D convolutions over {tuple(spectral_kernels)} bands and '
                f'{len(channels_2d)} 2-D ones leave nothing of windows of {img_size} x {img_size} pixels '
                f'and {in_channels} bands'
            )
        self.in_channels = in_channels
        self.img_size = img_size
        self.fixed_input_size = (img_size, img_size)  # the size of the feature vector is fixed
        widths = (1, *channels_3d)
        self.spectral_spatial = nn.Sequential(
            *(
                layer
                for inner, outer, kernel in zip(widths, widths[1:], spectral_kernels, strict=False)
                for layer in (nn.Conv3d(inner, outer, (kernel, 3, 3)), nn.ReLU(inplace=True))
            )
        )
        widths = (widths[-1] * bands, *channels_2d)
        self.spatial = nn.Sequential(
            *(
                layer
                for inner, outer in zip(widths, widths[1:], strict=False)
                for layer in (nn.Conv2d(inner, outer, 3), nn.ReLU(inplace=True))
            )
        )
        self.out_channels = widths[-1] * side**2

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Compute the feature vector.

        Args:
            x: Windows (B, C, H, W).

        Returns:
            One tensor (B, ``out_channels``), in a tuple as heads expect it.

        Raises:
            ValueError: If the size of the windows or the number of bands differs.
        """
        check_window_size(x, self.in_channels, self.img_size)
        maps = self.spectral_spatial(x[:, None]).flatten(1, 2)  # bands become channels
        return (self.spatial(maps).flatten(1),)
