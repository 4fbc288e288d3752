"""Classifiers."""

from .wide_and_deep_classifier import WideAndDeepClassifier

__all__ = ['WideAndDeepClassifier']
