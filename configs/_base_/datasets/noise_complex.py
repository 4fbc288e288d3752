# Noise of its own strength in each band, and impulses, stripes or dead lines in a third of the bands. In the test all
# three together (case 5); cases 2 to 4 by --cfg-options test_dataloader.dataset.pipeline.0.noises=case2.
complex_train_pipeline = [
    dict(type='RandomDihedral', keys=('img', 'gt')),
    dict(type='NonIIDGaussianNoise', sigmas=(10.0, 30.0, 50.0, 70.0)),
    # impulses twice, as in the reference, which takes the kinds in turn (rotate=True)
    dict(
        type='NoiseChoice',
        noises=[
            None,
            dict(type='ImpulseNoise'),
            dict(type='ImpulseNoise'),
            dict(type='StripeNoise'),
            dict(type='DeadlineNoise'),
        ],
    ),
    dict(type='PackRestoration'),
]
complex_val_pipeline = [dict(type='NoiseChain', noises='case5', seed=1), dict(type='PackRestoration')]
complex_test_pipeline = [dict(type='NoiseChain', noises='case5', seed=0), dict(type='PackRestoration')]
