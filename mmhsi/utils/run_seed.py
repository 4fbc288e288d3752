"""One seed for a run: for the training and for the splits of its scenes."""

import inspect
from collections.abc import Iterator, MutableMapping
from typing import Any

from mmengine.config import Config

from mmhsi.registry import TASK_UTILS


def set_run_seed(cfg: Config, seed: int) -> None:
    """Set the seed of ``randomness`` and of every random split of a config.

    Args:
        cfg (Config): The whole config, changed in place.
        seed (int): The seed.
    """
    cfg.randomness = {**(cfg.get('randomness') or {}), 'seed': seed}
    for split in _splits(cfg._cfg_dict):
        kind = split['type']
        if 'seed' in inspect.signature(TASK_UTILS.get(kind) if isinstance(kind, str) else kind).parameters:
            split['seed'] = seed


def _splits(node: Any) -> Iterator[MutableMapping]:
    if isinstance(node, MutableMapping):
        for key, value in node.items():
            if key == 'split' and isinstance(value, MutableMapping) and 'type' in value:
                yield value
            yield from _splits(value)  # a split may be drawn from another one
    elif isinstance(node, (list, tuple)):
        for value in node:
            yield from _splits(value)
