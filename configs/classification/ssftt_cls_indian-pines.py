# SSFTT (Sun et al., IEEE TGRS 60, 2022) with its 30 components and windows of 13 pixels, trained as the others here;
# the paper has Adam at 1e-3 for 100 epochs in batches of 64.
_base_ = 'hybridsn_cls_indian-pines.py'

model = dict(
    backbone=dict(_delete_=True, type='SSFTT', in_channels=_base_.num_bands),
    head=dict(
        _delete_=True,
        type='mmpretrain.LinearClsHead',
        in_channels=64,
        num_classes=_base_.num_classes,
        loss=_base_.model.head.loss,
    ),
)
