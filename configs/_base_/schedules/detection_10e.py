# Detection with a pre-trained encoder. The layer decay of the official code matches no parameter: layer_decay_rate=1.0
# reproduces that. Its cosine of 10 epochs is stepped every iteration, so that the rate swings with a period of 20
# iterations:
# param_scheduler = [dict(type='CosineAnnealingLR', T_max=10, eta_min=0, by_epoch=False)]
optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=6e-5, betas=(0.9, 0.999), weight_decay=5e-4),
    constructor='LayerDecayOptimWrapperConstructor',
    paramwise_cfg=dict(layer_decay_rate=0.9, flat_decay_mult=0.0, custom_keys={'pos_embed': dict(decay_mult=0.0)}),
)
# half a period over all iterations
param_scheduler = [dict(type='CosineAnnealingLR', T_max=10, eta_min=0, by_epoch=True, convert_to_iter_based=True)]

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=10)
test_cfg = dict()
auto_scale_lr = dict(base_batch_size=2)
