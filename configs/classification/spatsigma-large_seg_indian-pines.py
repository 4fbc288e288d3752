_base_ = 'spatsigma-base_seg_indian-pines.py'

model = dict(backbone=dict(arch='large'), neck=dict(in_channels=1024), decode_head=dict(in_channels=(1024,) * 4))
