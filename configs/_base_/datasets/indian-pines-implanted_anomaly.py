# The same scene without the knowledge of the target spectrum.
_base_ = 'detection_tiles.py'

num_bands = 20  # principal components, the input channels of a network
scene = dict(
    type='DetectionScene',
    name='indian-pines-implanted',
    data_root='{{$MMHSI_DATA:data}}/indian_pines_implanted',
    image=dict(path='scene.mat', key='data'),
    labels=dict(path='scene.mat', key='map'),
    classes=('background', 'anomaly'),
    label_codes=dict(background=1, anomaly=2),  # 0: the towers themselves, not evaluated
    num_bands=200,
    coarse=dict(detector='rx', preprocessing=[dict(type='Standardize')]),
    pseudo_shares=dict(background=0.9, target=0.01),  # larger than for a pre-trained network
    preprocessing=[dict(type='Standardize'), dict(type='SpectralPCA', n_components=num_bands, whiten=True)],
)

train_pipeline = [
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomRotate90'),
    dict(type='RandomBandNoise', sigma=0.3, prob=1.0),
    _base_.pack,
]

train_dataloader = dict(
    batch_size=1, num_workers=0, persistent_workers=False, dataset=dict(scene=scene, pipeline=train_pipeline)
)
test_dataloader = dict(num_workers=0, persistent_workers=False, dataset=dict(scene=scene))
