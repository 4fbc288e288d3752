_base_ = ['farmland.py', 'change_windows.py']

train_dataloader = dict(dataset=dict(scene=_base_.scene, window_size=_base_.window_size))
test_dataloader = dict(dataset=dict(scene=_base_.scene, window_size=_base_.window_size))
