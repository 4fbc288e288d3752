"""What the config of an experiment says about predicting a scene: its family, scene settings, windows or tiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from mmengine.config import Config
from torch import nn

from mmhsi.datasets.class_info import BLACK_AND_WHITE, resolve_classes
from mmhsi.datasets.scenes.pair_scene import CHANGE_CLASSES
from mmhsi.datasets.transforms.loading import LoadSceneWindow
from mmhsi.datasets.transforms.spectral import SpectralTransform
from mmhsi.inference.networks import Abundances, Classifier, Network, Restored, Segmentor
from mmhsi.registry import TRANSFORMS
from mmhsi.utils.input_size import fixed_input_size
from mmhsi.utils.palette import default_palette
from mmhsi.utils.tiling import TileGrid, slide_grid

_DEFAULT_TILE = 128, 32  # pixels of tile and overlap, for networks of any size that are tested on whole images


@dataclass(frozen=True)
class Plan:
    """How scenes are predicted with a config.

    Attributes:
        family (str): 'classification', 'change_detection', 'detection', 'unmixing', 'denoising' or 'super_resolution'.
        scene (dict): Settings of the scene that hold for any other: preprocessing, num_bands, nodata, joint, and the
            key and layout of its image.
        window (int, optional): Side of the window around each pixel; None for tiles.
        grid (TileGrid, optional): The tiles.
        pad_mode (str): How is filled what lies outside the scene.
        loading (tuple): Steps of the test pipeline before the packing, as configs.
        score (dict): For detection, 'score' and 'threshold' of the metric.
        target_spectrum (Mapping, optional): Where the config takes the target spectrum from.
    """

    family: str
    scene: dict
    window: int | None = None
    grid: TileGrid | None = None
    pad_mode: str = 'constant'
    loading: tuple = ()
    score: dict = field(default_factory=dict)
    target_spectrum: Mapping | None = None

    @property
    def pairs(self) -> bool:
        """Whether a scene consists of two dates."""
        return self.scene.get('pair', False)

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

    def pipeline(self, pad_mode: str | None = None) -> tuple[LoadSceneWindow, list[SpectralTransform]]:
        """The loading transform and the spectral transforms behind it, made anew for each scene.

        Raises:
            ValueError: If the test pipeline has a step that is neither, and the images are no restored ones.
        """
        loader, spectral = None, []
        for config in self.loading:
            step = TRANSFORMS.build(config)
            if isinstance(step, LoadSceneWindow):
                loader = step
            elif isinstance(step, SpectralTransform):
                spectral.append(step)
            elif self.family not in ('denoising', 'super_resolution'):  # there it degrades a clean image
                raise ValueError(f'the test pipeline has the step {type(step).__name__}, which is not applied to '
                                 'scenes that are predicted: move it into the preprocessing of the scene')
        loader = loader or LoadSceneWindow(pad_mode or self.pad_mode)
        return loader, spectral


def test_dataset(cfg: Config) -> Mapping:
    """The innermost test dataset of a config.

    Raises:
        ValueError: If the config has none.
    """
    loader = cfg.get('test_dataloader') or cfg.get('val_dataloader')
    if not loader:
        raise ValueError('the config has no test_dataloader, which tells how scenes are cut and preprocessed')
    dataset = loader['dataset']
    while 'dataset' in dataset or 'datasets' in dataset:
        dataset = dataset['dataset'] if 'dataset' in dataset else dataset['datasets'][0]
    return dataset


def _kind(config: Mapping | None) -> str:
    return str((config or {}).get('type', '')).rsplit('.', 1)[-1]


def make_plan(cfg: Config, model: nn.Module) -> Plan:
    """Find out how scenes are predicted with a config, as its test does it.

    Raises:
        ValueError: If the config does not tell, or its model is of an unknown kind.
    """
    dataset = test_dataset(cfg)
    scene = dict(dataset.get('scene') or {})
    family = _family(model, scene)
    settings = {key: scene[key] for key in ('preprocessing', 'num_bands', 'nodata', 'joint') if key in scene}
    settings['pair'] = family == 'change_detection' or _kind(scene) == 'PairScene'
    image = scene.get('image')
    image = image[0] if isinstance(image, (list, tuple)) else image
    if isinstance(image, Mapping) and 'size' not in image:  # other scenes are cubes, not lists of pixels
        settings.update({key: image[key] for key in ('key', 'layout') if key in image})
    if scene.get('num_bands') is None and dataset.get('num_bands') is not None:
        settings['num_bands'] = dataset['num_bands']
    common = dict(
        family=family,
        scene=settings,
        loading=tuple(step for step in dataset.get('pipeline', ()) if not _kind(step).startswith('Pack')),
        target_spectrum=scene.get('target_spectrum'))
    if isinstance(common['target_spectrum'], Mapping) and 'data_root' in scene:
        common['target_spectrum'] = dict(common['target_spectrum'], data_root=scene['data_root'])
    if family == 'detection':
        evaluator = cfg.get('test_evaluator') or {}
        evaluator = evaluator[0] if isinstance(evaluator, (list, tuple)) else evaluator
        common['score'] = {key: evaluator[key] for key in ('score', 'threshold') if key in evaluator}
    if hasattr(model, 'generator') or hasattr(model, 'head') and not hasattr(model, 'decoder'):
        return _windows_or_images(model, dataset, common)
    pad_mode = _test_padding(model) if 'tile_size' not in dataset else dataset.get('pad_mode', 'reflect')
    return Plan(grid=_tiles(cfg, dataset, model), pad_mode=pad_mode, **common)


def _family(model: nn.Module, scene: Mapping) -> str:
    if hasattr(model, 'generator'):
        return 'super_resolution' if getattr(model.generator, 'scale', 1) > 1 else 'denoising'
    if hasattr(model, 'decoder') and hasattr(model, 'endmembers'):
        return 'unmixing'
    if not (hasattr(model, 'inference') or hasattr(model, 'head')):
        raise ValueError(f'a model of type {type(model).__name__} is not known to the inferencer: expected a '
                         'classifier of mmpretrain, a segmentor of mmseg, an Unmixer or a restoration model of mmagic')
    return {'PairScene': 'change_detection', 'DetectionScene': 'detection'}.get(_kind(scene), 'classification')


def _windows_or_images(model: nn.Module, dataset: Mapping, common: dict) -> Plan:
    if not hasattr(model, 'generator'):
        if 'window_size' not in dataset:
            raise ValueError(f'the test dataset {_kind(dataset) or "of the config"} has no window_size, which the '
                             'classifier needs')
        return Plan(window=int(dataset['window_size']), pad_mode=dataset.get('pad_mode', 'constant'), **common)
    test_cfg = model.test_cfg or {}
    grid = _default_grid(model)
    if test_cfg.get('tile_size') is not None:
        grid = TileGrid(test_cfg['tile_size'], test_cfg.get('overlap', 0), 'smooth')
    # the enlarged image is mirrored in this way beyond its border
    pad_mode = 'symmetric' if getattr(model.generator, 'scale', 1) > 1 else _test_padding(model)
    return Plan(grid=grid, pad_mode=pad_mode, **common)


def _tiles(cfg: Config, dataset: Mapping, model: nn.Module) -> TileGrid:
    if 'tile_size' in dataset:
        evaluator = cfg.get('test_evaluator') or {}
        evaluator = evaluator[0] if isinstance(evaluator, (list, tuple)) else evaluator
        blend = evaluator.get('stitch', 'average' if hasattr(model, 'decoder') else 'overwrite')
        layout = 'overhanging' if dataset.get('fixed_grid') else 'even'
        return TileGrid(dataset['tile_size'], dataset.get('overlap', 0), blend, layout)
    test_cfg = getattr(model, 'test_cfg', None) or {}
    if test_cfg.get('mode') == 'slide':
        return slide_grid(test_cfg)
    return _default_grid(model)


def _test_padding(model: nn.Module) -> str:
    """Padding mode of an image that is smaller than a tile, as the test of the model has it."""
    padding = (getattr(model, 'test_cfg', None) or {}).get('padding', 'reflect')
    return 'constant' if padding == 'zeros' else padding


def _default_grid(model: nn.Module) -> TileGrid:
    """Tiles for a network that is tested on whole images: of its own size if it takes no other."""
    size = fixed_input_size(model)
    if size is None:
        return TileGrid(*_DEFAULT_TILE, 'smooth')
    return TileGrid(size, tuple(side // 4 for side in size), 'smooth')


def make_network(plan: Plan, model: nn.Module, target_spectrum: np.ndarray | None = None) -> Network:
    """The network of a plan."""
    if plan.family in ('denoising', 'super_resolution'):
        return Restored(model)
    if plan.family == 'unmixing':
        return Abundances(model)
    if plan.window is not None:
        return Classifier(model)
    return Segmentor(model, None if target_spectrum is None else {'target_spectrum': target_spectrum})


def class_names(cfg: Config, meta: Mapping, family: str, count: int) -> tuple[tuple[str, ...], np.ndarray]:
    """Names and colours (K, 3) of the classes or endmembers: of the checkpoint, else of the config, else numbered.

    Args:
        cfg (Config): The config.
        meta (Mapping): ``dataset_meta`` of the checkpoint.
        family (str): The family of the plan.
        count (int): Number of outputs K of the network.

    Returns:
        tuple[tuple[str, ...], np.ndarray]: K names and uint8 colours.

    Raises:
        ValueError: If the checkpoint or the config names another number of classes.
    """
    scene = test_dataset(cfg).get('scene') or {}
    names, palette = tuple(meta.get('classes') or ()), meta.get('palette')
    if not names and family == 'unmixing' and not isinstance(scene.get('endmember_names'), Mapping):
        names = tuple(scene.get('endmember_names') or ())
    elif not names and scene.get('classes') is not None:
        names, palette = resolve_classes(scene['classes'], scene.get('palette'))
    if not names and count == 2 and family in ('change_detection', 'detection'):
        names = CHANGE_CLASSES if family == 'change_detection' else ('background', 'target')
    if not names:
        names = tuple(f'{"endmember" if family == "unmixing" else "class"} {number + 1}' for number in range(count))
    if len(names) != count:
        raise ValueError(f'the network has {count} outputs, but {len(names)} names are known: {", ".join(names)}')
    if palette is None or len(palette) != count:
        palette = BLACK_AND_WHITE if family in ('change_detection', 'detection') and count == 2 else default_palette(
            count)
    return tuple(map(str, names)), np.asarray(palette, np.uint8)
