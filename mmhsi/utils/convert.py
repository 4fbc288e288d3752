"""Conversion of parameter names between the official HyperSIGMA code and mmhsi.

A kind names the official class by its file, since several files define classes of one name. Its rules are pairs
(pattern, replacement): the first pattern that matches a whole key decides; ``None`` drops a parameter that has no
influence on the outputs.
"""

import re
from collections.abc import Callable, Mapping

from torch import Tensor

Replacement = str | Callable[[re.Match], str] | None
Rules = list[tuple[str, Replacement]]

_NUM_LEVELS = 4


def _prefixed(rules: Rules, old: str, new: str) -> Rules:
    """The rules for a module that stands under ``old`` in the official model and under ``new`` here."""
    return [(re.escape(old) + pattern, None if target is None else new + target) for pattern, target in rules]


def _levels(pattern: str, target: str, deepest_first: bool = False) -> tuple[str, Replacement]:
    """A rule for one module per level: official numbers start at 1, ours at 0 and always run shallow to deep."""

    def rename(match: re.Match) -> str:
        number = int(match[1])
        level = _NUM_LEVELS - number if deepest_first else number - 1
        return target.format(level=level, rest=match[match.re.groups])

    return pattern, rename


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


def _pyramid(neck: str) -> Rules:
    return [
        (r'fpn(\d)\.1\.ln\.(.*)', lambda m: f'{neck}resamplings.{int(m[1]) - 1}.1.{m[2]}'),
        (r'fpn(\d)\.(\d)\.(.*)', lambda m: f'{neck}resamplings.{int(m[1]) - 1}.{m[2]}.{m[3]}'),
    ]


_DEAD_CLASSIFIERS: Rules = [(r'(classifier1?\.\d|cls|DR)\.(weight|bias)', None)]
_DETECTION_REDUCTIONS = _levels(r'fpn(\d)\.(weight)', 'reductions.{level}.{rest}')
_SPECTRAL_REDUCTIONS = (r'l(\d)\.(.*)', lambda m: f'neck.spectral_reductions.{int(m[1]) - 1}.{m[2]}')


def _two_branch(spatial_extra: Rules = ()) -> Rules:
    """Rules of the encoders of a fusion model, whose spectral reductions belong to the SEM neck here."""
    return [
        *[('spat_encoder\\.' + pattern, target) for pattern, target in spatial_extra],
        *_prefixed(_SPATIAL, 'spat_encoder.', 'backbone.spatial.'),
        ('spec_encoder\\.' + _SPECTRAL_REDUCTIONS[0], _SPECTRAL_REDUCTIONS[1]),
        *_prefixed(_SPECTRAL, 'spec_encoder.', 'backbone.spectral.'),
    ]


def _gates(deepest_first: bool) -> tuple[str, Replacement]:
    return _levels(r'fc_spec(\d)\.(.*)', 'neck.gates.{level}.{rest}', deepest_first)


def _classification_fusion(head: Rules) -> Rules:
    return [
        *_two_branch([*_pyramid('neck.pyramid.'), *_DEAD_CLASSIFIERS]),
        _levels(r'DR(\d)\.(.*)', 'neck.pyramid.reductions.{level}.{rest}', deepest_first=True),
        _gates(deepest_first=True),
        (r'conv_features\.weight', None),
        *head,
    ]


_SPATIAL_BACKBONE: Rules = _prefixed(_SPATIAL, '', 'backbone.')
_SPATIAL_CLASSIFIER: Rules = [
    *_SPATIAL_BACKBONE,
    (r'(DR|cls)\.(weight|bias)', None),
]


def _mae(encoder: Rules) -> Rules:
    """Rules of a pre-training model: here the final norm is applied, and the decoder keeps its official names."""
    return [
        (r'(norm\.(?:weight|bias))', r'backbone.\1'),
        *_prefixed(encoder, '', 'backbone.'),
        (r'(mask_token|decoder_.*)', r'neck.\1'),
    ]


