# Twenty steps without random numbers that differ between processes. 61 windows do not divide by two.
_base_ = [
    '../../../configs/classification/hypersigma-tiny_cls_indian-pines.py',
    '../../../configs/_base_/strategies/fsdp.py',
]
model = dict(
    data_preprocessor=dict(batch_augments=None),
    backbone=dict(spatial=dict(drop_path_rate=0.0), spectral=dict(drop_path_rate=0.0)),
    head=dict(dropout_rate=0.0),
)
train_dataloader = dict(batch_size=12, dataset=dict(pipeline=[_base_.pack], indices=120))
val_dataloader = dict(batch_size=10, dataset=dict(indices=61))
test_dataloader = dict(batch_size=10, dataset=dict(indices=61))
optim_wrapper = dict(clip_grad=dict(max_norm=0.5))
param_scheduler = [dict(type='ConstantLR', factor=0.02, by_epoch=True, end=2)]
train_cfg = dict(max_epochs=2, val_begin=1, val_interval=1)
default_hooks = dict(logger=dict(interval=1), checkpoint=dict(interval=1))
custom_hooks = []  # no EMA
vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(vis_backends=vis_backends)
