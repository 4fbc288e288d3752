_base_ = 'spatsigma-base_urban.py'

model = dict(backbone=dict(arch='huge'), neck=dict(in_channels=1280))
