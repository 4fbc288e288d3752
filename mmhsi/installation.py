"""Checks of the installed packages: combinations that cannot work are reported when mmhsi is imported."""

import importlib.metadata
import importlib.util
import re
import sys
import warnings
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

_NEWEST_PYTHON = (3, 13)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _mmcv_version() -> str | None:
    """Version of the mmcv that would be imported, read from its files, which another package may have overwritten."""
    spec = importlib.util.find_spec('mmcv')
    if spec is None or spec.origin is None:
        return None
    try:
        text = Path(spec.origin).with_name('version.py').read_text(encoding='utf-8')
    except OSError:
        return None
    found = re.search(r"__version__ = '([^']+)'", text)
    return found and found[1]


def check_mmcv() -> None:
    """Check that there is exactly one mmcv and that mmsegmentation accepts it.

    Raises:
        ImportError: If there is none, or mmsegmentation rejects it.
    """
    version, segmentation = _mmcv_version(), _version('mmsegmentation')
    if importlib.util.find_spec('mmcv') is None:
        raise ImportError('mmcv is not installed: pip install "mmcv-lite>=2.1,<2.2"')
    installed = {name: found for name in ('mmcv', 'mmcv-lite', 'onedl-mmcv') if (found := _version(name))}
    if len(installed) > 1:
        warnings.warn(
            f'{" and ".join(f"{name} {found}" for name, found in installed.items())} are installed in the same '
            f'folder and overwrite each other: uninstall all (pip uninstall {" ".join(installed)}) and install one',
            stacklevel=2,
        )
    if (
        version
        and segmentation
        and Version(segmentation) < Version('1.3')
        and not Version('2.0.0') <= Version(version) < Version('2.2.0')
    ):
        raise ImportError(
            f'mmcv {version} is installed, but mmsegmentation {segmentation} requires mmcv from 2.0 to '
            'below 2.2: pip install "mmcv-lite>=2.1,<2.2"'
        )


def check_torchvision() -> None:
    """Check that torchvision was built for the installed torch; if not, its import may fail."""
    torch, torchvision = _version('torch'), _version('torchvision')
    if torch is None or torchvision is None:
        return
    declared = map(Requirement, importlib.metadata.requires('torchvision') or ())
    needs = [need for need in declared if need.name == 'torch']
    remedy = 'install both together, from one index: pip install --upgrade torch torchvision'
    if not all(need.specifier.contains(Version(torch).public, prereleases=True) for need in needs):
        warnings.warn(
            f'torchvision {torchvision} is made for {needs[0]}, but torch {torch} is installed; if its import '
            f'fails, {remedy}',
            stacklevel=2,
        )
    elif sys.platform == 'linux' and torch.endswith('+cpu') and '+' not in torchvision:
        warnings.warn(
            f'torch {torch} is the build without CUDA, but torchvision {torchvision} the one with CUDA; if its '
            f'import fails, {remedy}',
            stacklevel=2,
        )


def check_python() -> None:
    """Warn if this version of Python is newer than the tested ones; older ones have been refused before."""
    if sys.version_info[:2] > _NEWEST_PYTHON:
        warnings.warn(
            f'mmhsi is tested with Python 3.11 to {".".join(map(str, _NEWEST_PYTHON))}, but this is Python '
            f'{".".join(map(str, sys.version_info[:3]))}: if something fails, use one of these',
            stacklevel=2,
        )


def check_installation() -> None:
    """All checks; called once when mmhsi is imported."""
    check_python()
    check_mmcv()
    check_torchvision()
