"""The image size of networks that accept only one size."""

from torch import nn


def fixed_input_size(network: nn.Module) -> tuple[int, int] | None:
    """Height and width in pixels of the only image size that a network accepts.

    A layer that accepts only one size has an attribute ``fixed_input_size``, as
    :class:`mmhsi.models.layers.SpectralEmbedding` has.

    Args:
        network (nn.Module): The network.

    Returns:
        tuple[int, int] | None: The size; None if no layer restricts it.

    Raises:
        ValueError: If its layers require different sizes.
    """
    sizes = {
        tuple(module.fixed_input_size)
        for module in network.modules()
        if getattr(module, 'fixed_input_size', None) is not None
    }
    if len(sizes) > 1:
        raise ValueError(f'the layers of the network require images of different sizes: {sorted(sizes)} pixels')
    return sizes.pop() if sizes else None
