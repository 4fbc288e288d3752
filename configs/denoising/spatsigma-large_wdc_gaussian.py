_base_ = 'spatsigma-base_wdc_gaussian.py'

model = dict(
    generator=dict(backbone=dict(arch='large'), neck=dict(in_channels=1024, refinement=dict(in_channels=1024)))
)
