"""MMHSI: the OpenMMLab-style toolbox for hyperspectral images, built on the HyperSIGMA foundation model."""

from mmhsi import compat
from mmhsi.moved import keep_former_names
from mmhsi.version import __version__

compat.apply()
keep_former_names()

__all__ = ['__version__']
