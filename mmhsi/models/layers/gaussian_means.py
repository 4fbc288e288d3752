"""Gaussian means of several widths around the middle pixels of an image."""

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor, nn


def gaussian_weights(length: int, size: int, sigma: float) -> Tensor:
    """Weights (size, length) of the Gaussian means around the ``size`` middle positions of ``length``; rows sum to 1.

    With sigma 0 they select the values at these positions.
    """
    middle = torch.arange(size, dtype=torch.float64) + (length - size) // 2
    if sigma == 0:
        return torch.nn.functional.one_hot(middle.long(), length).double()
    weights = torch.exp(-0.5 * ((torch.arange(length, dtype=torch.float64) - middle[:, None]) / sigma) ** 2)
    return weights / weights.sum(dim=1, keepdim=True)


@lru_cache(maxsize=16)
def _weights_on(length: int, size: int, sigmas: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """:func:`gaussian_weights` of all sigmas (S, size, length), copied to the device once."""
    with torch.inference_mode(False):  # tensors made during a prediction must be usable in a training step
        return torch.stack([gaussian_weights(length, size, sigma) for sigma in sigmas]).to(device, dtype)


def _banded(weights: Tensor, count: int) -> Tensor:
    """Weights (S, size, w) moved along ``count`` places: (S, size * count, count + w - 1)."""
    sigmas, size, window = weights.shape
    matrix = weights.new_zeros(sigmas, size, count, count + window - 1)
    place = torch.arange(count, device=weights.device)[:, None]
    matrix[:, :, place, place + torch.arange(window, device=weights.device)] = weights[:, :, None]
    return matrix.flatten(1, 2)


class GaussianMeans(nn.Module):
    """Means of several widths around each of the middle pixels of an image, stacked as bands.

    A network then processes few pixels but still covers a wide neighbourhood, without the noise of single pixels: the
    scale space of Witkin (IJCAI 1983), per band. The Gaussians are truncated at the border of the image and normalised
    to sum 1.

    Args:
        sigmas (Sequence[float]): Standard deviations of the Gaussians in pixels; 0 means no smoothing.
        size (int): Height and width of the result.
        scales (Sequence[float], optional): Divisors of the means of each sigma: wider means vary less, and would
            otherwise have less weight. Defaults to None, 1 for all.

    Raises:
        ValueError: If a sigma is negative, or ``scales`` are not positive or not one for each sigma; in the forward
            pass, if the image is smaller than ``size``.
    """

    def __init__(self, sigmas: Sequence[float], size: int, scales: Sequence[float] | None = None) -> None:
        super().__init__()
        if not sigmas or min(sigmas) < 0:
            raise ValueError(f'sigmas must be at least one and not negative, found {tuple(sigmas)}')
        scales = tuple(scales or (1.0,) * len(sigmas))
        if len(scales) != len(sigmas) or min(scales) <= 0:
            raise ValueError(f'scales must be positive and one for each of {len(sigmas)} sigmas, found {scales}')
        self.sigmas = tuple(sigmas)
        self.scales = scales
        self.size = size
        self.register_buffer('_divisors', torch.tensor(scales)[:, None, None], persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) → (B, C * len(sigmas), size, size), the bands of the first sigma first."""
        height, width = images.shape[-2:]
        if min(height, width) < self.size:
            raise ValueError(
                f'means of {self.size} x {self.size} pixels cannot be computed from images of {height} x {width}'
            )
        over_rows, over_columns = (
            _weights_on(length, self.size, self.sigmas, images.dtype, images.device) for length in (height, width)
        )
        over_rows = over_rows / self._divisors.to(over_rows.dtype)
        columns = images @ over_columns.flatten(0, 1).T  # one product for all sigmas: the images are read once
        columns = columns.unflatten(-1, over_columns.shape[:2])
        return torch.einsum('skh,bchsl->bsckl', over_rows, columns).flatten(1, 2)

    def of_windows(self, image: Tensor, window: int) -> Tensor:
        """Result of :meth:`forward` for the window around each pixel of an image, without cutting out the windows.

        A mean over the rows of a window serves all windows of these rows. For many pixels at a time this is two
        products with banded matrices, which do best on images not much larger than two windows.

        Args:
            image: (C, H, W).
            window: Side w of the windows.

        Returns:
            (H - w + 1, W - w + 1, C * len(sigmas), size, size), of the window whose first pixel is at each place.
        """
        height, width = image.shape[1] - window + 1, image.shape[2] - window + 1
        weights = _weights_on(window, self.size, self.sigmas, image.dtype, image.device)
        divided = weights / self._divisors.to(weights.dtype)
        pixels = image.permute(1, 2, 0).contiguous()  # (H, W, C)
        rows = _banded(divided, height) @ pixels.flatten(1)  # (S, size * h, W * C)
        rows = rows.unflatten(-1, pixels.shape[1:]).unflatten(1, (self.size * height,))
        means = _banded(weights, width)[:, None] @ rows  # (S, size * h, size * w, C)
        means = means.unflatten(2, (self.size, width)).unflatten(1, (self.size, height))
        return means.permute(2, 4, 0, 5, 1, 3).flatten(2, 3)  # from (S, k, h, l, w, C)

    def extra_repr(self) -> str:
        return f'sigmas={self.sigmas}, size={self.size}, scales={self.scales}'