KINDS: dict[str, Rules] = {
    'attention': [(r'(.*)', r'\1')],
    'ImageClassification/model/SpatViT_fusion.py:SpatViT': [
        *_pyramid('neck.'), *_DEAD_CLASSIFIERS, *_SPATIAL_BACKBONE],
    'ImageClassification/model/SpatViT_cls.py:SpatViT': [
        *_SPATIAL_CLASSIFIER,
        (r'fpn\d\..*', None),  # built, never applied
        (r'classifier\.([01])\.(.*)', r'head.hidden.linear\1.\2'),
        (r'classifier\.2\.(.*)', r'head.fc.\1'),
    ],
    'ImageClassification/model/SpatViT_seg.py:SpatViT': [
        *_SPATIAL_CLASSIFIER,
        *_pyramid('neck.'),
        (r'classifier\.0\.(.*)', r'decode_head.first_conv.\1'),
        (r'classifier\.1\.(.*)', r'decode_head.hidden.0.\1'),
        (r'classifier\.2\.(.*)', r'decode_head.conv_seg.\1'),
    ],
    'ImageClassification/model/SpecViT_fusion.py:SpectralVisionTransformer': [
        _SPECTRAL_REDUCTIONS, *_prefixed(_SPECTRAL, '', 'backbone.')],
    'ImageClassification/model/ss_fusion_cls.py:SSFusionFramework': _classification_fusion([
        (r'conv\.(weight|bias)', None),
        (r'classifier\.([02])\.(.*)', lambda m: f'head.hidden.linear{int(m[1]) // 2}.{m[2]}'),
        (r'classifier\.4\.(.*)', r'head.fc.\1'),
    ]),
    'ImageClassification/model/ss_fusion_seg.py:SSFusionFramework': _classification_fusion([
        (r'conv\.(.*)', r'decode_head.first_conv.\1'),
        (r'cls\.(.*)', r'decode_head.conv_seg.\1'),
    ]),
    'ChangeDetection/models/SpatVit.py:SpatViT': _SPATIAL_BACKBONE,
    'MultispectralCD/deep_networks/SpatViT.py:ALter_SpatViT': [*_pyramid('neck.'), *_SPATIAL_BACKBONE],
    'HyperspectralDetection/Anomaly_Detection/models/SpatViT.py:SpatialVisionTransformer': [
        _levels(r'fpn(\d)\.(weight)', 'neck.reductions.{level}.{rest}'), *_SPATIAL_BACKBONE],
    'HyperspectralDetection/Anomaly_Detection/models/models.py:SSHADFramework': [
        ('spat_encoder\\.' + _DETECTION_REDUCTIONS[0],
         lambda m: f'neck.pyramid.reductions.{int(m[1]) - 1}.weight'),
        *_two_branch(),
        (r'conv_features\.(.*)', r'neck.pyramid.mixing.\1'),
        (r'fc_spec\.(.*)', r'neck.gates.0.\1'),
        (r'conv_fc\.0\.(.*)', r'decode_head.conv_seg.\1'),
    ],
    'ChangeDetection/models/model.py:HyperSIGMA_CD': [
        *_two_branch(),
        _levels(r'conv_features(\d)\.(.*)', 'neck.pyramid.reductions.{level}.{rest}'),
        _gates(deepest_first=False),
        (r'(conv\d|BCD_classifier)\..*', None),
    ],
    'ImageSuperResolution/models/HyperSIGMA/Spatial_route.py:Adpater': [
        (r'pos_embed_add', 'pos_embed'),
        (r'patch_embed_add\.proj\.(.*)', r'patch_embed.\1'),
        (r'blocks_add\.(.*)', r'blocks.\1'),
        (r'pos_embed|(patch_embed\.proj|norm|up1|conv1_reconstruct|conv2_reconstruct|conv_head)\.(weight|bias)', None),
    ],
    'ImageDenoising/models/hypersigma/Spectral_route.py:Adapter_Spectral': [
        *_BLOCKS,
        (r'(pos_embed|(spat_map|norm|conv_[qkv]\.\d+|l1|conv_head|conv1_reconstruct)\.(weight|bias))', None),
    ],
    'Pretrain/models_mae_Spat.py:SpatMAE': _mae(_SPATIAL),
    'Pretrain/models_mae_Spec.py:SpecMAE': _mae(_SPECTRAL),
}

