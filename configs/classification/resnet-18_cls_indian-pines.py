# mmpretrain's ResNet on the same windows; the stem keeps the resolution, which small windows need.
_base_ = 'hypersigma-tiny_cls_indian-pines.py'

model = dict(
    backbone=dict(
        _delete_=True, type='mmpretrain.ResNet_CIFAR', depth=18, in_channels=_base_.num_bands, out_indices=(3,)
    ),
    neck=dict(_delete_=True, type='mmpretrain.GlobalAveragePooling'),
    head=dict(
        _delete_=True,
        type='mmpretrain.LinearClsHead',
        in_channels=512,
        num_classes=_base_.num_classes,
        loss=_base_.model.head.loss,
    ),
)
