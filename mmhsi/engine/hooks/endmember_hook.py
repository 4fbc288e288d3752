"""Endmembers start from those of the scene, and stay non-negative while they are learnt."""

import numpy as np
import torch
from mmengine.dist import broadcast
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper

from mmhsi.engine.hooks.scene_lookup import loop_scenes
from mmhsi.registry import HOOKS


@HOOKS.register_module()
class InitialEndmemberHook(Hook):
    """Set the endmembers of the decoder to the initial ones of the training scene before a training begins.

    Of several scenes the first counts. A training that is resumed goes on with its own endmembers.

    Args:
        equal_norms (bool): Whether all are brought to their mean norm first. A network that learns by spectral angles
            alone then finds the shares of spectral shapes, whatever the brightness of the endmembers. Defaults to
            False.
    """

    def __init__(self, equal_norms: bool = False) -> None:
        self.equal_norms = equal_norms

    def before_train(self, runner) -> None:
        """Set the endmembers.

        Raises:
            ValueError: For a scene without initial endmembers, or with one that is zero where norms are to be equal, or
                a model without a decoder for as many endmembers of as many bands.
        """
        if runner.iter:
            return
        decoder = _decoder(runner, self, 'set_endmembers')
        scene = next(iter(loop_scenes(runner._train_loop)), None)
        initial = getattr(scene, 'initial_endmembers', None)
        if initial is None:
            raise ValueError(
                f'InitialEndmemberHook: the training scene {getattr(scene, "name", None)!r} has no '
                "initial endmembers; give an UnmixingScene initial_endmembers='vca' or a file"
            )
        norms = np.linalg.norm(initial, axis=1, keepdims=True)
        if self.equal_norms:
            if not norms.all():
                raise ValueError(
                    f'InitialEndmemberHook: initial endmember {int(norms.argmin())} of scene '
                    f'{scene.name!r} is zero in all bands and cannot be brought to another norm'
                )
            initial = initial / norms * norms.mean()
        endmembers = torch.as_tensor(initial.T, dtype=torch.float32).contiguous()
        broadcast(endmembers)  # processes on different machines may differ in rounding
        decoder.set_endmembers(endmembers)
        runner.logger.info(f'The {len(initial)} endmembers of the decoder start from those of scene {scene.name!r}.')


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
        _decoder(runner, self, 'clamp_').clamp_()

    def after_train_iter(
        self, runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        """Clamp after a step."""
        _decoder(runner, self, 'clamp_').clamp_()


def _decoder(runner, hook: Hook, method: str):
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    decoder = getattr(model, 'decoder', None)
    if not hasattr(decoder, method):
        raise ValueError(
            f'{type(hook).__name__} needs a model with an EndmemberDecoder as decoder, found '
            f'{type(model).__name__} with {type(decoder).__name__}'
        )
    return decoder
