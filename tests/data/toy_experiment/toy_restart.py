# Four iterations an epoch with random numbers in the data and in the model: a run that is worth resuming exactly.
_base_ = 'toy_line.py'

default_hooks = dict(
    checkpoint=dict(type='mmhsi.SafeCheckpointHook', max_keep_ckpts=1, save_best='toy/error', rule='less'),
    logger=dict(type='LoggerHook', interval=1),
    seed=dict(type='mmhsi.IterationSeedHook'),
    resume=dict(type='mmhsi.ExactResumeHook'),
    preemption=dict(type='mmhsi.PreemptionHook'),
    loss=dict(type='mmhsi.NonFiniteLossHook'))
model = dict(type='NoisyRegression')
optim_wrapper = dict(optimizer=dict(_delete_=True, type='Adam', lr=0.05))
param_scheduler = [dict(type='CosineAnnealingLR', T_max=8, end=8, by_epoch=True)]
train_cfg = dict(max_epochs=8)
train_dataloader = dict(batch_size=2, dataset=dict(type='NoisyPoints'), sampler=dict(shuffle=True))
randomness = dict(seed=5)
