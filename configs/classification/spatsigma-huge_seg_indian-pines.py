_base_ = 'spatsigma-base_seg_indian-pines.py'

model = dict(backbone=dict(arch='huge'), neck=dict(in_channels=1280), decode_head=dict(in_channels=(1280,) * 4))
