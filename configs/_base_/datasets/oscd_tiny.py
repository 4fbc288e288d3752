# For small networks trained from scratch: smaller crops, and each city standardised by its own statistics at each date.
# With the statistics of the training cities, a city whose dates are of other seasons looks changed all over.
_base_ = 'oscd.py'

crop_size = 64  # pixels
load = dict(type='LoadStandardizedWindow', clip=4.0)
train_pipeline = [
    dict(type='RandomSceneCrop', size=crop_size, max_share=0.75, tries=10),
    load,
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='RandomFlip', prob=0.5, direction='vertical'),
    dict(type='RandomRotate90'),
    _base_.pack,
]
test_pipeline = [load, _base_.pack]

train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(scene=dict(preprocessing=[]), pipeline=train_pipeline),
)
val_dataloader = dict(
    num_workers=0, persistent_workers=False, dataset=dict(scene=dict(preprocessing=[]), pipeline=test_pipeline)
)
test_dataloader = dict(
    num_workers=0, persistent_workers=False, dataset=dict(scene=dict(preprocessing=[]), pipeline=test_pipeline)
)
