# indian-pines_attention.py for two cores: one seed, every fifth test pixel. Non-local sparse attention is left out: a
# step of it takes several times as long there.
_base_ = 'indian-pines_attention.py'

contestants = [contestant for contestant in _base_.contestants if contestant['name'] != 'NLSA']
settings = {
    '_delete_': True,
    '10 per class': dict(
        _base_.customary['10 per class'],
        cfg_options={'test_dataloader.dataset.indices': list(range(0, 10009, 5))},
        note='Random pixels; components fitted on all pixels; windows overlap. Every fifth test pixel is tested.',
    ),
}
seeds = (0,)
