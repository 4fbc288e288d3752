"""Label maps of a scene, checked against its size and its classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmhsi.datasets.class_info import IGNORE_INDEX
from mmhsi.datasets.io import read_labels


def merge_label_maps(sources: Sequence[dict | np.ndarray], shape: tuple[int, int], cube_path: str,
                     num_classes: int | None) -> np.ndarray:
    """Read label maps of one scene and lay them over each other, e.g. a training and a test map.

    Args:
        sources (Sequence[dict | np.ndarray]): Dicts of path and key, or arrays; 0 is unlabelled, 1 to K the classes.
        shape (tuple[int, int]): Height and width of the cube.
        cube_path (str): File of the cube, for the message.
        num_classes (int, optional): Number of classes K; None allows any up to 255.

    Returns:
        np.ndarray: int64 array of shape (H, W), as stored.

    Raises:
        FileNotFoundError: If a file is absent.
        ValueError: If a map has another size than the cube, a label beyond K, or contradicts another map.
    """
    merged = np.zeros(shape, dtype=np.int64)
    last = IGNORE_INDEX if num_classes is None else num_classes
    for source in sources:
        if isinstance(source, np.ndarray):
            path, labels = 'the label array', source.astype(np.int64)
        else:
            path, labels = source['path'], read_labels(**source)
        if labels.shape != tuple(shape):
            raise ValueError(f'{path}: the label map has {" x ".join(map(str, labels.shape))} pixels, but the cube of '
                             f'{cube_path} has {shape[0]} x {shape[1]}')
        outside = (labels < 0) | (labels > last)
        if outside.any():
            values = ', '.join(map(str, np.unique(labels[outside])))
            raise ValueError(f'{path}: {np.count_nonzero(outside)} pixels have the label {values}, but labels are 1 to '
                             f'{last}{"" if num_classes is None else " (the classes of the scene)"} or 0 (unlabelled)')
        contradicting = (merged > 0) & (labels > 0) & (merged != labels)
        if contradicting.any():
            raise ValueError(f'{path}: {np.count_nonzero(contradicting)} pixels have another label than in the label '
                             'map that it is laid over')
        np.copyto(merged, labels, where=labels > 0)
    return merged
