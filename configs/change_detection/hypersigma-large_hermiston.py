_base_ = 'hypersigma-base_hermiston.py'

model = dict(
    backbone=dict(encoder=dict(spatial=dict(arch='large'), spectral=dict(arch='large')), neck=dict(in_channels=1024))
)
