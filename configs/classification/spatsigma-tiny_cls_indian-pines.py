# The spatial branch of the tiny HyperSIGMA alone.
_base_ = 'hypersigma-tiny_cls_indian-pines.py'

model = dict(backbone=dict(_delete_=True, **_base_.model.backbone.spatial), neck=None)
