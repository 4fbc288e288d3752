"""Splits of the labelled pixels of a scene into training, validation and test."""

import importlib

_HOMES = {
    'AreaSplit': 'areas',
    'BlockSplit': 'areas',
    'CentreSplit': 'areas',
    'FieldSplit': 'fields',
    'FileSplit': 'stored',
    'LimitedSplit': 'per_class',
    'MapSplit': 'stored',
    'NumberSplit': 'per_class',
    'RatioSplit': 'per_class',
    'SceneSplit': 'pooled',
    'Split': 'split',
}
__all__ = sorted(_HOMES)


def __getattr__(name: str):
    """Classes are imported on demand, because scenes and splits depend on each other."""
    if name in _HOMES:
        return getattr(importlib.import_module(f'{__name__}.{_HOMES[name]}'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
