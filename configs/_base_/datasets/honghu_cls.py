# Our choice, as the official code has this protocol for other scenes only: their window and components.
_base_ = ['honghu.py', 'windows_components.py']

scene = dict(**_base_.scene, preprocessing=_base_.preprocessing)

train_dataloader = dict(dataset=dict(scene=scene))
val_dataloader = dict(dataset=dict(scene=scene))
test_dataloader = dict(dataset=dict(scene=scene))
