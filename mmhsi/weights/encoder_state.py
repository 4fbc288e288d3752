"""Reading the parameters of one encoder from any checkpoint: ours, converted, official or published."""

import os
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from mmengine.runner import CheckpointLoader
from torch import Tensor

from .checkpoint_file import parameters_of, read_checkpoint
from .convert_back import names_in_mmhsi
from .official_checkpoint import convert_checkpoint
from .official_layout import pretraining_kind

# A parameter that every encoder has, of ours and of the official code.
_MARK = 'blocks.0.norm1.weight'
_OFFICIAL_NAME = re.compile(r'patch_embed\.proj\..*|spat_map\.(weight|bias)')
_ENCODER_NAME = re.compile(r'pos_embed|(blocks|patch_embed|spat_map|norm)\..*')


class EncoderState(NamedTuple):
    """Parameters of an encoder under our names, without a prefix, and the number of other parameters in the file."""

    parameters: dict[str, Tensor]
    num_others: int


def _encoder_prefixes(names: Iterable[str]) -> list[str]:
    return [name.removesuffix(_MARK) for name in names if re.fullmatch(rf'(.*\.)?{re.escape(_MARK)}', name)]


def _only_prefix(names: Iterable[str], embedding: str, source: str) -> str:
    """The prefix of the only encoder, or of the only one with this embedding."""
    prefixes = _encoder_prefixes(names)
    if len(prefixes) > 1:
        prefixes = [prefix for prefix in prefixes if any(name.startswith(f'{prefix}{embedding}.') for name in names)]
    if len(prefixes) != 1:
        raise ValueError(
            f'{source}: expected one encoder with {embedding!r}, found {len(prefixes)} of them among the '
            f'prefixes {_found_prefixes(names)}; give the prefix of the right one'
        )
    return prefixes[0]


def _found_prefixes(names: Iterable[str]) -> str:
    prefixes = {f'{name.split(".")[0]}.' for name in names if '.' in name} | set(filter(None, _encoder_prefixes(names)))
    return ', '.join(repr(prefix) for prefix in sorted(prefixes)[:12]) or 'none'


def _under_our_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The encoder of an official model of a task, without the parameters of the task."""
    kind = 'spec-mae' if any(name.startswith('spat_map.') for name in state) else 'spat-mae'
    names, _ = names_in_mmhsi(filter(_ENCODER_NAME.fullmatch, state), kind)
    return {ours.removeprefix('backbone.'): state[official] for official, ours in names.items()}


def load_encoder_state(source: str, prefix: str | None, embedding: str) -> EncoderState:
    """Load the parameters of an encoder.

    Args:
        source (str): A file, a published checkpoint as 'hypersigma:spat-vit-base', or any other address that MMEngine's
            ``CheckpointLoader`` accepts. Official pre-training files count as converted ones, with the encoder under
            ``backbone.``.
        prefix (str, optional): Prefix of the names of the encoder, e.g. 'backbone.'. None uses the only encoder of the
            file, or the only one with ``embedding``.
        embedding (str): 'patch_embed' for the spatial encoder, 'spat_map' for the spectral one.

    Returns:
        The parameters.

    Raises:
        FileNotFoundError: If the file is absent.
        ValueError: If it is not a checkpoint, has no parameter with the prefix, or holds the encoder of the other
            branch.
    """
    source = os.path.expanduser(source)
    if os.path.isfile(source) or ':' not in source:
        checkpoint = read_checkpoint(source)
    else:
        checkpoint = CheckpointLoader.load_checkpoint(source, map_location='cpu')
    state = parameters_of(checkpoint, source)
    if pretraining_kind(state) is not None:
        state = convert_checkpoint(checkpoint, source).checkpoint['state_dict']
    if prefix is None:
        prefix = _only_prefix(state, embedding, source)
    selected = {name[len(prefix) :]: value for name, value in state.items() if name.startswith(prefix)}
    if not selected:
        raise ValueError(
            f'{source}: no parameter starts with the prefix {prefix!r}, found the prefixes {_found_prefixes(state)}'
        )
    if any(map(_OFFICIAL_NAME.fullmatch, selected)):
        selected = _under_our_names(selected)
    other = {'patch_embed': 'spat_map', 'spat_map': 'patch_embed'}[embedding]
    found = {name.split('.')[0] for name in selected}
    if other in found and embedding not in found:
        raise ValueError(
            f'{source}: expected an encoder with {embedding!r}, found that of the other branch, with {other!r}'
        )
    return EncoderState(selected, len(state) - len(selected))
