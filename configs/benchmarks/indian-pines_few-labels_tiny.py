# indian-pines_few-labels.py for one core: one seed, and four numbers of labels, the largest one with 20 epochs.
_base_ = 'indian-pines_few-labels.py'

names = ('HyperSIGMA-T', 'HyperSIGMA-T, smoothed, wide', 'SSFTT', 'SVM, smoothed')
seeds = (0,)
contestants = [dict(contestant, seeds=seeds) for contestant in _base_.contestants if contestant['name'] in names]
settings = {
    '_delete_': True,
    **{name: _base_.settings[name] for name in ('1 per class', '3 per class', '10 per class')},
    '50 per class': dict(
        _base_.settings['50 per class'],
        cfg_options=_base_.twenty_epochs,
        note=f'{_base_.settings["50 per class"]["note"]} 20 epochs.',
    ),
}
