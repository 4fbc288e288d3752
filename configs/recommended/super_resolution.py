# Recommended for your own scene: fill in `scene` (file, key) and nothing else, in a config that inherits this
# one; another factor is `scene_settings = dict(scale=4)`. The upper rows of the scene train, the next are for
# validation, the lowest are the test; a prediction enlarges the scene itself. Numbers of bands and rows follow from the
# scene. The network learns what the bicubic image lacks; it is averaged with classical enlargements and with kernels
# that are fitted to the scene.
_base_ = [
    '../_base_/models/hypersigma-tiny_hsr.py',
    '../_base_/datasets/scene_sr.py',
    '../_base_/schedules/hsr_tiny.py',
    '../_base_/restoration_iter_runtime.py',
]

num_bands = 1  # follows from the scene
scale = 2
tile_size = 16  # pixels of the small image
scene = dict(
    type='Scene',
    image=dict(path='{{$MMHSI_DATA:data}}/mine/cube.tif'),
    preprocessing=[dict(type='MinMaxScale', per_band=False)],
)
scene_settings = dict(scale=scale)
degrade = dict(type='BicubicDegradation', scale=scale)

train_dataloader = dict(
    dataset=dict(
        scene=None,
        crop_size=scale * tile_size,
        stride=4,
        pipeline=[dict(type='RandomDihedral', keys=('gt',)), degrade, _base_.pack],
    )
)
val_dataloader = dict(dataset=dict(scene=None, pipeline=[degrade, _base_.pack]))
test_dataloader = dict(dataset=dict(scene=None, pipeline=[degrade, _base_.pack]))
val_evaluator = dict(scale=scale)
test_evaluator = dict(scale=scale)

model = dict(
    generator=dict(
        backbone=dict(spatial=dict(img_size=tile_size, in_channels=num_bands), spectral=dict(img_size=tile_size)),
        head=dict(num_bands=num_bands, scale=scale),
    ),
    test_cfg=dict(tile_size=tile_size, overlap=4),
)

default_hooks = dict(classical=dict(type='ClassicalHook'))  # enlargements after each test; None leaves them out
custom_hooks = [
    dict(type='InitialStateHook'),
    dict(type='RestorationMeanHook', methods=('lanczos', 'spline', 'bicubic')),
]
