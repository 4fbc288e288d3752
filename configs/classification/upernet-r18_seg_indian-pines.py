# mmseg's UPerNet with a ResNet-18 of mmpretrain on the whole scene, from scratch.
_base_ = [
    '../_base_/models/upernet_seg.py',
    '../_base_/datasets/indian-pines_seg_tiny.py',
    '../_base_/schedules/scratch_tiny_tiles.py',
    '../_base_/default_runtime.py',
]

norm_cfg = dict(type='GN', num_groups=8)  # a tile is a batch of one
model = dict(
    data_preprocessor=dict(num_bands=_base_.num_bands),
    backbone=dict(
        type='mmpretrain.ResNet_CIFAR',  # its stem keeps the resolution: fields are a few pixels wide
        depth=18,
        in_channels=_base_.num_bands,
        base_channels=32,
        stem_channels=32,
        norm_cfg=norm_cfg,
    ),
    decode_head=dict(in_channels=[32, 64, 128, 256], channels=64, num_classes=_base_.num_classes, norm_cfg=norm_cfg),
)
