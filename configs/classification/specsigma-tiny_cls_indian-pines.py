# The spectral branch of the tiny HyperSIGMA alone: the mean of its tokens.
_base_ = 'hypersigma-tiny_cls_indian-pines.py'

model = dict(
    backbone=dict(_delete_=True, **_base_.model.backbone.spectral),
    neck=dict(_delete_=True, type='TokenPooling', in_channels=64),
    head=dict(in_channels=(64,)),
)
