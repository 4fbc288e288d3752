"""Conversion of parameter names from mmhsi back to the official HyperSIGMA code.

There is no second table: official names go through :func:`convert_hypersigma_state_dict`, and the result is inverted.
"""

import re
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from .convert import convert_hypersigma_state_dict, normalise_kind
from .official_layout import official_vocabulary

_PREFIXES = ('', 'spat_encoder.', 'spec_encoder.', 'encoder.', 'adapter.', 'adapter_spec.')
# Logit of the class that no label uses: it never wins, and is finite in half precision too.
_NEVER = -1e4


def names_in_mmhsi(names: Iterable[str], kind: str) -> tuple[dict[str, str | None], list[str]]:
    """The mmhsi names of official parameters.

    Args:
        names: Official names.
        kind (str): As in :func:`convert_hypersigma_state_dict`.

    Returns:
        Our name by official name, None where the parameter is left out; and the names that the kind does not have.

    Raises:
        ValueError: For an unknown kind.
    """
    normalise_kind(kind)
    marker = torch.zeros(1, 4)
    known, unknown = {}, []
    for name in names:
        try:
            converted = convert_hypersigma_state_dict({name: marker}, kind, drop_background=False)
        except ValueError:
            unknown.append(name)
        else:
            known[name] = next(iter(converted), None)
    return known, unknown


def official_names(names: Iterable[str], kind: str) -> tuple[dict[str, str], list[str]]:
    """Official names of our parameters.

    Args:
        names: Names in mmhsi.
        kind (str): As in :func:`convert_hypersigma_state_dict`.

    Returns:
        Official name by our name; and the names that have no official one.

    Raises:
        ValueError: For an unknown kind.
    """
    names = list(names)
    depth = 1 + max((int(number) for name in names for number in re.findall(r'\.(\d+)\.', name)), default=0)
    encoder, outside = official_vocabulary(depth)
    candidates = list(outside)
    for prefix in _PREFIXES:
        if names_in_mmhsi([f'{prefix}{blocks}.0.norm1.weight' for blocks in ('blocks', 'blocks_add')], kind)[0]:
            candidates += [prefix + name for name in encoder]
    inverse: dict[str, str] = {}
    for official, ours in names_in_mmhsi(candidates, kind)[0].items():
        if ours is not None:
            inverse.setdefault(ours, official)
    return {name: inverse[name] for name in names if name in inverse}, [name for name in names if name not in inverse]


def _restore(name: str, value: Tensor, kind: str, add_background: bool) -> Tensor:
    """The value of an official parameter whose conversion is ``value``."""

    def forward(official: Tensor) -> Tensor:
        (converted,) = convert_hypersigma_state_dict({name: official}, kind, drop_background=add_background).values()
        return converted

    # linear layers per pixel are 1x1 convolutions here
    official = value.flatten(1) if name.startswith('classifier') and value.dim() == 4 else value
    if forward(official).numel() < official.numel():
        background = official.new_full((1, *official.shape[1:]), 0.0 if official.dim() > 1 else _NEVER)
        official = torch.cat([background, official])
    if forward(official) is official:
        return official
    # the conversion only moves and drops values: applied to indices, it shows where each value came from
    origin = forward(torch.arange(official.numel()).reshape(official.shape)).flatten()
    restored = official.flatten().clone()
    restored[origin] = value.flatten()
    return restored.reshape(official.shape)


def _as_official_unmixer(state_dict: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The state of an unmixer without what the official one lacks: the scale of its decoder is multiplied in, and how
    :class:`EvenLightHook` chose the abundances is left out."""
    rest = {name: value for name, value in state_dict.items() if name not in ('decoder.scale', 'even_light')}
    if 'decoder.scale' not in state_dict:
        return rest
    return {**rest, 'decoder.conv.weight': rest['decoder.conv.weight'] * state_dict['decoder.scale']}


def revert_hypersigma_state_dict(
    state_dict: Mapping[str, Tensor], kind: str, add_background: bool = True
) -> dict[str, Tensor]:
    """Parameters of mmhsi under the names of the official code: the inverse of :func:`convert_hypersigma_state_dict`.

    Args:
        state_dict: Parameters under their names in mmhsi.
        kind (str): As in :func:`convert_hypersigma_state_dict`.
        add_background (bool): The official window classifiers have an output 0 that no label uses; add it, with a
            logit that never wins. Defaults to True.

    Returns:
        Parameters under their official names. Those without influence on the outputs, which the conversion dropped, are
        missing: load the result with ``strict=False`` if the official model has some.

    Raises:
        ValueError: For an unknown kind, or parameters without an official name.
    """
    state_dict = _as_official_unmixer(state_dict)
    names, unknown = official_names(state_dict, kind)
    if unknown:
        raise ValueError(f'{len(unknown)} parameters have no official name in {kind!r}: {", ".join(unknown[:8])}')
    return {official: _restore(official, state_dict[ours], kind, add_background) for ours, official in names.items()}
