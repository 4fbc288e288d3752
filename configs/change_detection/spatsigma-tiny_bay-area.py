# The spatial branch of the tiny HyperSIGMA alone.
_base_ = 'hypersigma-tiny_bay-area.py'

model = dict(
    backbone=dict(
        encoder=dict(_delete_=True, **_base_.model.backbone.encoder.spatial),
        neck=dict(_delete_=True, type='LevelPyramid', in_channels=64, scales=(1, 1), out_channels=64),
    )
)
