"""Write one HTML file about a run, as ``mmhsi report`` does."""

from mmhsi.cli.report import main, parse_args
from mmhsi.utils.command_line import run_tool

__all__ = ['main', 'parse_args']

if __name__ == '__main__':
    run_tool(main, before_networks=True)
