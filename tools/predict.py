"""Predict scenes with a trained model and write the products, as ``mmhsi predict`` does."""

import sys

from mmhsi.cli.predict import main, parse_args

__all__ = ['main', 'parse_args']

if __name__ == '__main__':
    sys.exit(main())
