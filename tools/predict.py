"""Predict scenes with a trained model and write the products, as ``mmhsi predict`` does."""

from mmhsi.cli.predict import main, parse_args
from mmhsi.utils.command_line import run_tool

__all__ = ['main', 'parse_args']

if __name__ == '__main__':
    run_tool(main, before_networks=True)
