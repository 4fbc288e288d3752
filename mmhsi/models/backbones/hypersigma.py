"""HyperSIGMA: the spatial and the spectral branch in parallel."""

from mmengine.model import BaseModule
from torch import Tensor

from mmhsi.registry import MODELS


@MODELS.register_module()
class HyperSIGMA(BaseModule):
    """Two-branch backbone of HyperSIGMA; :class:`mmhsi.models.necks.SpectralEnhancement` joins its outputs.

    Args:
        spatial (dict): Config of the spatial branch, usually ``SpatViT``.
        spectral (dict): Config of the spectral branch, usually ``SpecViT``.
        init_cfg (dict, optional): Initialisation of the whole; each branch may have its own.
    """

    def __init__(self, spatial: dict, spectral: dict, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        self.spatial = MODELS.build(spatial)
        self.spectral = MODELS.build(spectral)

    def forward(self, x: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Compute the features of both branches.

        Args:
            x: Images (B, C, H, W).

        Returns:
            Spatial maps (B, E, Hp, Wp) and spectral tokens (B, T, E), each shallow to deep.
        """
        return self.spatial(x), self.spectral(x)

    def get_layer_depth(self, param_name: str, prefix: str = '') -> tuple[int, int]:
        """Layer number of a parameter for layer-wise learning-rate decay; see :class:`SamplingViT`."""
        branch = self.spectral if param_name.startswith(f'{prefix}spectral.') else self.spatial
        name = 'spectral' if branch is self.spectral else 'spatial'
        return branch.get_layer_depth(param_name, f'{prefix}{name}.')
