# Denoising: the pipeline adds noise to clean crops of the training areas, drawn anew for each sample, and to the
# validation and test areas, fixed by seed. Here Gaussian noise of one strength in all bands: 10 to 70 (of 255) in the
# training, 70 in the test (case 1, whose level is not certain); noise_complex.py has the other kind. A dataset file
# adds scene, areas and crop_size.
pack = dict(type='PackRestoration')

train_dataloader = dict(
    batch_size=4,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='RepeatDataset',
        times=10,
        dataset=dict(
            type='CropDataset',
            pipeline=[
                dict(type='RandomDihedral', keys=('img', 'gt')),
                dict(type='GaussianNoise', sigma=(10.0, 70.0)),
                pack,
            ],
        ),
    ),
)
# the best state is chosen on held-out rows of the training part
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='CropDataset', pipeline=[dict(type='GaussianNoise', sigma=(10.0, 70.0), seed=1), pack], test_mode=True
    ),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='CropDataset', pipeline=[dict(type='NoiseChain', noises='case1', seed=0), pack], test_mode=True),
)

val_evaluator = dict(type='RestorationMetric', keep_images=0)
test_evaluator = dict(type='RestorationMetric')
