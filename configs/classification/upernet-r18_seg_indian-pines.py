# mmseg's UPerNet with a ResNet-18 of mmpretrain on the whole scene, from scratch.
_base_ = [
    '../_base_/datasets/indian-pines_seg_tiny.py', '../_base_/schedules/scratch_tiny_tiles.py',
    '../_base_/default_runtime.py'
]

norm_cfg = dict(type='GN', num_groups=8)  # a tile is a batch of one
model = dict(
    type='mmseg.EncoderDecoder',
    data_preprocessor=dict(type='HSIDataPreprocessor', num_bands=_base_.num_bands),
    backbone=dict(
        type='mmpretrain.ResNet_CIFAR',  # its stem keeps the resolution: fields are a few pixels wide
        depth=18,
        in_channels=_base_.num_bands,
        base_channels=32,
        stem_channels=32,
        out_indices=(0, 1, 2, 3),
        norm_cfg=norm_cfg),
    decode_head=dict(
        type='mmseg.UPerHead',
        in_channels=[32, 64, 128, 256],
        in_index=[0, 1, 2, 3],
        channels=64,
        pool_scales=(1, 2, 3, 6),
        num_classes=_base_.num_classes,
        norm_cfg=norm_cfg,
        loss_decode=dict(type='mmseg.CrossEntropyLoss', avg_non_ignore=True)),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
