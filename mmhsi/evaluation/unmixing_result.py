"""The result of unmixing one scene: its endmembers, its abundance maps, and their errors."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mmhsi.evaluation.functional.unmixing import (
    abundance_mse,
    match_endmembers,
    reconstruction_angles,
    reconstruction_rmse,
    spectral_angles,
    unmixing_scores,
)
from mmhsi.utils.files import json_number

TRUTH_NAMES = ('mSAD', 'aMSE', 'aRMSE', 'RMSE_overall')
RECONSTRUCTION_NAMES = ('reconstruction_RMSE', 'reconstruction_angle')
_PER_ENDMEMBER = ('SAD', 'MSE', 'RMSE')


@dataclass
class UnmixingResult:
    """Endmembers and abundances of one scene and their evaluation.

    Attributes:
        name (str): Name of the scene.
        endmembers (np.ndarray): Estimated endmembers, float64 (P, C), in the order of the true ones if they are known.
        abundances (np.ndarray): Estimated abundances, float64 (P, H, W), in the same order; NaN where nothing was
            predicted or the scene holds no data.
        true_endmembers (np.ndarray, optional): float64 (P, C).
        true_abundances (np.ndarray, optional): float64 (P, H, W).
        order (np.ndarray): int64 (P,), original indices of the estimated endmembers.
        scores (dict): ``reconstruction_RMSE`` (in the units of the scene) and ``reconstruction_angle`` (mean spectral
            angle of pixel and mixture, radians); with ground truth, the scores of
            :func:`~mmhsi.evaluation.functional.unmixing_scores`, the scores of each endmember as arrays (P,).
        angles (np.ndarray): Spectral angle of each pixel and its mixture, float64 (H, W), radians, NaN as above.
        names (tuple[str, ...]): Names of the endmembers.
        settings (dict): Facts worth keeping with the result, e.g. the method and its parameters.
    """

    name: str
    endmembers: np.ndarray
    abundances: np.ndarray
    true_endmembers: np.ndarray | None
    true_abundances: np.ndarray | None
    order: np.ndarray
    scores: dict
    angles: np.ndarray
    names: tuple[str, ...]
    settings: dict = field(default_factory=dict)

    @classmethod
    def evaluate(
        cls,
        name: str,
        endmembers: np.ndarray,
        abundances: np.ndarray,
        cube: np.ndarray,
        valid: np.ndarray | None = None,
        true_endmembers: np.ndarray | None = None,
        true_abundances: np.ndarray | None = None,
        names: Sequence[str] | None = None,
        matching: str = 'greedy',
        settings: dict | None = None,
    ) -> 'UnmixingResult':
        """Bring estimated endmembers into the order of the true ones, and score them and the abundances.

        Endmembers are matched by their spectral angles; if only the abundances are known, by the mean squared
        difference of the maps. Pixels without data or without abundances are left out.

        Args:
            name (str): Name of the scene.
            endmembers (np.ndarray): (P, C).
            abundances (np.ndarray): (P, H, W), NaN where nothing was predicted.
            cube (np.ndarray): The scene, (H, W, C).
            valid (np.ndarray, optional): bool (H, W), True where there is data. By default everywhere.
            true_endmembers (np.ndarray, optional): (P, C).
            true_abundances (np.ndarray, optional): (P, H, W).
            names (Sequence[str], optional): Names of the endmembers. By default they are numbered.
            matching (str): 'greedy' or 'hungarian', see
                :func:`~mmhsi.evaluation.functional.match_endmembers`. Defaults to 'greedy'.
            settings (dict, optional): Kept with the result. Defaults to None.

        Returns:
            UnmixingResult: The evaluated result.

        Raises:
            ValueError: If shapes do not belong together, the numbers of endmembers differ, or a value is NaN or
                infinite.
        """
        endmembers, abundances = np.array(endmembers, np.float64), np.array(abundances, np.float64)
        if abundances.ndim != 3 or abundances.shape[1:] != cube.shape[:2] or len(abundances) != len(endmembers):
            raise ValueError(
                f'scene {name}: abundances {abundances.shape} do not belong to {len(endmembers)} '
                f'endmembers and a scene of {cube.shape[0]} x {cube.shape[1]} pixels'
            )
        names = tuple(names) if names else tuple(f'endmember {number + 1}' for number in range(len(endmembers)))
        evaluated = np.isfinite(abundances).all(axis=0) & (True if valid is None else valid)
        abundances[:, ~evaluated] = np.nan
        angles = np.full(evaluated.shape, np.nan)
        scores: dict = dict.fromkeys(RECONSTRUCTION_NAMES, np.nan)
        order = np.arange(len(endmembers))
        try:
            if evaluated.any():
                known, pixels = abundances[:, evaluated], cube[evaluated]
                truth = None if true_abundances is None else true_abundances[:, evaluated]
                angles[evaluated] = reconstruction_angles(pixels, endmembers, known)
                scores.update(
                    reconstruction_RMSE=reconstruction_rmse(pixels[None], endmembers, known[:, None]),
                    reconstruction_angle=float(angles[evaluated].mean()),
                )
                found, order = _truth_scores(endmembers, true_endmembers, known, truth, matching)
                scores.update(found)
        except ValueError as error:
            raise ValueError(f'scene {name}: {error}') from error
        if len(names) != len(order):
            raise ValueError(
                f'scene {name}: {len(order)} endmembers are found, but there are {len(names)} names: {", ".join(names)}'
            )
        return cls(
            name,
            endmembers[order],
            abundances[order],
            true_endmembers,
            true_abundances,
            order,
            scores,
            angles,
            names,
            dict(settings or {}, matching=matching),
        )

    @classmethod
    def of_scene(
        cls,
        scene,
        endmembers: np.ndarray,
        abundances: np.ndarray,
        matching: str = 'greedy',
        settings: dict | None = None,
    ) -> 'UnmixingResult':
        """Evaluate endmembers (P, C) and abundances (P, H, W) on an ``UnmixingScene``; see :meth:`evaluate`."""
        return cls.evaluate(
            scene.name,
            endmembers,
            abundances,
            scene.window(0, 0, scene.height, scene.width),
            scene.valid,
            scene.endmembers,
            scene.abundances,
            scene.classes,
            matching,
            settings,
        )

    def summary(self) -> dict:
        """Describe the result in plain Python values, ready for JSON.

        Returns:
            dict: The scores by name, None where they are undefined; ``endmembers``, one dict per endmember with its
            name, its original index, and its scores; ``counts`` of pixels of the scene and evaluated ones;
            ``settings``.
        """
        summary: dict = {
            key: json_number(self.scores[key]) for key in (*TRUTH_NAMES, *RECONSTRUCTION_NAMES) if key in self.scores
        }
        summary['endmembers'] = [
            {
                'name': label,
                'number': int(number),
                **{key: json_number(self.scores[key][index]) for key in _PER_ENDMEMBER if key in self.scores},
            }
            for index, (label, number) in enumerate(zip(self.names, self.order, strict=True))
        ]
        summary['counts'] = {
            'pixels': int(self.angles.size),
            'evaluated': int(np.count_nonzero(np.isfinite(self.angles))),
        }
        summary['settings'] = self.settings
        return summary


def _truth_scores(
    endmembers: np.ndarray,
    true_endmembers: np.ndarray | None,
    abundances: np.ndarray,
    true_abundances: np.ndarray | None,
    matching: str,
) -> tuple[dict, np.ndarray]:
    """Scores and order of endmembers (P, C) and abundances (P, N), if there is ground truth."""
    if true_abundances is None:
        if true_endmembers is None:
            return {}, np.arange(len(endmembers))
        angles = spectral_angles(endmembers, true_endmembers)
        order = match_endmembers(angles, matching)
        found = angles[order, np.arange(len(order))]
        return {'SAD': found, 'mSAD': float(found.mean())}, order
    if true_endmembers is not None:
        scores: dict = unmixing_scores(
            endmembers, true_endmembers, abundances[:, None], true_abundances[:, None], matching
        )
        return scores, scores.pop('order')
    differences = ((abundances[:, None] - true_abundances[None]) ** 2).mean(axis=-1)
    order = match_endmembers(differences, matching)
    error = abundance_mse(abundances[order][:, None], true_abundances[:, None])
    root = np.sqrt(error)
    return dict(
        MSE=error,
        RMSE=root,
        aMSE=float(error.mean()),
        aRMSE=float(root.mean()),
        RMSE_overall=float(np.sqrt(error.mean())),
    ), order
