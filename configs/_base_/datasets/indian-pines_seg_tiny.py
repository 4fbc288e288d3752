# The whole scene as one tile with the preprocessing of indian-pines_cls_tiny.py and augmentation, for networks trained
# from scratch.
_base_ = 'indian-pines_seg.py'

num_bands = 200  # principal components, the input channels of a network
preprocessing = [dict(type='SpectralPCA', n_components=num_bands, whiten=True)]
train_pipeline = [
    dict(type='LoadSceneWindow', pad_mode='reflect'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomRotate90'),
    _base_.pack,
]

train_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    dataset=dict(scene=dict(preprocessing=preprocessing), pipeline=train_pipeline),
)
val_dataloader = dict(num_workers=0, persistent_workers=False, dataset=dict(scene=dict(preprocessing=preprocessing)))
test_dataloader = dict(num_workers=0, persistent_workers=False, dataset=dict(scene=dict(preprocessing=preprocessing)))
