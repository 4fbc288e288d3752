_base_ = 'toy_restart.py'

default_hooks = dict(checkpoint=dict(by_epoch=False, interval=5))
param_scheduler = [dict(type='CosineAnnealingLR', T_max=12, end=12, by_epoch=False)]
train_cfg = dict(_delete_=True, by_epoch=False, max_iters=12, val_interval=3)
train_dataloader = dict(sampler=dict(type='InfiniteSampler'))
log_processor = dict(by_epoch=False)
