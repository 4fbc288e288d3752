_base_ = 'hypersigma-base_wdc_gaussian.py'

model = dict(
    generator=dict(
        backbone=dict(spatial=dict(arch='large'), spectral=dict(arch='large')),
        neck=dict(in_channels=1024, spatial_refinement=dict(in_channels=1024)),
    )
)
