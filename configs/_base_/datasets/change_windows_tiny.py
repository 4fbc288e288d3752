_base_ = ['change_windows.py', 'change_tiny.py']

train_dataloader = dict(
    num_workers=0, persistent_workers=False, dataset=dict(pipeline=[*_base_.augmentation, _base_.pack])
)
test_dataloader = dict(num_workers=0, persistent_workers=False)
