# Recommended for your own scene: fill in `scene` (file, key) and nothing else, in a config that inherits this
# one. The upper rows of the scene train, the next are for validation, the lowest are the test, to which noise of
# `test_sigma` is added; a prediction restores the scene as it is. Numbers of bands and rows follow from the scene.
# Network and classical denoisers are averaged, with weights for each level of noise; bands without noise are left
# alone.
_base_ = [
    '../_base_/models/hypersigma-tiny_hid.py',
    '../_base_/datasets/denoising.py',
    '../_base_/schedules/hid_tiny.py',
    '../_base_/restoration_iter_runtime.py',
]

num_bands = 1  # follows from the scene
size = 16  # pixels
scene = dict(
    type='Scene',
    image=dict(path='{{$MMHSI_DATA:data}}/mine/cube.tif'),
    preprocessing=[dict(type='MinMaxScale', per_band=True)],
)
scene_settings = dict()
test_sigma = 30.0  # of 255

train_dataloader = dict(
    _delete_=True,
    batch_size=8,
    num_workers=0,
    persistent_workers=False,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type='CropDataset',
        scene=None,
        crop_size=size,
        stride=4,
        pipeline=[
            dict(type='RandomDihedral', keys=('img', 'gt')),
            dict(type='GaussianNoise', sigma=(5.0, 70.0)),
            _base_.pack,
        ],
    ),
)
val_dataloader = dict(num_workers=0, persistent_workers=False, dataset=dict(scene=None))
test_dataloader = dict(
    dataset=dict(scene=None, pipeline=[dict(type='GaussianNoise', sigma=test_sigma, seed=0), _base_.pack])
)

model = dict(
    generator=dict(
        backbone=dict(spatial=dict(img_size=size, in_channels=num_bands), spectral=dict(img_size=size)),
        neck=dict(spatial_refinement=dict(img_size=(size, size))),
        head=dict(num_bands=num_bands),
    ),
    test_cfg=dict(tile_size=size, overlap=8),  # pixels
)

default_hooks = dict(classical=dict(type='ClassicalHook'))  # denoisers after each test; None leaves them out
custom_hooks = [
    dict(type='SubspaceInitHook'),
    dict(type='InitialStateHook'),
    dict(type='RestorationMeanHook', methods=('low_rank_wavelet', 'low_rank_non_local', 'low_rank')),
]
