"""Opening a scene to predict, with the preprocessing that was fitted in training."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.logging import print_log

from mmhsi.datasets.io import CubeReadError
from mmhsi.datasets.io.sources import is_address
from mmhsi.datasets.scenes.cube_source import AS_STORED
from mmhsi.datasets.scenes.cube_view import CubeView
from mmhsi.datasets.scenes.pair_view import PairView
from mmhsi.inference.inputs import SceneInput
from mmhsi.inference.plan import Plan
from mmhsi.inference.training_state import fitted_state

_KEYED = ('.mat', '.npz', '.h5', '.hdf5')  # files of named arrays


def open_scene(scene: SceneInput, plan: Plan, record: Mapping | None) -> CubeView | PairView:
    """Open a scene as the test of a config does.

    Args:
        scene (SceneInput): The scene.
        plan (Plan): The plan.
        record (Mapping, optional): ``checkpoint['mmhsi']``, which holds the fitted state.

    Raises:
        ValueError: If the scene does not fit the model, or the preprocessing is not fitted.
    """
    common = dict(
        preprocessing=plan.scene.get('preprocessing', ()),
        num_bands=plan.scene.get('num_bands'),
        wanted=plan.wanted,
        matching=plan.match_bands,
        trust_band_order=plan.trust_band_order,
        nodata=plan.scene.get('nodata'),
        name=scene.name,
    )
    keyed = [
        _with_key(_as_trained(source, plan.images[date :: len(scene.sources)]), plan.scene)
        for date, source in enumerate(scene.sources)
    ]
    try:
        view = _open(keyed, plan, common)
    except CubeReadError:
        if all(one is other for one, other in zip(keyed, scene.sources, strict=True)):
            raise
        view = _open(scene.sources, plan, common)  # the cube has another name in this file than in that of the config
    state = fitted_state(record, scene.name)
    if state is not None and any(step.state_names for step in view.transforms):
        view.load_state_dict(state)
    view.require_fitted()
    view.window(0, 0, 1, 1)  # a number of bands other than that of the fitted state
    notes = [f'bands: {view.matched}']
    if not view.info.placed:
        notes.append('no georeference, so the products will not have one')
    print_log(f'{view.info.path}: {view.height} x {view.width} pixels; {"; ".join(notes)}', 'current')
    return view


def _as_trained(source: Any, images: Sequence[Mapping]) -> Any:
    """A source that is read as in the training if it is a file of the training and nothing else is asked for."""
    if 'array' in source or is_address(source['path']):
        return source
    for image in images:
        alike = source.get('key', image.get('key')) == image.get('key')
        if alike and os.path.exists(image['path']) and os.path.samefile(image['path'], source['path']):
            return {**image, **source}
    return source


def _with_key(source: Any, settings: Mapping) -> Any:
    """A source that is read like that of the config: scaled or not, with or without bad bands, and with its key and
    layout if none are given and the file format has them."""
    if 'array' in source:
        return source
    names = (
        AS_STORED if 'key' in source or not source['path'].lower().endswith(_KEYED) else ('key', 'layout', *AS_STORED)
    )
    return {**{name: settings[name] for name in names if name in settings}, **source}


def _open(images: Sequence, plan: Plan, settings: Mapping) -> CubeView | PairView:
    if plan.pairs:
        return PairView(images, joint=plan.scene.get('joint', True), **settings)
    return CubeView(images[0], **settings)
