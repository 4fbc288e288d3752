"""Print the facts about the machine that a bug report needs, as ``mmhsi info`` does."""

from mmhsi.cli.info import main, parse_args
from mmhsi.utils.command_line import run_tool

__all__ = ['main', 'parse_args']

if __name__ == '__main__':
    run_tool(main, before_networks=True)
