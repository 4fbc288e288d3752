"""Uncertainty of a classifier: pictures of the largest probability and of the entropy of each pixel."""

import numpy as np
from matplotlib.figure import Figure

from mmhsi.visualization.heat_map import heat_map_figure


def uncertainty_figures(confidence: np.ndarray, entropy: np.ndarray, name: str, num_classes: int) -> dict[str, Figure]:
    """Pictures of both maps, with fixed limits so that scenes can be compared.

    Args:
        confidence (np.ndarray): (H, W) probability of the predicted class, NaN where there is none.
        entropy (np.ndarray): (H, W) entropy of the class probabilities over its largest value, likewise.
        name (str): Name of the scene.
        num_classes (int): Number of classes K.

    Returns:
        dict[str, Figure]: 'confidence', from 1 / K to 1, and 'entropy', from 0 to 1.
    """
    shown = dict(
        confidence=(confidence, 'confidence', (1 / num_classes, 1.0), 'probability of the predicted class'),
        entropy=(
            entropy,
            'uncertainty',
            (0.0, 1.0),
            f'entropy of the probabilities, 1 if all {num_classes} classes are equally likely',
        ),
    )
    return {
        kind: heat_map_figure(values, f'{name}: {kind}', f'{text}   mean {_mean(values):.3f}', style, limits)
        for kind, (values, style, limits, text) in shown.items()
    }


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float('nan')
