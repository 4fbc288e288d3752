"""Evaluate classical methods on the test scenes of a config, as ``mmhsi baseline`` does."""

from mmhsi.cli.baseline import main, parse_args
from mmhsi.utils.command_line import run_tool

__all__ = ['main', 'parse_args']

if __name__ == '__main__':
    run_tool(main, before_networks=True)
