# Indian Pines with a tenth of the labels: networks and classical methods, the customary and the strict way.
_base_ = ['contestants.py', 'indian-pines_settings.py']

customary = '10 %'
contestants = [
    *(dict(contestant, cfg_options={**contestant.get('cfg_options', {}), **_base_.twenty_epochs})
      for contestant in _base_.windows),
    *(dict(contestant, settings=[customary]) for contestant in _base_.tiles),
    *_base_.classical,
]
settings = {customary: _base_.customary[customary], **{
    name: setting for name, setting in _base_.strict.items() if setting['customary'] == customary}}
scores = dict(OA=4, AA=4, kappa=4)
reference = 'HyperSIGMA-T'
seeds = (0, 1, 2)
