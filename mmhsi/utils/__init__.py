"""Helpers that depend on no other part of mmhsi."""

import importlib

_ELSEWHERE = {
    'convert_hypersigma_state_dict': 'mmhsi.weights',
    'register_all_modules': 'mmhsi.registry',
    'revert_hypersigma_state_dict': 'mmhsi.weights',
}

__all__ = sorted(_ELSEWHERE)


def __getattr__(name: str):
    """Names that users or MMEngine expect here but that live elsewhere."""
    if name in _ELSEWHERE:
        return getattr(importlib.import_module(_ELSEWHERE[name]), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
