_base_ = 'hypersigma-base_urban.py'

model = dict(backbone=dict(spatial=dict(arch='huge'), spectral=dict(arch='huge')), neck=dict(in_channels=1280))
