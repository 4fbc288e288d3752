# Indian Pines with ten labels per class: networks and classical methods, the customary and the strict way.
_base_ = ['contestants.py', 'indian-pines_settings.py']

contestants = [
    *_base_.windows,
    *_base_.wide,
    *(dict(contestant, settings=['10 per class']) for contestant in _base_.tiles),
    *_base_.classical,
]
settings = _base_.ten_per_class
scores = dict(OA=4, AA=4, kappa=4)
reference = 'best classical'
seeds = (0, 1, 2)
