_base_ = 'hypersigma-base_wdc_gaussian_official.py'

noise = dict(
    type='NoiseChoice',
    noises=[
        None,
        dict(type='ImpulseNoise'),
        dict(type='ImpulseNoise'),
        dict(type='StripeNoise'),
        dict(type='DeadlineNoise'),
    ],
    rotate=True,  # in turn, separately in each worker
)
train_pipeline = [
    dict(type='NonIIDGaussianNoise', sigmas=(10.0, 30.0, 50.0, 70.0)),
    noise,
    dict(type='PackRestoration'),
]
case = _base_.root + '/Patch_Cases/Case5'  # Case2 to Case5

train_dataloader = dict(dataset=dict(dataset=dict(pipeline=train_pipeline)))
val_dataloader = dict(dataset=dict(path=case))
test_dataloader = dict(dataset=dict(path=case))
