_base_ = ['hermiston.py', 'change_tiles_tiny.py']

scene = dict(_base_.scene, **_base_.tiny_scene)

train_dataloader = dict(dataset=dict(scene=scene))
test_dataloader = dict(dataset=dict(scene=scene))
