# indian-pines_attention.py for two cores: one seed, every fifth test pixel.
_base_ = 'indian-pines_attention.py'

settings = {'_delete_': True, '10 per class': _base_.every_fifth_pixel}
seeds = (0,)
