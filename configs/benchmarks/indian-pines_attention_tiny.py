# indian-pines_attention.py for two cores: one seed, every fifth test pixel.
_base_ = 'indian-pines_attention.py'

settings = {
    '_delete_': True,
    '10 per class': dict(
        _base_.customary['10 per class'], cfg_options={'test_dataloader.dataset.indices': list(range(0, 10009, 5))}
    ),
}
seeds = (0,)
