"""Unmixing network: an autoencoder whose code is the abundances and whose decoder holds the endmembers."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.model import BaseModel
from mmengine.structures import BaseDataElement, PixelData
from torch import Tensor

from mmhsi.registry import MODELS


@MODELS.register_module()
class Unmixer(BaseModel):
    """Backbone, neck and head estimate abundances; the decoder mixes them back into spectra (blind unmixing).

    The loss is that of the reconstruction and two regularisers. The reference adds to the angle between the spectra
    0.35 times the sparsity of the abundances and 0.1 times a total variation of the endmembers.

    Args:
        backbone (dict): Config of the encoder: ``HyperSIGMA``, ``SpatViT``, or any other that returns maps.
        head (dict): Config of the head, ``AbundanceHead``.
        decoder (dict): Config of the decoder, ``EndmemberDecoder``.
        neck (dict, optional): Config of a module between backbone and head. Defaults to None.
        loss_reconstruction (dict, optional): Config of a loss of predicted and true spectra. Defaults to the spectral
            angle in radians.
        loss_sparsity (dict, optional): Config of a loss of the abundances. Defaults to None (none).
        loss_variation (dict, optional): Config of a loss of the endmembers in units of the decoder's scale. Defaults to
            None (none).
        unit_spectra (bool): Whether to divide each spectrum by its root mean square over the bands for the encoder, so
            that dark pixels are separated as well as bright ones; a zero spectrum stays zero. Loss and results refer to
            the unscaled spectra. Defaults to False, as in the reference.
        test_cfg (dict, optional): ``with_reconstruction``: add the mixed spectra to the results. Defaults to None
            (without).
        data_preprocessor (dict, optional): Config of the data preprocessor, ``HSIDataPreprocessor``.
        init_cfg (dict, optional): Initialisation of the whole; the branches may have their own.
    """

    def __init__(
        self,
        backbone: dict,
        head: dict,
        decoder: dict,
        neck: dict | None = None,
        loss_reconstruction: dict | None = None,
        loss_sparsity: dict | None = None,
        loss_variation: dict | None = None,
        unit_spectra: bool = False,
        test_cfg: dict | None = None,
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor, init_cfg)
        self.backbone = MODELS.build(backbone)
        self.neck = MODELS.build(neck) if neck else None
        self.head = MODELS.build(head)
        self.decoder = MODELS.build(decoder)
        self.loss_reconstruction = MODELS.build(loss_reconstruction or dict(type='mmhsi.SpectralAngleLoss'))
        self.loss_sparsity = MODELS.build(loss_sparsity) if loss_sparsity else None
        self.loss_variation = MODELS.build(loss_variation) if loss_variation else None
        self.unit_spectra = unit_spectra
        # whether least-squares shares refer to the spectra themselves, not to their shapes; set by a hook
        self.register_buffer('even_light', torch.zeros(()))
        self.test_cfg = test_cfg or {}

    @property
    def endmembers(self) -> Tensor:
        """Spectra (C, P) of the endmembers, non-negative."""
        return self.decoder.endmembers

    def set_endmembers(self, endmembers: np.ndarray | Tensor) -> None:
        """Start from given endmembers (C, P), see :meth:`EndmemberDecoder.set_endmembers`."""
        self.decoder.set_endmembers(endmembers)

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args) -> None:
        state_dict.setdefault(f'{prefix}even_light', torch.zeros_like(self.even_light))  # from before there was one
        super()._load_from_state_dict(state_dict, prefix, *args)

    def extract_feat(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Images (B, C, H, W) → maps (B, E_i, h_i, w_i), shallow to deep."""
        if self.unit_spectra:
            inputs = F.normalize(inputs, dim=1) * inputs.shape[1] ** 0.5
        features = self.backbone(inputs)
        if self.neck is not None:
            features = self.neck(features)
        return (features,) if isinstance(features, Tensor) else tuple(features)

    def forward(
        self, inputs: Tensor, data_samples: Sequence[BaseDataElement] | None = None, mode: str = 'tensor'
    ) -> tuple[Tensor, Tensor] | dict[str, Tensor] | list[BaseDataElement]:
        """Run the network.

        Args:
            inputs: Images (B, C, H, W).
            data_samples: A sample per image, to which predictions are added. Defaults to None, new ones.
            mode: 'tensor', 'loss' or 'predict'.

        Returns:
            'tensor': abundances (B, P, H, W) and mixed spectra (B, C, H, W). 'loss': the losses by name. 'predict': the
            samples with ``abundances``, a ``PixelData`` (P, H, W), ``endmembers``, a tensor (C, P), and, if set in
            ``test_cfg``, ``reconstruction``, a ``PixelData`` (C, H, W).

        Raises:
            ValueError: For another mode.
        """
        if mode not in ('tensor', 'loss', 'predict'):
            raise ValueError(f"mode must be 'tensor', 'loss' or 'predict', found {mode!r}")
        abundances = self.head(self.extract_feat(inputs), tuple(inputs.shape[2:]))
        reconstruction = self.decoder(abundances)
        if mode == 'loss':
            return self.losses(inputs, abundances, reconstruction)
        if mode == 'predict':
            return self.add_predictions(data_samples, abundances, reconstruction)
        return abundances, reconstruction

    def losses(self, inputs: Tensor, abundances: Tensor, reconstruction: Tensor) -> dict[str, Tensor]:
        """Losses by name of images (B, C, H, W), abundances (B, P, H, W) and mixed spectra (B, C, H, W)."""
        losses = dict(loss_reconstruction=self.loss_reconstruction(reconstruction, inputs))
        if self.loss_sparsity is not None:
            losses['loss_sparsity'] = self.loss_sparsity(abundances)
        if self.loss_variation is not None:
            losses['loss_variation'] = self.loss_variation(self.decoder.unit_endmembers)
        return losses

    def add_predictions(
        self, data_samples: Sequence[BaseDataElement] | None, abundances: Tensor, reconstruction: Tensor
    ) -> list[BaseDataElement]:
        """Add the results of a batch to its samples, see :meth:`forward`."""
        samples = [BaseDataElement() for _ in abundances] if data_samples is None else list(data_samples)
        endmembers = self.endmembers.detach()
        for sample, maps, spectra in zip(samples, abundances, reconstruction, strict=True):
            sample.set_data(
                dict(abundances=PixelData(data=maps), endmembers=endmembers, even_light=self.even_light.detach())
            )
            if self.test_cfg.get('with_reconstruction', False):
                sample.set_data(dict(reconstruction=PixelData(data=spectra)))
        return samples
