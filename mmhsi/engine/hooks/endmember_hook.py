"""Endmembers stay non-negative while they are learnt."""

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper

from mmhsi.registry import HOOKS


@HOOKS.register_module()
class NonNegativeEndmemberHook(Hook):
    """Set negative values of the endmembers to zero after each training iteration.

    A step of the optimiser may make a reflectance negative. The reference clamps inside its loss, after the forward
    pass, so that a pass may still see negative endmembers.
    """

    priority = 'ABOVE_NORMAL'  # before weights are averaged or saved

    def before_train(self, runner) -> None:
        """Clamp the initial endmembers.

        Raises:
            ValueError: For a model without a decoder whose weight can be clamped.
        """
        self._decoder(runner).clamp_()

    def after_train_iter(self, runner, batch_idx: int, data_batch: dict | None = None,
                         outputs: dict | None = None) -> None:
        """Clamp after a step."""
        self._decoder(runner).clamp_()

    @staticmethod
    def _decoder(runner):
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        decoder = getattr(model, 'decoder', None)
        if not hasattr(decoder, 'clamp_'):
            raise ValueError('NonNegativeEndmemberHook needs a model with an EndmemberDecoder as decoder, found '
                             f'{type(model).__name__} with {type(decoder).__name__}')
        return decoder
