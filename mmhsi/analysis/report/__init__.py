"""A report of a run: one HTML file with its config, data, curves, scores and pictures."""

from .page import make_report

__all__ = ['make_report']
