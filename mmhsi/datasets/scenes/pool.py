"""Several scenes as one set of data: one fit of the preprocessing, one split over the labelled pixels of all."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
from mmengine.logging import print_log

from mmhsi.datasets.io.same_ground import overlap
from mmhsi.datasets.scenes.band_matching import unlike_band
from mmhsi.datasets.scenes.pair_view import PairView
from mmhsi.datasets.splits.pooled import draw_pooled
from mmhsi.registry import TASK_UTILS

if TYPE_CHECKING:
    from mmhsi.datasets.scenes.base_scene import BaseScene
    from mmhsi.datasets.scenes.cube_view import CubeView

SAMPLE = 500_000  # pixels for the fit if they are needed in memory at once


def join_scenes(scenes: Sequence[BaseScene]) -> tuple[BaseScene, ...]:
    """Make scenes that share their spectral transforms one set, the ``pool`` of each.

    Raises:
        ValueError: If they differ in bands, or in the names of their classes.
    """
    first = scenes[0]
    for other in scenes[1:]:
        if other.view.raw_bands != first.view.raw_bands or other.bands != first.bands:
            raise ValueError(
                f'scenes of one set must have the same bands: {first.info.path} has {first.view.raw_bands}, '
                f'{other.info.path} has {other.view.raw_bands}'
            )
        waves = first.view.raw_wavelengths, other.view.raw_wavelengths
        band = unlike_band(*waves)
        if band is not None:
            raise ValueError(
                f'scenes of one set must have the same bands: band {band} lies at {waves[0][band]:.1f} nm in '
                f'{first.info.path}, at {waves[1][band]:.1f} nm in {other.info.path}'
            )
    shared = [
        (pixels, scene.info.path, other.info.path)
        for number, scene in enumerate(scenes)
        for other in scenes[:number]
        if (pixels := overlap(scene.info, other.info))
    ]
    if shared:
        pixels, one, other = max(shared)
        pairs = 'pair of scenes shares' if len(shared) == 1 else 'pairs of scenes share'
        print_log(
            f'{len(shared)} {pairs} ground, most of it {one} and {other} ({pixels} pixels): it may be in the training '
            'by one and in the test by the other',
            'current',
            logging.WARNING,
        )
    pool = tuple(scenes)
    for scene in pool:
        scene.pool = pool
    return pool


def fit_together(scenes: Sequence[BaseScene], limit: int | None) -> None:
    """Fit the preprocessing, which the scenes share, to all their pixels, or to at most ``limit`` of them.

    The dates of pairs are fitted together or each on its own, as in a single pair.
    """
    for group in _fitted_alike(scenes):
        for view, _ in group:
            view.load()
        first, *others = (view for view, _ in group if not view.fitted)  # most share their transforms with the first
        if limit is None and all(view.streams for view, _ in group):
            first.fit_blocks(lambda: chain.from_iterable(view.raw_blocks(scene.fit_mask()) for view, scene in group))  # noqa: B023
        else:
            first.fit(*_sample(group, max((limit or SAMPLE) // len(group), 1)))
        for view in others:
            if not view.fitted:
                view.load_state_dict(first.state_dict())


def _fitted_alike(scenes: Sequence[BaseScene]) -> list[list[tuple[CubeView, BaseScene]]]:
    """The views of all dates with their scenes, in groups that are fitted to the same pixels."""
    dates = [[(view, scene) for scene in scenes for view in scene.dates[number : number + 1]] for number in (0, 1)]
    apart = any(isinstance(scene.view, PairView) and not scene.view.joint for scene in scenes)
    groups = dates if apart else [[*dates[0], *dates[1]]]
    return [group for group in groups if any(not view.fitted for view, _ in group)]


def _sample(group: Sequence[tuple[CubeView, BaseScene]], share: int) -> tuple[np.ndarray, np.ndarray]:
    """Raw pixels (N, C) of views, at most ``share`` of each, and which of them are adjacent to the next (N - 1,)."""
    pixels, neighbours = [], []
    for view, scene in group:
        indices = scene.fit_indices(share)
        if len(indices):  # the last pixel of a scene is not adjacent to the first one of the next
            pixels.append(view.raw_pixels(indices))
            neighbours += [view.neighbours(indices), [False]]
    if not pixels:
        raise ValueError(f'scene {group[0][1].name!r} and its set: there is no pixel to fit the preprocessing to')
    return np.concatenate(pixels), np.concatenate(neighbours)[:-1].astype(bool)


def split_together(scenes: Sequence[BaseScene], config: dict) -> None:
    """Draw one split over the labelled pixels of all scenes, and give each its part."""
    splitter = TASK_UTILS.build(config)
    maps, names = [scene.labels for scene in scenes], [scene.name for scene in scenes]
    for scene, split in zip(scenes, draw_pooled(splitter, maps, scenes[0].classes, names), strict=True):
        scene._split = split
