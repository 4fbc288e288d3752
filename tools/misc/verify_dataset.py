"""Check every file of a dataset, as ``mmhsi data`` does."""

from mmhsi.cli.data import main, parse_args
from mmhsi.utils.command_line import run_tool

__all__ = ['main', 'parse_args']

if __name__ == '__main__':
    run_tool(main, before_networks=True)
