_base_ = 'spatsigma-base_hermiston.py'

model = dict(backbone=dict(encoder=dict(arch='large'), neck=dict(in_channels=1024)))
