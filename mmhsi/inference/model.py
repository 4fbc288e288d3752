"""Building a model from a config and a checkpoint."""

from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import load_checkpoint
from torch import nn

from mmhsi.inference.weights import build_network, config_of_checkpoint, data_description, load_weights_file
from mmhsi.utils.device import usable_device
from mmhsi.weights.checkpoint_file import is_trusted, trusting
from mmhsi.weights.finite import require_finite


def init_model(
    config: str | Path | Config | None = None,
    checkpoint: str | None = None,
    device: str | torch.device | None = None,
    trust: bool = False,
) -> nn.Module:
    """Build the model of a config for inference.

    Args:
        config (str | Path | Config, optional): Config file or config. Defaults to None: what the checkpoint holds,
            which is read as data and not run.
        checkpoint (str, optional): Weights to load: a file, or any address that MMEngine's ``load_checkpoint`` takes.
            Defaults to None, which leaves the initial weights.
        device (str | torch.device, optional): Device of the model. Defaults to an accelerator if there is one.
        trust (bool): Whether the checkpoint may run code, see :class:`mmhsi.inference.HSIInferencer`. Defaults to
            False.

    Returns:
        nn.Module: The model in evaluation mode, with ``cfg``, the config, and ``dataset_meta``, information from the
        checkpoint on its training data (e.g. 'classes' and 'palette').

    Raises:
        TypeError: If the config is neither a path nor a config.
        FileNotFoundError: If the config file does not exist.
        ValueError: If there is neither a config nor a checkpoint with one, the config in the checkpoint holds more
            than data, or there is no such device.
    """
    device = usable_device(device)
    guarded = False
    with trusting(trust):
        if config is None:
            if checkpoint is None:
                raise ValueError('give a config, or a checkpoint that holds the config it was trained with')
            config = config_of_checkpoint(load_weights_file(checkpoint), checkpoint)
            guarded = not is_trusted()
        elif isinstance(config, str | Path):
            config = Config.fromfile(config)
        elif not isinstance(config, Config):
            raise TypeError(f'config must be a file name or a Config, found {type(config).__name__}')
        init_default_scope(config.get('default_scope', 'mmhsi'))
        model = build_network(config.model, f'the config that {checkpoint} holds', guarded)
        model.dataset_meta = {}
        if checkpoint is not None:
            loaded = load_checkpoint(model, checkpoint, map_location='cpu')
            require_finite(model, str(checkpoint))
            model.dataset_meta = data_description(loaded, str(checkpoint))
    model.cfg = config
    return model.to(device).eval()
