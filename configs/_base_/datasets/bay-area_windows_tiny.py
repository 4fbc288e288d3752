# For small networks trained from scratch: standardised bands, each date by its own statistics, which evens out the
# light, and augmented windows.
_base_ = 'bay-area_windows.py'

scene = dict(preprocessing=[dict(type='Standardize')], joint=False)
train_pipeline = [
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomRotate90'),
    dict(type='RandomBandNoise', sigma=0.3, prob=1.),
    _base_.pack
]

train_dataloader = dict(
    num_workers=0, persistent_workers=False, dataset=dict(scene=scene, pipeline=train_pipeline))
test_dataloader = dict(num_workers=0, persistent_workers=False, dataset=dict(scene=scene))
