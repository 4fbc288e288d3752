# Indian Pines on fields that no training pixel lies in, ten draws: each seed assigns the fields anew.
_base_ = ['contestants.py', 'indian-pines_settings.py']

names = 'HyperSIGMA-T, smoothed, wide', 'SVM', 'random forest', 'SVM, smoothed', 'SVM, smoothed noise fraction'
seeds = tuple(range(10))
contestants = [
    dict(contestant, seeds=seeds) for contestant in (*_base_.wide, *_base_.classical) if contestant['name'] in names
]
settings = {
    '10 per class, other fields': dict(
        scene=dict(split=dict(type='FieldSplit', train=10, val=5, folds=2, fold=0), fit_on='unevaluated'),
        note='Half of the fields of each class are tested, and training pixels lie in the other half; classes of a '
        'single field are trained and not tested, so that AA is over the same classes in all draws. Windows may reach '
        'into another field; components fitted on all pixels but those of validation and test.',
    )
}
scores = dict(OA=4, AA=4, kappa=4)
reference = 'best classical'
