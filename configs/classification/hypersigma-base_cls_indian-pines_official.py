# The settings of the official code where the defaults of this toolbox differ; see the README.
_base_ = 'hypersigma-base_cls_indian-pines.py'

model = dict(
    backbone=dict(
        spatial=dict(
            init_cfg=dict(type='Pretrained', checkpoint='hypersigma:spat-vit-base', skip=('patch_embed', 'pos_embed'))
        ),
        spectral=dict(init_cfg=dict(type='Pretrained', checkpoint='hypersigma:spec-vit-base', skip=('spat_map',))),
    )
)

scene = dict(split=dict(small_class='reference'))
train_dataloader = dict(dataset=dict(scene=scene))
test_dataloader = dict(dataset=dict(scene=scene))
test_evaluator = dict(aa='precision')
# the state with the lowest training loss is kept, checked every tenth epoch; there is no validation
val_dataloader = val_cfg = val_evaluator = None
default_hooks = dict(checkpoint=dict(save_best=None))
custom_hooks = [dict(type='LowestLossHook', subset='train', interval=10)]

optim_wrapper = dict(paramwise_cfg=dict(layer_decay_rate=1.0))  # the rule matches no parameter
param_scheduler = []  # one is created but never stepped
train_cfg = dict(max_epochs=101)  # off by one
