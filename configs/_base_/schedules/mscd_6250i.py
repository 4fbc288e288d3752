# Multispectral change detection: 6250 batches of 64 crops (400 000 crops) at a constant rate, without layer decay.
optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=1e-4, betas=(0.9, 0.999), weight_decay=5e-4),
    constructor='GroupedOptimWrapperConstructor',
)
param_scheduler = []

train_cfg = dict(type='IterBasedTrainLoop', max_iters=6250, val_interval=100)
val_cfg = dict()
test_cfg = dict()
auto_scale_lr = dict(base_batch_size=64)
