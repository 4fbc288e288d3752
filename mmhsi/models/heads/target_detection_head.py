"""Target detection: scores how well each pixel matches the target spectrum."""

from collections.abc import Sequence

import numpy as np
import torch
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from mmhsi.registry import MODELS


@MODELS.register_module()
class TargetDetectionHead(BaseDecodeHead):
    r"""Score of a pixel: the inner product of its features and an embedding of the target spectrum d.

    .. math::
        s(x) = \langle q, G(x) \rangle, \quad q = W_2 \, \mathrm{GELU}(\mathrm{LN}(W_1 d))

    The logits of background and target are (1 - s, s), so a pixel is a target for s > 0.5, and p(target) = sigmoid(2 s
    - 1). The spectrum is read from the metainfo ``target_spectrum`` of each sample: C numbers (array, list or tensor),
    on the scale of the image.

    Args:
        in_channels (int): Channels D of the map G, and width of the embedding q.
        num_bands (int): Number C of bands of the target spectrum.
        num_classes (int): Always 2, background and target.
        loss_decode (dict | Sequence[dict], optional): Config of the losses. Defaults to the mean cross-entropy over the
            labelled pixels of a batch, which is 0 where none is.
        init_cfg (dict, optional): Initialisation. Defaults to None, which leaves the layers as PyTorch draws them.
        **kwargs: Arguments of mmseg's ``BaseDecodeHead``: ``in_index`` (which map; the deepest if not given),
            ``ignore_index``, ``align_corners`` ...

    Raises:
        ValueError: If ``num_classes`` is not 2.
    """

    def __init__(
        self,
        in_channels: int,
        num_bands: int,
        num_classes: int = 2,
        loss_decode: dict | Sequence[dict] | None = None,
        init_cfg: dict | None = None,
        **kwargs,
    ) -> None:
        if num_classes != 2:
            raise ValueError(f'target detection has the classes background and target, found num_classes {num_classes}')
        super().__init__(
            in_channels=in_channels,
            channels=in_channels,
            num_classes=2,
            out_channels=2,
            dropout_ratio=0.0,
            loss_decode=loss_decode or dict(type='mmseg.CrossEntropyLoss', avg_non_ignore=True),
            init_cfg=init_cfg,
            **kwargs,
        )
        del self.conv_seg  # the target spectrum replaces it
        self.num_bands = num_bands
        self.target_branch = nn.Sequential(
            nn.Linear(num_bands, in_channels, bias=False),
            nn.LayerNorm(in_channels),
            nn.GELU(),
            nn.Linear(in_channels, in_channels, bias=False),
        )

    def scores(self, inputs: Sequence[Tensor], spectra: Tensor) -> Tensor:
        """Maps (B, D, h, w) and target spectra (B, C) → scores (B, h, w), unbounded, larger for targets."""
        return torch.einsum('bd,bdhw->bhw', self.target_branch(spectra), self._transform_inputs(inputs))

    @staticmethod
    def logits_of(scores: Tensor) -> Tensor:
        """Scores (B, h, w) → logits (B, 2, h, w) of background and target."""
        return torch.stack([1 - scores, scores], dim=1)

    def forward(self, inputs: Sequence[Tensor], spectra: Tensor | None = None) -> Tensor:
        """Classify pixels.

        Args:
            inputs: Maps (B, D, h, w).
            spectra: Target spectra (B, C).

        Returns:
            Logits (B, 2, h, w).

        Raises:
            ValueError: Without spectra.
        """
        if spectra is None:
            raise ValueError(
                'target detection needs the target spectrum: give data samples with the metainfo '
                "'target_spectrum', in mode 'loss' or 'predict'"
            )
        return self.logits_of(self.scores(inputs, spectra))

    def loss(self, inputs: Sequence[Tensor], batch_data_samples: list, train_cfg: dict | None) -> dict[str, Tensor]:
        """Losses of a batch."""
        spectra = self._spectra([sample.metainfo for sample in batch_data_samples], inputs[0].device)
        return self.loss_by_feat(self.forward(inputs, spectra), batch_data_samples)

    def predict(self, inputs: Sequence[Tensor], batch_img_metas: list[dict], test_cfg: dict | None) -> Tensor:
        """Logits (B, 2, H, W) at the size of the images given to the network."""
        spectra = self._spectra(batch_img_metas, inputs[0].device)
        return self.predict_by_feat(self.forward(inputs, spectra), batch_img_metas)

    def _spectra(self, metas: Sequence[dict], device: torch.device) -> Tensor:
        spectra = []
        for i, meta in enumerate(metas):
            spectrum = meta.get('target_spectrum')
            if spectrum is None:
                raise ValueError(
                    f"sample {i} of the batch: expected the metainfo 'target_spectrum', found "
                    f'{", ".join(sorted(meta)) or "none"}'
                )
            if not isinstance(spectrum, Tensor):
                spectrum = torch.from_numpy(np.array(spectrum, dtype=np.float32))
            if spectrum.shape != (self.num_bands,):
                raise ValueError(
                    f'sample {i} of the batch: the head is built for a target_spectrum of '
                    f'{self.num_bands} bands, found shape {tuple(spectrum.shape)}'
                )
            if not spectrum.isfinite().all():
                raise ValueError(f'sample {i} of the batch: target_spectrum has values that are not finite')
            spectra.append(spectrum.to(dtype=torch.float32))
        return torch.stack(spectra).to(device, non_blocking=True)
