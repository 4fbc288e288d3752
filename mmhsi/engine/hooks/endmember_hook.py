"""Hooks that initialise the endmembers from the scene and keep them non-negative."""

from pathlib import Path

import numpy as np
import torch
from mmengine.dist import barrier, broadcast, is_main_process
from mmengine.hooks import Hook

from mmhsi.classical.unmixing import fcls, linear_scale, unit_spectra
from mmhsi.datasets.scenes.scene_lookup import loop_scenes
from mmhsi.engine.resume import find_latest_checkpoint
from mmhsi.engine.runner_parts import bare_model
from mmhsi.registry import HOOKS
from mmhsi.weights.checkpoint_file import read_checkpoint, write_checkpoint

_TOLERANCE = 0.05  # root mean square by which the sums of even light may miss one
_GAIN = 0.95  # endmembers of a network are taken if they miss the shapes by less than this share of what the initial do


@HOOKS.register_module()
class InitialEndmemberHook(Hook):
    """Set the endmembers of the decoder to the initial ones of the training scene before training.

    With several scenes, the first one is used. A resumed training keeps its own endmembers.

    Args:
        equal_norms (bool): Whether to scale all of them to their mean norm first. A network trained only with spectral
            angles then finds the shares of spectral shapes, independent of the brightness of the endmembers. Defaults
            to False.
    """

    def __init__(self, equal_norms: bool = False) -> None:
        self.equal_norms = equal_norms

    def before_train(self, runner) -> None:
        """Set the endmembers.

        Raises:
            ValueError: If the scene has no initial endmembers, or a zero one with equal norms, or the model has no
                decoder for this number of endmembers and bands.
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
                    f'{scene.name!r} is zero in all bands and cannot be rescaled'
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
    pass, so a forward pass may still see negative endmembers.
    """

    priority = 'ABOVE_NORMAL'  # before weights are averaged or saved

    def before_train(self, runner) -> None:
        """Clamp the initial endmembers.

        Raises:
            ValueError: If the model has no decoder with a weight to clamp.
        """
        _decoder(runner, self, 'clamp_').clamp_()

    def after_train_iter(
        self, runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        """Clamp after a step."""
        _decoder(runner, self, 'clamp_').clamp_()


@HOOKS.register_module()
class EvenLightHook(Hook):
    """After a training, determine whether the scene is evenly lit, and restore the norms of the endmembers if it is.

    A network trained with spectral angles learns only the shapes of spectra. If there are norms with which the shares
    sum to one in every pixel (:func:`mmhsi.classical.unmixing.linear_scale`), abundances are computed from the spectra
    themselves, and the endmembers are those of the network or the initial ones, whichever fit the pixels better.
    Otherwise abundances are shares of shapes, and the initial endmembers are taken unless mixtures of those of the
    network fit the shapes of the pixels clearly better. The last checkpoint is changed accordingly. No ground truth is
    used.
    """

    priority = 'LOWEST'  # after the last checkpoint is written

    def after_train(self, runner) -> None:
        """Decide, and change model and checkpoint."""
        scene = loop_scenes(runner._train_loop)[0]
        model = bare_model(runner)
        pixels = scene.pixels(scene.subset('all')).astype(np.float64)
        found = model.endmembers.detach().cpu().double().numpy().T
        norms, misfit = linear_scale(pixels, found)
        even = misfit < _TOLERANCE and np.isfinite(norms).all()
        initial = None if scene.initial_endmembers is None else np.maximum(scene.initial_endmembers, 0)
        kept = True
        if even:
            scaled = unit_spectra(found) * norms[:, None]
            kept = initial is None or _misfit(pixels, scaled) <= _misfit(pixels, initial)
            model.set_endmembers((scaled if kept else initial).T.copy())
        elif initial is not None:
            shapes = unit_spectra(pixels)
            kept = _misfit(shapes, unit_spectra(found)) < _GAIN * _misfit(shapes, unit_spectra(initial))
            if not kept:
                model.set_endmembers((unit_spectra(initial) * np.linalg.norm(found, axis=1).mean()).T.copy())
        model.even_light.fill_(float(even))
        runner.logger.info(
            f'The light of scene {scene.name!r} is {"even" if even else "uneven"}: sums of shares miss one by '
            f'{misfit:.3f}; abundances are those of the {"spectra themselves" if even else "shapes of the spectra"}. '
            f'The endmembers are {"those of the network" if kept else "the initial ones, which fit as well"}.'
        )
        path = find_latest_checkpoint(runner.work_dir)
        if path is not None and Path(path).is_file() and is_main_process():
            checkpoint = read_checkpoint(path, mmap=False)
            checkpoint['state_dict'] = {name: value.cpu() for name, value in model.state_dict().items()}
            write_checkpoint(checkpoint, path)
        barrier()


def _misfit(pixels: np.ndarray, endmembers: np.ndarray) -> float:
    """Root mean square of what the best mixtures of endmembers (P, C) leave of pixels (N, C)."""
    return float(np.sqrt(np.square(pixels - fcls(pixels, endmembers) @ endmembers).mean()))


def _decoder(runner, hook: Hook, method: str):
    model = bare_model(runner)
    decoder = getattr(model, 'decoder', None)
    if not hasattr(decoder, method):
        raise ValueError(
            f'{type(hook).__name__} needs a model with an EndmemberDecoder as decoder, found '
            f'{type(model).__name__} with {type(decoder).__name__}'
        )
    return decoder
