# mmseg's UPerNet with a ResNet-50 of mmpretrain on the same tiles, from scratch.
_base_ = [
    '../_base_/datasets/pavia-university_seg.py', '../_base_/schedules/finetune_100e.py', '../_base_/default_runtime.py'
]

norm_cfg = dict(type='GN', num_groups=32)  # a batch of two is too small for batch statistics
model = dict(
    type='mmseg.EncoderDecoder',
    data_preprocessor=dict(type='HSIDataPreprocessor', num_bands=_base_.num_bands),
    backbone=dict(
        type='mmpretrain.ResNet',
        depth=50,
        in_channels=_base_.num_bands,
        out_indices=(0, 1, 2, 3),
        norm_cfg=norm_cfg),
    decode_head=dict(
        type='mmseg.UPerHead',
        in_channels=[256, 512, 1024, 2048],
        in_index=[0, 1, 2, 3],
        channels=256,
        pool_scales=(1, 2, 3, 6),
        num_classes=_base_.num_classes,
        norm_cfg=norm_cfg,
        loss_decode=dict(type='mmseg.CrossEntropyLoss', avg_non_ignore=True)),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))

optim_wrapper = dict(_delete_=True, optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05))
