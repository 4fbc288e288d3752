# indian-pines_pretraining.py for one core: which branch is pre-trained, for ten epochs instead of thirty, with one seed
# and every fifth test pixel.
_base_ = 'indian-pines_pretraining.py'

ten_epochs = {
    'train_cfg.max_epochs': 10,
    'param_scheduler.0.end': 1,
    'param_scheduler.1.begin': 1,
    'param_scheduler.1.end': 10,
    'param_scheduler.1.T_max': 9,
}
contestants = [
    dict(
        contestant,
        pretraining={
            part: dict(first, cfg_options={**first.get('cfg_options', {}), **ten_epochs})
            for part, first in contestant['pretraining'].items()
        },
    )
    for contestant in _base_.contestants
    if contestant['name'] in ('none', 'spatial', 'spectral', 'both')
]
settings = {
    '_delete_': True,
    '10 per class': dict(
        _base_.settings['10 per class'],
        cfg_options={'test_dataloader.dataset.indices': list(range(0, 10009, 5))},
        note='Ten epochs of pre-training. Every fifth test pixel is tested.',
    ),
}
seeds = (0,)
