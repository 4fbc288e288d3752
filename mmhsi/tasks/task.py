"""Tasks: everything between a network and the files of a scene that depends on the task."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from mmengine.config import Config

from mmhsi.datasets.class_info import BLACK_AND_WHITE, resolve_classes
from mmhsi.registry import TASK_UTILS, TASKS, component_name
from mmhsi.tasks.contest import Contestant, SceneTest
from mmhsi.tasks.product import Product
from mmhsi.utils.palette import default_palette
from mmhsi.utils.text import config_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import nn

    from mmhsi.tasks.networks import Network

NETWORK = 'of_the_network'
"""Name of the layer that keeps the values of a network until the last stage; it is no product."""


@dataclass(frozen=True)
class Layer:
    """A raster that is stored for a scene.

    Attributes:
        count (int): Number L of its bands.
        dtype (str): Type of its values.
        nodata (float): Value where the scene holds no data.
    """

    count: int
    dtype: str = 'float32'
    nodata: float = np.nan


class Task:
    """One task family. A subclass declares what is specific to it, and is registered in ``TASKS`` by its name.

    The task of a config is the one that it names (``task = 'denoising'``), else that of its scene
    (:attr:`mmhsi.datasets.scenes.base_scene.BaseScene.task`).

    Args:
        scores (bool): Whether the scores of the classes are kept, where that is a choice. Defaults to False.
        uncertainty (bool): Whether the uncertainty of the classes is kept, likewise. Defaults to False.
        metric (Mapping, optional): Config of the metric of the test, whose options apply to predictions too.

    Attributes:
        name (str): Its name.
        result (type): The type of result of its metric.
        layers (dict[str, Layer]): The stored layers of a scene, by the name of the product; set by :meth:`prepare`.
        classes (tuple[str, ...]): Names of the K classes or endmembers; set by :meth:`prepare`.
        palette (np.ndarray): Their colours, uint8 (K, 3).
        dates (int): Number of cubes of a scene.
    """

    name: ClassVar[str]
    result: ClassVar[type]
    dates: ClassVar[int] = 1
    two_names: ClassVar[tuple[str, str] | None] = None  # default names of two classes
    background: ClassVar[tuple[int, int, int]] = (0, 0, 0)  # colour of pixels without a class
    blend: ClassVar[str] = 'overwrite'  # of tiles, unless the metric sets it
    degrades: ClassVar[bool] = False  # whether the test pipeline degrades clean images
    noun: ClassVar[str] = 'class'  # base of numbered names
    score: ClassVar[tuple[str, bool] | None] = None  # the score for comparisons, and whether larger is better

    def __init__(self, scores: bool = False, uncertainty: bool = False, metric: Mapping | None = None):
        self.scores = scores
        self.uncertainty = uncertainty
        self.metric = dict(metric or {})
        self.layers: dict[str, Layer] = {}
        self.classes: tuple[str, ...] = ()
        self.palette = np.zeros((0, 3), np.uint8)

    # prediction

    def network(self, model: nn.Module, windows: bool, meta: Mapping | None = None) -> Network:
        """The function that prediction runs.

        Args:
            model (nn.Module): The model, in evaluation mode.
            windows (bool): Whether it sees a window around each pixel, instead of tiles.
            meta (Mapping, optional): Metainfo of every tile, such as the target spectrum.
        """
        raise NotImplementedError

    def wants_spectrum(self, model: nn.Module) -> bool:
        """Whether a model receives a target spectrum with each tile."""
        return False

    @classmethod
    def check_model(cls, model: nn.Module, windows: bool) -> None:
        """Raise a ValueError if a model does not fit how the test of its config cuts scenes."""

    @classmethod
    def padding(cls, model: nn.Module) -> str | None:
        """Padding mode beyond a scene for models that are tested on whole scenes, if the task has its own."""
        return None

    def prepare(self, cfg: Config, meta: Mapping, network: Network, view) -> None:
        """Set classes, palette and layers for a scene.

        Args:
            cfg (Config): The config.
            meta (Mapping): ``dataset_meta`` of the checkpoint.
            network (Network): The network, whose ``outputs`` are known.
            view (CubeView | PairView): The scene.
        """
        raise NotImplementedError

    def use_record(self, record: Mapping | None, name: str) -> None:
        """Use the last stage chosen in a training, which is applied when a scene is predicted as a whole.

        Args:
            record (Mapping, optional): ``checkpoint['mmhsi']``.
            name (str): Name of the scene; without an entry of its own it gets that of the first.
        """

    @property
    def stored_spectrum(self) -> np.ndarray | None:
        """The target spectrum that the record holds, of the bands that are read; None without one."""
        return None

    def use_spectrum(self, spectrum: np.ndarray) -> None:
        """Take over a target spectrum (C,) for the last stage."""

    def last_stage(self, view, stored: Mapping[str, np.ndarray]) -> Iterator[tuple[slice, dict[str, np.ndarray]]]:
        """The layers after a last stage; nothing without one.

        Args:
            view (CubeView | PairView): The scene.
            stored (Mapping[str, np.ndarray]): The layers (L, H, W) that were collected, with :data:`NETWORK`.

        Yields:
            Rows of the layers, and what becomes of them: arrays (L, h, W) by name.
        """
        return iter(())

    def finish(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """Joined values (K, h, w) of the network → an array (L, h, w) for each layer; only valid pixels count."""
        raise NotImplementedError

    def arrays(self, stored: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Convert the layers (L, H, W) for the user."""
        return {name: array[0] if len(array) == 1 else array for name, array in stored.items()}

    def product(self, name: str, view, stored: Mapping[str, np.ndarray], zoom: int = 1) -> Product:
        """The product of a predicted scene.

        Args:
            name (str): Name of the scene.
            view (CubeView | PairView): The scene.
            stored (Mapping[str, np.ndarray]): The layers (L, H, W).
            zoom (int): Pixels of the layers per pixel of the scene along an axis. Defaults to 1.
        """
        return Product(
            name,
            self.name,
            view.info,
            stored,
            {name: layer.nodata for name, layer in self.layers.items()},
            self.classes,
            self.palette,
            zoom,
        )

    # test

    def product_of_result(self, result: Any, scene=None) -> Product | None:
        """The product of a tested scene: the same layers with the same values as that of a predicted one.

        Args:
            result (Any): Of the type :attr:`result`.
            scene (BaseScene, optional): The scene, for its place, its masked pixels and the units of its file.
        """
        raise NotImplementedError

    def figures(self, product: Product) -> dict[str, Figure]:
        """Pictures of a product by name, subsampled for large scenes."""
        raise NotImplementedError

    def figures_beside(self, product: Product, view) -> dict[str, Figure]:
        """Pictures of a predicted product that need the scene too; none by default."""
        return {}

    def result_figures(self, result: Any, product: Product, scene=None) -> dict[str, Figure]:
        """Pictures of a tested scene by name: those of :meth:`figures` with scores, and those that need the ground
        truth."""
        raise NotImplementedError

    def write_more(self, result: Any, product: Product, folder: Path) -> None:
        """Write further results of a test besides product and pictures; nothing by default."""

    # classical methods

    def methods(self, scene) -> dict[str, Callable]:
        """Classical methods by name: f(scene, evaluate_on=None, **options) → a result. ``evaluate_on`` names the subset
        of pixels that is evaluated. The most suitable ones come first."""
        return {}

    def default_methods(self, scene) -> list[str]:
        """Names of the methods that need nothing beyond the scene."""
        return list(self.methods(scene))

    def contestants(self, scene) -> Sequence[Contestant]:
        """The methods that a network is compared with on a scene, each with suitable settings."""
        return [Contestant(name, name) for name in self.default_methods(scene)]

    def run_method(self, scenes: Sequence, method: str, evaluate_on: str | None = None, **options) -> dict[str, Any]:
        """Evaluate a classical method on several scenes.

        Args:
            scenes (Sequence[BaseScene]): The scenes.
            method (str): A name of :meth:`methods`.
            evaluate_on (str, optional): The subset of pixels that is evaluated. Defaults to that of the method.
            **options: Its arguments.

        Returns:
            dict[str, Any]: Results by the name of the scene.
        """
        return {scene.name: self.methods(scene)[method](scene, evaluate_on=evaluate_on, **options) for scene in scenes}

    def classical_test(self, cfg: Config) -> SceneTest:
        """The test data of a config, on which classical methods are evaluated like its network."""
        return SceneTest(self, cfg)

    def pooled(self, results: Sequence) -> Any:
        """One result over the evaluated pixels of several scenes, for its scores; None if the task has none."""
        pool = getattr(self.result, 'pool', None)
        return None if pool is None else pool(results)

    # names

    def name_classes(self, cfg: Config, meta: Mapping, count: int) -> None:
        """Set names and colours of the classes: from the checkpoint, else from the config, else numbered.

        Raises:
            ValueError: If the checkpoint or the config has another number of classes.
        """
        scene = test_dataset(cfg).get('scene') or {}
        names, palette = tuple(meta.get('classes') or ()), meta.get('palette')
        if not names:
            names, palette = self.names_in_config(scene)
        if not names and count == 2 and self.two_names is not None:
            names = self.two_names
        if not names:
            names = tuple(f'{self.noun} {number + 1}' for number in range(count))
        if len(names) != count:
            raise ValueError(f'the network has {count} outputs, but {len(names)} names are known: {", ".join(names)}')
        if palette is None or len(palette) != count:
            palette = BLACK_AND_WHITE if self.two_names is not None and count == 2 else default_palette(count)
        self.classes = tuple(map(str, names))
        self.palette = np.asarray(palette, np.uint8)

    def names_in_config(self, scene: Mapping) -> tuple[tuple[str, ...], Sequence | None]:
        """Names and colours from the config of a scene; empty if it has none."""
        if scene.get('classes') is None:
            return tuple(scene.get('label_codes') or ()), None
        names, palette = resolve_classes(scene['classes'], scene.get('palette'))
        return tuple(names or ()), palette


