_base_ = 'spatsigma-base_cls_indian-pines.py'

model = dict(backbone=dict(arch='huge'), head=dict(in_channels=(1280,) * 4))
