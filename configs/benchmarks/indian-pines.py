# Indian Pines: networks and classical methods with few and with many labels, the customary and the strict way.
_base_ = ['contestants.py', 'indian-pines_settings.py']

few, many = [[name for name in (*_base_.customary, *_base_.strict) if name.startswith(start)]
             for start in ('10 per class', '10 %')]
contestants = [
    *(dict(contestant, settings=few) for contestant in _base_.windows),
    *(dict(contestant, settings=many, cfg_options={**contestant.get('cfg_options', {}), **_base_.twenty_epochs})
      for contestant in _base_.windows),
    *(dict(contestant, settings=list(_base_.customary)) for contestant in _base_.tiles),
    *_base_.classical,
]
settings = dict(**_base_.customary, **_base_.strict)
scores = dict(OA=4, AA=4, kappa=4)
reference = 'HyperSIGMA-T'
seeds = (0, 1, 2)
