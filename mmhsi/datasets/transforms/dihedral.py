"""The eight poses of an image: flips and rotations by quarter turns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform

from mmhsi.registry import TRANSFORMS


def dihedral(image: np.ndarray, pose: int) -> np.ndarray:
    """Transform an image into one of its eight poses.

    Args:
        image (np.ndarray): (H, W) or (H, W, C).
        pose (int): 0 keeps it, 1 flips it vertically; 2, 4 and 6 rotate it by 90, 180 and 270 degrees
            counter-clockwise; 3, 5 and 7 rotate it by the same angles and then flip it vertically.

    Returns:
        np.ndarray: A view of shape (H, W, ...), or (W, H, ...) for poses 2, 3, 6 and 7.

    Raises:
        ValueError: If there is no such pose.
    """
    if pose not in range(8):
        raise ValueError(f'the poses are 0 to 7, there is no {pose}')
    image = np.rot90(image, pose // 2)
    return image[::-1] if pose % 2 else image


def check_square(name: str, results: dict, keys: Sequence[str]) -> list[str]:
    """The keys that are present in a sample.

    Raises:
        ValueError: If none is present, or one of the arrays is not square.
    """
    present = [key for key in keys if key in results]
    if not present:
        raise ValueError(f'{name} is to rotate {", ".join(keys)}, but the sample has none of them')
    for key in present:
        height, width = results[key].shape[:2]
        if height != width:
            raise ValueError(f'{name} needs square images, but {key!r} has {height} x {width} pixels')
    return present


@TRANSFORMS.register_module()
class Dihedral(BaseTransform):
    """Transforms all arrays of a sample into the pose of :func:`dihedral` given by the key 'pose' of the sample.

    :class:`mmhsi.datasets.EightPoses` returns each sample in every pose.

    Args:
        keys (Sequence[str]): As those of :class:`RandomDihedral`. Defaults to ('gt', 'img', 'enlarged').

    Raises:
        ValueError: As :class:`RandomDihedral`, and for a sample without a pose.
    """

    only_turns = True

    def __init__(self, keys: Sequence[str] = ('gt', 'img', 'enlarged')):
        self.keys = tuple(keys)

    def transform(self, results: dict) -> dict:
        """Turn the arrays."""
        if 'pose' not in results:
            raise ValueError("Dihedral: the sample has no 'pose'; the dataset EightPoses adds one to each")
        for key in check_square('Dihedral', results, self.keys):
            results[key] = np.ascontiguousarray(dihedral(results[key], results['pose']))
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(keys={self.keys})'


@TRANSFORMS.register_module()
class RandomDihedral(BaseTransform):
    """Transforms all arrays of a sample into the same random pose of :func:`dihedral`.

    The key 'pose' (int) is added, and 'bands_reversed' (bool).

    Args:
        keys (Sequence[str]): Arrays (H, W) or (H, W, C) to change, if present in the sample. They may differ in size,
            as low- and high-resolution images do, but must be square. Defaults to ('img', 'gt_seg_map').
        reverse_prob (float): Probability that the order of the bands of the arrays (H, W, C) is also reversed. The
            published denoising data of HyperSIGMA are made with 0.5; it makes little sense for a network with
            band-specific weights. Defaults to 0.

    Raises:
        ValueError: If an array is not square, or none of the keys is present.
    """

    def __init__(self, keys: Sequence[str] = ('img', 'gt_seg_map'), reverse_prob: float = 0.0):
        if not 0 <= reverse_prob <= 1:
            raise ValueError(f'reverse_prob must lie in [0, 1], not {reverse_prob}')
        self.keys = tuple(keys)
        self.reverse_prob = reverse_prob

    @property
    def only_turns(self) -> bool:
        """Whether the bands keep their order, see :class:`RandomRotate90`."""
        return not self.reverse_prob

    def transform(self, results: dict) -> dict:
        """Transform the arrays and, with probability ``reverse_prob``, reverse their bands."""
        present = check_square('RandomDihedral', results, self.keys)
        pose = int(np.random.randint(8))
        reverse = bool(self.reverse_prob and np.random.rand() < self.reverse_prob)
        for key in present:
            image = dihedral(results[key], pose)
            if reverse and image.ndim == 3:
                image = image[..., ::-1]
            results[key] = np.ascontiguousarray(image)
        results.update(pose=pose, bands_reversed=reverse)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(keys={self.keys}, reverse_prob={self.reverse_prob})'
