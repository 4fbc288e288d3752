"""The masked autoencoder for pre-training both branches: encoder, decoder, loss."""

from typing import NamedTuple

from mmpretrain.models.selfsup import BaseSelfSupervisor
from torch import Tensor

from mmhsi.registry import MODELS

from .masked_vit import MaskedViT


class MAEOutput(NamedTuple):
    """The output of a masked autoencoder.

    Attributes:
        latent: Encoded kept tokens (B, K, E), in shuffled order.
        mask: (B, N), 0 where a token is kept, 1 where it is masked.
        ids_restore: (B, N), rank of every token in the shuffled order.
        pred: Predicted content (B, N, D) of all tokens, normalised per token if the head is configured so.
    """

    latent: Tensor
    mask: Tensor
    ids_restore: Tensor
    pred: Tensor


class MaskedAutoencoder(BaseSelfSupervisor):
    """Masked autoencoder (He et al., CVPR 2022) of one branch of HyperSIGMA, in mmpretrain's framework.

    Sizes that follow from the backbone (widths, grid, length of the drop-path ramp, patch or tokens) are filled into
    the configs of neck and head, so that a config states them only once.

    Args:
        backbone (dict): Masked encoder.
        neck (dict, optional): Settings of the decoder that differ from those of :class:`MAEDecoder`.
        head (dict, optional): Settings of the head that differ from its defaults.
        data_preprocessor (dict, optional): Defaults to ``HSIDataPreprocessor``.
        compile (dict, optional): Arguments of ``torch.compile`` for encoder and decoder, ``dict()`` for its defaults;
            the runner's own option compiles the optimiser's bookkeeping too, which changes every step. Defaults to
            None (not compiled).
        contrast (dict, optional): A second objective, such as :class:`GroupContrast`; the data samples are then the
            groups (B,) of the images. Defaults to None.
        init_cfg (dict, optional): Initialisation of the whole, e.g. ``dict(type='Pretrained', checkpoint=...)``.
    """

    def __init__(
        self,
        backbone: dict,
        neck: dict | None = None,
        head: dict | None = None,
        data_preprocessor: dict | None = None,
        compile: dict | None = None,
        contrast: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        encoder = MODELS.build(backbone)
        if not isinstance(encoder, MaskedViT):
            raise ValueError(
                f'{type(self).__name__} needs an encoder that drops masked tokens (MaskedSpatViT or '
                f'MaskedSpecViT), found {type(encoder).__name__}'
            )
        super().__init__(
            backbone=encoder,
            neck=MODELS.build({**self._neck_of(encoder), **(neck or {})}),
            head=MODELS.build({**self._head_of(encoder), **(head or {})}),
            data_preprocessor=MODELS.build(data_preprocessor or dict(type='mmhsi.HSIDataPreprocessor')),
            init_cfg=init_cfg,
        )
        self.contrast = (
            None
            if contrast is None
            else MODELS.build(dict(type='mmhsi.GroupContrast', in_channels=encoder.embed_dims, **contrast))
        )
        if compile is not None:
            for part in (self.backbone, self.neck):
                part.compile(**compile)  # in place: parameter names are unchanged

    @staticmethod
    def _neck_of(encoder: MaskedViT) -> dict:
        """Settings of the decoder that follow from the encoder."""
        return dict(
            type='mmhsi.MAEDecoder',
            in_channels=encoder.embed_dims,
            out_channels=encoder.token_size,
            grid=encoder.position_grid,
            drop_path_rate=encoder.drop_path_rate,
            ramp_length=encoder.num_layers,
        )

    @staticmethod
    def _head_of(encoder: MaskedViT) -> dict:
        raise NotImplementedError

    def autoencode(self, inputs: Tensor, noise: Tensor | None = None) -> MAEOutput:
        """Mask, encode and decode.

        Args:
            inputs: Images (B, C, H, W).
            noise: (B, N) that determines which tokens are kept. Defaults to a uniform draw.

        Returns:
            See :class:`MAEOutput`.
        """
        latent, mask, ids_restore = self.backbone(inputs, noise=noise)
        return MAEOutput(latent, mask, ids_restore, self.neck(latent, ids_restore))

    def extract_feat(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Encode all tokens: images (B, C, H, W) → a tuple of one tensor (B, N, E)."""
        return self.backbone(inputs, mask=False)

    def loss(self, inputs: Tensor, data_samples: list | Tensor | None = None) -> dict[str, Tensor]:
        """Loss of a random masking.

        Args:
            inputs: Images (B, C, H, W).
            data_samples: Groups (B,) of the images for the contrast; otherwise not used.

        Returns:
            ``dict(loss=...)``, with 'loss_contrast' if there is one.
        """
        output = self.autoencode(inputs)
        losses = dict(loss=self.head.loss(output.pred, inputs, output.mask))
        if self.contrast is not None:
            tokens = self.extract_feat(self.contrast.augment(inputs))[0]
            losses['loss_contrast'] = self.contrast(tokens, data_samples)
        return losses
