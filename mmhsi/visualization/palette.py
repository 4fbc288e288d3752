"""Colours shared by the pictures: class palettes, the fixed colours of error and change maps, colours of curves."""

from collections.abc import Sequence

import numpy as np

from mmhsi.utils.palette import default_palette

UNLABELLED = (0, 0, 0)
# Okabe and Ito's bluish green and vermilion, which colour-blind readers can distinguish
CORRECT = (0, 158, 115)
WRONG = (213, 94, 0)
NOT_EVALUATED = (226, 226, 226)
# Their yellow, for missed targets
MISSED = (240, 228, 66)
# Unlike any colour of a heat map
NO_SCORE = (84, 92, 130)
# The usual colours of change maps
TRUE_CHANGE, TRUE_UNCHANGED, FALSE_CHANGE, MISSED_CHANGE = (255, 255, 255), (0, 0, 0), (255, 0, 0), (0, 255, 0)
UNLABELLED_CHANGE = (128, 128, 128)
# Okabe and Ito's colours that are dark enough for lines on white
LINES = ((0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233), (230, 159, 0), (0, 0, 0))
_STYLES = ('-', '--', ':', '-.')


def line_styles(number: int, width: float) -> list[dict]:
    """Arguments of Matplotlib for a number of lines that can be distinguished: colour, style, and width in points."""
    return [
        dict(
            color=np.divide(LINES[index % len(LINES)], 255),
            linewidth=width,
            linestyle=_STYLES[index // len(LINES) % len(_STYLES)],
        )
        for index in range(number)
    ]


def resolve_palette(palette: Sequence | np.ndarray | None, num_classes: int) -> np.ndarray:
    """Check a palette or supply the default one.

    Args:
        palette (Sequence, optional): K RGB colours, 0 .. 255. None takes :func:`mmhsi.utils.palette.default_palette`.
        num_classes (int): Number of classes K.

    Returns:
        np.ndarray: (K, 3) uint8 RGB.

    Raises:
        ValueError: If the palette does not hold K colours of three values in 0 .. 255.
    """
    if palette is None:
        return default_palette(num_classes)
    colours = np.asarray(palette)
    if colours.shape != (num_classes, 3) or colours.min() < 0 or colours.max() > 255:
        raise ValueError(f'a palette of {num_classes} RGB colours in 0 .. 255 is expected, found shape {colours.shape}')
    return colours.astype(np.uint8)