def test_dataset(cfg: Config) -> Mapping:
    """The innermost test dataset of a config.

    Raises:
        ValueError: If the config has none.
    """
    loader = cfg.get('test_dataloader') or cfg.get('val_dataloader')
    if not loader:
        raise ValueError('the config has no test_dataloader, which defines how scenes are cut and preprocessed')
    dataset = loader['dataset']
    while 'dataset' in dataset or 'datasets' in dataset:
        dataset = dataset['dataset'] if 'dataset' in dataset else dataset['datasets'][0]
    return dataset


def test_metric(cfg: Config) -> dict:
    """The first metric of the test of a config; empty without one."""
    evaluator = cfg.get('test_evaluator') or {}
    return dict(evaluator[0] if isinstance(evaluator, (list, tuple)) else evaluator)


def task_name(cfg: Config) -> str:
    """Name of the task of a config: the one that it names, else that of its test scene.

    Raises:
        ValueError: If the config defines neither.
    """
    if cfg.get('task') is not None:
        return cfg['task']
    scene, metric = test_dataset(cfg).get('scene'), test_metric(cfg)
    generator = (cfg.get('model') or {}).get('generator')
    if generator is not None or component_name(metric) == 'RestorationMetric':
        # restoration uses scenes of any task
        scale = max(metric.get('scale', 1), (generator or {}).get('scale', 1))
        return 'super_resolution' if scale > 1 else 'denoising'
    if scene is None:
        raise ValueError(
            f'{config_name(cfg)} names no task: add task = one of {", ".join(sorted(map(repr, all_tasks())))}'
        )
    kind = scene.get('type', 'Scene')
    kind = TASK_UTILS.get(kind) if isinstance(kind, str) else kind
    if kind is None:
        raise ValueError(f'{config_name(cfg)}: there is no scene of type {scene.get("type")!r}')
    return kind.task_of(scene)


def all_tasks() -> dict[str, type[Task]]:
    """The registered tasks by name."""
    TASKS.import_from_location()
    return dict(TASKS.module_dict)


def make_task(name: str, **options) -> Task:
    """A task by its name; ``options`` as in :class:`Task`.

    Raises:
        ValueError: If there is no such task.
    """
    known = all_tasks()
    if name not in known:
        raise ValueError(f'there is no task {name!r}; expected one of {", ".join(sorted(known))}')
    return known[name](**options)


def task_of_result(result: Any, scene=None) -> Task:
    """The task of a result: that of its scene if its results are of this type, else the first one with such results.

    Raises:
        TypeError: If no task has such results.
    """
    kinds = all_tasks()
    own = kinds.get(getattr(scene, 'task', ''))
    for kind in ([own] if own else []) + list(kinds.values()):
        if isinstance(result, kind.result):
            return kind()
    raise TypeError(f'results of type {type(result).__name__} do not belong to any task: {", ".join(sorted(kinds))}')


def task_of_scene(scene) -> Task:
    """The task of a scene.

    Raises:
        TypeError: If it is no scene.
    """
    if not hasattr(scene, 'task'):
        raise TypeError(f'a scene of type {type(scene).__name__} has no task')
    return make_task(scene.task)
