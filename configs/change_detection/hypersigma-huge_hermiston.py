_base_ = 'hypersigma-base_hermiston.py'

model = dict(
    backbone=dict(encoder=dict(spatial=dict(arch='huge'), spectral=dict(arch='huge')), neck=dict(in_channels=1280))
)
