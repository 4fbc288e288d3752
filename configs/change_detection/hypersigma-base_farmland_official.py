# The settings of the official code where the defaults of this toolbox differ; see the README.
_base_ = 'hypersigma-base_farmland.py'

model = dict(
    backbone=dict(
        encoder=dict(
            spatial=dict(
                init_cfg=dict(type='Pretrained', checkpoint='hypersigma:spat-vit-base', skip=('patch_embed',))
            ),
            spectral=dict(init_cfg=dict(type='Pretrained', checkpoint='hypersigma:spec-vit-base', skip=('spat_map',))),
        )
    )
)

# changed pixels are drawn from code 2 alone, which is class 1 of the map of labels; code 0 is tested as changed
scene = dict(
    split=dict(
        _delete_=True,
        type='LimitedSplit',
        split=dict(
            type='MapSplit',
            train=dict(path=_base_.scene.data_root + '/' + _base_.scene.labels.path, key=_base_.scene.labels.key),
        ),
        train=500,
        val=0,
        seed=1,
    )  # whatever the seed of the run
)
train_dataloader = dict(dataset=dict(scene=scene))
# only labelled pixels are classified, and training pixels count too
test_dataloader = dict(dataset=dict(scene=scene, subset='labelled', evaluate_on='labelled'))
test_evaluator = dict(reference_rounding=True)

optim_wrapper = dict(paramwise_cfg=dict(layer_decay_rate=1.0))  # the rule matches no parameter
# stepped before each epoch: the first one is already below the base rate, the last one trains with rate 0
param_scheduler = [
    dict(type='ConstantLR', factor=1.0, begin=0, end=1, by_epoch=True),  # records the base rate
    dict(type='CosineAnnealingLR', T_max=50, eta_min=0, last_step=0, by_epoch=True),
]
randomness = dict(seed=1)
