# The behaviour of the official code wherever the default is another one, starting from its published weights.
_base_ = 'hypersigma-base_pavia.py'

model = dict(
    backbone=dict(
        spatial=dict(init_cfg=dict(type='Pretrained', checkpoint='hypersigma:spat-vit-base', skip=('patch_embed',))),
        spectral=dict(
            init_cfg=dict(
                type='Pretrained', checkpoint='hypersigma:spec-vit-base', skip=('spat_map',), drop_first_token=True
            )
        ),
    )  # positions of the spectral branch: the first is lost
)

train_dataloader = dict(drop_last=True)
test_evaluator = dict(score='logit', reference_rounding=True)  # the raw logit of the anomaly

optim_wrapper = dict(paramwise_cfg=dict(layer_decay_rate=1.0))
param_scheduler = [dict(type='CosineAnnealingLR', T_max=10, eta_min=0, by_epoch=False)]  # as if epochs were iterations
