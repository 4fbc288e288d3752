_base_ = 'finetune_100e.py'

param_scheduler = [dict(type='CosineAnnealingLR', T_max=300, eta_min=0, by_epoch=True)]
train_cfg = dict(max_epochs=300)
