"""Operators: functions on tensors, independent of the rest of mmhsi."""

from .sparse_sampling_attention import BACKENDS, sparse_sampling_attention

__all__ = ['BACKENDS', 'sparse_sampling_attention']
