_base_ = ['indian-pines.py', 'windows_components.py']

scene = dict(
    **_base_.scene,
    split=dict(type='NumberSplit', train=10, val=5, seed=0),  # labelled pixels per class
    preprocessing=_base_.preprocessing,
)

train_dataloader = dict(dataset=dict(scene=scene))
val_dataloader = dict(dataset=dict(scene=scene))
test_dataloader = dict(dataset=dict(scene=scene))
