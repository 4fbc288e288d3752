"""Super-resolution: the cube at a higher resolution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmhsi.classical import ENLARGEMENTS
from mmhsi.registry import TASKS
from mmhsi.tasks.restoration import RestorationTask

if TYPE_CHECKING:
    from torch import nn


@TASKS.register_module(name='super_resolution')
class SuperResolution(RestorationTask):
    """Scenes: :class:`mmhsi.datasets.Scene`, or images of :class:`mmhsi.datasets.PatchDataset`. Networks: restoration
    models with a scale. Products: 'restored'. Metric: :class:`mmhsi.evaluation.RestorationMetric`. Classical methods:
    :data:`mmhsi.classical.ENLARGEMENTS`."""

    name = 'super_resolution'
    restorers = ENLARGEMENTS

    @classmethod
    def padding(cls, model: nn.Module) -> str:
        """Padding mode of the enlarged image."""
        return 'symmetric'
