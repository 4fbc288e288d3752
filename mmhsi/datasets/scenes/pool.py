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
from mmhsi.datasets.scenes.cube_view import CubeView
from mmhsi.datasets.splits.pooled import draw_pooled
from mmhsi.registry import TASK_UTILS

if TYPE_CHECKING:
    from mmhsi.datasets.scenes.base_scene import BaseScene

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
    """Fit the preprocessing, which the scenes share, to all their pixels, or to at most ``limit`` of them."""
    views = [scene.view for scene in scenes]
    if limit is None and all(isinstance(view, CubeView) and view.streams for view in views):
        for view in views:
            view.load()
        for view in views:
            if not view.fitted:  # most share their transforms with the first
                view.fit_blocks(
                    lambda: chain.from_iterable(scene.view.raw_blocks(scene.fit_mask()) for scene in scenes)
                )
        return
    share = max((limit or SAMPLE) // len(scenes), 1)
    pixels, neighbours = [], []
    for scene in scenes:
        scene.view.load()
        sample = scene.fit_sample(share)
        if len(sample):  # the last pixel of a scene is not adjacent to the first one of the next
            pixels.append(sample)
            neighbours.append([*scene.fit_neighbours(share), False])
    if not pixels:
        raise ValueError(f'scene {scenes[0].name!r} and its set: there is no pixel to fit the preprocessing to')
    pixels, neighbours = np.concatenate(pixels), np.concatenate(neighbours)[:-1]
    for scene in scenes:
        if not scene.fitted:  # most share their transforms with the first
            scene.fit(pixels, neighbours)


def split_together(scenes: Sequence[BaseScene], config: dict) -> None:
    """Draw one split over the labelled pixels of all scenes, and give each its part."""
    splitter = TASK_UTILS.build(config)
    maps, names = [scene.labels for scene in scenes], [scene.name for scene in scenes]
    for scene, split in zip(scenes, draw_pooled(splitter, maps, scenes[0].classes, names), strict=True):
        scene._split = split
