_base_ = 'spatsigma-base_mosaic.py'

model = dict(backbone=dict(arch='large'), neck=dict(in_channels=1024))
