_base_ = ['hermiston.py', 'change_windows_tiny.py']

scene = dict(_base_.scene, **_base_.tiny_scene)

train_dataloader = dict(dataset=dict(scene=scene, window_size=_base_.window_size))
test_dataloader = dict(dataset=dict(scene=scene, window_size=_base_.window_size))
