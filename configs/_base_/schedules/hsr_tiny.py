# Training of a small super-resolution network from scratch on one scene. It starts at the bicubic image, which a higher
# rate leaves at first.
optim_wrapper = dict(
    optimizer=dict(type='Adam', lr=2e-4), constructor='GroupedOptimWrapperConstructor', clip_grad=dict(max_norm=1.0)
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, begin=0, end=20),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=20, end=240, T_max=220),
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=240, val_interval=80)
val_cfg = dict()
test_cfg = dict()
