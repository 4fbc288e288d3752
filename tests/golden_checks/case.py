"""Golden cases: a JSON description and the tensors beside it."""

import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

GOLDEN_ROOT = Path(os.environ.get('MMHSI_GOLDEN', Path(__file__).parents[2] / '../shared/golden'))


@dataclass(frozen=True)
class GoldenCase:
    """One case; ``json`` is the description, ``tensors`` maps a name to an array."""

    path: Path
    json: dict

    @property
    def reference(self) -> str:
        """The official class or function named in the description, as ``file:name`` without spaces.

        The low-level cases name files and a class; those without a class are told apart by their kind.
        """
        if 'reference' in self.json:
            return self.json['reference'].replace(' ', '')
        files = self.json.get('reference_files', [''])
        return f'{files[0]}:{self.json.get("reference_class", self.json.get("kind"))}'.replace(' ', '')

    @cached_property
    def tensors(self) -> dict[str, np.ndarray]:
        names = self.json.get('tensor_files') or [f'{self.path.stem}.safetensors']
        tensors = {}
        for name in names:
            file = self.path.parent / name
            if file.exists():
                tensors.update(load_file(file))
        return tensors

    def group(self, prefix: str) -> dict[str, np.ndarray]:
        """Tensors whose name starts with a prefix, named without it."""
        return {name[len(prefix):]: value for name, value in self.tensors.items() if name.startswith(prefix)}


def find_cases(root: Path = GOLDEN_ROOT) -> list[GoldenCase]:
    """All cases below a folder, in the order of their paths; none where it is absent."""
    return [GoldenCase(path, json.loads(path.read_text())) for path in sorted(root.rglob('*.json'))]
