"""Conversion of parameter names from the official HyperSIGMA code to mmhsi."""

import re
from collections.abc import Mapping

from torch import Tensor

from .convert_kinds import KINDS
from .convert_rules import NUM_LEVELS, Rules
from .official_classes import ALIASES

# First layer after a concatenation that runs from deep to shallow there.
_DEEPEST_FIRST = ('head.hidden.linear0.weight', 'head.classifier.0.weight', 'decode_head.first_conv.weight')
# Layers applied to each pixel: linear ones are 1x1 convolutions here.
_PIXEL_LAYERS = ('decode_head.first_conv.', 'decode_head.hidden.', 'decode_head.conv_seg.')


def normalise_kind(kind: str) -> str:
    """The key of ``KINDS`` for the name of an official class, with or without spaces, arguments or method.

    Raises:
        ValueError: For an unknown kind.
    """
    name = re.sub(r'\(.*\)|\s', '', kind)
    name = re.sub(r'(:\w+)\.\w+$', r'\1', name)
    name = ALIASES.get(name, name)
    if name not in KINDS:
        raise ValueError(f'unknown kind {kind!r}, expected one of {sorted([*KINDS, *ALIASES])}')
    return name


def _renamed(key: str, rules: Rules) -> tuple[bool, str | None]:
    for pattern, target in rules:
        match = re.fullmatch(pattern, key)
        if match:
            return True, target if target is None else target(match) if callable(target) else match.expand(target)
    return False, None


def _adapted(key: str, value: Tensor) -> Tensor:
    """Reorder and reshape the parameters whose layout differs."""
    if key in _DEEPEST_FIRST:
        by_level = value.reshape(value.shape[0], NUM_LEVELS, -1, *value.shape[2:])
        value = by_level.flip(1).flatten(1, 2)
    if key.startswith(_PIXEL_LAYERS) and key.endswith('.weight') and value.dim() in (2, 4):
        value = value.reshape(*value.shape[:2], 1, 1)
    if key.startswith('head.classifier.') and value.shape[0] == 2:
        value = value.flip(0)  # the classes of change detection: changed is first there, unchanged here
    return value


def convert_hypersigma_state_dict(
    state_dict: Mapping[str, Tensor], kind: str, drop_background: bool = True
) -> dict[str, Tensor]:
    """Official parameters of HyperSIGMA under the names of mmhsi.

    Args:
        state_dict: Parameters under their official names.
        kind: Official class as ``file:class`` (e.g. 'ImageClassification/model/ss_fusion_cls.py:SSFusionFramework'), or
            a short name: 'hypersigma-' or 'spatsigma-' and 'cls', 'seg' (classification), 'htd' (target detection),
            'had' (anomaly detection), 'hcd' (change detection), 'hiu' (unmixing), 'hid' (denoising) or 'hsr'
            (super-resolution); 'hypersigma-mscd' (multispectral change detection); for the pre-training files
            'spat-mae', 'spec-mae'.
        drop_background: The official window classifiers have an output 0 that no label uses; leave it out, so that
            output k is class k + 1 of the label file. Defaults to True.

    Returns:
        Parameters for a model with ``backbone``, ``neck`` and ``head`` or ``decode_head``; those of change detection
        have a ``SiameseBackbone``, and their classes are unchanged and changed in this order, while the official window
        networks have the opposite order; denoising and super-resolution have all of this in a ``generator``. Parameters
        without influence on the outputs are dropped.

    Raises:
        ValueError: For an unknown kind, or keys that the kind does not have.
    """
    name = normalise_kind(kind)
    converted, unknown = {}, []
    for key, value in state_dict.items():
        known, new_key = _renamed(key.removeprefix('module.'), KINDS[name])
        if not known:
            unknown.append(key)
        elif new_key is not None:
            value = _adapted(new_key, value)
            if drop_background and new_key.startswith('head.fc.'):
                value = value[1:]
            converted[new_key] = value
    if unknown:
        raise ValueError(f'{len(unknown)} keys are not known for {kind!r}: {", ".join(unknown[:8])}')
    return converted
