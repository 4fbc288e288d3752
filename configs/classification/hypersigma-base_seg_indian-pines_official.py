# The settings of the official code where the defaults of this toolbox differ; see the README.
_base_ = 'hypersigma-base_seg_indian-pines.py'

model = dict(
    backbone=dict(
        spatial=dict(
            init_cfg=dict(type='Pretrained', checkpoint='hypersigma:spat-vit-base', skip=('patch_embed', 'pos_embed'))
        ),
        spectral=dict(init_cfg=dict(type='Pretrained', checkpoint='hypersigma:spec-vit-base', skip=('spat_map',))),
    )
)

scene = dict(split=dict(small_class='reference', seed=3704))
train_dataloader = dict(drop_last=True, dataset=dict(scene=scene))
val_dataloader = dict(drop_last=True, sampler=dict(type='DefaultSampler', shuffle=True), dataset=dict(scene=scene))
test_dataloader = dict(dataset=dict(scene=scene))
# the state with the lowest sum of validation losses is kept, checked every tenth epoch
default_hooks = dict(checkpoint=dict(save_best=None))
custom_hooks = [dict(type='LowestLossHook', subset='val', interval=10)]

optim_wrapper = dict(paramwise_cfg=dict(layer_decay_rate=1.0))  # the rule matches no parameter
param_scheduler = []  # one is created but never stepped
train_cfg = dict(max_epochs=101)  # off by one
randomness = dict(seed=3704)
