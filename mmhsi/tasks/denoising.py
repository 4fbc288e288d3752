"""Denoising: the cube without its noise."""

from mmhsi.classical import DENOISERS
from mmhsi.registry import TASKS
from mmhsi.tasks.restoration import RestorationTask


@TASKS.register_module(name='denoising')
class Denoising(RestorationTask):
    """Scenes: :class:`mmhsi.datasets.Scene`, or images of :class:`mmhsi.datasets.PatchDataset`. Networks: restoration
    models. Products: 'restored'. Metric: :class:`mmhsi.evaluation.RestorationMetric`. Classical methods:
    :data:`mmhsi.classical.DENOISERS`."""

    name = 'denoising'
    restorers = DENOISERS
