# indian-pines_pretraining.py for one core: ten epochs of pre-training instead of thirty, one seed, every fifth test
# pixel, and one value of each number.
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
    if not contestant['name'].startswith(('spatial, 40', 'spatial, 75', 'spatial, 50 %', 'spatial, 100'))
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
