"""Golden cases: a JSON description and its tensors, in any of three formats."""

import json
import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file
from torch import Tensor

GOLDEN_ROOT = Path(os.environ.get('MMHSI_GOLDEN', Path(__file__).parents[2] / '../shared/golden'))


def as_tensors(arrays: dict[str, np.ndarray]) -> dict[str, Tensor]:
    return {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in arrays.items()}


@dataclass(frozen=True)
class GoldenCase:
    """One case; ``json`` is the description, ``tensors`` maps a name to an array.

    The cases of backbones, of whole networks and of the low-level tasks name their tensors in three ways; ``state``,
    ``inputs`` and ``outputs`` are the same for all.
    """

    path: Path
    json: dict

    @property
    def references(self) -> list[str]:
        """The official classes or functions named in the description, as ``file:name`` without spaces.

        The low-level cases name files and a class; those without a class are distinguished by their kind.
        """
        if 'reference' in self.json:
            return [self.json['reference'].replace(' ', '')]
        name = self.json.get('reference_class', self.json.get('kind'))
        return [f'{file}:{name}'.replace(' ', '') for file in self.json.get('reference_files', [''])]

    @property
    def reference(self) -> str:
        """The first of ``references``, without the arguments that some give."""
        return re.sub(r'\(\w+=.*\)$', '', self.references[0])

    @property
    def file(self) -> str:
        return self.reference.split(':')[0]

    @property
    def class_name(self) -> str:
        return self.reference.split(':')[1].split('.')[0]

    @property
    def method(self) -> str | None:
        """The method of the class that the case records, None for a call of the model."""
        return self.reference.split(':')[1].partition('.')[2] or None

    @cached_property
    def tensors(self) -> dict[str, np.ndarray]:
        tensors = {}
        for file in self.companions:
            tensors.update(load_file(file))
        return tensors

    @property
    def companions(self) -> list[Path]:
        """The files of the tensors: those that the description lists, else the one of its name, else the only ones
        in a folder of its own. A case of numbers alone has none."""
        folder = self.path.parent
        if listed := self.json.get('tensor_files'):
            return [folder / name for name in listed]
        named = self.path.with_suffix('.safetensors')
        if named.exists():
            return [named]
        return [] if len(list(folder.glob('*.json'))) > 1 else sorted(folder.glob('*.safetensors'))

    @property
    def is_trained(self) -> bool:
        """Whether the network was in training mode, its rates of dropout and drop path being zero."""
        return str(self.json.get('mode', 'eval')).startswith('train')

    @property
    def dtype(self) -> torch.dtype:
        return getattr(torch, str(self.json.get('dtype', 'float32')).removeprefix('torch.'))

    def group(self, *prefixes: str) -> dict[str, np.ndarray]:
        """Tensors whose name starts with the first of the prefixes that one does, named without it."""
        for prefix in prefixes:
            found = {name[len(prefix) :]: value for name, value in self.tensors.items() if name.startswith(prefix)}
            if found:
                return found
        return {}

    @cached_property
    def state(self) -> dict[str, Tensor]:
        """Official parameters and buffers."""
        return as_tensors(self.group('state_dict/', 'state_dict.', 'state.'))

    @cached_property
    def inputs(self) -> dict[str, Tensor]:
        """What the model was given; the same tensors at every call, so that gradients can be asked for."""
        inputs = as_tensors(self.group('input/', 'input.', 'in.'))
        return {name: value.requires_grad_(value.is_floating_point()) for name, value in inputs.items()}

    @cached_property
    def outputs(self) -> dict[str, np.ndarray]:
        """What it gave, in the order of the description."""
        outputs = self.group('output/', 'output.', 'out.')
        order = [name for name in self.json.get('max_abs_out', {}) if name in outputs]
        return {name: outputs[name] for name in (*order, *sorted(set(outputs) - set(order)))}

    @property
    def images(self) -> list[Tensor]:
        """The inputs that are images (B, C, H, W), small ones first, by name among those of one size."""
        images = [(value.shape[2:].numel(), name) for name, value in self.inputs.items() if value.dim() == 4]
        return [self.inputs[name] for _, name in sorted(images)]

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of the smallest recorded image, which is what the encoders see."""
        return tuple(self.images[0].shape[2:])


def read_case(path: Path) -> GoldenCase:
    return GoldenCase(path, json.loads(path.read_text()))


def find_cases(root: Path = GOLDEN_ROOT) -> list[GoldenCase]:
    """All cases below a folder, in the order of their paths; none where it is absent."""
    return [read_case(path) for path in sorted(root.rglob('*.json'))]
