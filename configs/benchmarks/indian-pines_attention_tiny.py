# indian-pines_attention.py for two cores: one seed, every fifth test pixel. Non-local sparse attention is left out: a
# step of it takes several times as long there.
_base_ = 'indian-pines_attention.py'

contestants = [contestant for contestant in _base_.contestants if contestant['name'] != 'NLSA']
settings = {'_delete_': True, '10 per class': _base_.every_fifth_pixel}
seeds = (0,)
