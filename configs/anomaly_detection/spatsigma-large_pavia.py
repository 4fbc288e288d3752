_base_ = 'spatsigma-base_pavia.py'

model = dict(backbone=dict(arch='large'), neck=dict(in_channels=1024))
