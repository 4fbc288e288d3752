"""The inferencer: one class for all tasks that turns scenes into products."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import torch
from mmengine.config import Config
from mmengine.infer import BaseInferencer
from mmengine.logging import print_log
from mmengine.registry import init_default_scope
from torch import nn

from mmhsi import visualization
from mmhsi.datasets.scenes.cube_view import CubeView
from mmhsi.datasets.scenes.pair_view import PairView
from mmhsi.engine.scene_settings import resolve_scene_settings
from mmhsi.inference.estimate import announce
from mmhsi.inference.inputs import SceneInput, list_inputs
from mmhsi.inference.opening import open_scene
from mmhsi.inference.plan import Plan, make_plan
from mmhsi.inference.run_scene import network_of, predict_scene
from mmhsi.inference.staging import Staging
from mmhsi.inference.summary import SUFFIX, add_gis_files, finished_scene, lattice_note, scene_settings, summarize
from mmhsi.inference.training_state import training_bands
from mmhsi.inference.weights import (
    build_network,
    check_classes,
    config_of_checkpoint,
    data_description,
    load_parameters,
    load_weights_file,
    training_record,
)
from mmhsi.inference.zoo import config_and_weights
from mmhsi.registry import INFERENCERS
from mmhsi.tasks.networks import Network
from mmhsi.tasks.product import Product, write_figures, write_product
from mmhsi.tasks.scene_pictures import false_colour_figures
from mmhsi.tasks.task import NETWORK, Task
from mmhsi.utils.device import usable_device
from mmhsi.utils.files import check_writable, write_text
from mmhsi.utils.parts import part_of
from mmhsi.utils.precision import Precision
from mmhsi.utils.text import config_name
from mmhsi.weights.checkpoint_file import is_trusted, trusting


@INFERENCERS.register_module()
class HSIInferencer(BaseInferencer):
    """Predict scenes of any size with a trained model, whatever its task.

    A scene is read, preprocessed with the transforms fitted in training, cut into the windows or tiles of the config,
    predicted and stitched part by part; memory does not grow with the number of rows. Scenes that are written to files
    can be larger than memory, and an interrupted prediction continues where it stopped.

    Args:
        model (str | Path | Config, optional): Config file, 'mmhsi::' and the path of one below ``configs/``, config,
            or a name or alias of :func:`mmhsi.apis.list_models`. Defaults to None: the config that the checkpoint
            holds.
        weights (str, optional): Checkpoint: a file, or any address that MMEngine's ``load_checkpoint`` takes. Defaults
            to the published weights of a named model; a config without weights stays as it was initialised, with a
            warning.
        device (str | torch.device, optional): Defaults to an accelerator if there is one.
        scope (str): Registry scope. Defaults to 'mmhsi'.
        show_progress (bool): Whether to show a progress bar. Defaults to True.
        memory (int): Bytes for the parts of a scene and, on a CPU, for batches, half for each; GDAL may cache the same
            amount as one half of a raster. The network and the libraries need additional memory. Defaults to 1 GiB.
        trust (bool): Whether the checkpoint may run code: it is unpickled without restriction, and the config in it is
            run as a program. Defaults to False: both are read as data.

    Raises:
        FileNotFoundError: If the config or the checkpoint does not exist.
        ValueError: If the weights do not belong to the config, the config does not define how scenes are cut, the
            checkpoint holds more than data, or there is no such device.
    """

    _stored_config = False  # whether the config is that of the checkpoint

    def __init__(
        self,
        model: str | Path | Config | None = None,
        weights: str | None = None,
        device: str | torch.device | None = None,
        scope: str = 'mmhsi',
        show_progress: bool = True,
        memory: int = 2**30,
        trust: bool = False,
    ):
        self.memory = memory
        self._trust = trust
        self._config_name = config_name(model)
        if isinstance(model, (str, Path)):
            model = str(model)
            self._config_name = model
            model, weights = config_and_weights(model, weights)
        self._weights_name = None if weights is None else str(weights)
        init_default_scope(scope)
        super().__init__(model, self._weights_name, str(usable_device(device)), scope, show_progress)

    def _init_model(self, cfg: Config, weights: str | None, device: str) -> nn.Module:
        checkpoint: dict = {}
        guarded = False
        if weights is not None:
            with trusting(self._trust):
                checkpoint = load_weights_file(weights)
                if not cfg:
                    guarded = not is_trusted()
                    cfg.update(config_of_checkpoint(checkpoint, weights)._cfg_dict)
                    self._config_name = f'the config that {weights} holds'
                    self._stored_config = True
        init_default_scope(cfg.get('default_scope', self.scope))
        if weights is not None and cfg.get('scene_settings') is not None:  # a recipe whose sizes the training chose
            cfg.load_from = weights
            resolve_scene_settings(cfg)
        model = build_network(cfg.model, self._config_name, guarded)
        if weights is None:
            print_log(
                f'{self._config_name}: no weights are given, so the predictions come from random weights',
                'current',
                logging.WARNING,
            )
        else:
            load_parameters(model, checkpoint, weights, self._config_name)
        self._record = training_record(checkpoint, str(weights))
        self._meta = data_description(checkpoint, str(weights))
        check_classes(self._meta, str(weights))
        model.cfg = cfg
        return model.to(device).eval()

    def _init_pipeline(self, cfg: Config) -> Plan:
        with self._stored_config_explained():
            return make_plan(cfg, self.model)

    @contextmanager
    def _stored_config_explained(self) -> Iterator[None]:
        """A config that comes with a checkpoint may hold anything: what goes wrong is an error that names it."""
        try:
            yield
        except Exception as error:
            if not self._stored_config or isinstance(error, (OSError, ValueError, torch.cuda.OutOfMemoryError)):
                raise
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise ValueError(
                f'{self._config_name} describes no prediction that can be made: {type(error).__name__}: {reason}'
            ) from error

    def _init_collate(self, cfg: Config) -> None:
        return None

    def _init_visualizer(self, cfg: Config) -> None:
        return None

    @property
    def plan(self) -> Plan:
        """The prediction plan of the config."""
        return self.pipeline

    @torch.inference_mode()
    def __call__(
        self,
        inputs: Any,
        out_dir: str | Path | None = None,
        *,
        key: str | Sequence[str] | None = None,
        layout: str | None = None,
        wavelengths: Sequence[float] | None = None,
        nodata: float | None = None,
        bands: Any = None,
        match_bands: str = 'check',
        trust_band_order: bool = False,
        target_spectrum: Any = None,
        tile_size: int | tuple[int, int] | None = None,
        overlap: int | None = None,
        blend: str | None = None,
        batch_size: int | None = None,
        precision: str = 'fp32',
        lattice: int = 1,
        scores: bool = False,
        uncertainty: bool = False,
        not_finite: str = 'raise',
        driver: str = 'GTiff',
        gis: bool = False,
        pictures: bool = True,
        return_arrays: bool = True,
        return_vis: bool = False,
        resume: bool = True,
        overwrite: bool = False,
        part: tuple[int, int] | None = None,
        on_error: str = 'raise',
    ) -> dict:
        """Predict scenes.

        Args:
            inputs (Any): A path, an array (H, W, C), a folder, a text file that lists scenes, or a sequence of these;
                for a model that compares two dates, a pair of these or a sequence of pairs. See
                :func:`mmhsi.inference.inputs.list_inputs`.
            out_dir (str | Path, optional): Folder of the products; created if necessary. Defaults to None: nothing is
                written.
            key (str | Sequence[str], optional): Name of the array in .mat, HDF5 and .npz files. Defaults to that of the
                config where a file has it, else to the only cube of the file.
            layout (str, optional): Axes of arrays in files, 'hwc', 'chw' or 'bil'. Defaults to 'auto'.
            wavelengths (Sequence[float], optional): In nm, of arrays, and of files that state none: of all bands, or of
                the first and the last of evenly spaced ones. Defaults to None.
            nodata (float, optional): Value of pixels without data, overriding the one that a file declares.
            bands (Any, optional): The bands the model was trained on, if neither the checkpoint nor the config defines
                them, see :func:`mmhsi.inference.training_state.training_bands`.
            match_bands (str): 'check' refuses scenes with other wavelengths or another order; 'nearest' and 'resample'
                match them, 'off' only checks the number of bands. See
                :func:`mmhsi.datasets.scenes.band_matching.match_bands`. Defaults to 'check'.
            trust_band_order (bool): Whether to assume that a scene without known wavelengths has the bands that the
                model was trained on, in the same order. Defaults to False: it is refused if those of the model are
                known.
            target_spectrum (Any, optional): For target detection: values for the bands, a file, or a dict of the
                arguments of :func:`mmhsi.datasets.scenes.target_spectrum.read_target_spectrum`.
            tile_size, overlap, blend: Tiles in pixels, overriding those of the config's test; 'overwrite', 'average',
                'linear' or 'smooth', see :class:`mmhsi.utils.tiling.TileGrid`.
            batch_size (int, optional): Number of tiles or windows that run at once. Chosen by memory by default.
            precision (str): Number format of the products: 'fp32'; 'tf32' on NVIDIA GPUs from Ampere on; 'bf16' and
                'fp16' by autocast, faster on GPUs and on processors that have them. Classes of close calls may change.
                Defaults to 'fp32'.
            lattice (int): For maps of classes by windows: only the corners of cells with this many pixels a side are
                predicted first; cells whose corners agree are filled, others split. The products say so. Defaults to 1:
                every pixel is predicted.
            scores (bool): Whether the probabilities of classes are kept too. Defaults to False.
            uncertainty (bool): Whether the largest probability and the normalised entropy of the classes are kept too.
                Defaults to False.
            not_finite (str): 'raise' fails a scene of which the network makes NaN or infinity; 'nodata' leaves those
                pixels without data, and a warning states their number. Defaults to 'raise'.
            driver (str): Format of rasters, 'GTiff', 'COG' (cloud-optimised) or 'ENVI'. Defaults to 'GTiff'.
            gis (bool): Whether to write a QGIS style and a STAC item next to each GeoTIFF. Defaults to False.
            pictures (bool): Whether pictures are written. Defaults to True.
            return_arrays (bool): Whether the arrays are returned; with an ``out_dir`` False keeps the memory fixed.
                Defaults to True.
            return_vis (bool): Whether pictures are returned as arrays. Defaults to False.
            resume (bool): Whether to continue an interrupted prediction. Defaults to True.
            overwrite (bool): Whether scenes are predicted again that are finished. Defaults to False.
            part (tuple[int, int], optional): (I, N), I from 1: only every N-th scene starting with the I-th, for one of
                N processes.
            on_error (str): 'raise', or 'continue' with the other scenes and report at the end. Defaults to 'raise'.

        Returns:
            dict: 'predictions', a dict for each scene: 'name', 'task', 'files' by name, 'summary', and the arrays:
            'classes' (H, W) uint8 from 0, 255 without data; 'detected' (H, W) likewise; 'scores' (H, W) or (K, H, W);
            'uncertainty' (2, H, W); 'abundances' (P, H, W); 'endmembers' (P, C); 'restored' (H, W, C). A scene that was
            finished before has only its files, a failed scene has 'error'. 'visualization', a dict of RGB arrays for
            each scene, or None.

        Raises:
            FileNotFoundError: If a file does not exist.
            ValueError: If a scene does not fit the model; the message names it.
            OSError: If the products cannot be written.
        """
        if on_error not in ('raise', 'continue'):
            raise ValueError(f"on_error must be 'raise' or 'continue', not {on_error!r}")
        with self._stored_config_explained():
            wanted = training_bands(self.cfg, self._record, bands)
        plan = self.plan.tiled(tile_size, overlap, blend)
        if target_spectrum is not None:
            if not plan.make_task().wants_spectrum(self.model):
                raise ValueError(f'{self._config_name}: a target spectrum is given, but the model does not use one')
            plan = replace(plan, target_spectrum=target_spectrum)
        if nodata is not None:
            plan = replace(plan, scene={**plan.scene, 'nodata': nodata})
        plan = replace(
            plan,
            folder=None if out_dir is None else check_writable(out_dir, 'the folder of the products'),
            wanted=wanted,
            match_bands=match_bands,
            trust_band_order=trust_band_order,
            batch_size=batch_size,
            precision=Precision(precision),
            lattice=lattice,
            scores=scores,
            uncertainty=uncertainty,
            not_finite=not_finite,
            driver=driver,
            gis=gis,
            pictures=pictures,
            return_arrays=return_arrays,
            return_vis=return_vis,
            resume=resume and not overwrite,
            overwrite=overwrite,
        )
        plan.precision.check(next(self.model.parameters()).device)
        plan.check_lattice()
        results: dict = {'predictions': [], 'visualization': []}
        with rasterio.Env(GDAL_CACHEMAX=self.memory // 2):  # by default a fraction of the memory of the machine
            for scene in part_of(
                list_inputs(inputs, plan.pairs, dict(key=key, layout=layout, wavelengths=wavelengths)), part
            ):
                try:
                    with self._stored_config_explained():
                        prediction, picture = self.predict(scene, plan)
                except (OSError, ValueError, RuntimeError) as error:
                    if on_error == 'raise':
                        raise
                    print_log(f'{scene.name} failed: {error}', 'current', logging.ERROR)
                    prediction = dict(name=scene.name, task=plan.task.name, files={}, error=str(error))
                    picture = None
                results['predictions'].append(prediction)
                results['visualization'].append(picture)
        return results

    def predict(self, scene: SceneInput, plan: Plan) -> tuple[dict, dict | None]:
        """Predict and write one scene, unless it is finished; returns its entries in the result of a call.

        The way of a scene: its file → a view → tiles → network → layers → product.
        """
        start = time.perf_counter()
        scene.check()
        folder = plan.folder
        settings = scene_settings(scene, plan, self.cfg.model, self._weights_name)
        if folder is not None and not plan.overwrite:
            finished = finished_scene(scene, plan, settings)
            if finished is not None:
                print_log(f'{scene.name}: already finished, skipped', 'current')
                if plan.gis and plan.driver != 'ENVI':
                    add_gis_files(scene, plan, finished['files'])
                return finished, None
        view = self.preprocess(scene, plan)
        try:
            task = plan.make_task()
            task.use_record(self._record, scene.name)
            network = network_of(self.model, view, plan, task, self.memory // 2)
            task.prepare(self.cfg, self._meta, network, view)
            staging = (
                Staging()
                if folder is None
                else Staging(folder / f'.{scene.name}.part', dict(settings, memory=self.memory), plan.resume)
            )
            facts = dict(resumed_after_part=staging.done) if staging.done else {}
            try:
                estimate = self.forward(scene, view, network, plan, task, staging)
                layers = {name: array for name, array in staging.arrays.items() if name in task.layers}
                product = task.product(scene.name, view, layers, network.zoom)
                if plan.lattice > 1:
                    counted = {} if facts else dict(predicted_windows=network.predicted)  # not in a part of the scene
                    product = replace(product, note=lattice_note(plan.lattice, view.height * view.width, **counted))
                    facts.update(lattice=dict(step=plan.lattice, **counted))
                if estimate is not None:
                    facts.update(estimated_seconds=estimate)
                wanted = plan.return_vis or (folder is not None and plan.pictures)
                figures = self.visualize(product, view, task=task) if wanted else {}
                summary = summarize(
                    product,
                    view,
                    network,
                    config=self._config_name,
                    weights=self._weights_name,
                    seconds=round(time.perf_counter() - start, 2),
                    settings=settings,
                    **facts,
                )
                summary['source'] = scene.paths
                files = {} if folder is None else self.postprocess(product, figures, plan, summary)
                arrays = {}
                if plan.return_arrays:
                    arrays = task.arrays(
                        {name: array if folder is None else np.array(array) for name, array in layers.items()}
                    )
            except BaseException:
                staging.close()
                raise
            del product, layers
            staging.remove()
        finally:
            view.close()
        picture = (
            {name: visualization.figure_to_rgb(figure) for name, figure in figures.items()} if plan.return_vis else None
        )
        return dict(name=scene.name, task=task.name, files=files, summary=summary, **arrays), picture

    def preprocess(self, scene: SceneInput, plan: Plan) -> CubeView | PairView:
        """Open a scene with the preprocessing that was fitted in training."""
        return open_scene(scene, plan, self._record)

    def forward(
        self, scene: SceneInput, view, network: Network, plan: Plan, task: Task, staging: Staging
    ) -> float | None:
        """Fill the layers of a scene; returns the seconds that were announced, if it was long."""
        if staging.done:
            print_log(f'{scene.name}: resumes after part {staging.done}', 'current')
        estimate = announce(scene.name, view, network, plan)
        predict_scene(view, network, plan, task, staging, self.memory, scene.name if self.show_progress else None)
        for rows, made in task.last_stage(view, staging.arrays):
            for name, array in made.items():
                staging.write(name, (rows, slice(0, network.zoom * view.width)), array)
        task.layers.pop(NETWORK, None)
        return estimate

    def visualize(self, product: Product, view, task: Task) -> dict:
        """Pictures of a product by name."""
        beside = task.figures_beside(product, view)
        return {**false_colour_figures(view, product.name), **task.figures(product), **beside}

    def postprocess(self, product: Product, figures: dict, plan: Plan, summary: dict) -> dict:
        """Write the product of a scene; the summary, which marks it as finished, is written last."""
        folder = plan.folder
        files = write_product(product, folder, plan.driver, plan.gis)
        if plan.pictures:
            files.update(write_figures(figures, product.name, folder))
        summary['files'] = {name: path.name for name, path in files.items()}
        summary['bytes'] = {path.name: path.stat().st_size for path in files.values()}
        files['summary'] = folder / f'{product.name}{SUFFIX}'
        write_text(files['summary'], json.dumps(summary, indent=2) + '\n')
        return {name: str(path) for name, path in files.items()}
