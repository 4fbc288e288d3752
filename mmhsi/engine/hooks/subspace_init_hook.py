"""Initialising a restoration head with the subspace of the clean training spectra."""

import numpy as np
import torch
from mmengine.dist import broadcast
from mmengine.hooks import Hook

from mmhsi.datasets.scenes.scene_lookup import loop_scenes
from mmhsi.engine.runner_parts import bare_model
from mmhsi.engine.scene_rules import name_scenes
from mmhsi.registry import HOOKS

_NEGLIGIBLE = 1e-8  # variance of a component relative to the first


@HOOKS.register_module()
class SubspaceInitHook(Hook):
    """Initialise the head of a denoising network as the projection onto the principal components of the training
    pixels.

    A narrow head, ``RestorationHead(width=...)``, has to find the few directions in which clean spectra vary, which
    takes most of the time of a training from scratch; their principal components are such directions. Several scenes
    contribute equally many training pixels. A training that is resumed, or that starts from weights, keeps its head.

    Args:
        pixels (int): Largest number of training pixels; of more, a random sample with a fixed seed is used. Defaults to
            20000.
    """

    def __init__(self, pixels: int = 20_000) -> None:
        self.pixels = pixels

    def before_train(self, runner) -> None:
        """Set the weights of the head.

        Raises:
            ValueError: If the training has no scene, or the head of the model has no ``start_from_subspace``.
        """
        if runner.iter or runner._load_from:
            return
        model = bare_model(runner)
        head = getattr(getattr(model, 'generator', None), 'head', None)
        if not hasattr(head, 'start_from_subspace'):
            raise ValueError(
                'SubspaceInitHook needs a model whose generator has a RestorationHead, found '
                f'{type(model).__name__} with {type(head).__name__}'
            )
        scenes = [scene for scene in loop_scenes(runner._train_loop) if len(_training_pixels(scene))]
        if not scenes:
            raise ValueError('SubspaceInitHook takes the spectra of a scene, but the training dataset has none')
        share = max(self.pixels // len(scenes), 1)
        spectra = np.concatenate([_training_spectra(scene, share) for scene in scenes])
        mean = spectra.mean(axis=0)
        values, vectors = np.linalg.eigh(np.cov(spectra, rowvar=False))
        # directions in which the spectra do not vary would pass only noise
        rank = min(max(int(np.count_nonzero(values > _NEGLIGIBLE * values[-1])), 1), head.width)
        directions = vectors[:, ::-1].T[:rank]
        # the sign of an eigenvector is arbitrary; it is fixed so that a seed gives the same training everywhere
        directions *= np.sign(directions[np.arange(len(directions)), np.abs(directions).argmax(axis=1)])[:, None]
        mean, directions = (torch.as_tensor(array.copy(), dtype=torch.float32) for array in (mean, directions))
        broadcast(mean)  # processes on different machines may differ in rounding
        broadcast(directions)
        head.start_from_subspace(mean, directions)
        runner.logger.info(
            f'The head starts from {len(directions)} principal components of {len(spectra)} training '
            f'pixels of {name_scenes(scenes)}.'
        )


def _training_pixels(scene) -> np.ndarray:
    indices = scene.subset('all' if scene.split is None else 'train')
    return indices[scene.valid.ravel()[indices]]


def _training_spectra(scene, most: int) -> np.ndarray:
    """Preprocessed spectra (N, C') float64 of at most ``most`` training pixels."""
    indices = _training_pixels(scene)
    if len(indices) > most:
        indices = np.random.RandomState(0).choice(indices, most, replace=False)
    return scene.pixels(np.sort(indices)).astype(np.float64)
