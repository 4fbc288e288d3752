_base_ = ['xiongan.py', 'windows_components.py']

scene = dict(**_base_.scene, preprocessing=_base_.preprocessing)

train_dataloader = dict(dataset=dict(scene=scene))
val_dataloader = dict(dataset=dict(scene=scene))
test_dataloader = dict(dataset=dict(scene=scene))
