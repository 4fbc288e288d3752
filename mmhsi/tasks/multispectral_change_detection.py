"""Multispectral change detection: changes between two dates of few broad bands, over several scenes (OSCD)."""

from mmhsi.registry import TASKS
from mmhsi.tasks.change_detection import ChangeDetection


@TASKS.register_module(name='multispectral_change_detection')
class MultispectralChangeDetection(ChangeDetection):
    """Like :class:`ChangeDetection`; a config must name it, since its scenes are pairs too."""

    name = 'multispectral_change_detection'
