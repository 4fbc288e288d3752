# Windows and augmentation for small networks trained from scratch.
_base_ = 'indian-pines_cls.py'

window_size = 15  # pixels
train_pipeline = [
    dict(type='RandomFlip', prob=[0.25, 0.25], direction=['horizontal', 'vertical']),
    dict(type='RandomRotate90'),
    _base_.pack
]

train_dataloader = dict(
    num_workers=0, persistent_workers=False, dataset=dict(window_size=window_size, pipeline=train_pipeline))
val_dataloader = dict(num_workers=0, persistent_workers=False, dataset=dict(window_size=window_size))
test_dataloader = dict(num_workers=0, persistent_workers=False, dataset=dict(window_size=window_size))
