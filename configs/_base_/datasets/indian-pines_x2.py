# The upper two thirds of Indian Pines are for training and validation, the lower third for the test.
_base_ = ['indian-pines.py', 'scene_sr.py']

num_bands = 200
scale = 2
tile_size = 16  # pixels of the small image
crop_size = 32  # pixels of the scene
scene = dict(**_base_.scene, preprocessing=[dict(type='ScaleValues', factor=1e-4)])  # the largest value is 9604
degrade = dict(type='BicubicDegradation', scale=scale)

train_dataloader = dict(
    dataset=dict(
        scene=scene,
        areas=[(0, 0, 96, 112)],  # top, left, height, width in pixels
        crop_size=crop_size,
        stride=4,
        pipeline=[dict(type='RandomDihedral', keys=('gt',)), degrade, _base_.pack],
    )
)
val_dataloader = dict(dataset=dict(scene=scene, areas=[(0, 112, 96, 32)], pipeline=[degrade, _base_.pack]))
test_dataloader = dict(dataset=dict(scene=scene, areas=[(96, 0, 48, 144)], pipeline=[degrade, _base_.pack]))

val_evaluator = dict(scale=scale)
test_evaluator = dict(scale=scale)
