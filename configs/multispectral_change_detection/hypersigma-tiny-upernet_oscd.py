# mmseg's UPerHead in place of the fusion of the levels.
_base_ = 'hypersigma-tiny_oscd.py'

model = dict(
    neck=None,
    decode_head=dict(
        _delete_=True,
        type='mmseg.UPerHead',
        in_channels=[128] * 4,
        in_index=[0, 1, 2, 3],
        channels=64,
        pool_scales=(1, 2, 3, 6),
        num_classes=2,
        out_channels=2,
        norm_cfg=dict(type='BN'),
        loss_decode=_base_.model.decode_head.loss_decode,
    ),
)
