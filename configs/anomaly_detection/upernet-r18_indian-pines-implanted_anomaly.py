# mmseg's UPerNet with mmpretrain's ResNet-18 for small images.
_base_ = 'hypersigma-tiny_indian-pines-implanted_anomaly.py'

norm_cfg = dict(type='GN', num_groups=8)  # two tiles are too few for batch statistics
model = dict(
    backbone=dict(
        _delete_=True,
        type='mmpretrain.ResNet_CIFAR',
        depth=18,
        in_channels=_base_.num_bands,
        base_channels=32,
        stem_channels=32,
        out_indices=(0, 1, 2, 3),
        norm_cfg=norm_cfg,
    ),
    neck=None,
    decode_head=dict(
        _delete_=True,
        type='mmseg.UPerHead',
        in_channels=[32, 64, 128, 256],
        in_index=[0, 1, 2, 3],
        channels=64,
        pool_scales=(1, 2, 3, 6),
        num_classes=2,
        out_channels=2,
        norm_cfg=norm_cfg,
        loss_decode=dict(type='mmseg.CrossEntropyLoss', avg_non_ignore=True),
    ),
)
