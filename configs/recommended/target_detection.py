# Recommended for your own scene: fill in `scene` (files, keys, the target spectrum) and nothing else, in a config that
# inherits this one. Labels are used only for the scores, unless the target spectrum is taken from them. The number of
# bands follows from the scene.
_base_ = [
    '../_base_/models/hypersigma-tiny_htd.py',
    '../_base_/datasets/detection_tiles.py',
    '../_base_/schedules/detection_scratch_tiny.py',
    '../_base_/default_runtime.py',
]

num_bands = 20  # principal components, fewer where the scene has fewer bands
scene = dict(
    type='DetectionScene',
    image=dict(path='{{$MMHSI_DATA:data}}/mine/cube.tif'),
    labels=dict(path='{{$MMHSI_DATA:data}}/mine/labels.tif'),  # 0 background, 1 target; None if there are none
    # target_spectrum=dict(path='target.csv'), or dict(select='mean'), the mean of the labelled target pixels
    coarse=dict(detector='cem', preprocessing=[dict(type='Standardize')]),  # the teacher of the network
    pseudo_shares=dict(background=0.9, target=0.01),
    preprocessing=[dict(type='Standardize'), dict(type='SpectralPCA', n_components=num_bands, whiten=True)],
)
scene_settings = dict(components=num_bands, target_spectrum=True)

train_pipeline = [dict(type='RandomFlip', prob=0.5), dict(type='RandomRotate90'), _base_.pack]
train_dataloader = dict(
    batch_size=1, num_workers=0, persistent_workers=False, dataset=dict(scene=None, pipeline=train_pipeline)
)
test_dataloader = dict(num_workers=0, persistent_workers=False, dataset=dict(scene=None))

model = dict(
    data_preprocessor=dict(num_bands=num_bands),
    backbone=dict(
        spatial=dict(img_size=_base_.tile_size, in_channels=num_bands), spectral=dict(img_size=_base_.tile_size)
    ),
    decode_head=dict(num_bands=num_bands),
)

default_hooks = dict(
    checkpoint=dict(save_best=None),
    classical=dict(type='ClassicalHook'),  # CEM, ACE, matched filter, SAM, OSP after each test; None leaves them out
)
# the product of the ranks of the matched filter, of the filter with its scores smoothed, and of the network; a spectrum
# from a file fits the targets of the scene only roughly, which the second list allows for
custom_hooks = [
    dict(
        type='ScoreFusionHook',
        network=0.1,
        detectors={'matched filter': 'mf'},
        elsewhere={
            'CEM': dict(method='cem', left_out=0.02),
            'matched filter': dict(method='mf', left_out=0.02),
            'loaded CEM': dict(method='cem', left_out=0.02, loading=100.0),
        },
        smoothing=0.5,
    )
]
