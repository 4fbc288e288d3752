# indian-pines_noise.py for one core: 20 epochs, one seed, three networks, every fifth test pixel, some of the noises.
_base_ = 'indian-pines_noise.py'

seeds = (0,)
contestants = [
    dict(contestant, seeds=seeds, cfg_options=_base_.twenty_epochs)
    for contestant in _base_.contestants
    if contestant['name'] in ('HyperSIGMA-T', 'HyperSIGMA-T, smoothed', 'SSFTT')
]
settings = {
    '_delete_': True,
    **{
        name: dict(
            _base_.settings[name],
            cfg_options={'test_dataloader.dataset.indices': list(range(0, 10009, 5))},
            note='20 epochs; every fifth test pixel is tested.',
        )
        for name in _base_.settings
        if name not in ('Gaussian, 10', '2 % of the bands missing')
    },
}
