"""mmagic's restoration framework with test-time tiling. Importing this module imports mmagic, which takes long."""

from mmagic.models.base_models import BaseEditModel
from mmagic.structures import DataSample
from mmengine.utils import to_2tuple
from torch import Tensor

from .tiled_restoration import restore_by_tiles


class TiledEditModel(BaseEditModel):
    """mmagic's ``BaseEditModel`` that tests images of any size by tiles; all else is as there.

    Its generator may be a :class:`mmhsi.models.RestorationNet` or any of mmagic's, such as ``mmagic.EDSRNet``; its
    data preprocessor is :class:`mmhsi.models.RestorationDataPreprocessor`, because mmagic's own takes images for
    colours between 0 and 255. The parts of a ``SumLoss`` are logged one by one.

    ``test_cfg`` has these entries:

    - ``tile_size``: size of the tiles in pixels of the input, a number or (height, width). Defaults to none: images
      run whole.
    - ``overlap``: smallest overlap of neighbouring tiles in pixels of the input, over which they are blended. Defaults
      to 0.
    - ``window_batch``: number of tiles that run at once. Defaults to 8.
    - ``padding``: padding of an image smaller than a tile, 'reflect' or 'zeros'. Defaults to 'reflect'.

    Args:
        *args, **kwargs: Arguments of ``BaseEditModel``: ``generator``, ``pixel_loss``, ``train_cfg``, ``test_cfg``,
            ``init_cfg``, ``data_preprocessor``.
    """

    def forward_inference(self, inputs: Tensor, data_samples: DataSample | None = None, **kwargs) -> DataSample:
        """Restore a batch.

        Args:
            inputs: Degraded images (B, C, H, W).
            data_samples: The stacked data samples.

        Returns:
            A stacked data sample with ``pred_img`` (B, C, s H, s W) on the CPU.
        """
        test_cfg = self.test_cfg or {}
        if test_cfg.get('tile_size') is None:
            return super().forward_inference(inputs, data_samples, **kwargs)
        restored = restore_by_tiles(
            self.generator,
            inputs,
            to_2tuple(test_cfg['tile_size']),
            overlap=test_cfg.get('overlap', 0),
            tile_batch=test_cfg.get('window_batch', 8),
            padding=test_cfg.get('padding', 'reflect'))
        return DataSample(pred_img=self.data_preprocessor.destruct(restored, data_samples).cpu())

    def forward_train(self, inputs: Tensor, data_samples: DataSample | None = None, **kwargs) -> dict[str, Tensor]:
        """Losses of a batch; the arguments are those of :meth:`forward_inference`."""
        if not hasattr(self.pixel_loss, 'terms'):
            return super().forward_train(inputs, data_samples, **kwargs)
        restored = self.forward_tensor(inputs, data_samples, **kwargs)
        terms = self.pixel_loss.terms(restored, data_samples.gt_img)
        return {f'loss_{name}': value for name, value in terms.items()}
