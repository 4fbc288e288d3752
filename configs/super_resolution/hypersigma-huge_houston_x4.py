_base_ = 'hypersigma-base_houston_x4.py'

model = dict(
    generator=dict(
        backbone=dict(spatial=dict(arch='huge'), spectral=dict(arch='huge')),
        neck=dict(in_channels=1280, spatial_refinement=dict(in_channels=1280)),
    )
)
