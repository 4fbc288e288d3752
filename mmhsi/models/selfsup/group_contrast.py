"""Contrast of windows that belong together with others of the same scene, beside masked modelling."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmhsi.models.data_preprocessors import HSIDataPreprocessor
from mmhsi.models.layers import GaussianMeans
from mmhsi.registry import MODELS


@MODELS.register_module()
class BagDataPreprocessor(HSIDataPreprocessor):
    """Joins the bags of :class:`mmhsi.datasets.NeighbourBagDataset` to a batch, and smooths the windows of a batch.

    Args:
        size (int): Height and width of the result in pixels.
        widths (Sequence[float]): Standard deviations of Gaussians in pixels, of which each batch in training gets a
            random one: objects are a few pixels wide in one scene and many in another. The values are divided by their
            root mean square after the smoothing.
        **kwargs: See :class:`HSIDataPreprocessor`.
    """

    def __init__(self, size: int, widths: Sequence[float] = (0.0, 1.0, 2.0, 3.0), **kwargs) -> None:
        super().__init__(**kwargs)
        self.means = nn.ModuleList(GaussianMeans((width,), size) for width in widths)

    def forward(self, data: dict, training: bool = False) -> dict:
        """Bags, a list of (2 N, C, w, w) → one batch (B 2 N, C, size, size); groups of different bags differ."""
        groups, first = [], 0
        for sample in data['data_samples']:
            groups.append(sample.group + first)
            first += int(sample.group.max()) + 1
        images = [image for bag in data['inputs'] for image in bag]
        batch = super().forward(dict(inputs=images), training)
        chosen = int(torch.randint(len(self.means), (1,))) if training else 0
        inputs = self.means[chosen](batch['inputs'])
        inputs = inputs / inputs.square().mean().sqrt().clamp(min=1e-6)
        return dict(inputs=inputs, data_samples=torch.cat(groups).to(inputs.device))


@MODELS.register_module()
class GroupContrast(BaseModule):
    r"""Supervised contrastive loss (Khosla et al., NeurIPS 2020) of encoded windows over groups.

    .. math::
        L_i = -\frac{1}{|P_i|} \sum_{p \in P_i} \log \frac{\exp(z_i z_p / \tau)}{\sum_{a \ne i} \exp(z_i z_a / \tau)}

    with the windows :math:`P_i` of the group of window i, and z the normalised projections of the means over the
    tokens. Both sides are augmented: a gain and an offset of a pixel, noise of a band, a turn by 90 degrees, and at
    times without the bands beyond ``cut``, as a sensor of visible and near infrared light has them.

    Args:
        in_channels (int): Width E of the tokens.
        cut (int, optional): First band that a sensor of visible and near infrared light lacks. Defaults to None.
        cut_prob (float): How often these bands are left out. Defaults to 0.3.
        hidden_channels (int): Width of the hidden layer of the projection. Defaults to 128.
        noise_std (float): Of the noise of a band. Defaults to 0.2.
        gain_std (float): Of gain and offset of a window. Defaults to 0.1.
        temperature (float): :math:`\tau`. Defaults to 0.1.
        loss_weight (float): Defaults to 1.
        init_cfg (dict, optional): Initialisation of the module.
    """

    def __init__(
        self,
        in_channels: int,
        cut: int | None = None,
        cut_prob: float = 0.3,
        hidden_channels: int = 128,
        noise_std: float = 0.2,
        gain_std: float = 0.1,
        temperature: float = 0.1,
        loss_weight: float = 1.0,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.projection = nn.Sequential(
            nn.Linear(in_channels, hidden_channels), nn.GELU(), nn.Linear(hidden_channels, in_channels)
        )
        self.cut, self.cut_prob = cut, cut_prob
        self.noise_std, self.gain_std = noise_std, gain_std
        self.temperature, self.loss_weight = temperature, loss_weight

    def augment(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) with other light and noise; bands that are 0 everywhere remain 0."""
        covered = images.abs().amax(dim=(0, 2, 3), keepdim=True) > 0
        gain, offset = (self.gain_std * torch.randn_like(images[:, :1, :1, :1]) for _ in range(2))
        noise = self.noise_std * torch.randn_like(images[:, :, :1, :1])
        images = (images * (1 + gain) + offset + noise) * covered
        if self.cut is not None and torch.rand(()) < self.cut_prob and covered[:, self.cut :].any():
            images = torch.cat([images[:, : self.cut], torch.zeros_like(images[:, self.cut :])], dim=1)
        return torch.rot90(images, int(torch.randint(4, ())), (2, 3))

    def forward(self, tokens: Tensor, groups: Tensor) -> Tensor:
        """Loss of encoded windows.

        Args:
            tokens: (B, N, E).
            groups: int64 (B,), equal for windows that belong together.

        Returns:
            Scalar, in float32.
        """
        z = F.normalize(self.projection(tokens.mean(dim=1)).float(), dim=1)
        itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
        logits = (z @ z.T / self.temperature).masked_fill(itself, -torch.inf)
        logs = logits - logits.logsumexp(dim=1, keepdim=True)
        together = (groups[:, None] == groups) & ~itself
        sums = logs.masked_fill(~together, 0).sum(dim=1)
        return -self.loss_weight * (sums / together.sum(dim=1).clamp(min=1)).mean()
