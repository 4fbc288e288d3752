# indian-pines_pretraining.py for one core: which branch is pre-trained, with one seed and every fifth test pixel.
_base_ = 'indian-pines_pretraining.py'

contestants = [
    contestant for contestant in _base_.contestants if contestant['name'] in ('none', 'spatial', 'spectral', 'both')
]
settings = {
    '_delete_': True,
    '10 per class': dict(
        _base_.settings['10 per class'],
        cfg_options={'test_dataloader.dataset.indices': list(range(0, 10009, 5))},
        note='Every fifth test pixel is tested.',
    ),
}
seeds = (0,)
