# The same scene without a known target spectrum.
_base_ = 'indian-pines-implanted.py'

scene = dict(
    classes=('background', 'anomaly'),
    label_codes=dict(_delete_=True, background=1, anomaly=2),  # 0: the towers themselves, not evaluated
    coarse=dict(detector='rx'),
    target_spectrum=None,
)
train_pipeline = [
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomRotate90'),
    dict(type='RandomBandNoise', sigma=0.3, prob=1.0),
    _base_.pack,
]

train_dataloader = dict(dataset=dict(scene=scene, pipeline=train_pipeline))
test_dataloader = dict(dataset=dict(scene=scene))
