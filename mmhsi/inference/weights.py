"""Loading weights into the model of a config, with errors that name mismatches."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from mmengine.config import Config
from mmengine.runner import CheckpointLoader
from torch import nn

from mmhsi.weights.checkpoint_file import parameters_of
from mmhsi.weights.stored_config import read_stored_config

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
    if not text:
        raise ValueError(f'{weights}: the checkpoint does not hold the config it was trained with; give the config too')
    return read_stored_config(text, weights, trust)


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
    if not all(
        isinstance(state, Mapping) and all(isinstance(value, torch.Tensor) for value in state.values())
        for state in states
    ):
        raise ValueError(
            f"{weights}: expected the fitted transforms as tensors by name in its entry 'mmhsi', found something else"
        )
    return dict(record)


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
    if not shapes:
        try:
            result = model.load_state_dict(state, strict=False)
        except (RuntimeError, NotImplementedError) as error:
            raise ValueError(f'{weights}: its parameters cannot be loaded: {error}') from error
        problems.update(missing=list(result.missing_keys), unknown=list(result.unexpected_keys))
    found = [
        f'{len(names)} {what} ({", ".join(names[:_MAX_LISTED])}{", ..." if len(names) > _MAX_LISTED else ""})'
        for what, names in problems.items()
        if names
    ]
    if found:
        trained = (checkpoint.get('meta') or {}).get('experiment_name')
        origin = f', but come from the experiment {trained!r}' if trained else ''
        raise ValueError(
            f'{weights}: the weights are not those of {config}{origin}: of its {len(wanted)} parameters '
            f'{"; ".join(found)}'
        )
