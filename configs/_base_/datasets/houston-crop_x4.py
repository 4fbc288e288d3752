# A crop of the 2018 scene of Houston, 128 x 128 pixels with the same 48 bands, published on GitHub with other data; its
# lower quarter is for the test.
_base_ = 'scene_sr.py'

num_bands = 48
scale = 4
tile_size = 12  # pixels of the small image
crop_size = 48  # pixels of the scene
scene = dict(
    type='Scene',
    name='houston-crop',
    data_root='{{$MMHSI_DATA:data}}/houston2018-crop',
    image=dict(path='houston_dataset.mat', key='hyprImg'),
    num_bands=num_bands,
    preprocessing=[dict(type='ScaleValues', factor=5e-5)],  # the largest value is 19534
)
degrade = dict(type='BicubicDegradation', scale=scale)

train_dataloader = dict(
    dataset=dict(
        scene=scene,
        areas=[(0, 0, 96, 96)],  # top, left, height, width in pixels
        crop_size=crop_size,
        stride=4,
        pipeline=[dict(type='RandomDihedral', keys=('gt',)), degrade, _base_.pack],
    )
)
val_dataloader = dict(dataset=dict(scene=scene, areas=[(0, 96, 96, 32)], pipeline=[degrade, _base_.pack]))
test_dataloader = dict(dataset=dict(scene=scene, areas=[(96, 0, 32, 128)], pipeline=[degrade, _base_.pack]))

val_evaluator = dict(scale=scale)
test_evaluator = dict(scale=scale)
