# Robustness to noise that is not in the training data, added to the test scene. Strengths are those of 8-bit images.
_base_ = ['contestants.py', 'indian-pines_settings.py']

noises = {
    'no noise': None,
    **{f'Gaussian, {sigma}': dict(type='GaussianNoise', sigma=sigma) for sigma in (1, 2, 5, 10, 20)},
    'stripes': dict(type='StripeNoise'),
    'dead lines': dict(type='DeadlineNoise'),
    **{f'{share} % of the bands missing': dict(type='MissingBands', fraction=share / 100) for share in (2, 10)},
}
names = ('HyperSIGMA-T', 'HyperSIGMA-T, smoothed', 'SpatSIGMA-T', 'ResNet-18')
seeds = (0, 1, 2)
contestants = [
    *(dict(contestant, seeds=seeds) for contestant in _base_.windows if contestant['name'] in names),
    dict(name='SSFTT', config='../classification/ssftt_cls_indian-pines.py'),
]
curve = dict(curve='Gaussian noise, standard deviation of 255')
settings = {
    name: dict(
        scene=dict(split=dict(type='NumberSplit', train=10, val=5), fit_on='all'),
        test_noise={} if noise is None else dict(noise, seed='{seed}'),
        **(dict(curve, level=noise['sigma'] if noise else 0) if noise is None or 'sigma' in noise else {}),
    )
    for name, noise in noises.items()
}
scores = dict(OA=4, AA=4, kappa=4)
reference = 'best classical'
