"""Write one HTML file about a run, as ``mmhsi report`` does."""

import sys

from mmhsi.cli.report import main, parse_args

__all__ = ['main', 'parse_args']

if __name__ == '__main__':
    sys.exit(main())
