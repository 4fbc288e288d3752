# mmpretrain's plain vision transformer on the same windows.
_base_ = 'hypersigma-tiny_cls_indian-pines.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmpretrain.VisionTransformer',
        arch=dict(embed_dims=64, num_layers=2, num_heads=4, feedforward_channels=256),
        img_size=_base_.window_size,
        patch_size=2,
        in_channels=_base_.num_bands,
    ),
    neck=None,
    head=dict(
        _delete_=True,
        type='mmpretrain.VisionTransformerClsHead',
        in_channels=64,
        num_classes=_base_.num_classes,
        loss=_base_.model.head.loss,
    ),
)
