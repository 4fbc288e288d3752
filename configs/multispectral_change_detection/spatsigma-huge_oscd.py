_base_ = 'spatsigma-base_oscd.py'

model = dict(backbone=dict(encoder=dict(arch='huge'), neck=dict(in_channels=1280)), neck=dict(in_channels=(2560,) * 4))
