# Masked pre-training over 1600 epochs of all tiles, stepped every iteration. The rate is 1.5e-4 * 2048 / 256, for 2048
# tiles per update over all processes and accumulated batches; tools/train.py --auto-scale-lr adapts it to another
# number of processes or batch size, which it counts without accumulation.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1.2e-3, betas=(0.9, 0.95), weight_decay=0.05),
    constructor='GroupedOptimWrapperConstructor',
    # mask token and positions do decay, as in the official groups
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0),
)
param_scheduler = [
    # from 0 in effect: MMEngine's recursion cannot leave 0 itself
    dict(type='LinearLR', start_factor=1e-8, begin=0, end=40, by_epoch=True, convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR', T_max=1560, eta_min=0, begin=40, end=1600, by_epoch=True, convert_to_iter_based=True
    ),
]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=1600)
auto_scale_lr = dict(base_batch_size=2048)
