"""The wheel of the checkout."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
UNPUBLISHED = shutil.ignore_patterns('.*', 'data', 'work_dirs', 'build', 'dist', '*.egg-info', '__pycache__')


def build_wheel(folder: Path) -> Path:
    """Build the wheel without network into a folder, from a copy of the sources, because building writes into them."""
    source = folder / 'source'
    shutil.copytree(ROOT, source, ignore=UNPUBLISHED, symlinks=True)
    options = ['--quiet', '--no-index', '--no-deps', '--no-build-isolation', '--wheel-dir']
    subprocess.run([sys.executable, '-m', 'pip', 'wheel', *options, str(folder), str(source)], check=True)
    shutil.rmtree(source)
    (wheel,) = folder.glob('*.whl')
    return wheel
