"""Whether the weights of a network are numbers."""

import torch
from torch import nn


def require_finite(model: nn.Module, weights: str) -> None:
    """Refuse parameters and buffers with which a network cannot give results.

    Minus infinity is allowed in buffers, where it masks parts of an attention.

    Args:
        model (nn.Module): The network with its weights.
        weights (str): Name of their file, for the message.

    Raises:
        ValueError: If a parameter is not finite, or a buffer is NaN or infinity; it is named.
    """
    tensors = [(name, value, False) for name, value in model.named_parameters()]
    tensors += [(name, value, True) for name, value in model.named_buffers()]
    for name, value, buffer in tensors:
        if not value.is_floating_point() or value.is_meta or hasattr(value, 'full_tensor'):  # of several processes
            continue
        wrong = (value.isnan() | (value == torch.inf)) if buffer else ~value.isfinite()
        if wrong.any():
            raise ValueError(
                f'{weights}: {int(wrong.sum())} of the {value.numel()} values of {name} are NaN or infinite, so that '
                'the network cannot give results'
            )
