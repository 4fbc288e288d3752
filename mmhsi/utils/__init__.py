"""Helpers that stand on nothing else of mmhsi."""

import importlib

_MOVED = dict.fromkeys(('convert_hypersigma_state_dict', 'revert_hypersigma_state_dict'), 'mmhsi.weights')

__all__ = sorted(_MOVED)


def __getattr__(name: str):
    """The conversion of weights, whose room is :mod:`mmhsi.weights`, is found here too."""
    if name in _MOVED:
        return getattr(importlib.import_module(_MOVED[name]), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
