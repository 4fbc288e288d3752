# Indian Pines with a tenth of the labels: networks and classical methods, the customary and the strict way.
_base_ = ['contestants.py', 'indian-pines_settings.py']

contestants = [
    *(
        dict(contestant, cfg_options={**contestant.get('cfg_options', {}), **_base_.twenty_epochs})
        for contestant in (*_base_.windows, *_base_.wide)
    ),
    *(dict(contestant, settings=['10 %']) for contestant in _base_.tiles),
    *_base_.classical,
]
settings = _base_.ten_percent
scores = dict(OA=4, AA=4, kappa=4)
reference = 'best classical'
seeds = (0, 1, 2)
