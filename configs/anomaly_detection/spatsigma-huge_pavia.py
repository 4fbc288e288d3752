_base_ = 'spatsigma-base_pavia.py'

model = dict(backbone=dict(arch='huge'), neck=dict(in_channels=1280))
