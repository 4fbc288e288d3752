# Robustness to few labels: one to fifty of each class.
_base_ = ['contestants.py', 'indian-pines_settings.py']

names = ('HyperSIGMA-T', 'HyperSIGMA-T, smoothed, wide', 'SpatSIGMA-T', 'SVM', 'SVM, smoothed')
seeds = (0, 1, 2)
contestants = [
    *(
        dict(contestant, seeds=seeds)
        for contestant in (*_base_.windows, *_base_.wide, *_base_.classical)
        if contestant['name'] in names
    ),
    dict(name='SSFTT', config='../classification/ssftt_cls_indian-pines.py'),
]
settings = {
    f'{number} per class': dict(
        scene=dict(split=dict(type='NumberSplit', train=number, val=1 if number == 1 else 5), fit_on='all'),
        **_base_.random_pixels,
    )
    for number in (1, 3, 5, 10, 20, 50)
}
scores = dict(OA=4, AA=4, kappa=4)
reference = 'best classical'
