# mmpretrain's ResNet-18 and mmseg's UPerHead on the same crops, with the same losses.
_base_ = 'hypersigma-tiny_oscd.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='SiameseBackbone',
        encoder=dict(type='mmpretrain.ResNet', depth=18, in_channels=_base_.num_bands, out_indices=(0, 1, 2, 3)),
        fusion='concat',
    ),
    neck=None,
    decode_head=dict(
        _delete_=True,
        type='mmseg.UPerHead',
        in_channels=[128, 256, 512, 1024],
        in_index=[0, 1, 2, 3],
        channels=64,
        pool_scales=(1, 2, 3, 6),
        num_classes=2,
        out_channels=2,
        norm_cfg=dict(type='BN'),
        loss_decode=_base_.model.decode_head.loss_decode,
    ),
)
