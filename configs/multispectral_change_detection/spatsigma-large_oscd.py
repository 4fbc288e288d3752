_base_ = 'spatsigma-base_oscd.py'

model = dict(backbone=dict(encoder=dict(arch='large'), neck=dict(in_channels=1024)), neck=dict(in_channels=(2048,) * 4))
