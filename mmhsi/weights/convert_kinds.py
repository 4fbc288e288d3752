"""Official HyperSIGMA models and the rules for the names of their parameters.

A kind identifies the official class by its file, since several files define classes with the same name. The first rule
whose pattern matches a whole key decides.
"""

from .convert_kinds_low_level import LOW_LEVEL_KINDS
from .convert_rules import (
    SIAMESE,
    SPATIAL_REFINEMENT,
    Places,
    Rules,
    blocks_only,
    detection_reductions,
    gates,
    levels,
    one_gate,
    prefixed,
    pyramid,
    spatial,
    spectral,
    spectral_reductions,
    two_branch,
)
from .official_classes import (
    CHANNEL_NORM,
    LAYER,
    PATCH_EMBEDDING,
    SPATIAL_OF_CLASSIFICATION,
    SPATIAL_OF_DETECTION,
    SPATIAL_OF_MULTISPECTRAL,
    SPATIAL_PLAIN,
    SPATIAL_REFINER,
    SPECTRAL,
    SPECTRAL_REFINER,
)

_DEAD_CLASSIFIERS: Rules = [(r'(classifier1?\.\d|cls|DR)\.(weight|bias)', None)]

_SPATIAL_CLASSIFIER: Rules = [*spatial(), (r'(DR|cls)\.(weight|bias)', None)]


def _classification_fusion(head: Rules) -> Rules:
    return [
        *two_branch(spatial_extra=[*pyramid('neck.pyramid.'), *_DEAD_CLASSIFIERS]),
        levels(r'DR(\d)\.(.*)', 'neck.pyramid.reductions.{level}.{rest}', deepest_first=True),
        gates(deepest_first=True),
        (r'conv_features\.weight', None),
        *head,
    ]


_ANOMALY_HEAD: Rules = [(r'conv_fc\.0\.(.*)', r'decode_head.conv_seg.\1')]
_TARGET_HEAD: Rules = [(r'conv_ts\.(.*)', r'decode_head.target_branch.\1')]


def _spatial_detection(head: Rules) -> Rules:
    return [
        *prefixed([detection_reductions('neck.')], 'encoder.'),
        *spatial(official='encoder.'),
        (r'conv_features\.(.*)', r'neck.mixing.\1'),
        *head,
    ]


def _fusion_detection(head: Rules) -> Rules:
    return [
        *two_branch(spatial_extra=[detection_reductions('neck.pyramid.')]),
        (r'conv_features\.(.*)', r'neck.pyramid.mixing.\1'),
        one_gate(),
        *head,
    ]


_CHANGE_HEAD: Rules = [
    levels(r'conv(\d)\.double_conv\.(.*)', 'head.blocks.{level}.{rest}', deepest_first=True),
    (r'BCD_classifier\.(.*)', r'head.classifier.\1'),
]


def _multispectral_change(places: Places) -> Rules:
    return [
        # only the first spectral level is used
        *two_branch(places, pyramid(f'{places.neck}pyramid.'), [(r'l[2-4]\.weight', None)]),
        (r'dim_red\.(.*)', r'backbone.projection.\1'),
        one_gate(places.neck),
        levels(r'fuse_layer_(\d)\.(.*)', 'neck.laterals.{level}.{rest}'),
        (r'main_clf_1\.(.*)', r'decode_head.conv_seg.\1'),
        (r'conv_features\.weight|smooth_layer_\d\.(weight|bias)', None),
    ]


def _mae(encoder: Rules) -> Rules:
    """Rules of a pre-training model: here the final norm is applied, and the decoder keeps its official names."""
    return [(r'(norm\.(?:weight|bias))', r'backbone.\1'), *encoder, (r'(mask_token|decoder_.*)', r'neck.\1')]


