_base_ = 'base.py'

model = dict(type='ToyRegression')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.01))
custom_hooks = [dict(type='ToyState')]

train_cfg = dict(by_epoch=True, max_epochs=1)
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    dataset=dict(type='ToyPoints'),
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='default_collate'))
val_cfg = dict()
val_dataloader = train_dataloader
val_evaluator = dict(type='ToyError')
test_cfg = val_cfg
test_dataloader = val_dataloader
test_evaluator = val_evaluator
