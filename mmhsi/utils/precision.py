"""Number formats of the products of a network that is not trained."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

PRECISIONS = ('fp32', 'tf32', 'bf16', 'fp16')


@dataclass(frozen=True)
class Precision:
    """A number format: 'fp32'; 'tf32', the short products of NVIDIA GPUs; 'bf16' and 'fp16' by autocast.

    Weights and what is not a product stay float32 in all of them.

    Args:
        name (str): The format. Defaults to 'fp32'.
    """

    name: str = 'fp32'

    def __post_init__(self):
        if self.name not in PRECISIONS:
            raise ValueError(f'precision must be one of {", ".join(PRECISIONS)}, not {self.name!r}')

    def check(self, device: torch.device) -> None:
        """Raise a ValueError if a device does not support the format."""
        import torch  # the command line names the formats without it

        reason = None
        if self.name == 'tf32':
            if device.type != 'cuda' or torch.version.hip:
                reason = 'only NVIDIA GPUs have it'
            elif torch.cuda.get_device_capability(device) < (8, 0):
                reason = f'{torch.cuda.get_device_name(device)} is older than Ampere'
        elif self.name in ('bf16', 'fp16') and not torch.amp.is_autocast_available(device.type):
            reason = 'PyTorch has no autocast for it'
        elif self.name == 'bf16' and device.type == 'cuda':
            if not torch.cuda.is_bf16_supported(including_emulation=False):
                reason = f'{torch.cuda.get_device_name(device)} is older than Ampere'
        elif self.name == 'fp16' and device.type == 'cpu' and not torch.ops.mkldnn._is_mkldnn_fp16_supported():
            reason = 'this processor has no products of fp16'
        if reason is not None:
            raise ValueError(f'precision {self.name!r} does not suit the device {str(device)!r}: {reason}')

    @contextmanager
    def context(self, device: torch.device) -> Iterator[None]:
        """Products inside the context are computed this way; the previous setting is restored at the end."""
        import torch

        if self.name == 'tf32':
            before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
            try:
                torch.set_float32_matmul_precision('high')
                torch.backends.cudnn.allow_tf32 = True
                yield
            finally:
                torch.set_float32_matmul_precision(before[0])
                torch.backends.cudnn.allow_tf32 = before[1]
        elif self.name == 'fp32':
            yield
        else:
            with torch.autocast(device.type, torch.bfloat16 if self.name == 'bf16' else torch.float16):
                yield


FULL = Precision()
