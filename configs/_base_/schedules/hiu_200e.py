# Unmixing with a pre-trained encoder. The official code has no effective layer decay (its rule matches no parameter):
# layer_decay_rate is 1 here too, as the rates were chosen with it. It steps its cosine before each epoch;
# hypersigma-base_urban_official.py repeats that.
optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=1e-3, betas=(0.9, 0.999), weight_decay=0.05),
    constructor='GroupedOptimWrapperConstructor',
    paramwise_cfg=dict(flat_decay_mult=0.0),
)
param_scheduler = [dict(type='CosineAnnealingLR', T_max=200, eta_min=0, by_epoch=True)]
custom_hooks = [dict(type='InitialEndmemberHook'), dict(type='NonNegativeEndmemberHook')]

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=200)
test_cfg = dict()
auto_scale_lr = dict(base_batch_size=32)
