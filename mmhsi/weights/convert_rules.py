"""Rules that turn official parameter names of HyperSIGMA into ours, for the parts that the official models share.

A rule is a pair (pattern, replacement); ``None`` drops a parameter that has no influence on the outputs.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

Replacement = str | Callable[[re.Match], str] | None
Rules = list[tuple[str, Replacement]]

NUM_LEVELS = 4


class Places(NamedTuple):
    """Prefixes of the names of the encoder and its neck in mmhsi."""

    backbone: str = 'backbone.'
    neck: str = 'neck.'


MODEL = Places()
# both dates of a pair share an encoder and the neck before the fusion
SIAMESE = Places('backbone.encoder.', 'backbone.neck.')
# a restoration network is the generator of a framework
RESTORER = Places('generator.backbone.', 'generator.neck.')

_BLOCKS: Rules = [(r'(blocks\..*)', r'\1')]

_SPATIAL: Rules = [
    *_BLOCKS,
    (r'pos_embed', 'pos_embed'),
    (r'patch_embed\.proj\.(.*)', r'patch_embed.projection.\1'),
    (r'norm\.(weight|bias)', None),  # built, never applied
]

_SPECTRAL: Rules = [
    *_BLOCKS,
    (r'pos_embed', 'pos_embed'),
    (r'spat_map\.(.*)', r'spat_map.projection.\1'),
    (r'(norm|conv_[qkv]\.\d+|conv_head|conv1_reconstruct)\.(weight|bias)', None),
]

# The refinement transformers after the encoders of denoising and super-resolution.
SPATIAL_REFINEMENT: Rules = [
    (r'pos_embed_add', 'pos_embed'),
    (r'patch_embed_add\.proj\.(.*)', r'patch_embed.\1'),
    (r'blocks_add\.(.*)', r'blocks.\1'),
]
SPECTRAL_REFINEMENT: Rules = _BLOCKS


def prefixed(rules: Rules, old: str, new: str = '') -> Rules:
    """The rules for a module named ``old`` in the official model and ``new`` here."""

    def moved(target: Replacement) -> Replacement:
        if callable(target):
            return lambda match: new + target(match)
        return None if target is None else new + target

    return [(f'{re.escape(old)}(?:{pattern})', moved(target)) for pattern, target in rules]


def levels(pattern: str, target: str, deepest_first: bool = False) -> tuple[str, Replacement]:
    """A rule for one module per level: official numbers start at 1, ours at 0, always from shallow to deep.

    The first group of the pattern is the number, the last one becomes ``{rest}`` in the target.
    """

    def rename(match: re.Match) -> str:
        number = int(match[1])
        level = NUM_LEVELS - number if deepest_first else number - 1
        return target.format(level=level, rest=match[match.re.groups])

    return pattern, rename


def spatial(backbone: str = MODEL.backbone, official: str = '') -> Rules:
    """Rules of a spatial encoder under the official prefix ``official``."""
    return prefixed(_SPATIAL, official, backbone)


def spectral(backbone: str = MODEL.backbone, official: str = '') -> Rules:
    """Rules of a spectral encoder under the official prefix ``official``."""
    return prefixed(_SPECTRAL, official, backbone)


def blocks_only(dropped: str) -> Rules:
    """Rules of a stack of blocks with unused parameters."""
    return [*_BLOCKS, (dropped, None)]


def pyramid(neck: str) -> Rules:
    """Rules of the resampling of the levels, which belongs to the encoder in the official code."""
    return [
        levels(r'fpn(\d)\.1\.ln\.(.*)', neck + 'resamplings.{level}.1.{rest}'),
        (r'fpn(\d)\.(\d)\.(.*)', lambda m: f'{neck}resamplings.{int(m[1]) - 1}.{m[2]}.{m[3]}'),
    ]


def detection_reductions(neck: str) -> tuple[str, Replacement]:
    """The rule of the reductions of the levels, which have the names of a pyramid in the detection folders."""
    return levels(r'fpn(\d)\.(weight)', neck + 'reductions.{level}.{rest}')


def spectral_reductions(neck: str) -> tuple[str, Replacement]:
    """The rule of the reductions of the spectral levels, which belong to the encoder in the official code."""
    return levels(r'l(\d)\.(.*)', neck + 'spectral_reductions.{level}.{rest}')


def two_branch(places: Places = MODEL, spatial_extra: Rules = (), spectral_extra: Rules = ()) -> Rules:
    """Rules of the encoders of a fusion model; ``*_extra`` are further rules inside one encoder, which come first."""
    return [
        *prefixed(spatial_extra, 'spat_encoder.'),
        *spatial(f'{places.backbone}spatial.', 'spat_encoder.'),
        *prefixed(spectral_extra, 'spec_encoder.'),
        *prefixed([spectral_reductions(places.neck)], 'spec_encoder.'),
        *spectral(f'{places.backbone}spectral.', 'spec_encoder.'),
    ]


def gates(neck: str = MODEL.neck, deepest_first: bool = False) -> tuple[str, Replacement]:
    """The rule of one gate per level."""
    return levels(r'fc_spec(\d)\.(.*)', neck + 'gates.{level}.{rest}', deepest_first)


def one_gate(neck: str = MODEL.neck) -> tuple[str, Replacement]:
    """The rule of the only gate."""
    return r'fc_spec\.(.*)', neck + r'gates.0.\1'
