_base_ = 'spatsigma-base_cls_indian-pines.py'

model = dict(backbone=dict(arch='large'), head=dict(in_channels=(1024,) * 4))
