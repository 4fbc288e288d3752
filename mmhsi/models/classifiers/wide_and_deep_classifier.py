"""A classifier whose head uses the image itself in addition to the features of the backbone."""

import torch
from mmpretrain.models import ImageClassifier
from torch import Tensor

from mmhsi.registry import MODELS


@MODELS.register_module()
class WideAndDeepClassifier(ImageClassifier):
    """mmpretrain's ``ImageClassifier`` that also passes the image to the head, after the feature maps.

    With few labels a deep path needs noise and soft labels to avoid overfitting, whereas a wide shallow one on the same
    bands works best without. :class:`mmhsi.models.WideAndDeepHead` trains and combines both. Any backbone and neck can
    be used.

    Args:
        noise_std (float): Standard deviation of the Gaussian noise added to the input of the backbone in training. The
            image that is passed to the head has none. Defaults to 0.
        **kwargs: See mmpretrain's ``ImageClassifier``.

    Raises:
        ValueError: If ``noise_std`` is negative.
    """

    def __init__(self, *args, noise_std: float = 0.0, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if noise_std < 0:
            raise ValueError(f'noise_std must not be negative, found {noise_std}')
        self.noise_std = noise_std

    def extract_feat(self, inputs: Tensor, stage: str = 'neck') -> tuple:
        """Images (B, C, H, W) → features of the backbone, features of the neck and the images, or pre-logits.

        Args:
            inputs: Images (B, C, H, W).
            stage: 'backbone', 'neck' or 'pre_logits'. Defaults to 'neck'.

        Returns:
            The output of the backbone; the maps of the neck (B, C_i, h_i, w_i), shallow to deep, followed by the
            images; or the pre-logits of the head.
        """
        deep_inputs = inputs + self.noise_std * torch.randn_like(inputs) if self.training and self.noise_std else inputs
        if stage == 'backbone':
            return super().extract_feat(deep_inputs, stage)
        features = (*super().extract_feat(deep_inputs, 'neck'), inputs)
        return features if stage == 'neck' else self.head.pre_logits(features)
