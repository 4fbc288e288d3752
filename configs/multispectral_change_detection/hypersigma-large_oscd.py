_base_ = 'hypersigma-base_oscd.py'

model = dict(
    backbone=dict(
        encoder=dict(spatial=dict(arch='large'), spectral=dict(arch='large')),
        neck=dict(in_channels=1024, mid_channels=1024),
    ),
    neck=dict(in_channels=(2048,) * 4),
)
