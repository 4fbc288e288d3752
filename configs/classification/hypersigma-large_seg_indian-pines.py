_base_ = 'hypersigma-base_seg_indian-pines.py'

model = dict(backbone=dict(spatial=dict(arch='large'), spectral=dict(arch='large')), neck=dict(in_channels=1024))
