"""What a user asks for, and what is decided: the request and the plan of a dataset file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from mmhsi.analysis.init_scene.found_cube import FoundCube
from mmhsi.analysis.init_scene.found_labels import FoundLabels


@dataclass
class Request:
    """The request of the user.

    Attributes:
        paths (list[str]): Files of the scene and of its labels, absolute.
        task (str): Name of the task.
        name (str, optional): Name of the scene.
        key (Sequence[str], optional): Name of the cube in its file, or that of each of two dates.
        layout, size: Of the cube, see :func:`find_cube`.
        labels_key (str, optional): Name of the label map in its file.
        classes (list[str], optional): Names of the classes, in ascending order of their labels.
        target_spectrum, target_name (str, optional): File of the target spectrum, and its name in it.
        endmembers (int, optional): Number of endmembers.
        scale (int): Factor of super-resolution.
        folder (str): Folder that the files are written to.
        wavelengths (tuple[float, float], optional): Of the first and the last band, in nm.
    """

    paths: list[str]
    task: str
    name: str | None = None
    key: Sequence[str] | None = None
    layout: str | None = None
    size: tuple[int, int] | None = None
    labels_key: str | None = None
    classes: list[str] | None = None
    target_spectrum: str | None = None
    target_name: str | None = None
    endmembers: int | None = None
    scale: int = 2
    folder: str = '.'
    wavelengths: tuple[float, float] | None = None


@dataclass
class Plan:
    """The files to be written.

    Attributes:
        name (str): Name of the scene.
        root (str): Folder that the paths start from.
        cubes (list[FoundCube]): The cube, or those of two dates.
        labels (FoundLabels | None): The labels.
        labels_given (str): Their file, or the folder or pattern of those of several scenes.
        label_files (list[str]): The file of each scene, if they have files of their own.
        scene (list[tuple[str, object, str]]): Arguments of the scene: name, value, reason.
        numbers (list[tuple[str, object, str]]): Other values that the config takes from the dataset file, in the same
            form.
        files (dict[str, str]): Further files by name, in the folder of the dataset file.
        notes (list[str]): Messages for the user.
        scored (bool): Whether there is ground truth for scores.
        places (bool): Whether the scene stands for many, one in each folder.
    """

    name: str
    root: str
    cubes: list[FoundCube]
    labels: FoundLabels | None = None
    labels_given: str = ''
    label_files: list[str] = field(default_factory=list)
    scene: list[tuple[str, object, str]] = field(default_factory=list)
    numbers: list[tuple[str, object, str]] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    scored: bool = True
    places: bool = False

    @property
    def cube(self) -> FoundCube:
        """The first cube."""
        return self.cubes[0]

    @property
    def left_out(self) -> list[int | tuple[int, int]]:
        """Bands of the file to leave out, as spans; empty if the file itself marks them all."""
        each = [member for cube in self.cubes for member in cube.members or (cube,)]
        without = {band for cube in each for band in cube.without_data}
        marked = [cube.marked_bad for cube in each]
        if not without and all(bands == marked[0] for bands in marked):
            return []  # marked bands are left out anyway
        return _spans(sorted(without.union(*marked)))


def _spans(bands: Sequence[int]) -> list[int | tuple[int, int]]:
    spans: list[list[int]] = []
    for band in bands:
        if spans and band == spans[-1][1] + 1:
            spans[-1][1] = band
        else:
            spans.append([band, band])
    return [first if first == last else (first, last) for first, last in spans]


def identifier(name: str) -> str:
    """The name of a scene as a Python identifier."""
    plain = re.sub(r'\W+', '_', name).strip('_').lower()
    return plain if plain and not plain[0].isdigit() else f'scene_{plain}'
