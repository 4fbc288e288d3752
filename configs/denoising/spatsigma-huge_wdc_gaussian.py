_base_ = 'spatsigma-base_wdc_gaussian.py'

model = dict(generator=dict(backbone=dict(arch='huge'), neck=dict(in_channels=1280, refinement=dict(in_channels=1280))))
