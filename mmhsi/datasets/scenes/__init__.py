"""Scenes: cubes with labels, pairs of dates, targets and unmixing ground truth."""

import importlib

_HOMES = {'Scene': 'scene'}
__all__ = sorted(_HOMES)


def __getattr__(name: str):
    """Classes are imported on demand, because scenes and splits depend on each other."""
    if name in _HOMES:
        return getattr(importlib.import_module(f'{__name__}.{_HOMES[name]}'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
