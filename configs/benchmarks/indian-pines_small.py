# The small architecture beside the tiny one, with few labels: minutes of an accelerator, hours of a CPU.
_base_ = ['contestants.py', 'indian-pines_settings.py']

contestants = [*_base_.windows[:4], *_base_.small]
settings = {'10 per class': _base_.customary['10 per class']}
scores = dict(OA=4, AA=4, kappa=4)
reference = 'HyperSIGMA-T'
seeds = (0, 1, 2)
