_base_ = 'hypersigma-base_oscd.py'

model = dict(
    backbone=dict(
        encoder=dict(spatial=dict(arch='huge'), spectral=dict(arch='huge')),
        neck=dict(in_channels=1280, mid_channels=1280),
    ),
    neck=dict(in_channels=(2560,) * 4),
)
