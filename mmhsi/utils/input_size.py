"""The size of images that a network is built for, where it takes no other."""

from torch import nn


def fixed_input_size(network: nn.Module) -> tuple[int, int] | None:
    """Height and width in pixels of the only images that a network takes.

    A layer that takes one size only has an attribute ``fixed_input_size``, as
    :class:`mmhsi.models.layers.SpectralEmbedding` has.

    Args:
        network (nn.Module): The network.

    Returns:
        tuple[int, int] | None: The size; None if no layer has one.

    Raises:
        ValueError: If its layers have different ones.
    """
    sizes = {
        tuple(module.fixed_input_size)
        for module in network.modules()
        if getattr(module, 'fixed_input_size', None) is not None
    }
    if len(sizes) > 1:
        raise ValueError(f'the layers of the network take images of different sizes alone: {sorted(sizes)} pixels')
    return sizes.pop() if sizes else None
