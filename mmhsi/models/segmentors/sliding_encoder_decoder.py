"""Segmentor whose sliding windows always have one size, run in batches, and may repeat at the border."""

import torch
from mmengine.utils import to_2tuple
from mmseg.models.segmentors import EncoderDecoder
from torch import Tensor

from mmhsi.registry import MODELS
from mmhsi.utils.padding import pad_at_least
from mmhsi.utils.tiling import sliding_positions


@MODELS.register_module()
class SlidingEncoderDecoder(EncoderDecoder):
    """mmseg's ``EncoderDecoder`` with another slide mode; all else is as there.

    An image smaller than a window is padded at the bottom and the right, and the result is cut back, because networks
    with a spectral branch take windows of one size only. ``test_cfg`` of the slide mode has these entries:

    - ``crop_size``, ``stride``: size and step of the windows in pixels, a number or (height, width).
    - ``window_batch``: number of windows that run at once. Defaults to 8.
    - ``padding``: 'reflect' mirrors a small image at its border, 'zeros' surrounds it with zeros. Defaults to
      'reflect'.
    - ``repeat_border_windows``: count the windows at the lower and right border several times, as the reference does;
      see :func:`mmhsi.utils.tiling.sliding_positions`. Defaults to False.

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
            ValueError: For an unknown ``padding``, or a stride that leaves gaps between the windows.
        """
        size, stride = to_2tuple(self.test_cfg['crop_size']), to_2tuple(self.test_cfg['stride'])
        image = pad_at_least(inputs, size, self.test_cfg.get('padding', 'reflect'))
        positions = sliding_positions(*image.shape[2:], size, stride,
                                      self.test_cfg.get('repeat_border_windows', False)).tolist()
        step = max(self.test_cfg.get('window_batch', 8) // len(inputs), 1)
        # a torch.Size tells mmseg's heads that the size of the window counts, not that of the image
        metas = [dict(meta, img_shape=torch.Size(size)) for meta in batch_img_metas]
        logits = torch.zeros(len(image), self.out_channels, *image.shape[2:], device=image.device)
        hits = logits.new_zeros(image.shape[2:])
        for start in range(0, len(positions), step):
            areas = [(..., slice(top, top + size[0]), slice(left, left + size[1]))
                     for top, left in positions[start:start + step]]
            windows = self.encode_decode(torch.cat([image[area] for area in areas]), metas * len(areas))
            for area, window in zip(areas, windows.split(len(image)), strict=True):
                logits[area] += window
                hits[area] += 1
        return (logits / hits)[..., :inputs.shape[2], :inputs.shape[3]]
