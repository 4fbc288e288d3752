"""Label maps of a scene, checked against its size and its classes, and the codes of classes in files."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence

import numpy as np
from mmengine.logging import print_log

from mmhsi.datasets.class_info import IGNORE_INDEX
from mmhsi.datasets.io import CubeInfo, read_labels
from mmhsi.datasets.io.class_names import class_names
from mmhsi.datasets.io.labels import whole_labels
from mmhsi.utils.text import listed

_MOST_UNNAMED = 99
_LARGE = 50  # above, a number far from the others is a code such as 99
# names of 0 in files
_UNLABELLED = re.compile(r'un|none|no[ _-]?data|no[ _-]?class|not |background|mask|ignore|other|0$', re.IGNORECASE)
_NO_DATA = -1  # marks unlabelled pixels if 0 is the code of a class


def resolve_codes(label_codes: Mapping[str, int | Sequence[int]], classes: Sequence[str] | None) -> dict[int, int]:
    """Numbers 1 to K of the classes by their codes in a label file.

    Args:
        label_codes (Mapping[str, int | Sequence[int]]): Code or codes, at least 0, by class name.
        classes (Sequence[str], optional): The K class names.

    Returns:
        dict[int, int]: Number of the class by code; 0 (unlabelled) for the code 0 unless it belongs to a class.

    Raises:
        ValueError: If a name is not a class, or a code is negative or belongs to two classes.
    """
    if classes is None:
        raise ValueError('label_codes go with class names: give classes too')
    numbers: dict[int, int] = {}
    for name, codes in label_codes.items():
        if name not in classes:
            raise ValueError(f'label_codes name the class {name!r}, but the classes are {", ".join(classes)}')
        for code in (codes,) if np.ndim(codes) == 0 else codes:
            if code < 0 or code in numbers:
                raise ValueError(
                    f'label_codes: code {code} of class {name!r} is '
                    f'{"negative" if code < 0 else "the code of another class too"}'
                )
            numbers[int(code)] = list(classes).index(name) + 1
    return {0: 0, **numbers}


def names_in_files(paths: Sequence[str], count: int) -> tuple[str, ...]:
    """Names of the classes 1 to ``count`` that label maps state; 'class 1' and so on where there are none.

    A name of 0 that is not one of unlabelled pixels is told, because 0 counts as unlabelled.
    """
    for path in paths:
        found = class_names(path)
        names = [found.get(value, f'class {value}') for value in range(1, count + 1)]
        if len(set(names)) < count or not any(value in found for value in range(1, count + 1)):
            continue
        if found.get(0) and not _UNLABELLED.match(found[0]):
            print_log(
                f'{path}: 0 is named {found[0]!r}, but counts as unlabelled; label_codes=dict(...) make it a class',
                'current',
                logging.WARNING,
            )
        return tuple(names)
    return tuple(f'class {value}' for value in range(1, count + 1))


def _recode(labels: np.ndarray, codes: Mapping[int, int], path: str) -> np.ndarray:
    recoded = np.zeros_like(labels)
    unknown = labels != _NO_DATA
    for code, number in codes.items():
        found = labels == code
        recoded[found] = number
        unknown &= ~found
    if unknown.any():
        values = ', '.join(map(str, np.unique(labels[unknown])[:8]))
        raise ValueError(
            f'{path}: {np.count_nonzero(unknown)} pixels have the label {values}, but the codes of the '
            f'classes and of unlabelled pixels are {", ".join(map(str, sorted(codes)))}'
        )
    return recoded


def _check_numbering(labels: np.ndarray, path: str) -> None:
    """Without class names the largest label is the number of classes, so it must not be a special code."""
    used = np.unique(labels[labels > 0])
    apart = used.size > 1 and used[-1] > _LARGE and used[-1] > 2 * used[-2]
    if used.size and (used[-1] > _MOST_UNNAMED or apart) and used[-1] > 2 * used.size:
        raise ValueError(
            f'{path}: the labels go up to {used[-1]}, but {used.size} numbers are used ({listed(used, 8)}); name '
            f'the classes, with label_codes if they are not 1 to K, or say that {used[-1]} means '
            f'unlabelled: labels=dict(path=..., ignore={used[-1]})'
        )


def merge_label_maps(
    sources: Sequence[dict | np.ndarray],
    cube: CubeInfo,
    num_classes: int | None,
    codes: Mapping[int, int] | None = None,
    classes: Sequence[str] | None = None,
) -> np.ndarray:
    """Read and overlay label maps of one scene, e.g. a training and a test map.

    Args:
        sources (Sequence[dict | np.ndarray]): Dicts of path and key, or arrays; 0 is unlabelled, 1 to K the classes. A
            dict with 'codes' has its own codes, by class name as in :func:`resolve_codes`.
        cube (CubeInfo): Description of the cube, for size and georeference.
        num_classes (int, optional): Number of classes K; None allows any up to 255.
        codes (Mapping[int, int], optional): Numbers of the classes by code, from :func:`resolve_codes`.
        classes (Sequence[str], optional): The class names, for sources with their own codes.

    Returns:
        np.ndarray: int64 array of shape (H, W), 0 unlabelled and 1 to K.

    Raises:
        FileNotFoundError: If a file is absent.
        ValueError: If a map differs in size or georeference from the cube, has a label beyond K, or contradicts another
            map; or, without a number of classes, if the largest label seems to be a code (255).
    """
    shape = cube.shape[:2]
    merged = np.zeros(shape, dtype=np.int64)
    last = IGNORE_INDEX if num_classes is None else num_classes
    for source in sources:
        own_codes = codes
        if isinstance(source, np.ndarray):
            path = 'the label array'
            labels = whole_labels(source, path)
        else:
            source = dict(source)
            if 'codes' in source:
                own_codes = resolve_codes(source.pop('codes'), classes)
            path = source['path']
            labels = read_labels(**source, unlabelled=0 if own_codes is None else _NO_DATA, ground=cube)
        if labels.shape != shape:
            raise ValueError(
                f'{path}: the label map has {" x ".join(map(str, labels.shape))} pixels, but the cube of '
                f'{cube.path} has {shape[0]} x {shape[1]}'
            )
        if own_codes is not None:
            labels = _recode(labels, own_codes, path)
        outside = (labels < 0) | (labels > last)
        if outside.any():
            values = ', '.join(map(str, np.unique(labels[outside])))
            raise ValueError(
                f'{path}: {np.count_nonzero(outside)} pixels have the label {values}, but labels are 1 to '
                f'{last}{"" if num_classes is None else " (the classes of the scene)"} or 0 (unlabelled)'
            )
        if num_classes is None and codes is None:
            _check_numbering(labels, path)
        contradicting = (merged > 0) & (labels > 0) & (merged != labels)
        if contradicting.any():
            raise ValueError(
                f'{path}: {np.count_nonzero(contradicting)} pixels have another label than in the label '
                'map that it is laid over'
            )
        np.copyto(merged, labels, where=labels > 0)
    return merged
