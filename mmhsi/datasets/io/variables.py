"""Choosing one of several arrays of a file, and identifying its axes of rows, columns and bands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from .errors import CubeReadError

Key = str | Sequence[str] | None

_MAX_LISTED = 20
# classes of numeric MATLAB arrays
NUMERIC_CLASSES = (
    'double',
    'single',
    'logical',
    'int8',
    'int16',
    'int32',
    'int64',
    'uint8',
    'uint16',
    'uint32',
    'uint64',
)
# axes of rows, columns and bands
AXES = {'hwc': (0, 1, 2), 'chw': (1, 2, 0), 'bil': (0, 2, 1)}


@dataclass(frozen=True)
class Dimension:
    """Description of one axis of an array in a file.

    Args:
        name (str): Its name.
        coordinate (str, optional): The array that holds its coordinates.
        attributes (Mapping): Attributes of that array.
    """

    name: str
    coordinate: str | None = None
    attributes: Mapping = field(default_factory=dict)


@dataclass(frozen=True)
class Variable:
    """Description of an array in a file before it is read.

    Args:
        shape (tuple[int]): Shape as seen by the user (MATLAB's order for a MATLAB file).
        kind (str): 'numeric', or another type ('cell', 'char', 'complex128', 'object' ...).
    """

    shape: tuple[int, ...]
    kind: str = 'numeric'

    @property
    def numeric(self) -> bool:
        return self.kind == 'numeric'

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=object))

    @property
    def is_vector(self) -> bool:
        """Whether it is a list of numbers, which MATLAB stores as a matrix of one row or column."""
        return self.size > 1 and max(self.shape) == self.size


def kind_of(dtype: np.dtype) -> str:
    """'numeric' for real numbers and booleans, else the name of the type."""
    if dtype.kind in 'biuf':
        return 'numeric'
    return {'O': 'object', 'V': 'record', 'S': 'text', 'U': 'text'}.get(dtype.kind, dtype.name)


def quoted(name: str) -> str:
    """Name of an array in messages; that of an .npy file has none."""
    return f"'{name}'" if name else 'the array'


def _list(variables: Mapping[str, Variable]) -> str:
    parts = [
        f"'{name}' {variable.shape}" + ('' if variable.numeric else f' {variable.kind}')
        for name, variable in variables.items()
    ]
    if len(parts) > _MAX_LISTED:
        parts = [*parts[:_MAX_LISTED], f'and {len(parts) - _MAX_LISTED} more']
    return ', '.join(parts) or 'no arrays'


def select_variable(path: str, variables: Mapping[str, Variable], key: Key, ndim: int) -> str:
    """Choose the array to read.

    With a key, it is the first of the names that exists in the file. Without one, it is the only numeric array with
    ``ndim`` axes; 2-D arrays with a single row or column do not count, since MATLAB stores every number and vector as a
    matrix.

    Args:
        path (str): The file, for messages.
        variables (Mapping[str, Variable]): The arrays of the file.
        key (str | Sequence[str], optional): Name, or candidate names in order of preference.
        ndim (int): 3 for a cube, 2 for a map.

    Returns:
        str: The name of the array.

    Raises:
        CubeReadError: If there is no such array, it is not numeric, or the choice is not unique.
    """
    if key is not None:
        names = [key] if isinstance(key, str) else list(key)
        found = [name for name in names if name in variables]
        if not found:
            wanted = ', '.join(f"'{name}'" for name in names)
            missing = f'key {wanted} not found' if len(names) == 1 else f'none of the keys {wanted} found'
            raise CubeReadError(f'{path}: {missing}; the file holds {_list(variables)}')
        if not variables[found[0]].numeric:
            raise CubeReadError(
                f'{path}: {quoted(found[0])} is of type {variables[found[0]].kind}, expected real numbers'
            )
        return found[0]
    images = {name: variable for name, variable in variables.items() if variable.numeric and variable.size > 1}
    matching = [
        name
        for name, variable in images.items()
        if len(variable.shape) == ndim and (ndim != 2 or min(variable.shape) > 1)
    ] or [name for name, variable in images.items() if _has_spare_axes(variable.shape, ndim)]
    if len(matching) != 1:
        count = 'several numeric' if matching else 'no numeric'
        raise CubeReadError(
            f'{path}: {count} {ndim}-D arrays to choose from, name one by key; the file holds {_list(variables)}'
        )
    pixel_list = larger_pixel_list(variables, matching[0]) if ndim == 3 else None
    if pixel_list is not None:
        height, width = pixel_list[1]
        raise CubeReadError(
            f'{path}: {quoted(matching[0])} {variables[matching[0]].shape} is the only 3-D array, but '
            f'{quoted(pixel_list[0])} {variables[pixel_list[0]].shape} lists as many pixels with more bands, as '
            f'files of unmixing do: say which is the cube, key={matching[0]!r} or key={pixel_list[0]!r} with '
            f'size=({height}, {width})'
        )
    return matching[0]


def _has_spare_axes(shape: tuple[int, ...], ndim: int) -> bool:
    """Whether an array is an image but for axes of length one."""
    return 0 < len(shape) - ndim <= shape.count(1) and len(shape) - shape.count(1) >= 2


def single_axes(shape: tuple[int, ...], ndim: int, spare: Sequence[bool]) -> list[int]:
    """Axes of length one that an array has besides those of an image, such as a single time.

    Args:
        shape (tuple[int]): Shape of the array.
        ndim (int): Number of axes of the image.
        spare (Sequence[bool]): For each axis, whether it is none of the image by its name.

    Returns:
        list[int]: The axes, ascending; none if the array has too few of length one.
    """
    single = [axis for axis, length in enumerate(shape) if length == 1]
    count = len(shape) - ndim
    if count < 1 or len(single) < count:
        return []
    return sorted(sorted(single, key=lambda axis: not spare[axis])[:count])


def larger_pixel_list(variables: Mapping[str, Variable], name: str) -> tuple[str, tuple[int, int]] | None:
    """A matrix that lists all pixels of an array with three axes, with more bands than this has.

    Args:
        variables (Mapping[str, Variable]): What the file holds.
        name (str): Name of the array with three axes, which may be abundances.

    Returns:
        tuple[str, tuple[int, int]] | None: Name of the matrix, and the height and width of the image.
    """
    shape = variables[name].shape
    for size, bands in ((shape[:2], shape[2]), (shape[1:], shape[0])):
        pixels = size[0] * size[1]
        for other, variable in variables.items():
            if variable.numeric and len(variable.shape) == 2 and pixels in variable.shape:
                found = variable.shape[0] if variable.shape[1] == pixels else variable.shape[1]
                if found > bands and bands < min(size):
                    return other, (int(size[0]), int(size[1]))
    return None


def check_shape(path: str, shape: tuple[int, ...], ndim: int, layout: str, name: str) -> None:
    """Refuse an array that is not an image.

    A matrix is refused with the layout 'auto', since it may be a list of spectra. With another layout the user has said
    that it is an image, and a matrix is an image of one band (MATLAB drops a last axis of length one).

    Args:
        path (str): The file, for messages.
        shape (tuple[int]): Shape of the array.
        ndim (int): 3 for a cube, 2 for a map.
        layout (str): The layout given by the user.
        name (str): Name of the array, for messages.

    Raises:
        CubeReadError: If the array has other axes, or is empty.
    """
    what = f'{path}: {quoted(name)} has shape {shape}'
    if ndim == 2 and len(shape) != 2:
        raise CubeReadError(f'{what}, expected two axes: rows, columns')
    if ndim == 3 and len(shape) != 3 and (len(shape) != 2 or layout == 'auto'):
        hint = "; for an image of one band say layout='hwc'" if len(shape) == 2 else ''
        raise CubeReadError(f'{what}, expected three axes: rows, columns, bands{hint}')
    if 0 in shape:
        raise CubeReadError(f'{path}: {quoted(name)} is empty, its shape is {shape}')
