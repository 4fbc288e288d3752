_base_ = 'spatsigma-base_hermiston.py'

model = dict(backbone=dict(encoder=dict(arch='huge'), neck=dict(in_channels=1280)))