KINDS: dict[str, Rules] = {
    LAYER: [(r'(.*)', r'\1')],
    PATCH_EMBEDDING: [(r'proj\.(.*)', r'projection.\1')],
    CHANNEL_NORM: [(r'ln\.(.*)', r'\1')],
    SPATIAL_OF_CLASSIFICATION: [*pyramid('neck.'), *_DEAD_CLASSIFIERS, *spatial()],
    'ImageClassification/model/SpatViT_cls.py:SpatViT': [
        *_SPATIAL_CLASSIFIER,
        (r'fpn\d\..*', None),  # built, never applied
        (r'classifier\.([01])\.(.*)', r'head.hidden.linear\1.\2'),
        (r'classifier\.2\.(.*)', r'head.fc.\1'),
    ],
    'ImageClassification/model/SpatViT_seg.py:SpatViT': [
        *_SPATIAL_CLASSIFIER,
        *pyramid('neck.'),
        (r'classifier\.0\.(.*)', r'decode_head.first_conv.\1'),
        (r'classifier\.1\.(.*)', r'decode_head.hidden.0.\1'),
        (r'classifier\.2\.(.*)', r'decode_head.conv_seg.\1'),
    ],
    SPECTRAL: [spectral_reductions('neck.'), *spectral()],
    'ImageClassification/model/ss_fusion_cls.py:SSFusionFramework': _classification_fusion(
        [
            (r'conv\.(weight|bias)', None),
            (r'classifier\.([02])\.(.*)', lambda m: f'head.hidden.linear{int(m[1]) // 2}.{m[2]}'),
            (r'classifier\.4\.(.*)', r'head.fc.\1'),
        ]
    ),
    'ImageClassification/model/ss_fusion_seg.py:SSFusionFramework': _classification_fusion(
        [(r'conv\.(.*)', r'decode_head.first_conv.\1'), (r'cls\.(.*)', r'decode_head.conv_seg.\1')]
    ),
    SPATIAL_PLAIN: spatial(),
    SPATIAL_OF_MULTISPECTRAL: [*pyramid('neck.'), *spatial()],
    SPATIAL_OF_DETECTION: [detection_reductions('neck.'), *spatial()],
    'HyperspectralDetection/Anomaly_Detection/models/models.py:SpatialHADFramework': _spatial_detection(_ANOMALY_HEAD),
    'HyperspectralDetection/Anomaly_Detection/models/models.py:SSHADFramework': _fusion_detection(_ANOMALY_HEAD),
    'HyperspectralDetection/Target_Detection/models/models.py:SpatialHTDFramework': _spatial_detection(_TARGET_HEAD),
    'HyperspectralDetection/Target_Detection/models/models.py:SSHTDFramework': _fusion_detection(_TARGET_HEAD),
    'ChangeDetection/models/model.py:SpatSIGMA_CD': [
        *spatial(SIAMESE.backbone, 'encoder.'),
        levels(r'conv_features(\d)\.(.*)', SIAMESE.neck + 'reductions.{level}.{rest}'),
        *_CHANGE_HEAD,
    ],
    'ChangeDetection/models/model.py:HyperSIGMA_CD': [
        *two_branch(SIAMESE),
        levels(r'conv_features(\d)\.(.*)', SIAMESE.neck + 'pyramid.reductions.{level}.{rest}'),
        gates(SIAMESE.neck),
        *_CHANGE_HEAD,
    ],
    'MultispectralCD/deep_networks/FM_detector.py:MSCDNet': _multispectral_change(SIAMESE),
    SPATIAL_REFINER: [
        *SPATIAL_REFINEMENT,
        (r'pos_embed|(patch_embed\.proj|norm|up1|conv1_reconstruct|conv2_reconstruct|conv_head)\.(weight|bias)', None),
    ],
    SPECTRAL_REFINER: blocks_only(
        r'(pos_embed|(spat_map|norm|conv_[qkv]\.\d+|l1|conv_head|conv1_reconstruct)\.(weight|bias))'
    ),
    **LOW_LEVEL_KINDS,
    'Pretrain/models_mae_Spat.py:SpatMAE': _mae(spatial()),
    'Pretrain/models_mae_Spec.py:SpecMAE': _mae(spectral()),
}
