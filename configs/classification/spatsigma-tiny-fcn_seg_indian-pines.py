# mmseg's FCNHead on the deepest map of SpatViT.
_base_ = 'hypersigma-tiny_seg_indian-pines.py'

model = dict(
    backbone=dict(_delete_=True, **_base_.model.backbone.spatial),
    neck=None,
    decode_head=dict(
        _delete_=True,
        type='mmseg.FCNHead',
        in_channels=64,
        in_index=3,
        channels=64,
        num_convs=1,
        num_classes=_base_.num_classes,
        norm_cfg=dict(type='GN', num_groups=8),
        loss_decode=dict(type='mmseg.CrossEntropyLoss', avg_non_ignore=True),
    ),
)
