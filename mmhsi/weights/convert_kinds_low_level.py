"""Rules for the parameter names of the official models of unmixing, denoising and super-resolution."""

from .convert_rules import (
    MODEL,
    RESTORER,
    SPATIAL_REFINEMENT,
    SPECTRAL_REFINEMENT,
    Rules,
    gates,
    levels,
    one_gate,
    prefixed,
    spatial,
    two_branch,
)

_ABUNDANCE_HEAD: Rules = [
    levels(r'conv([1-4])\.(.*)', 'head.branches.{level}.{rest}', deepest_first=True),
    (r'conv5\.(.*)', r'head.projection.\1'),
    (r'decoder\.decoder\.(.*)', r'decoder.conv.\1'),
]

# Heads and necks that the encoders and refinements of the fusion models contain but never call.
_DEAD_DECODER: Rules = [
    (r'(conv[123]_reconstruct|conv_head|conv_tail)\.(weight|bias)', None),
    (r'pos_embed_add|patch_embed_add\..*|blocks_add\..*', None),
]
_NO_ENLARGEMENT: Rules = [(r'up1\.(weight|bias)', None)]

_RESTORATION_HEAD: Rules = [
    (r'conv3_reconstruct\.(.*)', r'generator.head.fusion.\1'),
    (r'conv_tail\.(.*)', r'generator.head.tail.\1'),
]
_SUPER_RESOLUTION_HEAD: Rules = [
    *_RESTORATION_HEAD,
    (r'upsample\.(.*)', r'generator.head.upsample.\1'),
    (r'skip_conv\.(.*)', r'generator.head.skip.\1'),
]


def _enlargement(neck: str) -> Rules:
    return [(r'up1\.(.*)', neck + r'resamplings.0.0.\1')]


def _spatial_restoration(enlargement: Rules, head: Rules) -> Rules:
    return [
        *enlargement,
        *prefixed(SPATIAL_REFINEMENT, '', f'{RESTORER.neck}refinement.'),
        (r'conv1_reconstruct\.(.*)', r'generator.head.reduction.0.\1'),
        (r'conv2_reconstruct\.(.*)', r'generator.head.reduction.1.\1'),
        (r'conv_head\.(weight|bias)', None),
        *head,
        *spatial(RESTORER.backbone),
    ]


def _fusion_restoration(enlargement: Rules, head: Rules) -> Rules:
    unused_refinement: Rules = [(r'pos_embed|(patch_embed\.proj|norm|up1)\.(weight|bias)', None), *_DEAD_DECODER]
    unused_spectral: Rules = [(r'pos_embed|(spat_map|norm|conv_[qkv]\.\d+|l1)\.(weight|bias)', None), *_DEAD_DECODER]
    return [
        *two_branch(RESTORER, spatial_extra=[*enlargement, *_DEAD_DECODER]),
        *prefixed([*SPATIAL_REFINEMENT, *unused_refinement], 'adapter.', f'{RESTORER.neck}spatial_refinement.'),
        *prefixed([*SPECTRAL_REFINEMENT, *unused_spectral], 'adapter_spec.', f'{RESTORER.neck}spectral_refinement.'),
        one_gate(RESTORER.neck),
        *head,
    ]


LOW_LEVEL_KINDS: dict[str, Rules] = {
    'HyperspectralUnmixing/models/model.py:SpatSIGMA_Unmix': [
        *spatial(official='encoder.'),
        levels(r'conv_features(\d)\.(.*)', MODEL.neck + 'reductions.{level}.{rest}'),
        (r'smooth\.(weight|bias)', r'head.smooth.0.\1'),
        *_ABUNDANCE_HEAD,
    ],
    'HyperspectralUnmixing/models/model.py:HyperSIGMA_Unmix': [
        # only the last spectral level is used
        *two_branch(
            spectral_extra=[(r'l4\.(weight)', MODEL.neck + r'spectral_reductions.0.\1'), (r'l[1-3]\.weight', None)]
        ),
        levels(r'conv_features(\d)\.(.*)', MODEL.neck + 'pyramid.reductions.{level}.{rest}'),
        gates(),
        (r'smooth\.(\d.*)', r'head.smooth.\1'),
        (r'conv[234]_\..*', None),
        *_ABUNDANCE_HEAD,
    ],
    'ImageDenoising/models/hypersigma/Spatial.py:SpatialVisionTransformer': [
        *_enlargement(MODEL.neck),
        *_DEAD_DECODER,
        *spatial(),
    ],
    'ImageSuperResolution/models/HyperSIGMA/Spatial.py:SpatialVisionTransformer': [
        *_NO_ENLARGEMENT,
        *_DEAD_DECODER,
        *spatial(),
    ],
    'ImageDenoising/models/spatsigma.py:SpatViT': _spatial_restoration(_enlargement(RESTORER.neck), _RESTORATION_HEAD),
    'ImageDenoising/models/hypersigma/model.py:SSFusionFramework': _fusion_restoration(
        _enlargement(f'{RESTORER.neck}pyramid.'), _RESTORATION_HEAD
    ),
    'ImageSuperResolution/models/SpatSIGMA.py:SpatViT': _spatial_restoration(_NO_ENLARGEMENT, _SUPER_RESOLUTION_HEAD),
    'ImageSuperResolution/models/HyperSIGMA/model.py:SSFusionFramework': _fusion_restoration(
        _NO_ENLARGEMENT, _SUPER_RESOLUTION_HEAD
    ),
}
