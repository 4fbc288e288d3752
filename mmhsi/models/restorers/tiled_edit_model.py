"""Restoration model: trains a network on the difference to the true image, and tests it in tiles."""

from __future__ import annotations

from mmengine.model import BaseModel
from mmengine.utils import to_2tuple
from torch import Tensor

from mmhsi.registry import MODELS
from mmhsi.structures import RestorationDataSample

from .tiled_restoration import restore_by_tiles


@MODELS.register_module()
class TiledEditModel(BaseModel):
    """Denoising and super-resolution with an image-to-image network.

    Its parts have the names of mmagic's ``BaseEditModel``, whose networks, losses and data can be used in it.

    ``test_cfg`` has these entries:

    - ``tile_size``: size of the tiles in pixels of the input, a number or (height, width). Defaults to none: images
      run whole.
    - ``overlap``: smallest overlap of neighbouring tiles in pixels of the input, in which they are blended. Defaults to
      0.
    - ``window_batch``: number of tiles that run at once. Defaults to 8.
    - ``padding``: padding of an image smaller than a tile, 'reflect' or 'zeros'. Defaults to 'reflect'.

    Args:
        generator (dict): Config of the network (B, C, H, W) → (B, C, sH, sW): a :class:`mmhsi.models.RestorationNet` or
            any other, such as ``mmagic.EDSRNet``.
        pixel_loss (dict): Config of a loss that compares the network's images with the true ones. The parts of a
            ``SumLoss`` are logged one by one.
        train_cfg (dict, optional): Not used; mmagic's models have it.
        test_cfg (dict, optional): See above. Defaults to None: images run whole.
        data_preprocessor (dict, optional): Config of the preprocessor. Defaults to a
            :class:`mmhsi.models.RestorationDataPreprocessor` without statistics.
        init_cfg (dict, optional): Initialisation of the whole; the parts may have their own.
    """

    def __init__(
        self,
        generator: dict,
        pixel_loss: dict,
        train_cfg: dict | None = None,
        test_cfg: dict | None = None,
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor or dict(type='mmhsi.RestorationDataPreprocessor'), init_cfg)
        self.train_cfg = train_cfg
        self.test_cfg = test_cfg
        self.generator = MODELS.build(generator)
        self.pixel_loss = MODELS.build(pixel_loss)

    def forward(
        self, inputs: Tensor, data_samples: RestorationDataSample | None = None, mode: str = 'tensor'
    ) -> Tensor | dict[str, Tensor] | list[RestorationDataSample]:
        """Run the model.

        Args:
            inputs: Degraded images (B, C, H, W).
            data_samples: The stacked data samples.
            mode: 'tensor' for the restored images as the network returns them, 'loss' for :meth:`loss`, 'predict' for
                :meth:`predict`.

        Raises:
            ValueError: If the mode is unknown.
        """
        if mode == 'tensor':
            return self.generator(inputs)
        if mode == 'loss':
            return self.loss(inputs, data_samples)
        if mode == 'predict':
            return self.predict(inputs, data_samples)
        raise ValueError(f"mode must be 'tensor', 'loss' or 'predict', found {mode!r}")

    def loss(self, inputs: Tensor, data_samples: RestorationDataSample) -> dict[str, Tensor]:
        """Losses of a batch by name.

        Args:
            inputs: Degraded images (B, C, H, W).
            data_samples: The stacked data samples, with ``gt_img`` (B, C, sH, sW).
        """
        restored = self.generator(inputs)
        if not hasattr(self.pixel_loss, 'terms'):
            return dict(loss=self.pixel_loss(restored, data_samples.gt_img))
        terms = self.pixel_loss.terms(restored, data_samples.gt_img)
        return {f'loss_{name}': value for name, value in terms.items()}

    def predict(self, inputs: Tensor, data_samples: RestorationDataSample) -> list[RestorationDataSample]:
        """Restore a batch.

        Args:
            inputs: Degraded images (B, C, H, W).
            data_samples: The stacked data samples.

        Returns:
            The sample of each image, with ``input`` and ``output.pred_img``, on the CPU and in the range of the data.
        """
        restored = self.data_preprocessor.destruct(self.restore(inputs), data_samples).cpu()
        data_samples.set_field(self.data_preprocessor.destruct(inputs, data_samples), 'input')
        samples = data_samples.split()
        for sample, image in zip(samples, restored, strict=True):
            sample.output = RestorationDataSample(pred_img=image)
        return samples

    def restore(self, inputs: Tensor) -> Tensor:
        """Restored images (B, C, sH, sW) of degraded ones (B, C, H, W), in tiles if ``test_cfg`` says so."""
        test_cfg = self.test_cfg or {}
        if test_cfg.get('tile_size') is None:
            return self.generator(inputs)
        return restore_by_tiles(
            self.generator,
            inputs,
            to_2tuple(test_cfg['tile_size']),
            overlap=test_cfg.get('overlap', 0),
            tile_batch=test_cfg.get('window_batch', 8),
            padding=test_cfg.get('padding', 'reflect'),
        )
