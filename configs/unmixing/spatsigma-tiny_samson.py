# The spatial branch of the tiny HyperSIGMA alone.
_base_ = 'hypersigma-tiny_samson.py'

model = dict(
    backbone=dict(_delete_=True, **_base_.model.backbone.spatial),
    neck=dict(_delete_=True, type='LevelPyramid', in_channels=64, scales=(1, 1), out_channels=64),
    head=dict(smooth_channels=None),
)
