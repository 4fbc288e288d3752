"""Information from a checkpoint and its config on the training scenes: fitted state, bands, target spectrum."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.config import Config

from mmhsi.datasets.io import open_cube, read_spectra
from mmhsi.datasets.scenes.band_matching import Bands
from mmhsi.datasets.scenes.base_scene import locate
from mmhsi.datasets.scenes.cube_source import CubeSource
from mmhsi.datasets.scenes.scene_list import image_sources
from mmhsi.datasets.scenes.target_spectrum import read_target_spectrum
from mmhsi.datasets.transforms.chain import SpectralChain
from mmhsi.inference.plan import Plan
from mmhsi.tasks.task import test_dataset

_READ_WHOLE = ('.mat', '.npz')  # formats whose header cannot be read separately


def fitted_state(record: Mapping | None, name: str) -> dict[str, np.ndarray] | None:
    """Fitted state of the preprocessing for a scene: its own if it was used in training, else that of the first scene.

    Args:
        record (Mapping, optional): ``checkpoint['mmhsi']``, see :class:`mmhsi.engine.hooks.SceneStateHook`.
        name (str): Name of the scene.

    Returns:
        dict | None: Arrays by name; None if the checkpoint has none.
    """
    if record is None:
        return None
    state = record.get('scenes', {}).get(name, record['transforms'])
    exact = (torch.float32, torch.float64)
    return {
        key: (value.double() if value.is_floating_point() and value.dtype not in exact else value).cpu().numpy()
        for key, value in state.items()
    }


def training_bands(cfg: Config, record: Mapping | None, given: Any = None) -> Bands | None:
    """The bands that a model was trained on, if their wavelengths are known.

    Sources, in this order: the argument ``given``; ``wavelengths`` and ``fwhm`` of the record of the checkpoint;
    ``sensor = dict(wavelengths=[...], fwhm=[...])`` of the config; the header of the scene of the config, if the file
    exists.

    Args:
        cfg (Config): The config.
        record (Mapping, optional): ``checkpoint['mmhsi']``.
        given (Any, optional): Wavelengths in nm (C,), a dict of ``wavelengths`` and ``fwhm``, :class:`Bands`, or a file
            with bands of these wavelengths: a cube, a spectral library or a table.

    Returns:
        Bands | None: The bands; None if their wavelengths are not known.

    Raises:
        ValueError: If a file that the user gives states no wavelengths.
    """
    if isinstance(given, Bands):
        return given
    if isinstance(given, (str, os.PathLike)):
        return _bands_of_file(os.fspath(given))
    for known, source in ((given, 'the model'), (record, 'the training'), (cfg.get('sensor'), 'the config')):
        if isinstance(known, Mapping):
            if known.get('wavelengths') is not None:
                widths = known.get('fwhm')
                return Bands(
                    np.asarray(known['wavelengths'], float),
                    None if widths is None else np.asarray(widths, float),
                    source,
                )
        elif known is not None:
            return Bands(np.asarray(known, float), None, source)
    return _bands_of_training_file(test_dataset(cfg).get('scene') or {})


def _bands_of_file(path: str) -> Bands:
    try:
        with open_cube(path) as reader:
            info = reader.info
        waves, widths = info.wavelengths, info.fwhm
    except FileNotFoundError:
        raise
    except ValueError:
        library = read_spectra(path)
        waves, widths = library.wavelengths, library.fwhm
    if waves is None:
        raise ValueError(f'{path}: the file states no wavelengths for matching bands')
    return Bands(waves, widths, path)


def _bands_of_training_file(scene: Mapping) -> Bands | None:
    sources = image_sources(scene)
    if not sources or '{name}' in str(sources[0]):
        return None
    source = locate(sources[0], scene.get('data_root'))
    path = str(source['path'])
    if not os.path.isfile(path) or path.lower().endswith(_READ_WHOLE):
        return None
    try:
        named = SpectralChain(scene.get('preprocessing', ())).names_bands
        cube = CubeSource(source, keep_bad_bands=named)
        info = cube.info
        cube.close()
    except ValueError:
        return None  # a damaged training file must not prevent predictions of others
    return None if info.wavelengths is None else Bands(info.wavelengths, info.fwhm, path)


def find_target_spectrum(plan: Plan, view, stored: np.ndarray | None = None) -> np.ndarray:
    """The target spectrum of a detector, before the preprocessing of a scene.

    Args:
        plan (Plan): The plan, with the spectrum that the user gives: values (C,) of the bands that the model was
            trained on, a file, or a dict of the arguments of
            :func:`mmhsi.datasets.scenes.target_spectrum.read_target_spectrum`; by default that of the config.
        view (CubeView): The scene.
        stored (np.ndarray, optional): The spectrum that the training looked for, of the bands that are used; it is
            taken where nothing else is given.

    Returns:
        np.ndarray: float64 (C,).

    Raises:
        ValueError: If there is no spectrum, or it does not fit the bands.
    """
    given = plan.target_spectrum
    if isinstance(given, (str, os.PathLike)):
        given = dict(path=os.fspath(given))
    if given is None or isinstance(given, Mapping) and 'path' not in given:
        used = np.arange(view.raw_bands) if view.used_bands is None else view.used_bands
        if stored is not None and len(stored) == len(used):
            values = np.zeros(view.raw_bands)
            values[used] = stored
            return values
        raise ValueError('the model needs a target spectrum; give target_spectrum: values of the bands, or a file')
    if isinstance(given, Mapping):
        given = dict(given)
        given = locate(given, given.pop('data_root', None))
        if not os.path.isfile(given['path']):
            raise ValueError(
                f'the model needs a target spectrum, but the file {given["path"]} does not exist; give '
                'target_spectrum: values, or a '
                'file'
            )
        values = read_target_spectrum(bands=view.raw_bands, wavelengths=view.raw_wavelengths, **given)
    else:
        values = np.asarray(given, np.float64)
        if not isinstance(given, (np.ndarray, Sequence)) or values.shape != (view.raw_bands,):
            raise ValueError(
                f'the target spectrum has the shape {values.shape}, expected ({view.raw_bands},), a '
                'value for each band that the model was trained on'
            )
        if not np.isfinite(values).all():
            raise ValueError('the target spectrum holds NaN or infinity')
    return np.asarray(values, np.float64)
