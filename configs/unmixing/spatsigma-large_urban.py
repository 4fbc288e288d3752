_base_ = 'spatsigma-base_urban.py'

model = dict(backbone=dict(arch='large'), neck=dict(in_channels=1024))
