"""From scenes to products: class maps, scores, abundances, endmembers, restored cubes, by one class for all tasks."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
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

from mmhsi.datasets.io import CubeReadError
from mmhsi.inference.inputs import SceneInput, list_inputs, part_of
from mmhsi.inference.networks import Network
from mmhsi.inference.plan import Plan, class_names, make_network, make_plan
from mmhsi.inference.products import Prediction, make_figures, write_endmembers, write_figures, write_rasters
from mmhsi.inference.request import Request
from mmhsi.inference.run_scene import Trial, predict_scene, try_network
from mmhsi.inference.scene_stream import PairStream, SceneStream
from mmhsi.inference.staging import Memory, Staging
from mmhsi.inference.summary import SUFFIX, finished_scene, scene_settings, summarize
from mmhsi.inference.tasks import ClassTask, DetectionTask, RestorationTask, Task, UnmixingTask
from mmhsi.inference.training_state import find_target_spectrum, fitted_state, training_bands
from mmhsi.inference.units import file_units
from mmhsi.inference.weights import config_of_checkpoint, load_parameters, load_weights_file
from mmhsi.inference.zoo import find_model
from mmhsi.models.heads import TargetDetectionHead
from mmhsi.registry import INFERENCERS, MODELS
from mmhsi.visualization.figure import figure_to_rgb
from mmhsi.weights.checkpoint_file import is_trusted, trusting, write_text
from mmhsi.weights.stored_config import registered_names_only

_KEYED = ('.mat', '.npz', '.h5', '.hdf5')  # files of named arrays


@INFERENCERS.register_module()
class HSIInferencer(BaseInferencer):
    """Predict scenes of any size with a trained model, whatever its task.

    A scene is read, preprocessed by what was fitted in the training, cut into the windows or tiles of the config,
    predicted and joined again part by part, in a memory that does not grow with its rows. What is written to files can
    be larger than memory, and an interrupted prediction goes on where it stopped.

    Args:
        model (str | Path | Config, optional): Config file, config, or a name or alias of
            :func:`mmhsi.apis.list_models`. Defaults to None: the config that the checkpoint holds.
        weights (str, optional): Checkpoint: a file, or any address that MMEngine's ``load_checkpoint`` takes. Defaults
            to the published weights of a named model; a config without weights stays as it was initialised, with a
            warning.
        device (str | torch.device, optional): Defaults to an accelerator if there is one.
        scope (str): Registry scope. Defaults to 'mmhsi'.
        show_progress (bool): Whether there is a progress bar. Defaults to True.
        memory (int): Bytes that the parts of a scene and, on a CPU, the batches may use, each half of it; as much as
            one half GDAL may keep of a raster. The network and the libraries come on top. Defaults to 1 GiB.
        trust (bool): Whether the checkpoint may run code: it is unpickled without restriction, and the config in it is
            run as a program. Defaults to False: both are read as data.

    Raises:
        FileNotFoundError: If the config or the checkpoint is absent.
        ValueError: If the weights are not those of the config, the config does not tell how scenes are cut, or the
            checkpoint holds more than data.
    """

    def __init__(self,
                 model: str | Path | Config | None = None,
                 weights: str | None = None,
                 device: str | torch.device | None = None,
                 scope: str = 'mmhsi',
                 show_progress: bool = True,
                 memory: int = 2**30,
                 trust: bool = False):
        self.memory = memory
        self._trust = trust
        self._config_name = str(getattr(model, 'filename', None) or 'the config')
        if isinstance(model, (str, Path)):
            model = str(model)
            self._config_name = model
            if not os.path.isfile(model):
                entry = find_model(model)
                model, weights = str(entry.config), weights or entry.weights
        self._weights_name = None if weights is None else str(weights)
        init_default_scope(scope)
        super().__init__(model, self._weights_name, None if device is None else str(device), scope, show_progress)

    def _init_model(self, cfg: Config, weights: str | None, device: str) -> nn.Module:
        checkpoint: dict = {}
        guard = nullcontext()
        if weights is not None:
            with trusting(self._trust):
                checkpoint = load_weights_file(weights)
                if not cfg:
                    guard = nullcontext() if is_trusted() else registered_names_only()
                    cfg.update(config_of_checkpoint(checkpoint, weights)._cfg_dict)
                    self._config_name = f'the config that {weights} holds'
        init_default_scope(cfg.get('default_scope', self.scope))
        with guard:
            model = MODELS.build(cfg.model)
        if weights is None:
            print_log(f'{self._config_name}: no weights are given, the predictions are those of random ones', 'current',
                      logging.WARNING)
        else:
            load_parameters(model, checkpoint, weights, self._config_name)
        self._record: Mapping | None = checkpoint.get('mmhsi')
        self._meta = dict((checkpoint.get('meta') or {}).get('dataset_meta') or {})
        model.cfg = cfg
        return model.to(device).eval()

    def _init_pipeline(self, cfg: Config) -> Plan:
        return make_plan(cfg, self.model)

    def _init_collate(self, cfg: Config) -> None:
        return None

    def _init_visualizer(self, cfg: Config) -> None:
        return None

    @property
    def plan(self) -> Plan:
        """How scenes are predicted with the config."""
        return self.pipeline

    @torch.inference_mode()
    def __call__(self,
                 inputs: Any,
                 out_dir: str | Path | None = None,
                 *,
                 key: str | Sequence[str] | None = None,
                 layout: str | None = None,
                 nodata: float | None = None,
                 bands: Any = None,
                 match_bands: str = 'check',
                 target_spectrum: Any = None,
                 tile_size: int | tuple[int, int] | None = None,
                 overlap: int | None = None,
                 blend: str | None = None,
                 batch_size: int | None = None,
                 scores: bool = False,
                 uncertainty: bool = False,
                 driver: str = 'GTiff',
                 pictures: bool = True,
                 return_arrays: bool = True,
                 return_vis: bool = False,
                 resume: bool = True,
                 overwrite: bool = False,
                 part: tuple[int, int] | None = None,
                 on_error: str = 'raise') -> dict:
        """Predict scenes.

        Args:
            inputs (Any): A path, an array (H, W, C), a folder, a text file that lists scenes, or a sequence of these;
                of a model that compares two dates a pair of them, or a sequence of pairs. See
                :func:`mmhsi.inference.inputs.list_inputs`.
            out_dir (str | Path, optional): Folder of the products, made if absent. Defaults to None: nothing is
                written.
            key (str | Sequence[str], optional): Name of the array in .mat, HDF5 and .npz files. Defaults to that of the
                config where a file has it, else to the only cube of the file.
            layout (str, optional): Axes of arrays in files, 'hwc' or 'chw'. Defaults to 'auto'.
            nodata (float, optional): Value of pixels without data, instead of the one that a file declares.
            bands (Any, optional): The bands the model was trained on, if neither the checkpoint nor the config tells,
                see :func:`mmhsi.inference.training_state.training_bands`.
            match_bands (str): 'check' refuses scenes whose wavelengths are others or in another order; 'nearest' and
                'resample' match them, 'off' looks at the number of bands alone. See
                :func:`mmhsi.datasets.scenes.band_matching.match_bands`. Defaults to 'check'.
            target_spectrum (Any, optional): For target detection: values of the bands, a file, or a dict of the
                arguments of :func:`mmhsi.datasets.scenes.target_spectrum.read_target_spectrum`.
            tile_size, overlap, blend: Tiles instead of those of the config's test, in pixels; 'overwrite', 'average' or
                'smooth', see :class:`mmhsi.inference.tiled.TileGrid`.
            batch_size (int, optional): Number of tiles or windows that run at once. Chosen by memory by default.
            scores (bool): Whether the probabilities of classes are kept too. Defaults to False.
            uncertainty (bool): Whether the largest probability and the normalised entropy of the classes are kept too.
                Defaults to False.
            driver (str): Format of rasters, 'GTiff' or 'ENVI'. Defaults to 'GTiff'.
            pictures (bool): Whether pictures are written. Defaults to True.
            return_arrays (bool): Whether the arrays are returned; with an ``out_dir`` False keeps the memory fixed.
                Defaults to True.
            return_vis (bool): Whether pictures are returned as arrays. Defaults to False.
            resume (bool): Whether an interrupted prediction goes on. Defaults to True.
            overwrite (bool): Whether scenes are predicted again that are finished. Defaults to False.
            part (tuple[int, int], optional): (I, N), I from 1: only every N-th scene from the I-th on, for one of N
                processes.
            on_error (str): 'raise', or 'continue' with the other scenes and tell at the end. Defaults to 'raise'.

        Returns:
            dict: 'predictions', a dict for each scene: 'name', 'family', 'files' by name, 'summary', and the arrays:
            'classes' (H, W) uint8 from 0, 255 without data; 'detected' (H, W) likewise; 'scores' (H, W) or (K, H, W);
            'uncertainty' (2, H, W); 'abundances' (P, H, W); 'endmembers' (P, C); 'restored' (H, W, C). A scene that was
            finished before has its files alone, one that failed 'error'. 'visualization', a dict of RGB arrays for each
            scene, or None.

        Raises:
            FileNotFoundError: If a file is absent.
            ValueError: If a scene does not suit the model; the message names it.
            OSError: If the products cannot be written.
        """
        if driver not in ('GTiff', 'ENVI'):
            raise ValueError(f"driver must be 'GTiff' or 'ENVI', not {driver!r}")
        if on_error not in ('raise', 'continue'):
            raise ValueError(f"on_error must be 'raise' or 'continue', not {on_error!r}")
        plan = self.plan.tiled(tile_size, overlap, blend)
        folder = None if out_dir is None else _writable(out_dir)
        wanted = training_bands(self.cfg, self._record, bands)
        request = Request(plan, folder, wanted, match_bands, nodata, target_spectrum, batch_size, scores, uncertainty,
                          driver, pictures, return_arrays, return_vis, resume and not overwrite, overwrite)
        results: dict = {'predictions': [], 'visualization': []}
        with rasterio.Env(GDAL_CACHEMAX=self.memory // 2):  # otherwise a share of the memory of the machine
            for scene in part_of(list_inputs(inputs, plan.pairs, dict(key=key, layout=layout)), part):
                try:
                    prediction, picture = self.predict(scene, request)
                except (OSError, ValueError, RuntimeError) as error:
                    if on_error == 'raise':
                        raise
                    print_log(f'{scene.name} failed: {error}', 'current', logging.ERROR)
                    prediction, picture = dict(name=scene.name, family=plan.family, files={}, error=str(error)), None
                results['predictions'].append(prediction)
                results['visualization'].append(picture)
        return results

    def predict(self, scene: SceneInput, request: Request) -> tuple[dict, dict | None]:
        """Predict and write one scene, unless it is finished; returns its entries in the result of a call."""
        start = time.perf_counter()
        scene.check()
        folder = request.folder
        settings = scene_settings(scene, request, self.cfg.model, self._weights_name)
        if folder is not None and not request.overwrite:
            finished = finished_scene(scene.name, request, settings)
            if finished is not None:
                print_log(f'{scene.name}: finished before, left as it is', 'current')
                return finished, None
        stream = self.preprocess(scene, request)
        try:
            network = self._network(stream, request)
            trial = try_network(network, request.plan, stream.bands, stream.info.path, self.memory // 2,
                                request.batch_size)
            task, palette = self._task(stream, trial, request)
            staging: Memory = Memory() if folder is None else Staging(
                folder / f'.{scene.name}.part', dict(settings, memory=self.memory), request.resume)
            facts = dict(resumed_behind_part=staging.done) if staging.done else {}
            try:
                self.forward(scene, stream, network, request, task, trial, staging)
                predicted = self._prediction(scene, stream, task, trial, staging, palette)
                wanted = request.return_vis or (folder is not None and request.pictures)
                figures = self.visualize(predicted, stream) if wanted else {}
                summary = summarize(predicted, stream, trial, config=self._config_name, weights=self._weights_name,
                                    seconds=round(time.perf_counter() - start, 2), settings=settings, **facts)
                files = {} if folder is None else self.postprocess(predicted, figures, request, summary)
                arrays = {}
                if request.return_arrays:
                    arrays = task.arrays({name: array if folder is None else np.array(array)
                                          for name, array in staging.arrays.items()})
            except BaseException:
                staging.close()
                raise
            del predicted
            staging.remove()
        finally:
            stream.close()
        picture = {name: figure_to_rgb(figure) for name, figure in figures.items()} if request.return_vis else None
        return dict(name=scene.name, family=request.plan.family, files=files, summary=summary, **arrays), picture

    def preprocess(self, scene: SceneInput, request: Request) -> SceneStream | PairStream:
        """Open a scene behind the preprocessing that was fitted in the training."""
        plan = request.plan
        common = dict(
            preprocessing=plan.scene.get('preprocessing', ()),
            state=fitted_state(self._record, scene.name),
            num_bands=plan.scene.get('num_bands'),
            wanted=request.wanted,
            matching=request.match_bands,
            nodata=plan.scene.get('nodata') if request.nodata is None else request.nodata,
            name=scene.name)
        keyed = [_with_key(source, plan.scene) for source in scene.sources]
        try:
            stream = _open(keyed, plan, common)
        except CubeReadError:
            if all(one is other for one, other in zip(keyed, scene.sources, strict=True)):
                raise
            stream = _open(scene.sources, plan, common)  # the file names its cube otherwise than that of the config
        notes = [f'bands: {stream.matched}']
        if stream.info.transform is None:
            notes.append('no georeference, nor will the products have one')
        print_log(f'{stream.info.path}: {stream.height} x {stream.width} pixels; {"; ".join(notes)}', 'current')
        return stream

    def forward(self, scene: SceneInput, stream, network: Network, request: Request, task: Task, trial: Trial,
                staging: Memory) -> None:
        """Fill the layers of a scene."""
        if staging.done:
            print_log(f'{scene.name}: going on behind part {staging.done}', 'current')
        predict_scene(stream, network, request.plan, task, trial, staging, self.memory,
                      scene.name if self.show_progress else None)

    def visualize(self, prediction: Prediction, stream, **kwargs) -> dict:
        """Pictures of a prediction by name."""
        return make_figures(prediction, stream)

    def postprocess(self, prediction: Prediction, figures: dict, request: Request, summary: dict) -> dict:
        """Write the products of a scene, and at last the file that tells of them."""
        folder = request.folder
        files = {**write_rasters(prediction, folder, request.driver), **write_endmembers(prediction, folder)}
        if request.pictures:
            files.update(write_figures(figures, prediction.name, folder))
        summary['files'] = {name: path.name for name, path in files.items()}
        files['summary'] = folder / f'{prediction.name}{SUFFIX}'
        write_text(files['summary'], json.dumps(summary, indent=2) + '\n')
        return {name: str(path) for name, path in files.items()}

    def _network(self, stream, request: Request) -> Network:
        spectrum = None
        if isinstance(getattr(self.model, 'decode_head', None), TargetDetectionHead):
            spectrum = find_target_spectrum(request.plan, stream, request.target_spectrum)
        elif request.target_spectrum is not None:
            raise ValueError(f'{self._config_name}: a target spectrum is given, but the model looks for none')
        return make_network(request.plan, self.model, spectrum)

    def _task(self, stream, trial: Trial, request: Request) -> tuple[Task, np.ndarray]:
        plan = request.plan
        if plan.family in ('denoising', 'super_resolution'):
            return (RestorationTask(trial.outputs, plan.family, file_units(stream.transforms)),
                    np.zeros((0, 3), np.uint8))
        names, palette = class_names(self.cfg, self._meta, plan.family, trial.outputs)
        if plan.family == 'detection':
            return DetectionTask(names, **plan.score), palette
        if plan.family == 'unmixing':
            spectra = self.model.endmembers.detach().cpu().double().numpy().T
            units = file_units(stream.transforms)
            return UnmixingTask(names, spectra if units is None else spectra * units[0] + units[1]), palette
        return ClassTask(plan.family, names, request.scores, plan.window is None, request.uncertainty), palette

    def _prediction(self, scene: SceneInput, stream, task: Task, trial: Trial, staging: Memory,
                    palette: np.ndarray) -> Prediction:
        waves, info = stream.wavelengths, stream.info
        restored = staging.arrays.get('restored')
        if restored is not None and waves is not None and len(waves) != len(restored):
            waves = None
        widths = None
        if waves is not None and info.fwhm is not None and np.array_equal(waves, info.wavelengths):
            widths = info.fwhm
        return Prediction(scene.name, task.name, info, staging.arrays,
                          {name: layer.nodata for name, layer in task.layers.items()}, getattr(task, 'classes', ()),
                          palette, trial.scale, waves, widths, getattr(task, 'endmembers', None))

def _with_key(source: Any, settings: Mapping) -> Any:
    """A source with the key and layout of the config, if none are given and its file is one that has such."""
    if isinstance(source, np.ndarray) or 'key' in source or not source['path'].lower().endswith(_KEYED):
        return source
    return {**source, **{name: settings[name] for name in ('key', 'layout') if name in settings}}


def _open(images: Sequence, plan: Plan, settings: Mapping) -> SceneStream | PairStream:
    if plan.pairs:
        return PairStream(images, joint=plan.scene.get('joint', True), **settings)
    return SceneStream(images[0], **settings)


def _writable(folder: str | Path) -> Path:
    """The folder, made if absent.

    Raises:
        OSError: If it cannot be made or written.
    """
    folder = Path(folder)
    trial = folder / f'.writable-{os.getpid()}'
    try:
        folder.mkdir(parents=True, exist_ok=True)
        trial.touch()
        trial.unlink()
    except OSError as error:
        raise OSError(f'{folder}: the folder of the products cannot be written: {error.strerror or error}') from error
    return folder
