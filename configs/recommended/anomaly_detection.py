# Recommended for your own scene: fill in `scene` (files, keys) and nothing else, in a config that inherits this
# one. Labels are used only for the scores; nothing is learnt from them. The number of bands and the windows of CRD,
# which fit the size of the anomalies, follow from the scene.
_base_ = [
    '../_base_/models/hypersigma-tiny_had.py',
    '../_base_/datasets/detection_tiles.py',
    '../_base_/schedules/detection_scratch_tiny.py',
    '../_base_/default_runtime.py',
]

num_bands = 20  # principal components, fewer where the scene has fewer bands
scene = dict(
    type='DetectionScene',
    image=dict(path='{{$MMHSI_DATA:data}}/mine/cube.tif'),
    labels=dict(path='{{$MMHSI_DATA:data}}/mine/labels.tif'),  # 0 background, 1 anomaly; None if there are none
    classes=('background', 'anomaly'),
    coarse=dict(detector='crd', preprocessing=[]),  # the teacher of the network, on the stored values
    pseudo_shares=dict(background=0.9, target=0.01),
    preprocessing=[dict(type='Standardize'), dict(type='SpectralPCA', n_components=num_bands, whiten=True)],
)
scene_settings = dict(components=num_bands)

train_pipeline = [
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomRotate90'),
    dict(type='RandomBandNoise', sigma=0.3, prob=1.0),
    _base_.pack,
]
train_dataloader = dict(
    batch_size=1, num_workers=0, persistent_workers=False, dataset=dict(scene=None, pipeline=train_pipeline)
)
test_dataloader = dict(num_workers=0, persistent_workers=False, dataset=dict(scene=None))

model = dict(
    data_preprocessor=dict(num_bands=num_bands),
    backbone=dict(
        spatial=dict(img_size=_base_.tile_size, in_channels=num_bands), spectral=dict(img_size=_base_.tile_size)
    ),
)

default_hooks = dict(
    checkpoint=dict(save_best=None),
    classical=dict(type='ClassicalHook'),  # RX, local RX and CRD after each test; None leaves them out
)
# the product of the ranks of the network, of CRD, and of CRD with its scores smoothed
custom_hooks = [dict(type='ScoreFusionHook', network=0.4, detectors=dict(CRD=dict(method='crd')), smoothing=0.5)]
