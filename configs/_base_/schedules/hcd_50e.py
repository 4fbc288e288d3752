# Change detection with a pre-trained encoder. The official code steps its cosine before each epoch, and its layer decay
# matches no parameter; hypersigma-base_hermiston_official.py repeats that.
optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=6e-5, betas=(0.9, 0.999), weight_decay=0.05),
    constructor='LayerDecayOptimWrapperConstructor',
    paramwise_cfg=dict(layer_decay_rate=0.9, flat_decay_mult=0.0, custom_keys={'pos_embed': dict(decay_mult=0.0)}),
)
param_scheduler = [dict(type='CosineAnnealingLR', T_max=50, eta_min=0, by_epoch=True)]

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=50)
test_cfg = dict()
auto_scale_lr = dict(base_batch_size=32)
