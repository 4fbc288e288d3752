"""Fair comparisons of networks and classical methods: suites, their runs, tables, tests and plots."""

from .report import write_report
from .scheduler import run_cells
from .suite import Cell, Suite, load_suite

__all__ = ['Cell', 'Suite', 'load_suite', 'run_cells', 'write_report']
