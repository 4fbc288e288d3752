"""Maps of correct and wrong pixels of a classification."""

import numpy as np
from matplotlib.figure import Figure

from mmhsi.utils.labels import IGNORE_INDEX
from mmhsi.visualization.figure import LegendEntry, image_figure
from mmhsi.visualization.palette import CORRECT, NOT_EVALUATED, WRONG


def colour_errors(prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Paint correct, wrong and not evaluated pixels.

    Args:
        prediction (np.ndarray): (H, W) predicted classes.
        target (np.ndarray): (H, W) true classes, 255 where nothing is evaluated.

    Returns:
        np.ndarray: (H, W, 3) uint8 RGB in the colours ``CORRECT``, ``WRONG`` and ``NOT_EVALUATED`` of
        :mod:`mmhsi.visualization.palette`.

    Raises:
        ValueError: If the maps differ in size.
    """
    prediction, target = np.asarray(prediction), np.asarray(target)
    if prediction.shape != target.shape:
        raise ValueError(f'prediction {prediction.shape} and target {target.shape} differ in size')
    evaluated = target != IGNORE_INDEX
    image = np.empty((*target.shape, 3), np.uint8)
    image[:] = NOT_EVALUATED
    image[evaluated & (prediction == target)] = CORRECT
    image[evaluated & (prediction != target)] = WRONG
    return image


def error_map_figure(prediction: np.ndarray, target: np.ndarray, title: str = '') -> Figure:
    """Show where a prediction is correct, wrong and not evaluated, with the number of pixels of each.

    Args:
        prediction (np.ndarray): (H, W) predicted classes.
        target (np.ndarray): (H, W) true classes, 255 where nothing is evaluated.
        title (str): Bold first line. Defaults to ''.

    Returns:
        Figure: The figure.
    """
    image = colour_errors(prediction, target)
    evaluated = int(np.count_nonzero(np.asarray(target) != IGNORE_INDEX))
    correct = int(np.count_nonzero((image == CORRECT).all(axis=-1)))
    legend = [
        LegendEntry('correct', CORRECT, f'{correct:,}'),
        LegendEntry('wrong', WRONG, f'{evaluated - correct:,}'),
        LegendEntry('not evaluated', NOT_EVALUATED, f'{image.shape[0] * image.shape[1] - evaluated:,}'),
    ]
    share = f' ({100 * correct / evaluated:.1f} %)' if evaluated else ''
    return image_figure(image, title, f'{correct:,} of {evaluated:,} evaluated pixels correct{share}', legend)
