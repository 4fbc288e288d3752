# The spatial branch of the tiny HyperSIGMA alone.
_base_ = 'hypersigma-tiny_indian-pines-implanted_anomaly.py'

model = dict(
    backbone=dict(_delete_=True, **_base_.model.backbone.spatial),
    neck=dict(_delete_=True, type='LevelPyramid', in_channels=64, out_channels=64, scales=(1, 1), sum_levels=True),
)
