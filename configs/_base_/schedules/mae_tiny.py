# Masked pre-training of a small network on the tiles of a scene.
optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=1.5e-3, betas=(0.9, 0.95), weight_decay=0.05),
    constructor='GroupedOptimWrapperConstructor',
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, begin=0, end=3, by_epoch=True, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', T_max=27, eta_min=0, begin=3, end=30, by_epoch=True, convert_to_iter_based=True),
]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=30)
