"""Building a model from a config and a checkpoint."""

from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.registry import init_default_scope
from mmengine.runner import load_checkpoint
from torch import nn

import mmhsi.weights.safe_loading  # noqa: F401  checkpoints never run code
from mmhsi.registry import MODELS


def init_model(config: str | Path | Config, checkpoint: str | None = None,
               device: str | torch.device | None = None) -> nn.Module:
    """Build the model of a config for inference.

    Args:
        config (str | Path | Config): Config file or config.
        checkpoint (str, optional): Weights to load: a file, or any address that MMEngine's ``load_checkpoint`` takes.
            Defaults to None, which leaves the initial weights.
        device (str | torch.device, optional): Device of the model. Defaults to an accelerator if there is one.

    Returns:
        nn.Module: The model in evaluation mode, with ``cfg``, the config, and ``dataset_meta``, what the checkpoint
        tells of its training data (e.g. 'classes' and 'palette').

    Raises:
        TypeError: If the config is neither a path nor a config.
        FileNotFoundError: If the config file is absent.
    """
    if isinstance(config, str | Path):
        config = Config.fromfile(config)
    elif not isinstance(config, Config):
        raise TypeError(f'config must be a file name or a Config, found {type(config).__name__}')
    init_default_scope(config.get('default_scope', 'mmhsi'))
    model = MODELS.build(config.model)
    model.dataset_meta = {}
    if checkpoint is not None:
        loaded = load_checkpoint(model, checkpoint, map_location='cpu')
        model.dataset_meta = loaded.get('meta', {}).get('dataset_meta', {})
    model.cfg = config
    return model.to(device or get_device()).eval()
