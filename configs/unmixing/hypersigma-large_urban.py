_base_ = 'hypersigma-base_urban.py'

model = dict(backbone=dict(spatial=dict(arch='large'), spectral=dict(arch='large')), neck=dict(in_channels=1024))
