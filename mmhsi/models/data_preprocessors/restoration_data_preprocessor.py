"""Data preprocessor of restoration: degraded and true images of any number of bands and range of values."""

from torch import Tensor

from mmhsi.registry import MODELS

from .hsi_data_preprocessor import HSIDataPreprocessor


@MODELS.register_module()
class RestorationDataPreprocessor(HSIDataPreprocessor):
    """:class:`HSIDataPreprocessor` for restoration, in ``TiledEditModel`` and in the models of mmagic.

    With ``mean`` and ``std`` the network gets standardised inputs and learns from standardised true images, and
    :meth:`destruct` undoes this; in a test, true images are not changed. Nothing is clipped, whereas mmagic's own
    preprocessor assumes colour images: it clips its results to [0, 255] and reverses RGB.

    Args:
        **kwargs: Arguments of :class:`HSIDataPreprocessor`: ``num_bands``, ``mean``, ``std``.
    """

    def forward(self, data: dict, training: bool = False) -> dict:
        """Stack a batch.

        Args:
            data: 'inputs', a list of images (C, H, W) or one tensor (B, C, H, W), and 'data_samples', a list of
                :class:`mmhsi.structures.RestorationDataSample` or mmagic's ``DataSample``, with the true image
                ``gt_img``, if there is one.
            training: Whether to standardise true images.

        Returns:
            A dict with 'inputs', a float tensor (B, C, H, W), and 'data_samples', one stacked sample or None.
        """
        data = super().forward(data, training)
        samples = data.get('data_samples')
        if samples:
            samples = self.cast_data(list(samples))
            stacked = type(samples[0]).stack(samples)
            if training and self._enable_normalize and 'gt_img' in stacked:
                stacked.gt_img = (stacked.gt_img - self.mean) / self.std
            data['data_samples'] = stacked
        return data

    def destruct(self, outputs: Tensor, data_samples=None, key: str = 'img') -> Tensor:
        """Convert images back to the range of the data.

        Args:
            outputs: Images (B, C, H, W), standardised like the inputs of the network.
            data_samples, key: Not used; given by mmagic's models.

        Returns:
            (B, C, H, W).
        """
        return outputs * self.std + self.mean if self._enable_normalize else outputs
