"""The last stage of a restoring network in test and prediction: classical methods, averaged with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from scipy.optimize import nnls

from mmhsi.classical import DENOISERS, ENLARGEMENTS, noise_sigmas
from mmhsi.classical.enlargement import enlarge_by_kernels, fit_enlargement

NETWORK_PART, INPUT_PART, KERNEL_PART = 'network', 'input', 'regression kernels'
LEVELS = tuple(level / 255 for level in (2.0, 5.0, 10.0, 20.0, 35.0, 50.0, 70.0))  # deviations of the noise
_CLEAN = 0.5  # a band is used for a level if its own noise is below this share of it
_SMALLEST_SIDE = 8  # pixels that the denoisers need


class RestorationStage:
    """A weighted mean of a network, of classical methods and, for denoising, of the image itself.

    The weights of denoising depend on the noise of each band, which is estimated from the image: between the levels
    they are interpolated, and a band without noise is left unchanged.

    Args:
        scale (int): Factor of super-resolution, 1 for denoising.
        parts (Sequence[str]): 'network', names of :data:`mmhsi.classical.DENOISERS` or
            :data:`mmhsi.classical.ENLARGEMENTS`, 'input' (denoising) or 'regression kernels' (super-resolution).
        levels (Sequence[float]): Deviations of the noise, ascending; of super-resolution a single one.
        weights (np.ndarray): (levels, parts), each row with sum 1.
        kernels (np.ndarray, optional): See :func:`mmhsi.classical.enlargement.fit_enlargement`.
    """

    def __init__(
        self,
        scale: int,
        parts: Sequence[str],
        levels: Sequence[float],
        weights: np.ndarray,
        kernels: np.ndarray | None = None,
    ) -> None:
        self.scale, self.names, self.levels = scale, tuple(parts), np.asarray(levels, float)
        self.weights = np.asarray(weights, float)
        self.kernels = None if kernels is None else np.asarray(kernels, float)

    @classmethod
    def fit_denoising(cls, images: Sequence[np.ndarray], network: Callable, methods: Sequence[str]) -> RestorationStage:
        """Weights that restore clean images best in the mean square after Gaussian noise of each level was added.

        Args:
            images (Sequence[np.ndarray]): Clean images (h, w, C) that no part was trained on.
            network (Callable): Noisy image (h, w, C) → restored.
            methods (Sequence[str]): Of :data:`mmhsi.classical.DENOISERS`.
        """
        rng = np.random.default_rng(0)
        names = (NETWORK_PART, *methods, INPUT_PART)
        rows = [np.eye(len(names))[-1]]
        own = np.median([noise_sigmas(image) for image in images], axis=0)
        for level in LEVELS:
            clean = own < _CLEAN * level
            gram = np.zeros((len(names), len(names)))
            for image in images:
                noisy = (image + rng.normal(0, level, image.shape)).astype(np.float32)
                parts = _parts(noisy, network(noisy), names, 1, None)
                use = clean if clean.sum() >= 3 else np.ones(len(own), bool)
                errors = np.stack([(parts[name] - image)[..., use].ravel() for name in names])
                gram += errors @ errors.T
            if clean.sum() < 3:  # the noise of the image itself would favour leaving it unchanged
                rows.append(np.append(convex_weights(gram[:-1, :-1]), 0.0))
            else:
                rows.append(convex_weights(gram))
        return cls(1, names, (0.0, *LEVELS), np.stack(rows))

    @classmethod
    def fit_enlargement(
        cls,
        training: Sequence[tuple[np.ndarray, np.ndarray]],
        pairs: Sequence[tuple[np.ndarray, np.ndarray]],
        network: Callable,
        methods: Sequence[str],
        scale: int,
    ) -> RestorationStage:
        """Kernels from training pairs; weights that enlarge other small images best in the mean square.

        Args:
            training, pairs (Sequence[tuple[np.ndarray, np.ndarray]]): Small images (h, w, C) and large ones.
            network (Callable): Small image → large one.
            methods (Sequence[str]): Of :data:`mmhsi.classical.ENLARGEMENTS`.
            scale (int): Factor.
        """
        kernels = fit_enlargement(training, scale)
        names = (NETWORK_PART, *methods, KERNEL_PART)
        gram = np.zeros((len(names), len(names)))
        for small, large in pairs:
            parts = _parts(small, network(small), names, scale, kernels)
            errors = np.stack([(parts[name] - large).ravel() for name in names]).astype(np.float64)
            gram += errors @ errors.T
        return cls(scale, names, (0.0,), convex_weights(gram)[None], kernels)

    def __call__(self, image: np.ndarray, restored: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Degraded image (h, w, C) and the result of the network → the mean (s h, s w, C), and the parts."""
        if self.scale == 1 and min(image.shape[:2]) < _SMALLEST_SIDE:
            return restored, {NETWORK_PART: restored}
        parts = _parts(image, restored, self.names, self.scale, self.kernels)
        weights = self.weights_of(image)
        joined = sum(parts[name] * weight for name, weight in zip(self.names, weights.T, strict=True))
        return joined.astype(np.float32), parts

    def weights_of(self, image: np.ndarray) -> np.ndarray:
        """Weights (C, parts) of the bands of an image."""
        if self.scale > 1:
            return np.repeat(self.weights, image.shape[-1], axis=0)
        noise = noise_sigmas(image)
        return np.stack([np.interp(noise, self.levels, column) for column in self.weights.T], axis=1)

    def describe(self) -> str:
        """The weights in words."""
        rows = []
        for level, weights in zip(self.levels, self.weights, strict=True):
            listed = ', '.join(
                f'{name} {weight:.2f}' for name, weight in zip(self.names, weights, strict=True) if weight
            )
            rows.append(listed if self.scale > 1 else f'at noise {255 * level:.0f}/255 {listed}')
        return '; '.join(rows)

    def record(self) -> dict:
        """The stage for a checkpoint, in plain values."""
        return dict(
            scale=self.scale,
            parts=list(self.names),
            levels=self.levels.tolist(),
            weights=self.weights.tolist(),
            kernels=None if self.kernels is None else self.kernels.tolist(),
        )

    @classmethod
    def from_record(cls, record: Mapping) -> RestorationStage:
        """The inverse of :meth:`record`."""
        return cls(**record)


def convex_weights(gram: np.ndarray) -> np.ndarray:
    """Weights w, not negative and with sum 1, that minimise w' G w for a matrix G (n, n) of products of errors."""
    scale = np.trace(gram) / len(gram) or 1.0
    lower = np.linalg.cholesky(gram / scale + 1e-9 * np.eye(len(gram)))
    sum_row = 1e3 * np.ones((1, len(gram)))
    weights = nnls(np.concatenate([lower.T, sum_row]), np.append(np.zeros(len(gram)), 1e3))[0]
    return weights / weights.sum()


def _parts(
    image: np.ndarray, restored: np.ndarray, names: Sequence[str], scale: int, kernels: np.ndarray | None
) -> dict[str, np.ndarray]:
    found = {}
    for name in names:
        if name == NETWORK_PART:
            found[name] = restored
        elif name == INPUT_PART:
            found[name] = image
        elif name == KERNEL_PART and kernels is not None:
            found[name] = enlarge_by_kernels(image, scale, kernels)
        else:
            found[name] = DENOISERS[name](image) if scale == 1 else ENLARGEMENTS[name](image, scale)
    return found
