# For small networks trained from scratch on small scenes. A dataset file adds scene and number of endmembers.
_base_ = 'unmixing.py'

window_size = 16  # pixels
train_pipeline = [
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='RandomFlip', prob=0.5, direction='vertical'),
    dict(type='RandomRotate90'),
    _base_.pack,
]

train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(window_size=window_size, pipeline=train_pipeline),
)
test_dataloader = dict(num_workers=0, persistent_workers=False, dataset=dict(tile_size=window_size, overlap=8))
