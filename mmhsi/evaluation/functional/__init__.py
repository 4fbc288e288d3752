"""Scores as plain functions on arrays."""

from .classification import classification_scores, confusion_matrix

__all__ = ['classification_scores', 'confusion_matrix']
