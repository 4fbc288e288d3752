"""Class names and map colours of the public scenes, and the label convention of mmhsi."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmhsi.utils.labels import IGNORE_INDEX

Color = tuple[int, int, int]

BLACK_AND_WHITE: tuple[Color, ...] = ((0, 0, 0), (255, 255, 255))
"""Colours of background and target, of unchanged and changed."""

# The usual colours of Indian Pines (the first 16) and the WHU-Hi scenes (all 22); the 16th is olive instead of (238, 0,
# 0), which is too similar to the first.
_COLORS_22: tuple[Color, ...] = (
    (255, 0, 0),
    (0, 255, 0),
    (0, 0, 255),
    (255, 255, 0),
    (0, 255, 255),
    (255, 0, 255),
    (176, 48, 96),
    (46, 139, 87),
    (160, 32, 240),
    (255, 127, 80),
    (127, 255, 212),
    (218, 112, 214),
    (160, 82, 45),
    (127, 255, 0),
    (216, 191, 216),
    (128, 128, 0),
    (238, 154, 0),
    (85, 26, 139),
    (0, 139, 0),
    (37, 58, 150),
    (47, 78, 161),
    (123, 18, 20),
)


@dataclass(frozen=True)
class ClassInfo:
    """Names and colours of the classes of a scene.

    Attributes:
        classes (tuple[str, ...]): K names; the i-th is the class with the number i + 1 in the label file.
        palette (tuple[tuple[int, int, int], ...]): K RGB colours, 0 to 255.
    """

    classes: tuple[str, ...]
    palette: tuple[Color, ...]


def _info(names: str, palette: tuple[Color, ...] | None = None) -> ClassInfo:
    classes = tuple(name.strip() for name in names.split(','))
    return ClassInfo(classes, palette or _COLORS_22[: len(classes)])


CLASS_INFO: dict[str, ClassInfo] = {
    'indian_pines': _info(
        'Alfalfa, Corn-notill, Corn-mintill, Corn, Grass-pasture, Grass-trees, '
        'Grass-pasture-mowed, Hay-windrowed, Oats, Soybean-notill, Soybean-mintill, Soybean-clean, '
        'Wheat, Woods, Buildings-Grass-Trees-Drives, Stone-Steel-Towers'
    ),
    'pavia_university': _info(
        'Asphalt, Meadows, Gravel, Trees, Painted metal sheets, Bare soil, Bitumen, Self-blocking bricks, Shadows',
        (
            (216, 191, 216),
            (0, 255, 0),
            (0, 255, 255),
            (45, 138, 86),
            (255, 0, 255),
            (255, 165, 0),
            (159, 31, 239),
            (255, 0, 0),
            (255, 255, 0),
        ),
    ),
    'hanchuan': _info(
        'Strawberry, Cowpea, Soybean, Sorghum, Water spinach, Watermelon, Greens, Trees, Grass, '
        'Red roof, Gray roof, Plastic, Bare soil, Road, Bright object, Water'
    ),
    'honghu': _info(
        'Red roof, Road, Bare soil, Cotton, Cotton firewood, Rape, Chinese cabbage, Pakchoi, Cabbage, '
        'Tuber mustard, Brassica parachinensis, Brassica chinensis, Small Brassica chinensis, '
        'Lactuca sativa, Celtuce, Film-covered lettuce, Romaine lettuce, Carrot, White radish, '
        'Garlic sprout, Broad bean, Tree'
    ),
    'houston2013': _info(
        'Healthy grass, Stressed grass, Synthetic grass, Trees, Soil, Water, Residential, '
        'Commercial, Road, Highway, Railway, Parking lot 1, Parking lot 2, Tennis court, '
        'Running track'
    ),
    # the official code numbers these classes without naming them
    'xiongan': _info(', '.join(f'class {number}' for number in range(1, 21))),
    'zy1_02d': _info(
        'Reed, Spartina alterniflora, Salt filter pond, Salt evaporation pond, Dry pond, Tamarisk, '
        'Salt pan, Seepweed, River, Sea, Mudbank, Tidal creek, Fallow land, Ecological restoration pond, '
        'Robinia, Fishpond, Pit pond, Building, Bare land, Paddy field, Cotton, Soybean, Corn',
        (*_COLORS_22, (240, 230, 140)),
    ),
}
"""Class names and colours by the name of the scene."""


def get_class_info(name: str) -> ClassInfo:
    """Class names and colours of a public scene.

    Args:
        name (str): One of the keys of :data:`CLASS_INFO`.

    Returns:
        ClassInfo: The names and colours.

    Raises:
        ValueError: If the name is unknown.
    """
    if name not in CLASS_INFO:
        raise ValueError(f'no class names are known for the scene {name!r}; known are {", ".join(CLASS_INFO)}')
    return CLASS_INFO[name]


def resolve_classes(
    classes: Sequence[str] | str | None, palette: Sequence[Sequence[int]] | None
) -> tuple[tuple[str, ...] | None, tuple[Color, ...] | None]:
    """Check names and colours given by a user against each other.

    Args:
        classes (Sequence[str] | str, optional): The names, or the name of a public scene.
        palette (Sequence[Sequence[int]], optional): RGB colours. By default those of the public scene.

    Returns:
        tuple[tuple[str, ...] | None, tuple[tuple[int, int, int], ...] | None]: Names and colours, None if not known.

    Raises:
        ValueError: If there are no or more than 255 classes, duplicate names, or the number of colours differs.
    """
    if isinstance(classes, str):
        info = get_class_info(classes)
        classes, palette = info.classes, info.palette if palette is None else palette
    if classes is not None and not 1 <= len(classes) <= IGNORE_INDEX:
        raise ValueError(f'a scene has 1 to {IGNORE_INDEX} classes, not {len(classes)}')
    repeated = sorted({name for name in classes or () if list(classes).count(name) > 1})
    if repeated:
        raise ValueError(f'the classes {", ".join(map(repr, repeated))} are named twice')
    if classes is not None and palette is not None and len(classes) != len(palette):
        raise ValueError(f'there are {len(classes)} classes, but {len(palette)} colours')
    return (
        None if classes is None else tuple(classes),
        None if palette is None else tuple(tuple(int(value) for value in color) for color in palette),
    )
