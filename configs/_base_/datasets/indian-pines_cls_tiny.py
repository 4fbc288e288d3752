# Small windows with augmentation, for small networks trained from scratch. All components are kept: the whitened ones
# of low variance carry what distinguishes the crops.
_base_ = 'indian-pines_cls.py'

window_size = 13  # pixels
num_bands = 200  # principal components, the input channels of a network
preprocessing = [dict(type='SpectralPCA', n_components=num_bands, whiten=True)]
train_pipeline = [
    dict(type='LoadSceneWindow', jitter=1),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomRotate90'),
    _base_.pack,
]

train_dataloader = dict(
    batch_size=32,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(scene=dict(preprocessing=preprocessing), window_size=window_size, pipeline=train_pipeline),
)
val_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    dataset=dict(scene=dict(preprocessing=preprocessing), window_size=window_size),
)
test_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    dataset=dict(scene=dict(preprocessing=preprocessing), window_size=window_size),
)