# Official copies of one class.
ALIASES = {
    'ImageClassification/model/SpatViT_fusion_patch.py:SpatViT': 'ImageClassification/model/SpatViT_fusion.py:SpatViT',
    'HyperspectralUnmixing/models/SpatVit.py:SpatViT': 'ChangeDetection/models/SpatVit.py:SpatViT',
    'ChangeDetection/models/SpecVit.py:SpecViT':
        'ImageClassification/model/SpecViT_fusion.py:SpectralVisionTransformer',
    'HyperspectralUnmixing/models/SpecVit.py:SpecViT':
        'ImageClassification/model/SpecViT_fusion.py:SpectralVisionTransformer',
    'HyperspectralDetection/Target_Detection/models/SpatViT.py:SpatialVisionTransformer':
        'HyperspectralDetection/Anomaly_Detection/models/SpatViT.py:SpatialVisionTransformer',
    'ImageDenoising/models/hypersigma/Spatial_route.py:Adpater':
        'ImageSuperResolution/models/HyperSIGMA/Spatial_route.py:Adpater',
    'ImageSuperResolution/models/HyperSIGMA/Spectral_route.py:Adapter_Spectral':
        'ImageDenoising/models/hypersigma/Spectral_route.py:Adapter_Spectral',
    'ImageClassification/model/SpatViT_fusion.py:Attention': 'attention',
    'ImageClassification/model/SpatViT_fusion.py:SampleAttention': 'attention',
    'ImageClassification/model/SpatViT_fusion.py:Block': 'attention',
    'hypersigma-cls': 'ImageClassification/model/ss_fusion_cls.py:SSFusionFramework',
    'hypersigma-seg': 'ImageClassification/model/ss_fusion_seg.py:SSFusionFramework',
    'spatsigma-cls': 'ImageClassification/model/SpatViT_cls.py:SpatViT',
    'spatsigma-seg': 'ImageClassification/model/SpatViT_seg.py:SpatViT',
    'spat-mae': 'Pretrain/models_mae_Spat.py:SpatMAE',
    'spec-mae': 'Pretrain/models_mae_Spec.py:SpecMAE',
}

# First layer behind a concatenation that runs deep to shallow there.
_DEEPEST_FIRST = ('head.hidden.linear0.weight', 'decode_head.first_conv.weight')


def normalise_kind(kind: str) -> str:
    """The key of ``KINDS`` that a name of an official class, with or without spaces, arguments or method, stands for.

    Raises:
        ValueError: For an unknown kind.
    """
    name = re.sub(r'\(.*\)|\s', '', kind)
    name = re.sub(r'\.(forward_\w+|init_weights)$', '', name)
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
        value = value.reshape(value.shape[0], _NUM_LEVELS, -1).flip(1).flatten(1)
    if key.startswith('decode_head.') and key.endswith('.weight') and value.dim() in (2, 4):
        value = value.reshape(*value.shape[:2], 1, 1)  # linear layers per pixel are 1x1 convolutions here
    return value


def convert_hypersigma_state_dict(state_dict: Mapping[str, Tensor],
                                  kind: str,
                                  drop_background: bool = True) -> dict[str, Tensor]:
    """Official parameters of HyperSIGMA under the names of mmhsi.

    Args:
        state_dict: Parameters under their official names.
        kind: Official class as ``file:class`` (e.g. 'ImageClassification/model/ss_fusion_cls.py:SSFusionFramework'), or
            a short name: 'hypersigma-cls', 'hypersigma-seg', 'spatsigma-cls', 'spatsigma-seg', or for
            the pre-training files 'spat-mae', 'spec-mae'.
        drop_background: The official window classifiers have an output 0 that no label uses; leave it out, so that
            output k is class k + 1 of the label file. Defaults to True.

    Returns:
        Parameters for a model with ``backbone``, ``neck`` and ``head`` or ``decode_head``. Parameters without influence
        on the outputs are left out.

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
