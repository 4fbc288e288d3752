# mmseg's UPerHead on the enhanced maps of HyperSIGMA.
_base_ = 'hypersigma-tiny_seg_indian-pines.py'

model = dict(
    decode_head=dict(
        _delete_=True,
        type='mmseg.UPerHead',
        in_channels=[128] * 4,
        in_index=[0, 1, 2, 3],
        channels=64,
        pool_scales=(1, 2, 3, 6),
        num_classes=_base_.num_classes,
        norm_cfg=dict(type='GN', num_groups=8),  # a tile is a batch of one
        loss_decode=dict(type='mmseg.CrossEntropyLoss', avg_non_ignore=True),
    )
)
