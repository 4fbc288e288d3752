# Training of a small change detector from scratch on few labels. No validation: the average of the last states is used.
optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05),
    constructor='GroupedOptimWrapperConstructor',
    paramwise_cfg=dict(flat_decay_mult=0.0, custom_keys={'pos_embed': dict(decay_mult=0.0)}),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=True, begin=0, end=4, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', by_epoch=True, begin=4, end=40, T_max=36, convert_to_iter_based=True),
]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=40)
test_cfg = dict()
custom_hooks = [dict(type='EMAHook', ema_type='MomentumAnnealingEMA', momentum=0.01, gamma=10)]
