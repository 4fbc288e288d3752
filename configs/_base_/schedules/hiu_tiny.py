# Unmixing with a small network trained from scratch. The endmembers, which start near their goal, learn slowly.
optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=3e-3, weight_decay=0.05),
    constructor='GroupedOptimWrapperConstructor',
    paramwise_cfg=dict(flat_decay_mult=0.0, custom_keys={'decoder': dict(lr_mult=0.1, decay_mult=0.0)}),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=True, begin=0, end=1, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', by_epoch=True, begin=1, end=20, T_max=19, convert_to_iter_based=True),
]
custom_hooks = [dict(type='InitialEndmemberHook', equal_norms=True), dict(type='NonNegativeEndmemberHook')]

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=20)
test_cfg = dict()
