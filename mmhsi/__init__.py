"""MMHSI: the OpenMMLab-style toolbox for hyperspectral images, built on the HyperSIGMA foundation model."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036
    raise ImportError(
        f'mmhsi needs Python 3.11 or later, this is Python {sys.version.split()[0]}: make an environment '
        'with another one'
    )

from mmhsi import compat, installation
from mmhsi.moved import keep_former_names
from mmhsi.version import __version__

installation.check_installation()
compat.apply()
keep_former_names()

__all__ = ['__version__']
