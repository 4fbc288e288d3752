"""Loading weights into the model of a config, with errors that name mismatches."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from mmengine.config import Config
from mmengine.runner import CheckpointLoader
from torch import nn

from mmhsi.registry import MODELS
from mmhsi.utils.text import listed
from mmhsi.weights.checkpoint_file import parameters_of
from mmhsi.weights.finite import require_finite
from mmhsi.weights.stored_config import read_stored_config, registered_names_only

_MAX_LISTED = 4


def load_weights_file(weights: str) -> dict:
    """Load a checkpoint from any address that MMEngine supports, without running code in it.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is not a checkpoint.
    """
    checkpoint = CheckpointLoader.load_checkpoint(str(weights), map_location='cpu')
    if not isinstance(checkpoint, Mapping):
        raise ValueError(f'{weights}: expected a checkpoint, found {type(checkpoint).__name__}')
    return dict(checkpoint)


def config_of_checkpoint(checkpoint: Mapping, weights: str, trust: bool = False) -> Config:
    """The parts of the training config that prediction needs, read as data from a checkpoint.

    Args:
        checkpoint (Mapping): Result of :func:`load_weights_file`.
        weights (str): Name of the file, for the message.
        trust (bool): Run the config as code instead. Defaults to False.

    Raises:
        ValueError: If the checkpoint does not contain it, or it holds more than data; see
            :func:`mmhsi.weights.stored_config.read_stored_config`.
    """
    meta = checkpoint.get('meta') or {}
    text = meta.get('cfg') if isinstance(meta, Mapping) else None
    if text is None or isinstance(text, str) and not text:
        raise ValueError(f'{weights}: the checkpoint does not hold the config it was trained with; give the config too')
    return read_stored_config(text, weights, trust)


def build_network(model: Mapping, described_by: str, guarded: bool) -> nn.Module:
    """Build the network of a config.

    Args:
        model (Mapping): ``model`` of the config.
        described_by (str): Name of the config, for the message.
        guarded (bool): Whether the config comes with a checkpoint that is not trusted: only registered names are
            built, and whatever fails is an error that names the config.

    Raises:
        ValueError: If the network of a guarded config cannot be built.
    """
    if not guarded:
        return MODELS.build(model)
    try:
        with registered_names_only():
            return MODELS.build(model)
    except Exception as error:
        raise ValueError(
            f'{described_by} describes a network that cannot be built: {type(error).__name__}: {error}'
        ) from error


def training_record(checkpoint: Mapping, weights: str) -> dict | None:
    """The record of the training scenes in a checkpoint, ``checkpoint['mmhsi']``; None if there is none.

    Raises:
        ValueError: If it does not have the layout of :class:`mmhsi.engine.hooks.SceneStateHook`.
    """
    record = checkpoint.get('mmhsi')
    if record is None:
        return None
    states = (
        [record.get('transforms'), *(record.get('scenes') or {}).values()]
        if isinstance(record, Mapping) and (isinstance(record.get('scenes') or {}, Mapping))
        else [None]
    )
    if not all(isinstance(state, Mapping) and all(map(_is_plain, state.values())) for state in states):
        raise ValueError(
            f"{weights}: expected the fitted transforms as tensors by name in its entry 'mmhsi', found something else"
        )
    for state in states:
        wrong = next((name for name, value in state.items() if not torch.isfinite(value).all()), None)
        if wrong is not None:
            raise ValueError(f"{weights}: in its entry 'mmhsi' the fitted transforms hold NaN or infinity in {wrong!r}")
    return dict(record)


def _is_plain(value: object) -> bool:
    """Whether a value is a tensor of real numbers in memory."""
    return (
        isinstance(value, torch.Tensor)
        and value.layout == torch.strided
        and not (value.is_quantized or value.is_meta or value.is_complex())
        and value.dtype != torch.bool
    )


def data_description(checkpoint: Mapping, weights: str) -> dict:
    """What a checkpoint says of its training data, ``checkpoint['meta']['dataset_meta']``: classes, palette, ...

    Raises:
        ValueError: If it is no dict.
    """
    meta = checkpoint.get('meta') or {}
    described = (meta.get('dataset_meta') if isinstance(meta, Mapping) else None) or {}
    if not isinstance(described, Mapping):
        raise ValueError(f"{weights}: expected a dict as 'dataset_meta', found {type(described).__name__}")
    return dict(described)


def check_classes(described: Mapping, weights: str) -> None:
    """Refuse classes that are not distinct names, and a palette that does not consist of colours.

    Args:
        described (Mapping): Result of :func:`data_description`.
        weights (str): Name of the file, for the message.

    Raises:
        ValueError: If there are such.
    """
    classes, palette = described.get('classes'), described.get('palette')
    if classes is not None:
        names = list(classes) if isinstance(classes, (list, tuple)) else [classes]
        if not isinstance(classes, (list, tuple)) or not all(isinstance(name, str) for name in names):
            raise ValueError(f"{weights}: expected names as the 'classes' of 'dataset_meta', found {classes!r:.100}")
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"{weights}: two of the 'classes' of 'dataset_meta' are named {twice!r}")
    if palette is not None:
        try:
            colours = np.asarray(palette, np.float64)
        except (ValueError, TypeError):
            colours = np.full((1, 3), np.nan)
        if colours.ndim != 2 or colours.shape[1:] != (3,) or not ((colours >= 0) & (colours <= 255)).all():
            raise ValueError(
                f"{weights}: expected colours of three numbers from 0 to 255 as the 'palette' of 'dataset_meta', found "
                f'{palette!r:.100}'
            )


def load_parameters(model: nn.Module, checkpoint: Mapping, weights: str, config: str) -> None:
    """Load the parameters of a checkpoint strictly.

    Args:
        model (nn.Module): The model.
        checkpoint (Mapping): What :func:`load_weights_file` returned.
        weights (str): Name of the file, for the message.
        config (str): Name of the config, for the message.

    Raises:
        ValueError: If parameters are missing, unexpected or of another shape; the message names them.
    """
    state = parameters_of(checkpoint, weights)
    wanted = model.state_dict()
    shapes = [
        f'{name} {tuple(state[name].shape)} instead of {tuple(value.shape)}'
        for name, value in wanted.items()
        if name in state and isinstance(value, torch.Tensor) and state[name].shape != value.shape
    ]
    problems = {'of another shape': shapes}
    kinds = [
        f'{name} of type {state[name].dtype}'
        for name, value in wanted.items()
        if name in state
        and isinstance(value, torch.Tensor)
        and value.is_floating_point()
        and not state[name].is_floating_point()
    ]
    if kinds:
        raise ValueError(f'{weights}: {kinds[0]}, expected a parameter of real numbers')
    if not shapes:
        try:
            result = model.load_state_dict(state, strict=False)
        except (RuntimeError, NotImplementedError) as error:
            raise ValueError(f'{weights}: its parameters cannot be loaded: {error}') from error
        problems.update(missing=list(result.missing_keys), unknown=list(result.unexpected_keys))
    found = [f'{len(names)} {what} ({listed(names, _MAX_LISTED)})' for what, names in problems.items() if names]
    if found:
        trained = (checkpoint.get('meta') or {}).get('experiment_name')
        origin = f', but come from the experiment {trained!r}' if trained else ''
        raise ValueError(
            f'{weights}: the weights are not those of {config}{origin}: of its {len(wanted)} parameters '
            f'{"; ".join(found)}'
        )
    require_finite(model, weights)
