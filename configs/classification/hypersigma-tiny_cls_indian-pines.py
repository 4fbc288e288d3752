# A HyperSIGMA that two CPU cores train from scratch in a few minutes.
_base_ = [
    '../_base_/models/hypersigma-base_cls.py', '../_base_/datasets/indian-pines_cls_tiny.py',
    '../_base_/default_runtime.py'
]

model = dict(
    data_preprocessor=dict(num_bands=_base_.num_bands),
    backbone=dict(
        spatial=dict(
            arch='tiny', img_size=_base_.window_size, patch_size=3, in_channels=_base_.num_bands, num_points=4),
        spectral=dict(arch='tiny', img_size=_base_.window_size, num_tokens=25, num_points=4, out_indices=(1, ))),
    neck=dict(in_channels=96, num_tokens=25, scales=(1, 1, 1, 1)),
    head=dict(num_classes=_base_.num_classes))

optim_wrapper = dict(optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05))
param_scheduler = [dict(type='CosineAnnealingLR', T_max=60, by_epoch=True)]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=60, val_interval=10)
val_cfg = dict()
test_cfg = dict()
