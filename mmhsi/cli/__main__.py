"""``python -m mmhsi.cli`` is the command ``mmhsi``."""

import sys

from mmhsi.cli import main

if __name__ == '__main__':
    sys.exit(main())
