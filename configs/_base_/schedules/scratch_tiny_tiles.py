# As many steps as scratch_tiny.py makes with ten labelled pixels per class, for a scene that is a single tile.
_base_ = 'scratch_tiny.py'

optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=True, begin=0, end=30, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', by_epoch=True, begin=30, end=300, T_max=270, convert_to_iter_based=True),
]
train_cfg = dict(max_epochs=300, val_begin=200, val_interval=25)
