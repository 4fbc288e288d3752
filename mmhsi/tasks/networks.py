"""Calling networks: a batch of tiles or windows becomes values for each pixel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from mmhsi.classical.unmixing import least_squares_shares
from mmhsi.utils.precision import FULL, Precision

Positions = Sequence[tuple[int, int]]


class Network:
    """A model behind one function: batch (B, C, t, t) and its places → values (B, L, s t, s t), or (B, L) of windows.

    Args:
        model (nn.Module): The model, in evaluation mode.

    Attributes:
        margin (int): Additional pixels around a tile that the function needs, on each side.
        logits (bool): Whether the values are logits, not probabilities.
        outputs (int): Number of values per pixel; known after a trial, see
            :func:`mmhsi.inference.run_scene.try_network`.
        zoom (int): Pixels of the result per pixel of the scene along an axis, likewise.
        batch_size (int): Number of tiles or windows that run at once, likewise.
        precision (Precision): Number format of the products.
        predicted (int): Number of windows that were predicted.
    """

    margin = 0
    logits = False
    outputs: int
    zoom: int = 1
    batch_size: int = 1
    precision: Precision = FULL
    predicted: int = 0

    def __init__(self, model: nn.Module):
        self.model = model
        self.device = next(model.parameters()).device

    @torch.inference_mode()
    def __call__(self, batch: Tensor, positions: Positions = ()) -> Tensor:
        data = self.model.data_preprocessor(dict(inputs=batch.to(self.device, non_blocking=True)), False)
        return self.run_prepared(data['inputs'], positions)

    @torch.inference_mode()
    def run_prepared(self, inputs: Tensor, positions: Positions = ()) -> Tensor:
        """Values of a batch after the data preprocessor, in the precision of the network."""
        with self.precision.context(self.device):
            return self.run(inputs, positions)

    @torch.inference_mode()
    def windows(self, image: Tensor, window: int) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        """The windows of an image, and the function that takes a batch of them.

        Args:
            image (Tensor): (C, H, W) on the device of the network.
            window (int): Side w of the windows.

        Returns:
            tuple[Tensor, Callable]: (H - w + 1, W - w + 1, C', s, s), and a function (B, C', s, s) → (B, L): windows
            behind the data preprocessor where that works on whole images, else as they are.
        """
        preprocessor = self.model.data_preprocessor
        if getattr(preprocessor, 'takes_blocks', False):
            return preprocessor.of_windows(image, window), self.run_prepared
        return image.unfold(1, window, 1).unfold(2, window, 1).permute(1, 2, 0, 3, 4), self

    @property
    def filters_windows(self) -> bool:
        """Whether :meth:`windows` computes what it returns, instead of a view."""
        return getattr(self.model.data_preprocessor, 'filters_windows', False)

    def run(self, inputs: Tensor, positions: Positions) -> Tensor:
        """Values of a batch after the data preprocessor; implemented by subclasses."""
        raise NotImplementedError


class Classifier(Network):
    """Class probabilities (B, K) of windows, by a classifier of mmpretrain."""

    def run(self, inputs: Tensor, positions: Positions) -> Tensor:
        return self.model(inputs, mode='tensor').float().softmax(dim=1)


class Segmentor(Network):
    """Logits (B, K, t, t) of tiles, by a segmentor of mmseg; for one output channel those of 'no' and 'yes'.

    Args:
        model (nn.Module): The segmentor.
        meta (Mapping, optional): Metainfo of every tile, such as the target spectrum.
    """

    logits = True

    def __init__(self, model: nn.Module, meta: Mapping | None = None):
        super().__init__(model)
        self.meta = dict(meta or {})

    def run(self, inputs: Tensor, positions: Positions) -> Tensor:
        shape = tuple(inputs.shape[2:])
        metas = [
            dict(self.meta, ori_shape=shape, img_shape=shape, pad_shape=shape, padding_size=[0] * 4, top=top, left=left)
            for top, left in positions or [(0, 0)] * len(inputs)
        ]
        return self._two_classes(self.model.inference(inputs, metas).float())

    def of_tiles(self, inputs: Tensor) -> Tensor:
        """Logits of tiles that have the size of the model's own windows, without cutting them."""
        shape = torch.Size(tuple(inputs.shape[2:]))
        meta = dict(self.meta, ori_shape=shape, img_shape=shape, pad_shape=shape, padding_size=[0] * 4)
        return self._two_classes(self.model.encode_decode(inputs, [meta]).float())

    def _two_classes(self, logits: Tensor) -> Tensor:
        if logits.shape[1] > 1:
            return logits
        # such a head compares the probability with its own threshold
        threshold = float(self.model.decode_head.threshold or 0.5)
        return torch.cat([torch.zeros_like(logits), logits - float(np.log(threshold / (1 - threshold)))], dim=1)


class Abundances(Network):
    """Abundances (B, P, t, t) of tiles, by an :class:`mmhsi.models.Unmixer`."""

    def run(self, inputs: Tensor, positions: Positions) -> Tensor:
        return self.model(inputs, mode='tensor')[0].float()


class LeastSquaresAbundances(Network):
    """Abundances (B, P, t, t) of tiles by least squares with the endmembers of an :class:`mmhsi.models.Unmixer`, see
    :func:`mmhsi.classical.unmixing.least_squares_shares`."""

    def run(self, inputs: Tensor, positions: Positions) -> Tensor:
        pixels = inputs.movedim(1, -1)
        shares = least_squares_shares(
            pixels.flatten(0, -2).double().cpu().numpy(),
            self.model.endmembers.double().cpu().numpy().T,
            bool(self.model.even_light),
        )
        return torch.from_numpy(shares).to(inputs).unflatten(0, pixels.shape[:-1]).movedim(-1, 1)


class Restored(Network):
    """Restored tiles (B, C, s t, s t), by a restoration model, in the units of its data.

    A generator that uses the bicubically enlarged image gets that of the tile with its surroundings, so that there are
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
