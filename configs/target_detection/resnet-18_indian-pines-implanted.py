# mmpretrain's ResNet-18 for small images and mmseg's feature pyramid under the target detection head.
_base_ = 'hypersigma-tiny_indian-pines-implanted.py'

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
    neck=dict(_delete_=True, type='mmseg.FPN', in_channels=[32, 64, 128, 256], out_channels=64, num_outs=4),
    decode_head=dict(in_index=0),  # the finest map
)
