"""Restorers: denoising and super-resolution."""

from mmhsi.registry import MODELS

from .bicubic_residual import BicubicResidual
from .restoration_net import RestorationNet
from .tiled_restoration import restore_by_tiles

__all__ = ['BicubicResidual', 'RestorationNet', 'restore_by_tiles']


@MODELS.register_module(name='TiledEditModel')
def build_tiled_edit_model(*args, **kwargs):
    """A :class:`mmhsi.models.restorers.tiled_edit_model.TiledEditModel`; mmagic is imported when the first is built.

    Raises:
        ImportError: Without mmagic.
    """
    try:
        from .tiled_edit_model import TiledEditModel
    except ModuleNotFoundError as error:
        raise ImportError('TiledEditModel, the framework of denoising and super-resolution, needs mmagic, and the '
                          f'import stopped with "{error}"; install it with pip install "mmhsi[optional]"') from error
    return TiledEditModel(*args, **kwargs)
