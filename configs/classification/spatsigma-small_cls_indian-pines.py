# The spatial branch of the small HyperSIGMA alone.
_base_ = 'hypersigma-small_cls_indian-pines.py'

model = dict(
    backbone=dict(_delete_=True, **_base_.model.backbone.spatial),
    neck=None,
    head=dict(in_channels=(384, 384, 384, 384)),
)
