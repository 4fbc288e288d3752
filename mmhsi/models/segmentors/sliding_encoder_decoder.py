"""Segmentor whose sliding windows always have one size, run in batches, and may repeat at the border."""

import torch
from mmseg.models.segmentors import EncoderDecoder
from torch import Tensor

from mmhsi.registry import MODELS
from mmhsi.utils.tensor_tiles import run_by_tiles
from mmhsi.utils.tiling import slide_grid


@MODELS.register_module()
class SlidingEncoderDecoder(EncoderDecoder):
    """mmseg's ``EncoderDecoder`` with another slide mode.

    An image smaller than a window is padded at the bottom and the right, and the result is cropped, because networks
    with a spectral branch accept only one window size. ``test_cfg`` of the slide mode has these entries:

    - ``crop_size``, ``stride``: size and step of the windows in pixels, a number or (height, width).
    - ``window_batch``: number of windows that run at once. Defaults to 8.
    - ``padding``: 'reflect' mirrors a small image at its border, 'zeros' pads it with zeros. Defaults to 'reflect'.
    - ``repeat_border_windows``: count the windows at the lower and right border several times, as the reference does;
      see the layout 'repeated' of :class:`mmhsi.utils.tiling.TileGrid`. Defaults to False.

    Args:
        *args: Positional arguments of ``EncoderDecoder``.
        **kwargs: Its keyword arguments.
    """

    def slide_inference(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Average the logits of overlapping windows.

        Args:
            inputs: Images (B, C, H, W).
            batch_img_metas: Metainfo of each image.

        Returns:
            Logits (B, K, H, W).

        Raises:
            ValueError: If ``padding`` is unknown, or the stride leaves gaps between the windows.
        """
        grid = slide_grid(self.test_cfg)
        # a torch.Size makes mmseg's heads use the size of the window, not that of the image
        metas = [dict(meta, img_shape=torch.Size(grid.size)) for meta in batch_img_metas]
        return run_by_tiles(
            lambda windows, places: self.encode_decode(windows, metas * len(places)),
            inputs,
            grid,
            self.test_cfg.get('window_batch', 8),
            self.test_cfg.get('padding', 'reflect'),
        )
