"""Tools in this process."""

import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def run_tool(name: str, *argv):
    """Run a tool, such as 'misc/verify_dataset.py'; returns what its ``main`` returns."""
    if str(ROOT / 'tools/misc') not in sys.path:
        sys.path.append(str(ROOT / 'tools/misc'))
    return runpy.run_path(str(ROOT / 'tools' / name))['main'](list(map(str, argv)))


def predict(*scenes, weights, out, argv=()) -> int:
    """Predict scenes on the CPU with ``tools/predict.py``; returns its exit code."""
    return run_tool('predict.py', *scenes, '-w', weights, '-o', out, '--device', 'cpu', '--quiet', *argv)
