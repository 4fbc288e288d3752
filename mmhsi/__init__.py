"""MMHSI: the OpenMMLab-style toolbox for hyperspectral images, built on the HyperSIGMA foundation model."""

from mmhsi import compat
from mmhsi.version import __version__

compat.apply()

__all__ = ['__version__']
