"""The prediction plan: settings from the config of an experiment, changed by options of the user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from torch import nn

from mmhsi.datasets.scenes.band_matching import Bands
from mmhsi.datasets.scenes.base_scene import locate
from mmhsi.datasets.scenes.cube_source import AS_STORED
from mmhsi.datasets.scenes.scene_list import image_sources
from mmhsi.datasets.transforms.loading import LoadSceneWindow
from mmhsi.datasets.transforms.spectral import SpectralTransform
from mmhsi.registry import TRANSFORMS, component_name
from mmhsi.tasks.class_map import ClassMapTask
from mmhsi.tasks.product import DRIVERS
from mmhsi.tasks.task import Task, all_tasks, task_name, test_dataset, test_metric
from mmhsi.utils.input_size import fixed_input_size
from mmhsi.utils.precision import FULL, Precision
from mmhsi.utils.text import config_name
from mmhsi.utils.tiling import TileGrid, restoration_grid, slide_grid

_DEFAULT_TILE = 128, 32  # pixels of tile and overlap, for networks of any size that are tested on whole images


@dataclass(frozen=True, eq=False)
class Plan:
    """Settings for predicting scenes. The config is read once; each call has its own plan with its options.

    Attributes:
        task (type[Task]): The task.
        images (tuple[dict, ...]): How the images of the training were read, with their paths.
        scene (dict): Settings of the scene that apply to other scenes too: preprocessing, num_bands, nodata, joint, the
            key and layout of its image, and whether stored values are used.
        window (int, optional): Side of the window around each pixel; None for tiles.
        grid (TileGrid, optional): The tiles.
        pad_mode (str): Padding mode outside the scene.
        whole (bool): Whether the test gives the model whole images, which it tiles itself; the padding of the loading
            step is then not used.
        loading (tuple): Steps of the test pipeline before the packing, as configs.
        metric (Mapping): The metric of the test.
        target_spectrum (Any, optional): Source of the target spectrum.
        folder (Path, optional): Folder of the products.
        wanted (Bands, optional): The bands that the model was trained on.
        match_bands, trust_band_order, batch_size, precision, lattice, scores, uncertainty, not_finite, driver, gis,
            pictures, return_arrays, return_vis, resume, overwrite: See :meth:`mmhsi.apis.HSIInferencer.__call__`.
    """

    task: type[Task]
    scene: dict
    window: int | None = None
    grid: TileGrid | None = None
    pad_mode: str = 'constant'
    whole: bool = False
    loading: tuple = ()
    metric: Mapping | None = None
    target_spectrum: Any = None
    images: tuple[dict, ...] = ()

    folder: Path | None = None
    wanted: Bands | None = None
    match_bands: str = 'check'
    trust_band_order: bool = False
    batch_size: int | None = None
    precision: Precision = FULL
    lattice: int = 1
    scores: bool = False
    uncertainty: bool = False
    not_finite: str = 'raise'
    driver: str = 'GTiff'
    gis: bool = False
    pictures: bool = True
    return_arrays: bool = True
    return_vis: bool = False
    resume: bool = True
    overwrite: bool = False

    def __post_init__(self) -> None:
        for what, value, known in (
            ('driver', self.driver, tuple(DRIVERS)),
            ('not_finite', self.not_finite, ('raise', 'nodata')),
        ):
            if value not in known:
                raise ValueError(f'{what} must be one of {", ".join(map(repr, known))}, not {value!r}')
        if self.batch_size is not None and not (isinstance(self.batch_size, int) and self.batch_size > 0):
            raise ValueError(f'batch_size must be a positive whole number, not {self.batch_size!r}')

    @property
    def pairs(self) -> bool:
        """Whether a scene consists of two dates."""
        return self.task.dates == 2 or self.scene.get('pair', False)

    def make_task(self) -> Task:
        """The task of a scene, with the requested options."""
        return self.task(self.scores, self.uncertainty, self.metric)

    def tiled(self, tile_size: int | tuple[int, int] | None, overlap: int | None, blend: str | None) -> Plan:
        """The plan with other tiles.

        Raises:
            ValueError: If the config predicts by windows, which have no tiles.
        """
        if tile_size is None and overlap is None and blend is None:
            return self
        if self.grid is None:
            raise ValueError('the config predicts a window around each pixel: it takes no tile size, overlap or blend')
        changes: dict[str, Any] = {}
        if self.grid.layout == 'overhanging':
            changes['layout'] = 'even'
        if tile_size is not None:
            changes['size'] = tile_size
            if overlap is None:
                overlap = min(*self.grid.overlap, *(np.broadcast_to(tile_size, 2) // 2).tolist())
        if overlap is not None:
            changes['overlap'] = overlap
        if blend is not None:
            changes['blend'] = blend
        return replace(self, grid=replace(self.grid, **changes))

    def check_lattice(self) -> None:
        """Raise a ValueError if the config does not predict classes by windows; a lattice suits nothing else."""
        if self.lattice < 1:
            raise ValueError(f'the cells of a lattice have a side of at least 1 pixel, not {self.lattice}')
        if self.lattice > 1 and not self.suits_lattice:
            raise ValueError(
                'a lattice fills in classes between windows around single pixels, but the config '
                + (f'is for {self.task.name}' if self.grid is None else 'predicts tiles')
            )

    @property
    def suits_lattice(self) -> bool:
        """Whether the config predicts classes by windows."""
        return self.window is not None and issubclass(self.task, ClassMapTask)

    def pipeline(self) -> tuple[LoadSceneWindow, list[SpectralTransform]]:
        """The loading transform and the following spectral transforms, created for each scene.

        Raises:
            ValueError: If the test pipeline has a step that is neither, and it does not degrade clean images.
        """
        loader, spectral = None, []
        for config in self.loading:
            step = TRANSFORMS.build(config)
            if isinstance(step, LoadSceneWindow):
                loader = step
            elif isinstance(step, SpectralTransform):
                spectral.append(step)
            elif not self.task.degrades:
                raise ValueError(
                    f'the test pipeline has the step {type(step).__name__}, which is not applied in predictions: '
                    'move it into the preprocessing of the scene'
                )
        loader = loader or LoadSceneWindow(self.pad_mode)
        if self.whole:
            loader.pad_mode = self.pad_mode
        return loader, spectral


def make_plan(cfg: Config, model: nn.Module) -> Plan:
    """Derive the prediction plan of a config from its test.

    Raises:
        ValueError: If the config does not define it.
    """
    dataset = test_dataset(cfg)
    scene = dict(dataset.get('scene') or {})
    name = task_name(cfg)
    known = all_tasks()
    if name not in known:
        raise ValueError(f'{config_name(cfg)}: there is no task {name!r}; expected one of {", ".join(sorted(known))}')
    task = known[name]
    settings = {key: scene[key] for key in ('preprocessing', 'num_bands', 'nodata', 'joint') if key in scene}
    sources = image_sources(scene)
    images = tuple(locate(each, scene.get('data_root')) for each in sources if '{name}' not in str(each))
    image = sources[0] if sources else None
    if isinstance(image, Mapping) and 'size' not in image:  # new scenes are cubes, not lists of pixels
        settings.update({key: image[key] for key in ('key', 'layout', *AS_STORED) if key in image})
    if scene.get('num_bands') is None and dataset.get('num_bands') is not None:
        settings['num_bands'] = dataset['num_bands']
    spectrum = scene.get('target_spectrum')
    if isinstance(spectrum, Mapping) and 'data_root' in scene:
        spectrum = dict(spectrum, data_root=scene['data_root'])
    loading = tuple(step for step in dataset.get('pipeline', ()) if not component_name(step).startswith('Pack'))
    plan = Plan(task, settings, metric=test_metric(cfg), target_spectrum=spectrum, loading=loading, images=images)
    task.check_model(model, 'window_size' in dataset)
    if 'window_size' in dataset:
        return replace(plan, window=int(dataset['window_size']), pad_mode=dataset.get('pad_mode', 'constant'))
    if 'tile_size' in dataset:
        layout = 'overhanging' if dataset.get('fixed_grid') else 'even'
        grid = TileGrid(dataset['tile_size'], dataset.get('overlap', 0), plan.metric.get('stitch', task.blend), layout)
        return replace(plan, grid=grid, pad_mode=dataset.get('pad_mode', 'reflect'))
    test_cfg = getattr(model, 'test_cfg', None) or {}
    padding = task.padding(model) or test_cfg.get('padding', 'reflect')
    return replace(
        plan, grid=_grid_of_model(model, test_cfg), whole=True, pad_mode='constant' if padding == 'zeros' else padding
    )


def _grid_of_model(model: nn.Module, test_cfg: Mapping) -> TileGrid:
    """The tiles of a model that tiles whole images itself; of its fixed size, if it has one."""
    if test_cfg.get('mode') == 'slide':
        return slide_grid(test_cfg)
    if test_cfg.get('tile_size') is not None:
        return restoration_grid(test_cfg['tile_size'], test_cfg.get('overlap', 0))
    size = fixed_input_size(model)
    if size is None:
        return TileGrid(*_DEFAULT_TILE, 'smooth')
    return TileGrid(size, tuple(side // 4 for side in size), 'smooth')
