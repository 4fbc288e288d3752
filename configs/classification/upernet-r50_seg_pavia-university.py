# mmseg's UPerNet with a ResNet-50 of mmpretrain on the same tiles, from scratch.
_base_ = [
    '../_base_/models/upernet_seg.py',
    '../_base_/datasets/pavia-university_seg.py',
    '../_base_/schedules/finetune_100e.py',
    '../_base_/default_runtime.py',
]

norm_cfg = dict(type='GN', num_groups=32)  # a batch of two is too small for batch statistics
model = dict(
    data_preprocessor=dict(num_bands=_base_.num_bands),
    backbone=dict(type='mmpretrain.ResNet', depth=50, in_channels=_base_.num_bands, norm_cfg=norm_cfg),
    decode_head=dict(
        in_channels=[256, 512, 1024, 2048], channels=256, num_classes=_base_.num_classes, norm_cfg=norm_cfg
    ),
)

optim_wrapper = dict(
    _delete_=True,
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05),
    constructor='GroupedOptimWrapperConstructor',
)
