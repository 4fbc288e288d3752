_base_ = 'indian-pines_x2.py'

scale = 4
tile_size = 12  # pixels of the small image
crop_size = 48  # pixels of the scene
degrade = dict(type='BicubicDegradation', scale=scale)

train_dataloader = dict(
    dataset=dict(crop_size=crop_size, pipeline=[dict(type='RandomDihedral', keys=('gt',)), degrade, _base_.pack])
)
val_dataloader = dict(dataset=dict(pipeline=[degrade, _base_.pack]))
test_dataloader = dict(dataset=dict(pipeline=[degrade, _base_.pack]))

val_evaluator = dict(scale=scale)
test_evaluator = dict(scale=scale)
