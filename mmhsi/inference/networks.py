"""How the network of each family turns a batch of tiles or windows into values for each pixel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

Positions = Sequence[tuple[int, int]]


class Network:
    """A model behind one function: batch (B, C, t, t) and its places → values (B, L, s t, s t), or (B, L) of windows.

    Args:
        model (nn.Module): The model, in evaluation mode.

    Attributes:
        margin (int): Pixels around a tile that the function is given besides, on each side.
    """

    margin = 0

    def __init__(self, model: nn.Module):
        self.model = model
        self.device = next(model.parameters()).device

    @torch.inference_mode()
    def __call__(self, batch: Tensor, positions: Positions = ()) -> Tensor:
        data = self.model.data_preprocessor(dict(inputs=batch.to(self.device)), False)
        return self.run(data['inputs'], positions)

    def run(self, inputs: Tensor, positions: Positions) -> Tensor:
        """Values of a batch behind the data preprocessor."""
        raise NotImplementedError


class Classifier(Network):
    """Class probabilities (B, K) of windows, by a classifier of mmpretrain."""

    def run(self, inputs: Tensor, positions: Positions) -> Tensor:
        return self.model(inputs, mode='tensor').float().softmax(dim=1)


class Segmentor(Network):
    """Logits (B, K, t, t) of tiles, by a segmentor of mmseg; of one output channel those of 'no' and 'yes'.

    Args:
        model (nn.Module): The segmentor.
        meta (Mapping, optional): Metainfo of every tile, such as the target spectrum.
    """

    def __init__(self, model: nn.Module, meta: Mapping | None = None):
        super().__init__(model)
        self.meta = dict(meta or {})

    def run(self, inputs: Tensor, positions: Positions) -> Tensor:
        shape = tuple(inputs.shape[2:])
        metas = [dict(self.meta, ori_shape=shape, img_shape=shape, pad_shape=shape, padding_size=[0] * 4, top=top,
                      left=left) for top, left in positions or [(0, 0)] * len(inputs)]
        logits = self.model.inference(inputs, metas).float()
        if logits.shape[1] > 1:
            return logits
        # such a head compares the probability with a threshold of its own
        threshold = float(self.model.decode_head.threshold or 0.5)
        return torch.cat([torch.zeros_like(logits), logits - float(np.log(threshold / (1 - threshold)))], dim=1)


class Abundances(Network):
    """Abundances (B, P, t, t) of tiles, by an :class:`mmhsi.models.Unmixer`."""

    def run(self, inputs: Tensor, positions: Positions) -> Tensor:
        return self.model(inputs, mode='tensor')[0].float()


class Restored(Network):
    """Restored tiles (B, C, s t, s t), by a restoration model of mmagic, in the units of its data.

    A generator that joins the bicubically enlarged image gets that of the tile with its surroundings, so that this has
    no seams.
    """

    _MARGIN = 4  # pixels; a bicubic kernel reaches 2

    def __init__(self, model: nn.Module):
        super().__init__(model)
        enlarge = getattr(model.generator, 'enlarge', None)
        self.margin = self._MARGIN if enlarge is not None and getattr(model.generator, 'scale', 1) > 1 else 0

    def run(self, inputs: Tensor, positions: Positions) -> Tensor:
        generator, margin = self.model.generator, self.margin
        if not margin:
            restored = generator(inputs)
        else:
            inner = inputs[..., margin:-margin, margin:-margin]
            enlarged = generator.enlarge(inputs)
            edge = margin * (enlarged.shape[-1] // inputs.shape[-1])
            restored = generator(inner, enlarged[..., edge:-edge, edge:-edge])
        return self.model.data_preprocessor.destruct(restored.float(), None)


def choose_batch_size(network: Network, sample: Tensor, memory: int, largest: int = 256) -> int:
    """Number of samples that run at once in a given memory.

    On a GPU the memory of a trial of two samples is measured, and half of what is free may be used. Elsewhere the sum
    of all outputs of the layers of a trial is taken for what a sample needs, which is on the safe side.

    Args:
        network (Network): The network.
        sample (Tensor): One sample (1, C, h, w).
        memory (int): Bytes that may be used on a CPU.
        largest (int): Most samples that are of use. Defaults to 256.

    Returns:
        int: At least 1.
    """
    if network.device.type == 'cuda':
        network(sample.expand(2, -1, -1, -1))  # what is allocated once, such as workspaces, does not count
        before = torch.cuda.memory_allocated(network.device)
        torch.cuda.reset_peak_memory_stats(network.device)
        network(sample.expand(2, -1, -1, -1))
        needed = (torch.cuda.max_memory_allocated(network.device) - before) / 2
        memory = torch.cuda.mem_get_info(network.device)[0] // 2
        return int(min(max(memory // max(needed, 1), 1), 4 * largest))
    counted = 0

    def count(module: nn.Module, inputs: tuple, output) -> None:
        nonlocal counted
        counted += sum(tensor.numel() * tensor.element_size() for tensor in (output if isinstance(
            output, (list, tuple)) else [output]) if isinstance(tensor, Tensor))

    layers = [module for module in network.model.modules() if not list(module.children())]
    handles = [layer.register_forward_hook(count) for layer in layers]
    try:
        network(sample)
    finally:
        for handle in handles:
            handle.remove()
    return int(min(max(memory // max(counted, 1), 1), largest))


def smaller_batches(network: Network, batch: Tensor, positions: Positions = ()) -> Tensor:
    """Run a batch, and where it does not fit into the memory of the GPU, its halves."""
    try:
        return network(batch, positions)
    except torch.cuda.OutOfMemoryError:
        if len(batch) == 1:
            raise
    torch.cuda.empty_cache()
    half = len(batch) // 2
    return torch.cat([smaller_batches(network, batch[:half], positions[:half]),
                      smaller_batches(network, batch[half:], positions[half:])])
