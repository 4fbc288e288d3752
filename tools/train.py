"""Train the model of a config, as ``mmhsi train`` does."""

from mmhsi.cli.train import apply_options, main, parse_args
from mmhsi.utils.command_line import run_tool

__all__ = ['apply_options', 'main', 'parse_args']

if __name__ == '__main__':
    run_tool(main, before_networks=True)
