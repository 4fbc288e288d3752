"""Padding batches of images to a smallest size."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def pad_at_least(images: Tensor, size: tuple[int, int], padding: str = 'reflect') -> Tensor:
    """Pad images at the bottom and the right to a smallest size.

    Args:
        images (Tensor): (B, C, H, W).
        size (tuple[int, int]): Smallest height and width.
        padding (str): 'reflect' mirrors the image at its last row and column, as often as needed; 'zeros' adds zeros.
            Defaults to 'reflect'.

    Returns:
        Tensor: (B, C, H', W'); the images themselves if they are large enough.

    Raises:
        ValueError: For another ``padding``.
    """
    height, width = images.shape[2:]
    missing = max(size[0] - height, 0), max(size[1] - width, 0)
    if padding == 'zeros':
        return F.pad(images, (0, missing[1], 0, missing[0]))
    if padding != 'reflect':
        raise ValueError(f"padding must be 'reflect' or 'zeros', found {padding!r}")
    for axis, length, extra in ((2, height, missing[0]), (3, width, missing[1])):
        if extra:
            # NumPy goes on mirroring where the padding is longer than the image, PyTorch does not
            mirrored = np.pad(np.arange(length), (0, extra), mode='reflect')
            images = images.index_select(axis, torch.from_numpy(mirrored).to(images.device))
    return images
