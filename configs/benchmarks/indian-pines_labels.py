# Indian Pines with five to twenty labels of each class: what more labels bring to networks and classical methods.
_base_ = ['contestants.py', 'indian-pines_settings.py']

names = ('HyperSIGMA-T', 'HyperSIGMA-T, smoothed, wide', 'MLP, smoothed', 'SVM', 'SVM, smoothed')
seeds = (0, 1, 2)
contestants = [
    dict(contestant, seeds=seeds)
    for contestant in (*_base_.windows, *_base_.wide, *_base_.classical)
    if contestant['name'] in names
]
settings = {
    f'{number} per class': dict(
        scene=dict(split=dict(type='NumberSplit', train=number, val=5), fit_on='all'), **_base_.random_pixels
    )
    for number in (5, 10, 20)
}
scores = dict(OA=4, AA=4, kappa=4)
reference = 'best classical'
