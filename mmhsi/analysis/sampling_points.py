"""Where a token of the spatial branch attends: sampled points and attention of each layer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mmhsi.datasets.scenes.cube_view import Area
from mmhsi.inference.inferencer import HSIInferencer
from mmhsi.inference.inputs import list_inputs
from mmhsi.inference.plan import Plan
from mmhsi.inference.run_scene import read_windows
from mmhsi.inference.training_state import find_target_spectrum, training_bands
from mmhsi.models.backbones import SpatViT
from mmhsi.models.layers import SparseSamplingAttention
from mmhsi.models.layers.attention import FullAttention
from mmhsi.ops.bilinear import sample_tokens, sampling_positions
from mmhsi.visualization.false_colour import select_rgb_bands, stretch


@dataclass(frozen=True)
class LayerView:
    """What one token attends to in one layer.

    Attributes:
        layer (str): Name of the layer in the model.
        points (np.ndarray, optional): (heads, P, 2) sampled points, (x, y) in pixels of the area, where the centre of
            its first pixel is (0, 0); they may lie outside. None in a layer with full attention.
        weights (np.ndarray): Attention of the points, (heads, P), each head summing to 1; for full attention that of
            all tokens, (Hg, Wg), averaged over the heads.
    """

    layer: str
    points: np.ndarray | None
    weights: np.ndarray


@dataclass(frozen=True)
class TokenView:
    """What one token attends to.

    Attributes:
        area (Area): (top, left, height, width) of the window or tile in the scene; it may extend beyond the border.
        patch (tuple[int, int, int, int]): (top, left, height, width) of the token's patch in the area, in pixels.
        layers (list[LayerView]): The layers, shallow to deep.
        picture (np.ndarray): (h, w, 3) uint8 false colour of the area, black outside the scene.
        bands (tuple[int, int, int]): Bands of the picture, counted from 0.
    """

    area: Area
    patch: tuple[int, int, int, int]
    layers: list[LayerView]
    picture: np.ndarray
    bands: tuple[int, int, int]


@dataclass
class _Recorder:
    """Hooks that read what attention layers compute for one token, without changing their forward pass."""

    pixel: tuple[int, int]
    patch_size: int
    layers: list[LayerView] = field(default_factory=list)
    token: tuple[int, int] | None = None

    def hook(self, name: str):
        """A forward pre-hook for the attention layer of that name."""

        def record(module: nn.Module, args: tuple, kwargs: dict) -> None:
            tokens = args[0] if args else kwargs['x']
            grid = args[1] if len(args) > 1 else kwargs['hw_shape']
            # incomplete patches are dropped: their pixels belong to the last token
            self.token = tuple(
                min(place // self.patch_size, side - 1) for place, side in zip(self.pixel, grid, strict=True)
            )
            index = self.token[0] * grid[1] + self.token[1]
            look = self._sampled if isinstance(module, SparseSamplingAttention) else self._full
            with torch.no_grad():
                self.layers.append(look(name, module, tokens[:1], tuple(grid), index))

        return record

    def _sampled(
        self, name: str, module: SparseSamplingAttention, tokens: Tensor, grid: tuple[int, int], index: int
    ) -> LayerView:
        query, key, _ = module.split_heads(tokens)
        offsets = module.predict_offsets(query)
        keys = sample_tokens(key.float(), offsets.float(), grid)[0, :, index]
        logits = torch.einsum('hd,hpd->hp', query[0, :, index].float(), keys) * module.head_dims**-0.5
        columns, rows = (place[0, :, index] for place in sampling_positions(offsets.float(), grid))
        places = (torch.stack([columns, rows], dim=-1) + 0.5) * self.patch_size - 0.5
        return LayerView(name, places.cpu().numpy(), logits.softmax(dim=-1).cpu().numpy())

    @staticmethod
    def _full(name: str, module: FullAttention, tokens: Tensor, grid: tuple[int, int], index: int) -> LayerView:
        query, key, _ = module.split_heads(tokens)
        logits = torch.einsum('hd,hnd->hn', query[0, :, index].float(), key[0].float()) * module.head_dims**-0.5
        return LayerView(name, None, logits.softmax(dim=-1).mean(dim=0).reshape(grid).cpu().numpy())


@contextmanager
def recorded_attention(model: nn.Module, row: int, col: int) -> Iterator[_Recorder]:
    """Record what the token of a pixel attends to while the model runs, for the first image of a batch and the first
    date of a pair.

    Args:
        model (nn.Module): A model with a :class:`mmhsi.models.SpatViT` anywhere in it.
        row (int): Row of the pixel in the input.
        col (int): Column of the pixel in the input.

    Yields:
        An object whose ``layers`` are filled by the run, and whose ``token`` is the (row, column) of the token.

    Raises:
        ValueError: If the model has no such branch.
    """
    branches = {name: module for name, module in model.named_modules() if isinstance(module, SpatViT)}
    if not branches:
        raise ValueError(
            f'a model of type {type(model).__name__} without a SpatViT has no sparse sampling attention over the image'
        )
    name, branch = next(iter(branches.items()))
    recorder = _Recorder((row, col), branch.patch_size)
    layers = {
        f'{name}.{inner}': layer
        for inner, layer in branch.named_modules()
        if isinstance(layer, (SparseSamplingAttention, FullAttention))
    }
    handles = [
        layer.register_forward_pre_hook(recorder.hook(inner), with_kwargs=True) for inner, layer in layers.items()
    ]
    try:
        yield recorder
    finally:
        for handle in handles:
            handle.remove()


def look_at(
    inferencer: HSIInferencer,
    scene: Any,
    row: int,
    col: int,
    *,
    key: str | None = None,
    layout: str | None = None,
    target_spectrum: Any = None,
    match_bands: str = 'check',
) -> TokenView:
    """Run the network around a pixel of a scene and return what the token of the pixel attends to.

    Args:
        inferencer (HSIInferencer): The model with its prediction plan.
        scene (Any): A scene, or a pair of dates, see :meth:`mmhsi.apis.HSIInferencer.__call__`.
        row (int): Row of the pixel, from 0.
        col (int): Column of the pixel, from 0.
        key, layout, target_spectrum, match_bands: As in the call of the inferencer.

    Returns:
        TokenView: Of the window around the pixel, or the tile in which it is most central.

    Raises:
        ValueError: If the pixel lies outside the scene, or the model has no sparse sampling attention.
    """
    plan = inferencer.plan
    inputs = list_inputs(scene, plan.pairs, dict(key=key, layout=layout))
    if len(inputs) != 1:
        raise ValueError(f'one scene is expected, found {len(inputs)}')
    (source,) = inputs
    source.check()
    wanted = training_bands(inferencer.cfg, inferencer._record)
    plan = replace(
        plan,
        wanted=wanted,
        match_bands=match_bands,
        target_spectrum=(plan.target_spectrum if target_spectrum is None else target_spectrum),
    )
    view = inferencer.preprocess(source, plan)
    try:
        if not (0 <= row < view.height and 0 <= col < view.width):
            raise ValueError(
                f'the pixel at row {row}, column {col} lies outside the scene {view.info.path} of '
                f'{view.height} x {view.width} pixels (rows and columns count from 0)'
            )
        task = plan.make_task()
        meta = None
        if task.wants_spectrum(inferencer.model):
            spectrum = view.preprocess_spectra(find_target_spectrum(plan, view))
            meta = {'target_spectrum': spectrum.astype(np.float32)}
        network = task.network(inferencer.model, plan.window is not None, meta)
        area = _surroundings(plan, view.height, view.width, row, col)
        margin = network.margin
        top, left, height, width = area
        values = read_windows(plan, view)((top - margin, left - margin, height + 2 * margin, width + 2 * margin))
        batch = torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)))[None]
        with recorded_attention(inferencer.model, row - top, col - left) as recorder:
            network(batch, [(top, left)])
        bands = select_rgb_bands(view.info.bands, view.info.wavelengths)
        picture = _picture(view, area, bands)
    finally:
        view.close()
    side = recorder.patch_size
    patch = (recorder.token[0] * side, recorder.token[1] * side, side, side)
    return TokenView(area, patch, recorder.layers, picture, bands)


def _surroundings(plan: Plan, height: int, width: int, row: int, col: int) -> Area:
    if plan.grid is None:
        return row - plan.window // 2, col - plan.window // 2, plan.window, plan.window
    starts = []
    for axis, (length, place) in enumerate(((height, row), (width, col))):
        size, candidates = plan.grid.size[axis], plan.grid.starts(axis, length)
        inside = candidates[(candidates <= place) & (place < candidates + size)]
        starts.append(int(inside[np.abs(inside + size / 2 - place).argmin()]))
    return *starts, *plan.grid.size


def _picture(view, area: Area, bands: tuple[int, int, int]) -> np.ndarray:
    top, left, height, width = area
    first_row, first_col = max(top, 0), max(left, 0)
    rows, cols = min(top + height, view.height) - first_row, min(left + width, view.width) - first_col
    inner = stretch(*view.stored((first_row, first_col, rows, cols), list(bands)))
    picture = np.zeros((height, width, 3), np.uint8)
    picture[first_row - top : first_row - top + rows, first_col - left : first_col - left + cols] = inner
    return picture
