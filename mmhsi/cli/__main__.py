"""``python -m mmhsi.cli`` is the command ``mmhsi``."""

import sys

from mmhsi.cli import main

sys.exit(main())
