# mmpretrain's plain vision transformer on the same windows.
_base_ = 'hypersigma-tiny_cls_indian-pines.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmpretrain.VisionTransformer',
        arch=dict(embed_dims=96, num_layers=4, num_heads=4, feedforward_channels=384),
        img_size=_base_.window_size,
        patch_size=3,
        in_channels=_base_.num_bands),
    neck=None,
    head=dict(
        _delete_=True,
        type='mmpretrain.VisionTransformerClsHead',
        in_channels=96,
        num_classes=_base_.num_classes,
        loss=dict(type='mmpretrain.CrossEntropyLoss')))
