"""Measure the present code against that of another revision, in turn and in one run."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def checked_out(revision: str) -> Iterator[Path]:
    """A folder with the package, the configs and the tools of a revision."""
    archive = subprocess.run(
        ['git', 'archive', revision, 'mmhsi', 'configs', 'tools', 'tests'], cwd=ROOT, check=True, capture_output=True
    ).stdout
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
            packed.extractall(folder, filter='data')
        yield Path(folder)


def run_in(root: Path, script: str | Path, *arguments: str) -> str:
    """Standard output of a script that imports mmhsi from ``root``."""
    environment = dict(os.environ, PYTHONPATH=str(root))
    done = subprocess.run(
        [sys.executable, str(script), *arguments],
        env=environment,
        cwd=root,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout
