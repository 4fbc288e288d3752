# The settings of the official code where the defaults of this toolbox differ; see the README.
_base_ = 'hypersigma-base_urban.py'

model = dict(
    backbone=dict(
        spatial=dict(init_cfg=dict(type='Pretrained', checkpoint='hypersigma:spat-vit-base', skip=('patch_embed',))),
        spectral=dict(init_cfg=dict(type='Pretrained', checkpoint='hypersigma:spec-vit-base', skip=('spat_map',))),
    ),
    loss_reconstruction=dict(margin=None),
    loss_variation=dict(along='endmembers', reduction='sum'),
)

scene = dict(split=dict(seed=1))  # whatever the seed of the run
train_dataloader = dict(dataset=dict(scene=scene))
# adjacent tiles from the upper left corner; at the border the last rows and columns are repeated
test_dataloader = dict(dataset=dict(scene=scene, overlap=0, fixed_grid=True, pad_mode='append'))
test_evaluator = dict(scene=scene, stitch='overwrite')

# stepped before each epoch: the first one is already below the base rate, the last one trains with rate 0
param_scheduler = [
    dict(type='ConstantLR', factor=1.0, begin=0, end=1, by_epoch=True),  # records the base rate
    dict(type='CosineAnnealingLR', T_max=200, eta_min=0, last_step=0, by_epoch=True),
]
# endmembers are clamped only in the losses, after the forward pass
custom_hooks = [dict(type='InitialEndmemberHook')]
randomness = dict(seed=1)
