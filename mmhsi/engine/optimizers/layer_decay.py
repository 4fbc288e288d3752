"""Layer-wise learning-rate decay for any model whose backbone can number its layers."""

from collections.abc import Callable

from mmpretrain.engine.optimizers import LearningRateDecayOptimWrapperConstructor
from torch import nn

from mmhsi.registry import OPTIM_WRAPPER_CONSTRUCTORS

from .grouped import GroupingMixin


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class LayerDecayOptimWrapperConstructor(GroupingMixin, LearningRateDecayOptimWrapperConstructor):
    """mmpretrain's constructor, for classifiers, segmentors and all other models with a ``backbone``.

    mmpretrain asks the model for the number of a layer, which only its own classifiers know. Here the backbone is asked
    if the model does not define it. A parameter of layer l of L has its learning rate multiplied by
    ``layer_decay_rate ** (L - 1 - l)``. The reference runs without decay (its rule never matches its names):
    ``layer_decay_rate=1.`` reproduces that. Parameters of equal rate and decay share a group, and the optimiser is
    fused, see :class:`GroupingMixin`.
    """

    def add_params(
        self, params: list[dict], module: nn.Module, prefix: str = '', get_layer_depth: Callable | None = None, **kwargs
    ) -> None:
        """Add all parameters of a module to the list of groups; see the base class."""
        if get_layer_depth is None and not hasattr(module, 'get_layer_depth'):
            backbone = getattr(module, 'backbone', None)
            if not hasattr(backbone, 'get_layer_depth'):
                raise ValueError(
                    f'layer-wise decay needs a backbone with get_layer_depth; {type(module).__name__} has '
                    f'{type(backbone).__name__}'
                )

            def get_layer_depth(name: str) -> tuple[int, int]:
                return backbone.get_layer_depth(name, 'backbone.')

        super().add_params(params, module, prefix=prefix, get_layer_depth=get_layer_depth, **kwargs)
