# SpatSIGMA, multispectral change detection: the spatial branch of HyperSIGMA alone, not in the reference. A
# config adds img_size, and the in_channels of the projection (the bands of one date).
_base_ = 'hypersigma-base_mscd.py'

model = dict(
    backbone=dict(
        encoder=dict(_delete_=True, **_base_.model.backbone.encoder.spatial),
        neck=dict(_delete_=True, type='LevelPyramid', in_channels=768, scales=(2, 1, 0.5, 0.5)),
    )
)
