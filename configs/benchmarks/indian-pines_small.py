# The small architecture compared with the tiny one, with few labels: minutes of an accelerator, hours of a CPU.
_base_ = ['contestants.py', 'indian-pines_settings.py']

names = ('HyperSIGMA-T', 'HyperSIGMA-T, full attention', 'SpatSIGMA-T', 'SpatSIGMA-T, full attention')
seeds = (0, 1, 2)
contestants = [
    *(dict(contestant, seeds=seeds) for contestant in _base_.windows if contestant['name'] in names),
    *_base_.small,
]
settings = {'10 per class': _base_.customary['10 per class']}
scores = dict(OA=4, AA=4, kappa=4)
reference = 'HyperSIGMA-T'
