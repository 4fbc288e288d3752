"""The device that a caller names."""

from __future__ import annotations

import torch
from mmengine.device import get_device


def usable_device(device: str | torch.device | None = None) -> torch.device:
    """A device by its name, such as 'cpu' or 'cuda:0'; an accelerator if there is one by default.

    Raises:
        ValueError: If there is no such device.
    """
    try:
        return torch.empty(0, device=device or get_device()).device
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(f'device {str(device)!r}: {str(error).splitlines()[0]}') from error
