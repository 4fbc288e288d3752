"""Choosing the number of tiles or windows in a batch."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from mmhsi.tasks.networks import Network, Positions


def choose_batch_size(network: Network, sample: Tensor, memory: int, largest: int = 256) -> int:
    """Largest batch size for a given memory.

    On a GPU the memory of a trial run with two samples is measured, and half of the free memory may be used. Elsewhere
    the memory of a sample is estimated by the sum of all layer outputs, which is an upper bound.

    Args:
        network (Network): The network.
        sample (Tensor): One sample (1, C, h, w).
        memory (int): Bytes that may be used on a CPU.
        largest (int): Upper limit of the batch size. Defaults to 256.

    Returns:
        int: At least 1.
    """
    if network.device.type == 'cuda':
        network(sample.expand(2, -1, -1, -1))  # one-time allocations, such as workspaces, do not count
        before = torch.cuda.memory_allocated(network.device)
        torch.cuda.reset_peak_memory_stats(network.device)
        network(sample.expand(2, -1, -1, -1))
        needed = (torch.cuda.max_memory_allocated(network.device) - before) / 2
        memory = torch.cuda.mem_get_info(network.device)[0] // 2
        return int(min(max(memory // max(needed, 1), 1), 4 * largest))
    counted = 0

    def count(module: nn.Module, inputs: tuple, output) -> None:
        nonlocal counted
        counted += sum(
            tensor.numel() * tensor.element_size()
            for tensor in (output if isinstance(output, (list, tuple)) else [output])
            if isinstance(tensor, Tensor)
        )

    layers = [module for module in network.model.modules() if not list(module.children())]
    handles = [layer.register_forward_hook(count) for layer in layers]
    try:
        network(sample)
    finally:
        for handle in handles:
            handle.remove()
    return int(min(max(memory // max(counted, 1), 1), largest))


def smaller_batches(network: Callable[..., Tensor], batch: Tensor, positions: Positions = ()) -> Tensor:
    """Run a batch, or its halves if it does not fit into GPU memory."""
    try:
        return network(batch, positions)
    except torch.cuda.OutOfMemoryError:
        if len(batch) == 1:
            raise
    torch.cuda.empty_cache()
    half = len(batch) // 2
    return torch.cat(
        [
            smaller_batches(network, batch[:half], positions[:half]),
            smaller_batches(network, batch[half:], positions[half:]),
        ]
    )
